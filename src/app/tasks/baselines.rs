//! What the methods that a run is measured against reach on its layer, computed in the background.

use super::async_memo::AsyncMemo;
use crate::app::state::series::Baselines;
use crate::matrix::{Matrix, Problem, keep_largest};
use crate::measure::{self, Spectrum};
use crate::tasks::{Queue, SilentTask};
use eframe::egui::Context;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Measures pruning to a number of entries.
#[derive(Serialize, Deserialize)]
pub struct MeasurePruning(Problem, usize);

/// Errors of pruning in the norm that a run minimises.
#[derive(Serialize, Deserialize)]
pub struct PruningErrors {
    /// Of the largest entries of W.
    magnitude: f64,
    /// Of the largest entries of W scaled by its inputs; `None` where those are not known.
    wanda: Option<f64>,
}

impl SilentTask for MeasurePruning {
    const NAME: &'static str = "pruning";
    const QUEUE: Queue = Queue::Files;
    type Output = PruningErrors;

    fn make(self) -> PruningErrors {
        let Self(problem, kept) = self;
        let w = &*problem.weight;
        let pruned = keep_largest(w, kept);
        let Some(scaled) = scaled(&problem) else {
            return PruningErrors { magnitude: measure::relative_difference(w, &pruned), wanda: None };
        };
        let of_scaled = Problem { weight: Arc::new(pruned), ..problem };
        let magnitude = self::scaled(&of_scaled).map_or(f64::NAN, |it| measure::relative_difference(&scaled, &it));
        let wanda = Some(measure::relative_difference(&scaled, &keep_largest(&scaled, kept)));
        PruningErrors { magnitude, wanda }
    }
}

/// Task that computes the singular values of what a run factorizes.
#[derive(Serialize, Deserialize)]
pub struct Spectra(Problem);

impl SilentTask for Spectra {
    const NAME: &'static str = "spectrum";
    const QUEUE: Queue = Queue::Slow;
    type Output = Option<Spectrum>;

    fn make(self) -> Option<Spectrum> {
        Spectrum::of(scaled(&self.0).as_ref().unwrap_or(&self.0.weight))
    }
}

/// W scaled by its inputs, where those are known.
fn scaled(problem: &Problem) -> Option<Matrix> {
    problem.calibration.as_ref()?.scale_inputs(&problem.weight).ok()
}

/// A problem, compared by where its matrices lie and not by what they hold.
#[derive(Clone)]
struct Key(Problem);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        let calibration = |key: &Self| key.0.calibration.as_ref().map(Arc::as_ptr);
        Arc::ptr_eq(&self.0.weight, &other.0.weight) && calibration(self) == calibration(other)
    }
}

/// The baselines of the layer on screen.
#[derive(Default)]
pub struct BaselineMemo {
    pruning: AsyncMemo<(Key, usize), MeasurePruning>,
    spectrum: AsyncMemo<Key, Spectra>,
    /// A large layer whose singular values were asked for.
    asked: Option<Arc<Matrix>>,
    /// The errors as far as they are known.
    latest: Baselines,
}

impl BaselineMemo {
    /// The errors of the layer on screen, as far as they are known.
    pub fn latest(&self) -> Baselines {
        self.latest
    }

    /// Sees that the errors on a problem with so many nonzeros are computed; none are wanted without. With a
    /// calibration they are errors of W scaled by its inputs, as a run's curve is.
    pub fn want(&mut self, ctx: &Context, wanted: Option<(Problem, usize)>) {
        self.latest = wanted.map(|(problem, kept)| self.of(ctx, problem, kept)).unwrap_or_default();
    }

    fn of(&mut self, ctx: &Context, problem: Problem, kept: usize) -> Baselines {
        let (rows, cols) = problem.weight.shape();
        let asked = self.asked.as_ref().is_some_and(|asked| Arc::ptr_eq(asked, &problem.weight));
        let key = Key(problem);
        let pruning = (key.clone(), kept);
        self.pruning.want(ctx, pruning.clone(), |(Key(problem), kept)| MeasurePruning(problem.clone(), *kept));
        if !is_slow(&key.0.weight) || asked {
            self.spectrum.want(ctx, key.clone(), |Key(problem)| Spectra(problem.clone()));
        }
        let rank = Spectrum::rank(rows, cols, kept);
        let spectrum = self.spectrum.of(&key).and_then(|spectrum| spectrum.as_ref().as_ref());
        let pruning = self.pruning.of(&pruning);
        Baselines {
            magnitude: pruning.map(|errors| errors.magnitude),
            wanda: pruning.and_then(|errors| errors.wanda),
            svd: spectrum.map(|spectrum| spectrum.error(rank)),
        }
    }

    /// Where SVD's error on W is only computed when asked for: whether it has been.
    pub fn svd_missing(&self, w: &Arc<Matrix>) -> Option<bool> {
        let missing = is_slow(w) && self.latest.svd.is_none();
        missing.then(|| self.asked.as_ref().is_some_and(|asked| Arc::ptr_eq(asked, w)))
    }

    /// Asks for the error of a large W's SVD.
    pub fn ask_svd(&mut self, w: &Arc<Matrix>) {
        self.asked = Some(w.clone());
    }
}

/// Whether SVD's error is not computed unless asked for.
fn is_slow(w: &Matrix) -> bool {
    let (rows, cols) = w.shape();
    !measure::cost::is_quick_svd(rows, cols)
}
