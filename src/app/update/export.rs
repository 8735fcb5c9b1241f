//! What the window shows, made ready for a task that writes it.

use crate::Named;
use crate::app::explorer::Explorer;
use crate::app::panels::linked_views::colors_of;
use crate::app::platform::SaveTarget;
use crate::app::state::command::Command;
use crate::app::state::curves::{Curve, curves, is_scaled, levels};
use crate::app::state::export::{ExportKind, ExportRequest};
use crate::app::state::order_error::OrderError;
use crate::app::state::pane::Pane;
use crate::app::state::series::Quantity;
use crate::app::tasks::export_data::{ExportData, RunToWrite, ViewToWrite};
use crate::export::{Chart, Layout, Look, Rule, Series};
use crate::model::Dtype;
use eframe::egui::{Color32, Context};
use serde_json::Value;

impl Explorer {
    /// Returns the curves on screen as a chart, for a file.
    fn chart(&self, quantity: Quantity) -> Chart {
        let series = curves(quantity, self.state.runs.all(), self.state.runs.selected()).into_iter();
        let series = series.map(|Curve { name, color, points, .. }| Series {
            name,
            color: rgb(color),
            look: Look::Line,
            points,
        });
        let rules =
            levels(quantity, self.state.runs.all(), self.state.runs.selected(), self.state.computed.baselines.latest())
                .into_iter();
        Chart {
            title: self.state.runs.shown().map_or(String::new(), |run| run.spec.title()),
            x_label: "outer iteration".into(),
            y_label: quantity.axis(is_scaled(self.state.runs.shown())).into(),
            log_x: false,
            log_y: true,
            series: series.collect(),
            rules: rules.map(|level| Rule { name: level.name, y: level.error, color: rgb(level.color) }).collect(),
        }
    }

    /// All that a task needs to write what is requested.
    pub(super) fn export_data(&mut self, request: &ExportRequest, dark: bool) -> ExportData {
        let kind = request.kind;
        let view = if let ExportKind::View(pane) = kind { self.view_to_write(pane, dark) } else { None };
        let state = &self.state;
        let quantity = if kind == ExportKind::Report { Quantity::Error } else { state.preferences.quantity };
        ExportData {
            run: self.run_to_write(request.step),
            chart: self.chart(quantity),
            view,
            sweep: self.panels.sweeps.files(state),
            table: state.language.table_files(),
        }
    }

    /// The run on screen, with its result or with the factors after a half-step that was kept.
    fn run_to_write(&self, step: Option<usize>) -> Option<RunToWrite> {
        let run = self.state.runs.shown()?;
        let outcome = match step {
            Some(step) => run.outcome_at(step)?,
            None => run.outcome.as_deref().filter(|_| run.is_exportable())?.clone(),
        };
        Some(RunToWrite {
            number: run.number,
            layer: run.spec.layer.as_ref()?.layer.clone(),
            step,
            outcome,
            problem: run.spec.problem.clone()?,
            threads: run.report.as_ref().map_or(self.state.preferences.thread_count(), |report| report.threads),
            method: run.spec.method,
            threshold: run.spec.threshold,
        })
    }

    /// Returns the part of a matrix that one view shows, for a file.
    fn view_to_write(&mut self, pane: Pane, dark: bool) -> Option<ViewToWrite> {
        let pictures = self.state.pictures()?;
        let pyramid = pictures.of_pane(pane)?.clone();
        let (rows, cols) = pyramid.matrix().shape();
        let title = format!("{} {rows}x{cols}", pane.title().replace('−', "-").replace('·', ""));
        let colors = colors_of(pane, pictures, &self.state.preferences.looks, dark);
        Some(ViewToWrite { pyramid, colors, part: self.panels.views.part(pane), title })
    }

    /// Writes what is asked for from outside: `{"what", "at", "layout", "dtype", "name"}`.
    pub(super) fn write_now(&mut self, ctx: &Context, wanted: &Value) -> Result<(), OrderError> {
        let get = |key: &str| wanted.get(key).and_then(Value::as_str);
        let what = get("what").unwrap_or("Factors (safetensors)");
        let kind = ExportKind::ALL
            .into_iter()
            .find(|known| known.title() == what)
            .ok_or_else(|| OrderError::unknown("export", what))?;
        let step = get("at").filter(|&at| at == "iteration").and_then(|_| self.state.runs.step());
        if let Some(why) = self.state.no_run_to_write(step).filter(|_| kind.needs_run()) {
            return Err(OrderError::not_now(why));
        }
        let known = |name: &str| Layout::named(name).ok_or_else(|| OrderError::unknown("layout", name));
        let layout = get("layout").map(known).transpose()?;
        let dtypes = [Dtype::F32, Dtype::F16, Dtype::BF16];
        let dtype = get("dtype").and_then(|name| dtypes.into_iter().find(|dtype| dtype.name() == name));
        let name = get("name").map_or_else(|| self.state.file_name(kind, step), str::to_owned);
        let request = ExportRequest { kind, step, layout, dtype, target: SaveTarget::new(&name, false) };
        self.perform(ctx, Command::Write(request));
        Ok(())
    }
}

fn rgb(color: Color32) -> [u8; 3] {
    [color.r(), color.g(), color.b()]
}
