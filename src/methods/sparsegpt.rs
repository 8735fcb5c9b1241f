//! SparseGPT (Frantar & Alistarh 2023, arXiv 2301.00774): Optimal Brain Surgeon, column by column.
//!
//! With U the Cholesky factor of H⁻¹ = UᵀU, H = XᵀX plus some damping, columns are taken from left to right. The error
//! e = wⱼ/Uⱼⱼ of a pruned entry is compensated by the entries to its right, w ← w − e·Uⱼ (equation 3 for the remaining
//! inputs). In each block of columns the entries of largest (wⱼ/Uⱼⱼ)² at the block's turn stay; the later blocks
//! compensate for the whole block at once, by a matrix product.

use super::hessian::{InverseFactor, inverse_factor};
use super::shares::{by_blocks, by_rows, largest};
use super::{Baseline, Error, ProgressFn, ThresholdScope, report_progress};
use crate::compute::{chunks_of_mut, matmul, prelude::*};
use crate::matrix::{Csr, Matrix, Problem, Replacement};

/// SparseGPT; the formulas are in the module's doc.
#[derive(Clone, Copy, Debug)]
pub struct SparseGpt {
    /// Scope in which a block's entries compete.
    pub threshold: ThresholdScope,
    /// Columns whose mask is chosen together.
    pub block: usize,
    /// Damping: added to XᵀX's diagonal, as a share of its mean.
    pub damping: f64,
}

impl Default for SparseGpt {
    fn default() -> Self {
        Self { threshold: ThresholdScope::Matrix, block: 128, damping: 0.01 }
    }
}

impl Baseline for SparseGpt {
    fn replace(&self, problem: &Problem, budget: usize, progress: ProgressFn<'_>) -> Result<Replacement, Error> {
        let inputs = problem.calibration.as_ref().ok_or(Error::NeedsInputs { method: "SparseGPT" })?;
        let mut w = Matrix::clone(&problem.weight);
        let (rows, n) = w.shape();
        let InverseFactor { upper, dead } =
            inverse_factor(inputs, self.damping).ok_or(Error::NotInvertible { method: "SparseGPT" })?;
        for (j, _) in dead.iter().enumerate().filter(|(_, dead)| **dead) {
            (0..rows).for_each(|i| w.as_mut_slice()[i * n + j] = 0.0);
        }
        let budgets = by_blocks(rows, n, self.block, budget);
        // Each row's own share, so that at the end rows differ by at most one entry.
        let of_rows: Vec<Vec<usize>> =
            by_rows(rows, budget).map(|budget| by_blocks(1, n, self.block, budget)).collect();
        for (block, start) in (0..n).step_by(self.block).enumerate() {
            let end = n.min(start + self.block);
            let keep = self.mask(&w, &upper, start..end, budgets[block], |row| of_rows[row][block]);
            let errors = prune(&mut w, &upper, start..end, &keep);
            let across = Matrix::from_fn(end - start, n - end, |i, j| upper.get(start + i, end + j));
            let mut spread = Matrix::zeros(rows, n - end);
            matmul(&mut spread, errors.view(), across.view());
            for i in 0..rows {
                let row = &mut w.as_mut_slice()[i * n + end..(i + 1) * n];
                row.iter_mut().zip(spread.row(i)).for_each(|(w, spread)| *w -= spread);
            }
            report_progress(progress, end as f64 / n as f64)?;
        }
        Ok(Replacement::Sparse(Csr::from_dense(&w)))
    }
}

impl SparseGpt {
    /// Mask of a block, row by row.
    fn mask(
        &self,
        w: &Matrix,
        upper: &Matrix,
        block: std::ops::Range<usize>,
        budget: usize,
        of_row: impl Fn(usize) -> usize,
    ) -> Vec<bool> {
        let width = block.len();
        let score = |at: usize| {
            let (i, j) = (at / width, block.start + at % width);
            (w.get(i, j) / upper.get(j, j)).powi(2)
        };
        let scores: Vec<f32> = (0..w.rows() * width).map(score).collect();
        let mut keep = vec![false; scores.len()];
        match self.threshold {
            ThresholdScope::Matrix => largest(&scores, budget).into_iter().for_each(|at| keep[at] = true),
            ThresholdScope::Row => {
                let rows = keep.chunks_exact_mut(width).zip(scores.chunks_exact(width));
                for (row, (keep, scores)) in rows.enumerate() {
                    largest(scores, of_row(row)).into_iter().for_each(|at| keep[at] = true);
                }
            }
        }
        keep
    }
}

/// Prunes a block's columns from left to right; returns the errors that later blocks have to compensate.
fn prune(w: &mut Matrix, upper: &Matrix, block: std::ops::Range<usize>, keep: &[bool]) -> Matrix {
    let (n, width) = (w.cols(), block.len());
    let errors: Vec<Vec<f32>> = chunks_of_mut(w.as_mut_slice(), n)
        .zip(crate::compute::chunks_of(keep, width))
        .map(|(row, keep)| {
            let mut errors = vec![0.0; width];
            for (at, j) in block.clone().enumerate().filter(|(at, _)| !keep[*at]) {
                let error = row[j] / upper.get(j, j);
                let later = row[j..block.end].iter_mut().zip(&upper.row(j)[j..block.end]);
                later.for_each(|(w, u)| *w -= error * u);
                row[j] = 0.0;
                errors[at] = error;
            }
            errors
        })
        .collect();
    Matrix::from_vec(w.rows(), width, errors.concat())
}
