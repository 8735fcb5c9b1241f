//! Low rank: the truncated singular value decomposition (Eckart and Young 1936), the best matrix of its rank.
//!
//! W ≈ A·B with A `[out, r]` and B `[r, in]`, both dense: r·(out + in) entries.

use super::{Baseline, Error, ProgressFn, report_progress};
use crate::compute::svd;
use crate::matrix::{Matrix, Problem, Replacement};
use crate::measure::Spectrum;

/// Truncated SVD with the largest rank that the budget allows.
pub struct LowRank;

impl Baseline for LowRank {
    fn replace(&self, problem: &Problem, budget: usize, progress: ProgressFn<'_>) -> Result<Replacement, Error> {
        let (rows, cols) = problem.weight.shape();
        if budget < rows + cols {
            return Err(Error::NoRoom { method: "SVD", budget, least: rows + cols });
        }
        // The decomposition is one call, without progress.
        report_progress(progress, 0.0)?;
        let [a, b] = truncated_svd(&problem.weight, Spectrum::rank(rows, cols, budget))?;
        report_progress(progress, 1.0)?;
        Ok(Replacement::LowRank { a, b })
    }
}

/// A and B of rank `rank`, with the square roots of the singular values in each.
pub fn truncated_svd(w: &Matrix, rank: usize) -> Result<[Matrix; 2], Error> {
    let (rows, cols) = w.shape();
    let svd = svd(w).ok_or(Error::NotConverged)?;
    let root: Vec<f32> = svd.s.iter().map(|s| s.max(0.0).sqrt()).collect();
    let a = Matrix::from_fn(rows, rank, |i, l| svd.u.get(i, l) * root[l]);
    let b = Matrix::from_fn(rank, cols, |l, j| svd.v.get(j, l) * root[l]);
    Ok([a, b])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_error_is_the_truncated_spectrums() {
        let w = Matrix::from_fn(30, 50, |i, j| ((i * 31 + j * 17 + i * j) % 29) as f32 - 14.0);
        let spectrum = Spectrum::of(&w).unwrap();
        for rank in [1, 7, 29, 30] {
            let [a, b] = truncated_svd(&w, rank).unwrap();
            assert_eq!(a.shape(), (30, rank));
            let error = Replacement::LowRank { a, b }.relative_error(&w);
            assert!((error - spectrum.error(rank)).abs() < 1e-5, "{rank}: {error}");
        }
    }
}
