//! What the window shows, made ready for a thread that writes it.

use crate::app::explorer::{Explorer, is_exportable};
use crate::app::panels::curves::{Curve, curves, levels};
use crate::app::panels::dialogs::export::{Request, RunToWrite, ViewToWrite, What};
use crate::app::state::series::Quantity;
use crate::export::{Chart, Look, Rule, Series};
use eframe::egui::Color32;

impl Explorer {
    /// What the curves show, for a file.
    fn chart(&self, quantity: Quantity) -> Chart {
        let series = curves(quantity, &self.runs, self.selected).into_iter();
        let series = series.map(|Curve { name, color, points, .. }| Series {
            name,
            color: rgb(color),
            look: Look::Line,
            points,
        });
        let rules = levels(quantity, &self.runs, self.selected, self.baselines).into_iter();
        Chart {
            title: self.shown().map_or(String::new(), |run| run.title.clone()),
            x_label: "outer iteration".into(),
            y_label: quantity.axis().into(),
            log_x: false,
            log_y: true,
            series: series.collect(),
            rules: rules.map(|level| Rule { name: level.name, y: level.error, color: rgb(level.color) }).collect(),
        }
    }

    /// All that a thread needs to write `what`.
    pub(in crate::app) fn request(&mut self, what: What, dark: bool) -> Request {
        let view = match (what, self.showing.latest().cloned()) {
            (What::View(pane), Some(pictures)) => {
                ViewToWrite::new(pane, &pictures, &mut self.views, &self.saved.looks, dark)
            }
            _ => None,
        };
        let run = self.shown().filter(|run| is_exportable(run)).and_then(|run| {
            let (ended, settings) = (run.ended.as_ref()?, run.subject.as_ref()?);
            let (kept, outcome) = (ended.kept.clone(), ended.outcome.clone());
            Some(RunToWrite {
                number: run.number,
                layer: settings.layer.clone(),
                outcome,
                kept,
                problem: run.problem.clone()?,
                threads: run.report.as_ref().map_or(self.thread_count(), |report| report.threads),
                method: run.method,
                threshold: run.threshold,
            })
        });
        let quantity = if what == What::Report { Quantity::Error } else { self.saved.quantity };
        Request {
            run,
            chart: self.chart(quantity),
            view,
            sweep: self.sweeps.to_write(),
            table: self.language.table_to_write(),
        }
    }
}

fn rgb(color: Color32) -> [u8; 3] {
    [color.r(), color.g(), color.b()]
}
