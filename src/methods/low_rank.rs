//! The best matrix of low rank: the truncated singular value decomposition (Eckart and Young 1936).
//!
//! W ≈ A·B with A `[out, r]` and B `[r, in]`, both dense: r·(out + in) entries.

use super::{Baseline, Error, Kept, ProgressFn, report_progress};
use crate::compute::svd;
use crate::matrix::{Factors, Matrix, Problem};
use crate::measure::Spectrum;

/// See the module.
pub struct LowRank;

impl Baseline for LowRank {
    fn replace(&self, problem: &Problem, budget: usize, progress: ProgressFn<'_>) -> Result<Kept, Error> {
        let (rows, cols) = problem.weight.shape();
        if budget < rows + cols {
            return Err(Error::NoRoom { method: "SVD", budget, least: rows + cols });
        }
        // The decomposition is one call, which nothing can look into.
        report_progress(progress, 0.0)?;
        let factors = truncated_svd(&problem.weight, Spectrum::rank(rows, cols, budget))?;
        report_progress(progress, 1.0)?;
        Ok(Kept::Factors(factors))
    }
}

/// A and B of rank `rank`, the singular values shared between them.
pub fn truncated_svd(w: &Matrix, rank: usize) -> Result<Factors, Error> {
    let (rows, cols) = w.shape();
    let svd = svd(w).ok_or(Error::NotConverged)?;
    let root: Vec<f32> = svd.s.iter().map(|s| s.max(0.0).sqrt()).collect();
    let a = Matrix::from_fn(rows, rank, |i, l| svd.u.get(i, l) * root[l]);
    let b = Matrix::from_fn(rank, cols, |l, j| svd.v.get(j, l) * root[l]);
    Ok(Factors { a, b })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::relative_error;

    #[test]
    fn its_error_is_the_truncated_spectrums() {
        let w = Matrix::from_fn(30, 50, |i, j| ((i * 31 + j * 17 + i * j) % 29) as f32 - 14.0);
        let spectrum = Spectrum::of(&w).unwrap();
        for rank in [1, 7, 29, 30] {
            let factors = truncated_svd(&w, rank).unwrap();
            assert_eq!(factors.a.shape(), (30, rank));
            let error = relative_error(&w, &factors.a, &factors.b);
            assert!((error - spectrum.error(rank)).abs() < 1e-5, "{rank}: {error}");
        }
    }
}
