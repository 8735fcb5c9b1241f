//! The curves of the runs on the layer on screen, for the panel and for files.

use super::run::Run;
use super::series::{Baselines, Quantity};
use crate::app::widgets::colors;
use crate::methods::Method;
use eframe::egui::Color32;

/// An error without a history.
pub struct Level {
    /// Name in the legend.
    pub name: String,
    /// Colour of the line.
    pub color: Color32,
    /// Level on the axis, larger than 0.
    pub error: f64,
    /// Whether it is of the run on screen.
    pub mine: bool,
    /// Whether it is of no run.
    pub baseline: bool,
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
    /// Name in the legend.
    pub name: String,
    /// Colour of the curve.
    pub color: Color32,
    /// Points as (outer iteration, value).
    pub points: Vec<(f64, f64)>,
    /// Whether it is of the run on screen.
    pub mine: bool,
}

/// Returns the curves that the panel shows, for the window and for files; the run on screen comes last.
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
