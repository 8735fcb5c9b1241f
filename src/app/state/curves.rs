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
    /// Method of a baseline; `None` for a run.
    pub baseline: Option<Method>,
}

/// The errors of factors from a file and of methods beside DSF, and what the baselines reach; each once.
pub fn levels(quantity: Quantity, runs: &[Run], selected: Option<usize>, baselines: Baselines) -> Vec<Level> {
    if quantity != Quantity::Error {
        return Vec::new();
    }
    let shown = selected.and_then(|at| runs.get(at));
    // Beside a curve of W scaled by its inputs the errors of other runs have no place.
    let scaled = is_scaled(shown);
    let level = |run: &Run| {
        let mine = shown.is_some_and(|shown| shown.number == run.number);
        let error = run.error().filter(|&error| error > 0.0)?;
        let wanted = match run.spec.method {
            Method::Dsf => mine && quantity.curves(run).iter().all(|(_, curve)| curve.is_empty()),
            _ => !scaled,
        };
        let level = Level { name: run.name.clone(), color: colors::of(run.spec.method), error, mine, baseline: None };
        (wanted && run.outcome.is_some()).then_some(level)
    };
    let mut levels: Vec<Level> = runs.iter().filter(|run| is_beside(run, shown)).filter_map(level).collect();
    // The one on screen lies over the others.
    levels.sort_by_key(|level| level.mine);
    let same = |levels: &[Level], color, error: f64| {
        levels.iter().any(|level| level.color == color && (level.error / error - 1.0).abs() < 1e-4)
    };
    for (name, method, error) in baselines.lines() {
        let color = colors::of(method);
        if !same(&levels, color, error) {
            levels.push(Level { name: name.into(), color, error, mine: false, baseline: Some(method) });
        }
    }
    levels
}

/// Whether the errors of the run on screen are of W scaled by its inputs.
pub fn is_scaled(shown: Option<&Run>) -> bool {
    shown.is_some_and(Run::has_scaled_curve)
}

/// Whether a run is of the layer of the one on screen.
fn is_beside(run: &Run, shown: Option<&Run>) -> bool {
    let Some(shown) = shown else { return false };
    let same = run.spec.layer.as_ref().zip(shown.spec.layer.as_ref()).is_some_and(|(a, b)| a.is(b));
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
    // Errors in two norms are not to be read against each other.
    let alike = |run: &&Run| quantity != Quantity::Error || run.has_scaled_curve() == shown.has_scaled_curve();
    let mut curves = Vec::new();
    for run in others.filter(alike).chain([shown]) {
        let mine = run.number == shown.number;
        // Of other runs the layer's errors would be too many curves.
        let most = if quantity == Quantity::Error && !mine { 1 } else { usize::MAX };
        for (at, (suffix, points)) in quantity.curves(run).into_iter().enumerate().take(most) {
            let color = match (mine, at) {
                (true, 0) => colors::DSF,
                (true, 1) => colors::SECOND,
                (true, _) => colors::POWER,
                (false, _) => colors::OTHER_RUN,
            };
            curves.push(Curve { name: format!("{}{suffix}", run.name), color, points, mine });
        }
    }
    curves
}

/// Names in the legend: at most `most` of `names`, the last ones by themselves and the others as one.
pub fn legend_names(names: &[&str], most: usize) -> Vec<String> {
    let own = if names.len() <= most { names.len() } else { most.saturating_sub(1) };
    let together = names.len() - own;
    let name = |(at, name): (usize, &&str)| if at < together { format!("{together} more") } else { (*name).to_owned() };
    names.iter().enumerate().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_legend_ends_in_one_name_for_the_rest() {
        assert_eq!(legend_names(&["run 1", "run 2"], 2), ["run 1", "run 2"]);
        assert_eq!(legend_names(&["run 1", "run 2", "run 3", "run 4"], 3), ["2 more", "2 more", "run 3", "run 4"]);
        assert_eq!(legend_names(&["run 1", "run 2"], 0), ["2 more", "2 more"]);
        assert!(legend_names(&[], 3).is_empty());
    }
}
