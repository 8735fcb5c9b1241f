//! ADMM pruning with weight update (Boža 2024, arXiv 2401.02938): one sparse matrix, mask and values found together.
//!
//! It minimises tr((W−Ŵ)·H·(W−Ŵ)ᵀ) with H = XᵀX plus some damping, after scaling the inputs to norm 1 so that H has a
//! unit diagonal (preconditioning). With ρ = 1 it repeats
//!
//! - Z = the largest of |Ŵ + U|, in the first iterations with a sparsity that grows by the cubic schedule of Zhu and
//!   Gupta, later on the mask found by then;
//! - U ← U + Ŵ − Z;
//! - Ŵ = (W·H + ρ(Z − U))·(H + ρI)⁻¹.

use super::shares::{by_rows, largest};
use super::{Baseline, Error, ProgressFn, ThresholdScope, report_progress};
use crate::compute::{Cholesky, matmul};
use crate::matrix::{Csr, Matrix, Problem, Replacement, keep_largest};

/// Penalty ρ, against a unit diagonal.
const RHO: f32 = 1.0;

/// ADMM pruning; the formulas are in the module's doc.
#[derive(Clone, Copy, Debug)]
pub struct Admm {
    /// Scope in which entries compete.
    pub threshold: ThresholdScope,
    /// Number of ADMM iterations.
    pub iterations: usize,
    /// Number of iterations, the first ones, that choose the mask.
    pub masked: usize,
    /// Damping: added to XᵀX's diagonal, as a share of its mean, before scaling. (The published code adds 0.1; 0.03
    /// loses 1 to 5 % less on the calibration and as much on held-out inputs.)
    pub damping: f32,
}

impl Default for Admm {
    fn default() -> Self {
        Self { threshold: ThresholdScope::Matrix, iterations: 20, masked: 15, damping: 0.03 }
    }
}

impl Baseline for Admm {
    fn replace(&self, problem: &Problem, budget: usize, progress: ProgressFn<'_>) -> Result<Replacement, Error> {
        let w = &problem.weight;
        let inputs = problem.calibration.as_ref().ok_or(Error::NeedsInputs { method: "ADMM" })?;
        let (rows, n) = w.shape();
        let xtx = inputs.xtx();
        let mean = (0..n).map(|j| xtx.get(j, j)).sum::<f32>() / n.max(1) as f32;
        let damped = |i: usize, j: usize| xtx.get(i, j) + if i == j { self.damping * mean } else { 0.0 };
        let norms: Vec<f32> = (0..n).map(|j| damped(j, j).sqrt() + 1e-8).collect();
        let h = Matrix::from_fn(n, n, |i, j| damped(i, j) / (norms[i] * norms[j]));
        let mut system = Cholesky::default();
        system.lower_mut().clear();
        system.lower_mut().extend_from_slice(h.as_slice());
        system.factorize(n, RHO).map_err(|_| Error::NotInvertible { method: "ADMM" })?;
        let mut inverse = Matrix::zeros(n, n);
        system.inverse(&mut inverse);

        let scaled = Matrix::from_fn(rows, n, |i, j| w.get(i, j) * norms[j]);
        let mut target = Matrix::zeros(rows, n);
        matmul(&mut target, scaled.view(), h.view());
        let mut dense = scaled;
        let mut dual = Matrix::zeros(rows, n);
        let mut sparse = Matrix::zeros(rows, n);
        for iteration in 0..self.iterations {
            let sum = add(&dense, &dual);
            sparse = match iteration < self.masked {
                true => self.kept(&sum, self.budget(iteration, rows * n, budget)),
                false => masked(&sum, &sparse),
            };
            let values = dual.as_mut_slice().iter_mut().zip(sum.as_slice().iter().zip(sparse.as_slice()));
            values.for_each(|(dual, (sum, sparse))| *dual = sum - sparse);
            let mut right = target.clone();
            let values = right.as_mut_slice().iter_mut().zip(sparse.as_slice().iter().zip(dual.as_slice()));
            values.for_each(|(right, (sparse, dual))| *right += RHO * (sparse - dual));
            matmul(&mut dense, right.view(), inverse.view());
            report_progress(progress, (iteration + 1) as f64 / self.iterations as f64)?;
        }
        let result = masked(&add(&dense, &dual), &sparse);
        Ok(Replacement::Sparse(Csr::from_dense(&Matrix::from_fn(rows, n, |i, j| result.get(i, j) / norms[j]))))
    }
}

impl Admm {
    /// Number of entries in an iteration: all at first, the budget at the end.
    fn budget(&self, iteration: usize, all: usize, budget: usize) -> usize {
        let left = 1.0 - (iteration + 1) as f64 / self.masked as f64;
        budget + (all.saturating_sub(budget) as f64 * left.powi(3)) as usize
    }

    fn kept(&self, values: &Matrix, budget: usize) -> Matrix {
        match self.threshold {
            ThresholdScope::Matrix => keep_largest(values, budget),
            ThresholdScope::Row => {
                let mut kept = Matrix::zeros(values.rows(), values.cols());
                let rows = kept.as_mut_slice().chunks_exact_mut(values.cols().max(1));
                for ((i, kept), count) in rows.enumerate().zip(by_rows(values.rows(), budget)) {
                    let scores: Vec<f32> = values.row(i).iter().map(|x| x.abs()).collect();
                    largest(&scores, count).into_iter().for_each(|at| kept[at] = values.row(i)[at]);
                }
                kept
            }
        }
    }
}

fn add(a: &Matrix, b: &Matrix) -> Matrix {
    let values = a.as_slice().iter().zip(b.as_slice()).map(|(a, b)| a + b).collect();
    Matrix::from_vec(a.rows(), a.cols(), values)
}

/// The entries of `values` where `mask` is not 0.
fn masked(values: &Matrix, mask: &Matrix) -> Matrix {
    let kept = |(&x, &m): (&f32, &f32)| if m != 0.0 { x } else { 0.0 };
    Matrix::from_vec(values.rows(), values.cols(), values.as_slice().iter().zip(mask.as_slice()).map(kept).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sparsity_grows_by_the_cubic_schedule() {
        let admm = Admm::default();
        // 1 − (1 − 1/15)³ of what goes has gone after the first of 15; all of it after the last.
        assert_eq!(admm.budget(0, 1000, 250), 250 + (750.0 * (14.0f64 / 15.0).powi(3)) as usize);
        assert_eq!(admm.budget(14, 1000, 250), 250);
    }
}
