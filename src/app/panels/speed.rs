//! How fast the layer on screen is: dense, pruned to one sparse matrix, and as A·B.

use super::state::State;
use crate::Named;
use crate::app::state::command::Command;
use crate::app::state::hints::sentence;
use crate::app::state::speed_request::SpeedRequest;
use crate::app::widgets::colors;
use crate::app::widgets::plot_axes::numbered;
use crate::app::widgets::regions::scroll_ui;
use crate::compute::sparse::ValueFormat;
use crate::job::bench_sparse::Kind;
use crate::job::speed::{COLUMNS, LayerSpeed, SpeedReport};
use eframe::egui::{Color32, Grid, Label, Rect, ScrollArea, Sense, TextStyle, Ui, vec2};
use egui_plot::{HLine, Line, LineStyle, Plot, PlotPoints};

/// The panel's own state.
#[derive(Default)]
pub struct SpeedPanel {
    request: SpeedRequest,
}

impl SpeedPanel {
    /// Bars of the present factors, or a curve over densities.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Option<Command> {
        self.choices_ui(ui);
        let wanted = match state.speed_task(self.request) {
            Ok(wanted) => wanted,
            Err(why) => {
                ui.weak(why);
                return None;
            }
        };
        let (speed, over_density) = (&state.computed.speed, self.request.over_density);
        match speed.of(&wanted).map(AsRef::as_ref) {
            None if speed.has_given_up() => _ = ui.weak("It could not be measured"),
            None => match speed.news() {
                Some(share) if over_density => _ = ui.weak(format!("Measuring… {:.0} %", 100.0 * share)),
                _ => _ = ui.weak("Measuring…"),
            },
            Some(Err(why)) => _ = ui.colored_label(ui.visuals().error_fg_color, sentence(why)),
            Some(Ok(None)) => {}
            Some(Ok(Some(report))) if over_density => curve_ui(ui, report),
            Some(Ok(Some(report))) => layer_ui(ui, report),
        }
        Some(Command::MeasureSpeed(self.request))
    }

    fn choices_ui(&mut self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            ui.selectable_value(&mut self.request.over_density, false, "This layer")
                .on_hover_text("W, the same pruned to as many nonzeros, and the factors on screen");
            ui.selectable_value(&mut self.request.over_density, true, "Over density")
                .on_hover_text("Random matrices of this layer's shape, from 50 to 6 % of nonzeros");
            ui.separator();
            for &values in ValueFormat::ALL {
                ui.selectable_value(&mut self.request.values, values, values.name())
                    .on_hover_text("Number format of all values");
            }
            ui.separator();
            if ui.button("Measure again").on_hover_text("Other programs may have been in the way").clicked() {
                self.request.again += 1;
            }
        });
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Dense => "W",
        Kind::One => "one pruned matrix",
        _ => "A·(B·X)",
    }
}

fn color(kind: Kind) -> Color32 {
    match kind {
        Kind::Dense => colors::W,
        Kind::One => colors::MAGNITUDE,
        _ => colors::DSF,
    }
}

fn columns_name(columns: usize) -> String {
    if columns == 1 { "1 column".to_owned() } else { format!("{columns} columns") }
}

/// What was used, in a line.
fn means_ui(ui: &mut Ui, report: &SpeedReport) {
    let threads = if report.threads == 1 { "1 thread".to_owned() } else { format!("{} threads", report.threads) };
    let SpeedReport { instructions, values, .. } = report;
    ui.label(format!("{}, {threads}, {} values", instructions.title(), values.name()))
        .on_hover_text("Vector instructions of this processor that the products use");
}

/// Times and bytes in a table of bars, as long as their share of the longest.
fn layer_ui(ui: &mut Ui, report: &SpeedReport) {
    let Some(dense) = report.speeds.first() else { return };
    let longest =
        |value: &dyn Fn(&LayerSpeed) -> f64| report.speeds.iter().map(value).fold(f64::MIN_POSITIVE, f64::max);
    scroll_ui(ui, ScrollArea::both().id_salt("speed").auto_shrink(false), |ui| {
        means_ui(ui, report);
        Grid::new("speeds").spacing([8.0, 3.0]).show(ui, |ui| {
            ui.label("µs for");
            COLUMNS.into_iter().for_each(|columns| _ = ui.label(columns_name(columns)));
            ui.label("KB");
            ui.label("format");
            ui.end_row();
            for speed in &report.speeds {
                let color = color(speed.kind);
                ui.colored_label(color, name(speed.kind));
                for (at, (seconds, dense)) in speed.seconds.iter().zip(dense.seconds).enumerate() {
                    let share = seconds / longest(&|speed| speed.seconds[at]);
                    let hint = format!("Median time of a product: {:.2} times as fast as W", dense / seconds);
                    bar_ui(ui, share, color, format!("{:.1}", 1e6 * seconds), hint);
                }
                let share = speed.bytes as f64 / longest(&|speed| speed.bytes as f64);
                let hint = format!("{:.0} % of W's bytes", 100.0 * speed.bytes as f64 / dense.bytes.max(1) as f64);
                bar_ui(ui, share, color, format!("{:.0}", speed.bytes as f64 / 1000.0), hint);
                ui.label(speed.formats.join(" · ")).on_hover_text(
                    "How the columns of nonzeros are kept: a byte each, or as differences of four bits; with its zeros, dense",
                );
                ui.end_row();
            }
        });
    });
}

/// A number on a bar.
fn bar_ui(ui: &mut Ui, share: f64, color: Color32, text: String, hint: String) {
    let size = vec2(66.0, ui.text_style_height(&TextStyle::Body) + 2.0);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let bar = Rect::from_min_size(rect.min, vec2(rect.width() * share as f32, rect.height()));
    ui.painter().rect_filled(bar, 2.0, color.gamma_multiply(0.4));
    ui.put(rect, Label::new(text)).on_hover_text(hint);
}

/// Time over density, the dense product's being 1.
fn curve_ui(ui: &mut Ui, report: &SpeedReport) {
    let Some(dense) = report.speeds.first() else { return };
    // What a legend would say: it would lie on the lines.
    ui.horizontal_wrapped(|ui| {
        means_ui(ui, report);
        [Kind::One, Kind::Two].into_iter().for_each(|kind| _ = ui.colored_label(color(kind), name(kind)));
        ui.weak("line: 1 column, dashes: 16, dots: 64");
    });
    let plot = Plot::new("speed over density")
        .x_axis_label("nonzeros of all factors, %")
        .y_axis_label("time, W = 1")
        .include_y(0.0)
        .include_x(0.0)
        .allow_scroll(false);
    numbered(plot, false, false).show(ui, |plot| {
        plot.hline(HLine::new("W", 1.0).color(colors::W));
        for kind in [Kind::One, Kind::Two] {
            for (at, columns) in COLUMNS.into_iter().enumerate() {
                let points: Vec<[f64; 2]> = report
                    .speeds
                    .iter()
                    .filter(|speed| speed.kind == kind)
                    .map(|speed| [100.0 * speed.density, speed.seconds[at] / dense.seconds[at]])
                    .collect();
                let style = match at {
                    0 => LineStyle::Solid,
                    1 => LineStyle::dashed_dense(),
                    _ => LineStyle::dotted_dense(),
                };
                let label = format!("{}, {}", name(kind), columns_name(columns));
                plot.line(Line::new(label, PlotPoints::from(points)).color(color(kind)).style(style).width(1.6));
            }
        }
    });
}
