//! What came of a comparison: a line for each method, below headings that sort them.

use crate::app::panels::compare::act::CompareAct;
use crate::app::panels::compare::line::{Lines, cell, columns, fine};
use crate::app::tasks::comparison::{Comparison, Row};
use crate::app::tasks::replace::THREADS;
use crate::app::widgets::colors;
use crate::export::RunReport;
use crate::methods::Method;
use eframe::egui::{Align, Button, Layout, RichText, ScrollArea, Sense, Ui, vec2};

/// The narrowest bars.
pub const LEAST_BAR: f32 = 90.0;

/// What the bars show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// The layer-wise error where there is one, else the relative one.
    #[default]
    Best,
    /// Of W.
    Error,
    /// To magnitude pruning's error.
    Ratio,
    /// Of the layer's outputs.
    Layer,
    /// With 16-bit values.
    Bytes,
}

impl Measure {
    /// What its button says.
    pub fn name(self) -> &'static str {
        match self {
            Self::Best | Self::Error => "Relative error",
            Self::Ratio => "× magnitude's",
            Self::Layer => "Layer error",
            Self::Bytes => "Bytes",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Best | Self::Error => "‖W − Ŵ‖ / ‖W‖: how far the weights are from those of the layer",
            Self::Ratio => "The relative error as a multiple of magnitude pruning's",
            Self::Layer => "How far the layer's outputs are from the dense one's, on its own inputs, squared",
            Self::Bytes => "What takes W's place, with 16-bit values and the cheaper way to store positions",
        }
    }

    /// Its number.
    pub fn of(self, report: &RunReport, magnitude: Option<f64>) -> Option<f64> {
        match self {
            Self::Best | Self::Error => Some(report.relative_error),
            Self::Ratio => magnitude.map(|magnitude| report.relative_error / magnitude),
            Self::Layer => report.layer_error,
            Self::Bytes => Some(report.bytes as f64),
        }
    }
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Heading {
    Method,
    Bar,
    Error,
    Layer,
    Nonzeros,
    Bytes,
    Seconds,
    Buttons,
}

impl Heading {
    /// What stands above, and below it in small.
    fn names(self, held_out: bool) -> (&'static str, String) {
        match self {
            Self::Method => ("Method", String::new()),
            Self::Bar | Self::Buttons => ("", String::new()),
            Self::Error => ("Error", "× magnitude's".into()),
            Self::Layer => ("Layer error", if held_out { "held out".into() } else { String::new() }),
            Self::Nonzeros => ("Nonzeros", "of W".into()),
            Self::Bytes => ("Bytes", "of dense".into()),
            Self::Seconds => ("Seconds", format!("on {THREADS} thread")),
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Method => "In the order of the list above",
            Self::Error => Measure::Error.about(),
            Self::Layer => Measure::Layer.about(),
            Self::Nonzeros => "Numbers that are kept; of dense factors all their entries",
            Self::Bytes => Measure::Bytes.about(),
            _ => "Each method has one thread of its own; what goes on beside it slows it down",
        }
    }

    /// The least that its column takes.
    pub fn width(self) -> f32 {
        match self {
            Self::Method => 104.0,
            Self::Bar => LEAST_BAR,
            Self::Error => 76.0,
            Self::Layer => 74.0,
            Self::Nonzeros => 66.0,
            Self::Bytes => 66.0,
            Self::Seconds => 62.0,
            Self::Buttons => 108.0,
        }
    }

    /// By what it is sorted; the smallest first.
    fn key(self, row: &Row) -> Option<f64> {
        let report = &row.made()?.report;
        match self {
            Self::Error => Some(report.relative_error),
            Self::Layer => report.layer_error,
            Self::Nonzeros => Some(report.nnz as f64),
            Self::Bytes => Some(report.bytes as f64),
            Self::Seconds => Some(report.seconds),
            Self::Method | Self::Bar | Self::Buttons => None,
        }
    }
}

/// How it is shown.
#[derive(Clone, Copy, Default)]
pub struct Table {
    measure: Measure,
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
    ) -> Option<CompareAct> {
        let reports = || comparison.rows.iter().filter_map(|row| Some(&row.made()?.report));
        let layerwise = comparison.problem.calibration.is_some();
        let magnitude = comparison.row(Method::Magnitude).and_then(Row::made).map(|made| &made.report);
        let error = magnitude.map(|report| report.relative_error).filter(|&error| error > 0.0);
        let measure = match self.measure {
            Measure::Best | Measure::Layer if layerwise => Measure::Layer,
            Measure::Best | Measure::Layer => Measure::Error,
            Measure::Ratio if error.is_none() => Measure::Error,
            other => other,
        };
        self.measure_ui(ui, measure, layerwise, error.is_some());
        let held_out = comparison.problem.held_out.is_some();
        let most = reports().filter_map(|report| measure.of(report, error)).fold(0.0, f64::max);
        let least = |of: &dyn Fn(&RunReport) -> Option<f64>| reports().filter_map(of).reduce(f64::min);
        let mut act = None;
        ScrollArea::horizontal().id_salt("compared").show(ui, |ui| {
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

    fn measure_ui(&mut self, ui: &mut Ui, now: Measure, layerwise: bool, ratio: bool) {
        ui.horizontal_wrapped(|ui| {
            ui.label("Bars");
            for measure in [Measure::Error, Measure::Ratio, Measure::Layer, Measure::Bytes] {
                let there = match measure {
                    Measure::Layer => layerwise,
                    Measure::Ratio => ratio,
                    _ => true,
                };
                if there && ui.selectable_label(now == measure, measure.name()).on_hover_text(measure.about()).clicked()
                {
                    self.measure = measure;
                }
            }
            if ratio && now != Measure::Bytes {
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

    /// What has no number yet comes last.
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
