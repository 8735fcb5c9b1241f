//! What came of a comparison: a line for each method, below headings that sort them.

use super::columns::{BarQuantity, Heading, columns};
use super::line::{Lines, cell, fine};
use crate::app::state::command::CompareCommand;
use crate::app::tasks::comparison::{Comparison, Row};
use crate::app::widgets::colors;
use crate::app::widgets::regions::scroll_ui;
use crate::export::RunReport;
use crate::methods::Method;
use eframe::egui::{Align, Button, Layout, RichText, ScrollArea, Sense, Ui, vec2};

/// State of the table: measure and sorting.
#[derive(Clone, Copy, Default)]
pub struct Table {
    measure: BarQuantity,
    sorted: Option<Heading>,
}

impl Table {
    /// The lines; `selected` is the number of the run on screen, `no_masks` says why a method's mask cannot be compared.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        comparison: &Comparison,
        selected: Option<usize>,
        no_masks: impl Fn(Method) -> Option<&'static str>,
    ) -> Option<CompareCommand> {
        let reports = || comparison.rows.iter().filter_map(|row| Some(&row.made()?.report));
        let layerwise = comparison.problem.calibration.is_some();
        let magnitude = comparison.row(Method::Magnitude).and_then(Row::made).map(|made| &made.report);
        let error = magnitude.map(|report| report.relative_error).filter(|&error| error > 0.0);
        let measure = match self.measure {
            BarQuantity::Best | BarQuantity::Layer if layerwise => BarQuantity::Layer,
            BarQuantity::Best | BarQuantity::Layer => BarQuantity::Error,
            BarQuantity::Ratio if error.is_none() => BarQuantity::Error,
            other => other,
        };
        self.measure_ui(ui, measure, layerwise, error.is_some());
        let held_out = comparison.problem.held_out.is_some();
        let most = reports().filter_map(|report| measure.of(report, error)).fold(0.0, f64::max);
        let least = |of: &dyn Fn(&RunReport) -> Option<f64>| reports().filter_map(of).reduce(f64::min);
        let mut act = None;
        scroll_ui(ui, ScrollArea::horizontal().id_salt("compared"), |ui| {
            let lines = Lines {
                columns: columns(ui.available_width(), layerwise),
                measure,
                most,
                least: [least(&|report| Some(report.relative_error)), least(&|report| report.layer_error)],
                magnitude: error,
                level: magnitude.and_then(|report| measure.of(report, error)),
                entries: comparison.problem.weight.len(),
                selected,
                no_masks: &no_masks,
            };
            ui.spacing_mut().item_spacing.y = 0.0;
            self.headings_ui(ui, &lines, held_out);
            for (at, row) in self.in_order(&comparison.rows).into_iter().enumerate() {
                act = lines.line_ui(ui, at, row).or(act.take());
            }
        });
        act
    }

    fn measure_ui(&mut self, ui: &mut Ui, now: BarQuantity, layerwise: bool, ratio: bool) {
        ui.horizontal_wrapped(|ui| {
            ui.label("Bars");
            for measure in [BarQuantity::Error, BarQuantity::Ratio, BarQuantity::Layer, BarQuantity::Bytes] {
                let there = match measure {
                    BarQuantity::Layer => layerwise,
                    BarQuantity::Ratio => ratio,
                    _ => true,
                };
                if there
                    && ui.selectable_label(now == measure, measure.title()).on_hover_text(measure.about()).clicked()
                {
                    self.measure = measure;
                }
            }
            if ratio && now != BarQuantity::Bytes {
                ui.add_space(8.0);
                let (mark, _) = ui.allocate_exact_size(vec2(2.0, 14.0), Sense::hover());
                ui.painter().rect_filled(mark, 0.0, colors::MAGNITUDE);
                ui.weak("magnitude pruning");
            }
        });
    }

    fn headings_ui(&mut self, ui: &mut Ui, lines: &Lines<'_>, held_out: bool) {
        let rect = lines.allocate(ui);
        for &(heading, range) in &lines.columns {
            let (name, below) = heading.names(held_out);
            if name.is_empty() {
                continue;
            }
            let layout = if heading == Heading::Method { Align::Min } else { Align::Max };
            let mut cell = cell(ui, heading, rect, range, Layout::top_down(layout));
            let mark = if self.sorted == Some(heading) { " ⏶" } else { "" };
            let button = cell.add(Button::new(RichText::new(format!("{name}{mark}")).strong()).frame(false));
            if button.on_hover_text(format!("{}; click to sort", heading.about())).clicked() {
                self.sorted = (self.sorted != Some(heading) && heading != Heading::Method).then_some(heading);
            }
            cell.label(fine(below));
        }
        ui.painter().hline(rect.x_range(), rect.bottom(), ui.visuals().widgets.noninteractive.bg_stroke);
    }

    /// Rows in sorted order; those without a number come last.
    fn in_order<'a>(&self, rows: &'a [Row]) -> Vec<&'a Row> {
        let mut rows: Vec<&Row> = rows.iter().collect();
        if let Some(heading) = self.sorted {
            rows.sort_by(|a, b| {
                let key = |row: &Row| heading.key(row).unwrap_or(f64::INFINITY);
                key(a).total_cmp(&key(b))
            });
        }
        rows
    }
}
