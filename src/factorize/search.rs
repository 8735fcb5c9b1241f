//! Settings found by trying: the better orientation and the better split, from a few short runs.

use super::{Budget, Error, Orientation, Settings, Solver, Split};
use crate::matrix::Matrix;

/// A search in progress, one half-step of one short run at a time.
///
/// Short runs order splits and orientations much as long ones do; each has a fifth of the outer iterations, from 4 to 40.
pub struct Search {
    w: Matrix,
    /// The best so far, and what a short run with it reached.
    best: (Settings, f64),
    /// What is to be tried, the next one last.
    waiting: Vec<Settings>,
    trial: Option<(Settings, Solver)>,
    /// The split is searched when the orientation is known.
    split_next: bool,
    steps: usize,
}

impl Search {
    /// `None` when there is nothing to search for.
    pub fn new(w: &Matrix, settings: &Settings) -> Result<Option<Self>, Error> {
        settings.check()?;
        let (rows, cols) = w.shape();
        Budget::new(rows, cols, settings)?;
        let orientation = settings.orientation == Orientation::Auto && rows == cols;
        let split = settings.split == Split::Auto && settings.factor_density.is_none() && !settings.fixed_mask;
        if !orientation && !split {
            return Ok(None);
        }
        let turned = |orientation| Settings { orientation, ..settings.clone() };
        // The last one is tried first, and stays when the others are no better.
        let waiting = match orientation {
            true => vec![turned(Orientation::AsIs), turned(Orientation::Transposed)],
            false if settings.orientation == Orientation::Auto => vec![turned(Orientation::Paper)],
            false => vec![settings.clone()],
        };
        let trials = waiting.len() + if split { SPLITS.len() } else { 0 };
        let steps = trials * 2 * short(settings);
        let best = (waiting[waiting.len() - 1].clone(), f64::INFINITY);
        Ok(Some(Self { w: w.clone(), best, waiting, trial: None, split_next: split, steps }))
    }

    /// Half-steps of the whole search.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Does the next half-step; false when the search is over.
    pub fn step(&mut self) -> Result<bool, Error> {
        if self.trial.is_none() {
            if self.waiting.is_empty() && std::mem::take(&mut self.split_next) {
                self.waiting = self.splits()?;
            }
            let Some(settings) = self.waiting.pop() else { return Ok(false) };
            let short = Settings { outer: short(&settings), fallback: false, ..settings.clone() };
            self.trial = Some((settings, Solver::new(&self.w, &short)?));
        }
        let Some((settings, solver)) = &mut self.trial else { return Ok(false) };
        let report = solver.step()?;
        if let Some(report) = report
            && report.step == solver.steps()
        {
            // Short runs scatter by some tenths of a percent: what is tried first gives way only to more than that.
            if report.error < 0.995 * self.best.1 {
                self.best = (settings.clone(), report.error);
            }
            self.trial = None;
        }
        Ok(self.trial.is_some() || !self.waiting.is_empty() || self.split_next)
    }

    /// The settings found: the given ones with an orientation and a factor density that are decided.
    pub fn finish(self) -> Settings {
        let settings = self.best.0;
        let split = if settings.split == Split::Auto { Split::Balanced } else { settings.split };
        Settings { split, ..settings }
    }

    /// Splits on both sides of the one tried first.
    fn splits(&self) -> Result<Vec<Settings>, Error> {
        let (rows, cols) = self.w.shape();
        let budget = Budget::new(rows, cols, &self.best.0)?;
        let square = (rows.min(cols) as f64).powi(2);
        let with = |factor: f64| {
            let first = (budget.first as f64 * factor).round().clamp(1.0, budget.total() as f64 - 1.0);
            // Half an entry more, so that the share rounds down to it again.
            Settings { factor_density: Some(((first + 0.5) / square).min(1.0)), ..self.best.0.clone() }
        };
        Ok(SPLITS.into_iter().rev().map(with).collect())
    }
}

/// Splits that are tried, against the rule's.
const SPLITS: [f64; 4] = [0.8, 1.25, 0.6, 1.5];

/// The outer iterations of a short run.
fn short(settings: &Settings) -> usize {
    (settings.outer / 5).clamp(4, 40).min(settings.outer)
}
