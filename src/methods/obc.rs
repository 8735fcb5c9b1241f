//! Optimal Brain Compression (Frantar & Alistarh 2022, arXiv 2208.11580): one weight at a time, exactly.
//!
//! Of a row w of W, with H = XᵀX, the entry p whose removal costs least, ½·w²ₚ/[H⁻¹]ₚₚ, goes; the others make up for it,
//! w ← w − wₚ/[H⁻¹]ₚₚ·H⁻¹[:,p]; H⁻¹ loses row and column p by one step of elimination. Taken to the end this gives each
//! row's order and losses, a [`Trace`]: any number of entries can be read off it, the cheapest of all rows first (its
//! section 4, algorithm 2).

use super::hessian::hessian;
use super::{Baseline, Error, ProgressFn};
use crate::compute::{chunks_of, invert, prelude::*, solve_positive, vectorized};
use crate::matrix::{Calibration, Csr, Matrix, Problem, Replacement};
use crate::measure::cost::{MethodWork, OBC_MOST_INPUTS};
use crate::measure::output_energy;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Damping: added to XᵀX's diagonal, as a share of its mean.
const DAMPING: f64 = 1e-6;

/// Rows per piece of work.
const ROWS: usize = 4;

/// Optimal Brain Compression; the formulas are in the module's doc.
pub struct Obc;

impl Obc {
    /// Refuses a layer that would take hours.
    pub(super) fn check(rows: usize, inputs: usize) -> Result<(), Error> {
        if inputs > OBC_MOST_INPUTS {
            let minutes = MethodWork::RowByRow.secs(rows, inputs) as u64 / 60;
            return Err(Error::TooManyInputs { minutes, limit: OBC_MOST_INPUTS });
        }
        Ok(())
    }
}

impl Baseline for Obc {
    fn replace(&self, problem: &Problem, budget: usize, progress: ProgressFn<'_>) -> Result<Replacement, Error> {
        let inputs = problem.calibration.as_ref().ok_or(Error::NeedsInputs { method: "OBC" })?;
        let trace = trace(&problem.weight, inputs, progress)?;
        Ok(Replacement::Sparse(Csr::from_dense(&trace.pruned(&problem.weight, inputs, budget)?)))
    }
}

/// Order of removal of each row's entries, and the loss of the layer's outputs with each.
pub struct Trace {
    /// Columns of each row, the first removed first.
    order: Vec<Vec<u32>>,
    /// Loss of each removal; it may fall as well as rise.
    losses: Vec<Vec<f64>>,
}

/// W without the weights of inputs that are always 0, which are removed first at no cost.
fn alive(w: &Matrix, dead: &[bool]) -> Matrix {
    Matrix::from_fn(w.rows(), w.cols(), |i, j| if dead[j] { 0.0 } else { w.get(i, j) })
}

/// Trace of one row: its columns in order of removal, and the losses.
type RowTrace = (Vec<u32>, Vec<f64>);

/// Computes the trace, n³/3 multiply-adds for each of W's rows, n being its columns.
pub fn trace(w: &Matrix, inputs: &Calibration, progress: ProgressFn<'_>) -> Result<Trace, Error> {
    let (h, dead) = hessian(inputs, DAMPING);
    let w = &alive(w, &dead);
    let inverse = invert(&h, w.cols()).ok_or(Error::NotInvertible { method: "OBC" })?;
    let rows: Vec<usize> = (0..w.rows()).collect();
    let done = AtomicUsize::new(0);
    let traced: Vec<Option<Vec<RowTrace>>> = chunks_of(&rows, ROWS)
        .map(|rows| {
            let before = done.load(Ordering::Relaxed);
            if !progress(before as f64 / w.rows() as f64) {
                return None;
            }
            let made = rows.iter().map(|&i| vectorized(|| row_trace(w.row(i), &inverse))).collect();
            done.fetch_add(rows.len(), Ordering::Relaxed);
            Some(made)
        })
        .collect();
    let traced: Vec<Vec<RowTrace>> = traced.into_iter().collect::<Option<_>>().ok_or(Error::Cancelled)?;
    let (order, losses) = traced.into_iter().flatten().unzip();
    Ok(Trace { order, losses })
}

/// The remaining H⁻¹ stays dense in the first rows and columns: the last entry takes the place of the one removed.
#[inline(always)]
fn row_trace(row: &[f32], inverse: &[f64]) -> RowTrace {
    let n = row.len();
    let mut w: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
    let mut inverse = inverse.to_vec();
    let mut columns: Vec<u32> = (0..n as u32).collect();
    let (mut order, mut losses) = (Vec::with_capacity(n), Vec::with_capacity(n));
    let mut pivot_row = vec![0.0; n];
    for left in (1..=n).rev() {
        let loss = |p: usize| w[p] * w[p] / inverse[p * n + p];
        // Of equal losses the first column's, wherever it stands by now.
        let cheaper = |&p: &usize, &q: &usize| loss(p).total_cmp(&loss(q)).then(columns[p].cmp(&columns[q]));
        let p = (0..left).min_by(|p, q| cheaper(p, q)).unwrap_or(0);
        order.push(columns[p]);
        losses.push(0.5 * loss(p));
        let last = left - 1;
        if p != last {
            swap(&mut inverse, n, left, p, last);
            w.swap(p, last);
            columns.swap(p, last);
        }
        let pivot = inverse[last * n + last];
        pivot_row[..last].copy_from_slice(&inverse[last * n..last * n + last]);
        let pivots = &pivot_row[..last];
        let share = w[last] / pivot;
        w.iter_mut().zip(pivots).for_each(|(w, x)| *w -= share * x);
        for (q, &x) in pivots.iter().enumerate() {
            let factor = x / pivot;
            let target = &mut inverse[q * n..q * n + last];
            target.iter_mut().zip(pivots).for_each(|(target, x)| *target -= factor * x);
        }
    }
    (order, losses)
}

/// Swaps rows and columns p and q > p of the leading `left`×`left` part.
#[inline(always)]
fn swap(inverse: &mut [f64], n: usize, left: usize, p: usize, q: usize) {
    let (before, after) = inverse.split_at_mut(q * n);
    before[p * n..p * n + left].swap_with_slice(&mut after[..left]);
    (0..left).for_each(|i| inverse.swap(i * n + p, i * n + q));
}

impl Trace {
    /// The removals from all rows together, each with its row and its loss: a row gives its next entry whenever that is the
    /// cheapest of all rows'.
    fn removals(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let heads = self.losses.iter().enumerate();
        let heads = heads.filter_map(|(row, losses)| Some(Head { loss: *losses.first()?, row, gone: 0 }));
        let mut heads: std::collections::BinaryHeap<Head> = heads.collect();
        std::iter::from_fn(move || {
            let Head { loss, row, gone } = heads.pop()?;
            let next = self.losses[row].get(gone + 1);
            heads.extend(next.map(|&loss| Head { loss, row, gone: gone + 1 }));
            Some((row, loss))
        })
    }

    /// The layer-wise errors tr(Δ·XᵀX·Δᵀ) / tr(W·XᵀX·Wᵀ) that these budgets leave, Δ = W − Ŵ: the sums of the removals' losses,
    /// each of which is exact for the mask that it leaves.
    pub fn errors(&self, w: &Matrix, inputs: &Calibration, budgets: &[usize]) -> Vec<f64> {
        // After so many removals.
        let mut sums = vec![0.0];
        let mut sum = 0.0;
        sums.extend(self.removals().map(|(_, loss)| {
            sum += 2.0 * loss;
            sum
        }));
        // With nothing left the outputs themselves are lost.
        let all = output_energy(w, inputs.xtx()).max(f64::MIN_POSITIVE);
        let gone = |&budget: &usize| (w.len() - budget.min(w.len())).min(sums.len() - 1);
        budgets.iter().map(|budget| (sums[gone(budget)] / all).clamp(0.0, 1.0)).collect()
    }

    /// W with `budget` entries: the cheapest removals over all rows, each row in its order, and the optimal values of
    /// the remaining entries for W's outputs.
    pub fn pruned(&self, w: &Matrix, inputs: &Calibration, budget: usize) -> Result<Matrix, Error> {
        let (h, dead) = hessian(inputs, DAMPING);
        let (w, n) = (&alive(w, &dead), w.cols());
        let mut gone = vec![0; w.rows()];
        self.removals().take(w.len() - budget.min(w.len())).for_each(|(row, _)| gone[row] += 1);
        let rows: Vec<usize> = (0..w.rows()).collect();
        let pruned: Vec<Option<Vec<f32>>> = chunks_of(&rows, 1)
            .map(|rows| {
                let i = rows[0];
                let mut kept: Vec<usize> = self.order[i][gone[i]..].iter().map(|&p| p as usize).collect();
                kept.sort_unstable();
                best_values(w.row(i), &h, n, &kept)
            })
            .collect();
        let values = pruned.into_iter().collect::<Option<Vec<_>>>().ok_or(Error::NotInvertible { method: "OBC" })?;
        Ok(Matrix::from_vec(w.rows(), n, values.concat()))
    }
}

/// The values on `kept` that minimise (w − ŵ)·H·(w − ŵ)ᵀ: a least squares problem on the kept entries.
fn best_values(row: &[f32], h: &[f64], n: usize, kept: &[usize]) -> Option<Vec<f32>> {
    let mut right: Vec<f64> =
        kept.iter().map(|&p| row.iter().enumerate().map(|(q, &x)| h[p * n + q] * f64::from(x)).sum()).collect();
    let system: Vec<f64> = kept.iter().flat_map(|&p| kept.iter().map(move |&q| h[p * n + q])).collect();
    solve_positive(&system, &mut right)?;
    let mut values = vec![0.0; n];
    kept.iter().zip(right).for_each(|(&p, x)| values[p] = x as f32);
    Some(values)
}

/// The next removal of a row; ordered so that the cheapest is the greatest.
struct Head {
    loss: f64,
    row: usize,
    gone: usize,
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.loss.total_cmp(&self.loss).then(other.row.cmp(&self.row))
    }
}
