//! What happened over the half-steps of the runs, on a log axis.

use crate::app::state::run::Run;
use crate::app::state::series::{Baselines, Quantity};
use crate::app::widgets::colors;
use crate::app::widgets::log_axis::{decades, power};
use crate::methods::Method;
use eframe::egui::{Color32, Ui};
use egui_plot::{Corner, HLine, Legend, Line, LineStyle, Plot, PlotPoints, VLine};

/// What was asked for among the curves.
pub enum CurvesAct {
    /// Back to this half-step.
    GoTo(usize),
    /// Save what is shown.
    Save,
}

/// The curves of `runs[selected]` over those of the others on the same layer; `step` is the half-step on screen.
pub fn curves_ui(
    ui: &mut Ui,
    quantity: &mut Quantity,
    runs: &[Run],
    selected: Option<usize>,
    baselines: Baselines,
    step: Option<usize>,
) -> Option<CurvesAct> {
    let mut act = None;
    ui.horizontal_wrapped(|ui| {
        for which in Quantity::ALL {
            ui.selectable_value(quantity, which, which.name()).on_hover_text(which.about());
        }
        if ui.button("Save…").on_hover_text("What is shown, as SVG or CSV").clicked() {
            act = Some(CurvesAct::Save);
        }
    });
    let plot = Plot::new(("curves", quantity.name()))
        .legend(Legend::default().position(Corner::LeftBottom).text_style(eframe::egui::TextStyle::Small))
        .x_axis_label("outer iteration")
        .y_axis_min_width(44.0)
        .y_axis_formatter(|mark, _| power(mark.value))
        .y_grid_spacer(decades)
        .label_formatter(|hover| Some(hover_text(hover)))
        .include_x(1.0);
    let shown = plot.show(ui, |plot| {
        for Curve { name, color, points, mine } in curves(*quantity, runs, selected) {
            // Zeros have no place on a log axis.
            let points = points.into_iter().filter(|(_, y)| y.is_finite() && *y > 0.0);
            let points: PlotPoints<'_> = points.map(|(x, y)| [x, y.log10()]).collect();
            plot.line(Line::new(name, points).color(color).width(if mine { 2.0 } else { 1.0 }));
        }
        for Level { name, color, error, mine, baseline } in levels(*quantity, runs, selected, baselines) {
            let style = if baseline { LineStyle::dashed_loose() } else { LineStyle::Solid };
            let width = if mine { 2.0 } else { 1.0 };
            plot.hline(HLine::new(name, error.log10()).color(color).width(width).style(style));
        }
        if let Some(step) = step {
            plot.vline(VLine::new("on screen", step as f64 / 2.0).color(Color32::GRAY).width(1.0));
        }
        plot.response().clicked().then(|| plot.pointer_coordinate()).flatten()
    });
    if let Some(at) = shown.inner {
        act = Some(CurvesAct::GoTo((2.0 * at.x).round().max(0.0) as usize));
    }
    act
}

/// An error without a history.
pub struct Level {
    /// In the legend.
    pub name: String,
    /// Its colour.
    pub color: Color32,
    /// Larger than 0.
    pub error: f64,
    /// Whether it is of the run on screen.
    mine: bool,
    /// Whether it is of no run.
    baseline: bool,
}

/// The errors of factors from a file and of methods beside DSF, and what the baselines reach; each once.
pub fn levels(quantity: Quantity, runs: &[Run], selected: Option<usize>, baselines: Baselines) -> Vec<Level> {
    if quantity != Quantity::Error {
        return Vec::new();
    }
    let shown = selected.and_then(|at| runs.get(at));
    // Beside a curve of W scaled by its inputs other errors have no place.
    let scaled = shown.is_some_and(Run::has_scaled_curve);
    let level = |run: &Run| {
        let mine = shown.is_some_and(|shown| shown.number == run.number);
        let error = run.error().filter(|&error| error > 0.0)?;
        let wanted = match run.method {
            Method::Dsf => mine && quantity.curves(run).iter().all(|(_, curve)| curve.is_empty()),
            _ => !scaled,
        };
        let level = Level { name: run.name.clone(), color: colors::of(run.method), error, mine, baseline: false };
        (wanted && run.ended.is_some()).then_some(level)
    };
    let mut levels: Vec<Level> = runs.iter().filter(|run| is_beside(run, shown)).filter_map(level).collect();
    // The one on screen lies over the others.
    levels.sort_by_key(|level| level.mine);
    let same = |levels: &[Level], color, error: f64| {
        levels.iter().any(|level| level.color == color && (level.error / error - 1.0).abs() < 1e-4)
    };
    for (name, color, error) in baselines.lines() {
        if !same(&levels, color, error) {
            levels.push(Level { name: name.into(), color, error, mine: false, baseline: true });
        }
    }
    levels
}

/// Whether a run is of the layer of the one on screen.
fn is_beside(run: &Run, shown: Option<&Run>) -> bool {
    let Some(shown) = shown else { return false };
    let same = run.subject.as_ref().zip(shown.subject.as_ref()).is_some_and(|(a, b)| a.is(b));
    same || run.number == shown.number
}

/// One curve of one run.
pub struct Curve {
    /// In the legend.
    pub name: String,
    /// Its colour.
    pub color: Color32,
    /// (outer iteration, value)
    pub points: Vec<(f64, f64)>,
    /// Whether it is of the run on screen.
    pub mine: bool,
}

/// What the panel shows, for the window and for files; the run on screen comes last.
pub fn curves(quantity: Quantity, runs: &[Run], selected: Option<usize>) -> Vec<Curve> {
    let Some(shown) = selected.and_then(|at| runs.get(at)) else { return Vec::new() };
    let others = runs.iter().filter(|run| run.number != shown.number && is_beside(run, Some(shown)));
    let mut curves = Vec::new();
    for run in others.chain([shown]) {
        let mine = run.number == shown.number;
        for (at, (suffix, points)) in quantity.curves(run).into_iter().enumerate() {
            let color = match (mine, at) {
                (true, 0) => colors::DSF,
                (true, _) => colors::SECOND,
                (false, _) => colors::OTHER_RUN,
            };
            // Then it is the error of W scaled by its inputs, and not to be read against magnitude pruning's.
            let scaled = if quantity == Quantity::Error && run.is_layerwise() { " (inputs scaled)" } else { "" };
            curves.push(Curve { name: format!("{}{suffix}{scaled}", run.name), color, points, mine });
        }
    }
    curves
}

/// Four digits.
fn value(x: f64) -> String {
    if (1e-3..1e4).contains(&x) { format!("{x:.4}") } else { format!("{x:.3e}") }
}

fn hover_text(hover: &egui_plot::HoverPosition<'_>) -> String {
    let (name, at) = match hover {
        egui_plot::HoverPosition::NearDataPoint { plot_name, position, .. } => (*plot_name, position),
        egui_plot::HoverPosition::Elsewhere { position } => ("", position),
    };
    format!("{name}\niteration {:.1}\n{}", at.x, value(10f64.powf(at.y)))
}
