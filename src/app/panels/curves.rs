//! What happened over the half-steps of the runs, on a log axis.

use crate::Named;
use crate::app::panels::state::State;
use crate::app::state::command::Command;
use crate::app::state::curves::{Curve, Level, curves, is_scaled, legend_names, levels};
use crate::app::state::export::ExportKind;
use crate::app::state::series::Quantity;
use crate::app::widgets::plot_axes::numbered;
use crate::methods::Method;
use eframe::egui::{Button, Color32, TextStyle, Ui};
use egui_plot::{Corner, HLine, Legend, Line, LineStyle, Plot, PlotPoint, PlotPoints, VLine};

/// Most names in the legend.
const MOST_NAMES: usize = 9;

/// Height of a plot that its legend leaves free, in points.
const LEGEND_MARGIN: f32 = 60.0;
/// A plot this high has an axis as long as its label, in points.
const LABEL_ROOM: f32 = 120.0;

/// The curves of the run on screen over those of the others on the same layer.
pub fn curves_ui(ui: &mut Ui, state: &State) -> Option<Command> {
    let mut command = svd_ui(ui, state);
    let (runs, selected) = (state.runs.all(), state.runs.selected());
    let mut quantity = state.preferences.quantity;
    ui.horizontal_wrapped(|ui| {
        for &which in Quantity::ALL {
            ui.selectable_value(&mut quantity, which, which.title()).on_hover_text(which.about());
        }
        if ui.button("Save…").on_hover_text("What is shown, as SVG or CSV").clicked() {
            command = Some(Command::Export(Some(ExportKind::Svg)));
        }
    });
    if quantity != state.preferences.quantity {
        command = Some(Command::SetQuantity(quantity));
    }
    let drawn = curves(quantity, runs, selected);
    let levels = levels(quantity, runs, selected, state.computed.baselines.latest());
    // What a run's curve leaves of the legend's room goes to the newest of the others.
    let rows = (ui.available_height() - LEGEND_MARGIN) / ui.text_style_height(&TextStyle::Small).max(8.0);
    let others: Vec<&str> = drawn.iter().filter(|curve| !curve.mine).map(|curve| curve.name.as_str()).collect();
    let fixed = levels.len() + drawn.len() - others.len();
    let mut others =
        legend_names(&others, (rows as usize).clamp(3, MOST_NAMES).saturating_sub(fixed).max(1)).into_iter();
    // Turned, a label that is longer than its axis would lie on the buttons above.
    let y_label =
        if ui.available_height() < LABEL_ROOM { "" } else { quantity.short_axis(is_scaled(state.runs.shown())) };
    let plot = Plot::new(("curves", quantity.title()))
        .legend(Legend::default().position(Corner::LeftBottom).text_style(eframe::egui::TextStyle::Small))
        .x_axis_label("outer iteration")
        .y_axis_label(y_label)
        .y_axis_min_width(44.0)
        .label_formatter(|hover| Some(hover_text(hover, &drawn)))
        .include_x(1.0);
    let shown = numbered(plot, false, true).show(ui, |plot| {
        for Curve { name, color, points, mine } in &drawn {
            let name = if *mine { name.clone() } else { others.next().unwrap_or_default() };
            // Zeros have no place on a log axis.
            let points = points.iter().copied().filter(|(_, y)| y.is_finite() && *y > 0.0);
            let points: PlotPoints<'_> = points.map(|(x, y)| [x, y.log10()]).collect();
            plot.line(Line::new(name, points).color(*color).width(if *mine { 2.0 } else { 1.0 }));
        }
        for Level { name, color, error, mine, baseline } in levels {
            let style = baseline.map_or(LineStyle::Solid, baseline_style);
            let width = if mine { 2.0 } else { 1.0 };
            plot.hline(HLine::new(name, error.log10()).color(color).width(width).style(style));
        }
        if let Some(step) = state.runs.step() {
            plot.vline(VLine::new("on screen", step as f64 / 2.0).color(Color32::GRAY).width(1.0));
        }
        plot.response().clicked().then(|| plot.pointer_coordinate()).flatten()
    });
    if let Some(at) = shown.inner {
        command = Some(Command::GoTo((2.0 * at.x).round().max(0.0) as usize));
    }
    command
}

/// Dashes of a baseline, so that two that lie on each other are told apart.
fn baseline_style(method: Method) -> LineStyle {
    match method {
        Method::Magnitude => LineStyle::dashed_loose(),
        Method::Svd => LineStyle::dashed_dense(),
        _ => LineStyle::dotted_loose(),
    }
}

/// Asks for the error of SVD, where it is not computed by itself.
fn svd_ui(ui: &mut Ui, state: &State) -> Option<Command> {
    let asked = state.svd_missing()?;
    let text = if asked { "Computing SVD's error…" } else { "Compute SVD's error" };
    let button = Button::new(text).small();
    let hint = "All singular values of this large layer: this takes minutes, in the background";
    let button = ui.add_enabled(!asked, button).on_hover_text(hint).on_disabled_hover_text(hint);
    button.clicked().then_some(Command::ComputeSvd)
}

/// The value with four digits.
fn value(x: f64) -> String {
    if (1e-3..1e4).contains(&x) { format!("{x:.4}") } else { format!("{x:.3e}") }
}

/// Name of the curve with this point: the legend may have one name for several.
fn name_of<'a>(at: &PlotPoint, drawn: &'a [Curve]) -> Option<&'a str> {
    let is_here = |&(x, y): &(f64, f64)| x == at.x && y.log10() == at.y;
    drawn.iter().rev().find(|curve| curve.points.iter().any(is_here)).map(|curve| curve.name.as_str())
}

fn hover_text(hover: &egui_plot::HoverPosition<'_>, drawn: &[Curve]) -> String {
    let (name, at) = match hover {
        egui_plot::HoverPosition::NearDataPoint { plot_name, position, .. } => {
            (name_of(position, drawn).unwrap_or(plot_name), position)
        }
        egui_plot::HoverPosition::Elsewhere { position } => ("", position),
    };
    format!("{name}\niteration {:.1}\n{}", at.x, value(10f64.powf(at.y)))
}
