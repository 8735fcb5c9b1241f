//! Densities of all layers, chosen together: of measured errors the smallest sum under a bound.
//!
//! Each layer takes one of the densities 0.9ᵏ, or stays dense. A dynamic programme over layers and cost, which is cut into
//! 10 000 steps and rounded up, finds the choice whose sum of layer-wise errors is least, as Frantar and Alistarh (2022,
//! arXiv 2208.11580, section 6) do it with the errors of their pruning.

use super::curve::short_run;
use super::{Curve, Error, LayerKey};
use crate::compute::{chunks_of, prelude::*};
use crate::factorize::share;
use crate::matrix::Problem;
use crate::methods::{self, ProgressFn, trace};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use strum::{IntoStaticStr, VariantArray};

/// From one level's density to the next.
const STEP: f64 = 0.9;
/// Lowest density.
const LEAST: f64 = 0.01;
/// Steps that the bound is cut into.
const BUCKETS: usize = 10_000;

/// What measures a layer's errors at all densities.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum MeasuredBy {
    /// Short runs of DSF, one for each density.
    #[default]
    Dsf,
    /// Optimal Brain Compression: all densities from one run.
    Obc,
}

/// A layer whose density is to be chosen.
#[derive(Clone, Debug)]
pub struct LevelChoice {
    /// Number of its weights.
    pub weights: usize,
    /// What a weight that is kept costs.
    pub cost: usize,
    /// The layer's error by its density.
    pub curve: Curve,
}

/// The densities that a layer can have, the highest first.
fn levels() -> Vec<f64> {
    std::iter::successors(Some(1.0), |&level: &f64| Some(level * STEP)).take_while(|&level| level >= LEAST).collect()
}

impl MeasuredBy {
    /// A layer's error by its density.
    pub fn curve(self, problem: &Problem, progress: ProgressFn<'_>) -> Result<Curve, methods::Error> {
        let (weight, levels) = (&problem.weight, levels().split_off(1));
        match self {
            Self::Dsf => dsf_curve(problem, &levels, progress),
            Self::Obc => {
                let inputs = problem.calibration.as_ref().ok_or(methods::Error::NeedsInputs { method: "OBC" })?;
                let budgets: Vec<usize> = levels.iter().map(|&level| share(level, weight.len())).collect();
                let errors = trace(weight, inputs, progress)?.errors(weight, inputs, &budgets);
                Ok(Curve::new(levels.into_iter().zip(errors).collect()))
            }
        }
    }
}

/// A layer's error at these densities, each by a run of its own; the runs share the threads.
fn dsf_curve(problem: &Problem, levels: &[f64], progress: ProgressFn<'_>) -> Result<Curve, methods::Error> {
    let done = AtomicUsize::new(0);
    let errors: Vec<Result<f64, methods::Error>> = chunks_of(levels, 1)
        .map(|level| {
            if !progress(done.load(Ordering::Relaxed) as f64 / levels.len() as f64) {
                return Err(methods::Error::Cancelled);
            }
            let replacement = short_run(problem, level[0])?;
            done.fetch_add(1, Ordering::Relaxed);
            Ok(match &problem.calibration {
                Some(inputs) => replacement.layer_error(&problem.weight, inputs.xtx()),
                None => replacement.relative_error(&problem.weight).powi(2),
            })
        })
        .collect();
    let (mut points, mut failed) = (Vec::new(), None);
    for (&level, error) in levels.iter().zip(errors) {
        match error {
            Ok(error) => points.push((level, error)),
            Err(methods::Error::Cancelled) => return Err(methods::Error::Cancelled),
            // Of a layer with few weights the lowest densities leave too little for two factors.
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) if points.len() < 2 => Err(error),
        _ => Ok(Curve::new(points)),
    }
}

/// Refuses a bound that layers, each of so many weights that cost so much, exceed at the lowest density.
pub(super) fn check_bound(layers: impl Iterator<Item = (usize, usize)>, bound: usize) -> Result<(), Error> {
    let lowest = levels().pop().unwrap_or(1.0);
    let least = layers.map(|(weights, cost)| cost * share(lowest, weights)).sum();
    if least > bound { Err(Error::Bound { bound, least }) } else { Ok(()) }
}

/// The densities with the smallest sum of errors whose cost is at most `bound`.
///
/// # Errors
/// Fails with [`Error::Bound`] if the lowest densities cost more.
pub fn choose_levels<K: LayerKey>(layers: &BTreeMap<K, LevelChoice>, bound: usize) -> Result<BTreeMap<K, f64>, Error> {
    check_bound(layers.values().map(|layer| (layer.weights, layer.cost)), bound)?;
    let levels = levels();
    let cost = |layer: &LevelChoice, level: f64| layer.cost * share(level, layer.weights);
    // A step of the bound: whatever a layer costs is rounded up to whole steps, so that the sum stays within.
    let step = (bound as f64 / BUCKETS as f64).max(f64::MIN_POSITIVE);
    let steps = |layer: &LevelChoice, level: f64| (cost(layer, level) as f64 / step).ceil() as usize;
    // The least sum of errors of the layers so far by the steps that they take at most, and the level of the last one.
    let mut least = vec![0.0; BUCKETS + 1];
    let mut chosen: Vec<Vec<Option<u8>>> = Vec::new();
    for layer in layers.values() {
        let options: Vec<(usize, f64)> =
            levels.iter().map(|&level| (steps(layer, level), layer.curve.error(level))).collect();
        let best = |at: usize| {
            let possible = options.iter().enumerate().filter(|(_, (steps, _))| *steps <= at);
            let sums = possible.map(|(level, &(steps, error))| (least[at - steps] + error, level as u8));
            sums.filter(|(sum, _)| sum.is_finite()).min_by(|a, b| a.0.total_cmp(&b.0))
        };
        let found: Vec<Option<(f64, u8)>> = (0..=BUCKETS).map(best).collect();
        least = found.iter().map(|best| best.map_or(f64::INFINITY, |best| best.0)).collect();
        chosen.push(found.into_iter().map(|best| best.map(|best| best.1)).collect());
    }
    let mut left = BUCKETS;
    let mut densities = BTreeMap::new();
    for ((&key, layer), chosen) in layers.iter().zip(&chosen).rev() {
        // Possible but for what is rounded up.
        let level = chosen[left].ok_or(Error::Bound { bound, least: bound })?;
        let level = levels[usize::from(level)];
        densities.insert(key, level);
        left -= steps(layer, level);
    }
    Ok(densities)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::ThreadPool;
    use crate::matrix::Matrix;
    use crate::vision;
    use std::sync::{Arc, Mutex};

    /// All choices of three layers are tried.
    #[test]
    fn the_choice_is_the_best_of_all() {
        let curve = |errors: [f64; 3]| Curve::new([0.1, 0.4, 0.8].into_iter().zip(errors).collect());
        let layer = |weights, cost, errors| LevelChoice { weights, cost, curve: curve(errors) };
        let layers: BTreeMap<usize, LevelChoice> = [
            (0, layer(1000, 9, [0.5, 0.1, 0.01])),
            (1, layer(300, 25, [0.9, 0.4, 0.02])),
            (2, layer(5000, 1, [0.2, 0.1, 0.05])),
        ]
        .into();
        for bound in [3000, 7000, 12_000, 21_500] {
            let found = choose_levels(&layers, bound).unwrap();
            let sum =
                |levels: &[f64; 3]| layers.values().zip(levels).map(|(layer, &l)| layer.curve.error(l)).sum::<f64>();
            let cost = |levels: &[f64; 3]| {
                layers.values().zip(levels).map(|(layer, &l)| layer.cost * share(l, layer.weights)).sum::<usize>()
            };
            let found: [f64; 3] = [found[&0], found[&1], found[&2]];
            assert!(cost(&found) <= bound, "{found:?} costs {}", cost(&found));
            let all = || levels().into_iter();
            let best = all()
                .flat_map(|a| all().flat_map(move |b| all().map(move |c| [a, b, c])))
                // What rounding up may cost: a step for each layer.
                .filter(|levels| cost(levels) <= bound - 3 * bound.div_ceil(BUCKETS))
                .map(|levels| sum(&levels))
                .fold(f64::INFINITY, f64::min);
            assert!(sum(&found) <= best + 1e-12, "{} at {found:?}, and {best} is possible", sum(&found));
        }
        // A hundredth of each: 90 + 75 + 50, with the last level a little above.
        assert!(matches!(choose_levels(&layers, 100), Err(Error::Bound { bound: 100, least: 215.. })));
        assert!(choose_levels(&layers, 100_000).unwrap().values().all(|&level| level == 1.0));
    }

    #[test]
    fn dsf_is_measured_at_every_level_on_any_number_of_threads() {
        let problem = Problem::plain(vision::example().layer(1).unwrap().weight);
        let on = |threads| {
            let told = Mutex::new(Vec::new());
            let progress = |share| {
                told.lock().unwrap().push(share);
                true
            };
            let curve = ThreadPool::new(Some(threads)).unwrap().run(|| MeasuredBy::Dsf.curve(&problem, &progress));
            (curve.unwrap(), told.into_inner().unwrap())
        };
        let (curve, told) = on(1);
        let (same, _) = on(3);
        assert_eq!(curve, same);
        let levels = levels().split_off(1);
        assert_eq!(told, (0..levels.len()).map(|at| at as f64 / levels.len() as f64).collect::<Vec<_>>());
        // The error of a level is that of its own run, or of a lower density's where that is less.
        let mut least = f64::INFINITY;
        for &level in levels.iter().rev() {
            let own = short_run(&problem, level).unwrap().relative_error(&problem.weight).powi(2);
            least = least.min(own);
            let error = curve.error(level);
            assert!((error - least).abs() <= 1e-9 * least, "{error} at {level}, and {least} was measured");
        }
        let cancelled = MeasuredBy::Dsf.curve(&problem, &|share| share < 0.5);
        assert_eq!(cancelled.unwrap_err(), methods::Error::Cancelled);
    }

    #[test]
    fn densities_too_low_for_two_factors_are_left_out() {
        // ⌊0.9ᵏ·120⌋ is less than 2 from k = 39 on.
        let weight = Matrix::from_fn(10, 12, |i, j| ((7 * i + 3 * j) % 11) as f32 - 5.0);
        let curve = MeasuredBy::Dsf.curve(&Problem::plain(Arc::new(weight)), &|_| true).unwrap();
        let lowest = STEP.powi(38);
        assert!(curve.error(STEP * lowest) >= curve.error(lowest) && curve.error(lowest) > curve.error(0.5));
        let tiny = Problem::plain(Arc::new(Matrix::from_fn(1, 2, |_, _| 1.0)));
        assert!(matches!(MeasuredBy::Dsf.curve(&tiny, &|_| true), Err(methods::Error::Problem(_))));
    }
}
