//! Error of the best low-rank approximation: the truncated singular value decomposition (Eckart and Young, 1936). A
//! dense pair n×r and r×m is the oldest way to replace a matrix by a product.

use crate::compute::{add_gram, eigenvalues};
use crate::matrix::Matrix;
use serde::{Deserialize, Serialize};

/// Relative errors of the best approximations of W of every rank.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spectrum {
    /// ‖W − W_r‖_F / ‖W‖_F for r from 0 to the smaller side.
    errors: Vec<f64>,
}

impl Spectrum {
    /// Computes the spectrum of `w`; `None` when it is not finite, or faer's iteration does not converge.
    ///
    /// The squares of the singular values are the eigenvalues of the smaller side's Gram matrix, here in f64: this takes
    /// half the time of a decomposition in f64, no more than one in f32, and is good for errors down to 1e-6 (measured).
    pub fn of(w: &Matrix) -> Option<Self> {
        let turned = (w.rows() < w.cols()).then(|| w.transposed());
        let tall = turned.as_ref().unwrap_or(w);
        let n = tall.cols();
        let mut gram = vec![0.0; n * n];
        add_gram(&mut gram, tall);
        let trace: f64 = (0..n).map(|i| gram[i * n + i]).sum();
        if trace == 0.0 {
            return Some(Self { errors: vec![0.0; n + 1] });
        }
        gram.iter_mut().for_each(|x| *x /= trace);
        let squares = eigenvalues(&gram, n)?;
        // From the smallest on: rank r leaves out the n − r smallest. Rounding may have made one negative.
        let mut left = 0.0;
        let mut errors = vec![0.0];
        errors.extend(squares.iter().map(|&square| {
            left += square.max(0.0);
            left
        }));
        errors.reverse();
        errors.iter_mut().for_each(|error| *error = (*error / left).sqrt());
        Some(Self { errors })
    }

    /// ‖W − W_r‖_F / ‖W‖_F of the best approximation W_r of rank `rank`; 0 when W is 0.
    pub fn error(&self, rank: usize) -> f64 {
        self.errors.get(rank).copied().unwrap_or(0.0)
    }

    /// The largest rank r whose dense pair n×r and r×m has at most `nonzeros` entries.
    pub fn rank(rows: usize, cols: usize, nonzeros: usize) -> usize {
        nonzeros.checked_div(rows + cols).unwrap_or(0).min(rows.min(cols))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::svd;

    #[test]
    fn by_hand() {
        // Singular values 4, 2, 1; squares 16 + 4 + 1.
        let diagonal = Matrix::from_vec(3, 3, vec![0.0, 2.0, 0.0, -4.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        let spectrum = Spectrum::of(&diagonal).unwrap();
        for (rank, left) in [(0, 21.0f64), (1, 5.0), (2, 1.0), (3, 0.0), (9, 0.0)] {
            assert!((spectrum.error(rank) - (left / 21.0).sqrt()).abs() < 1e-14, "rank {rank}: {spectrum:?}");
        }
    }

    #[test]
    fn rank_one_and_less() {
        for (rows, cols) in [(5, 9), (9, 5), (1, 4), (1, 1)] {
            let one = Matrix::from_fn(rows, cols, |i, j| (i + 1) as f32 * (3.0 - j as f32));
            let spectrum = Spectrum::of(&one).unwrap();
            assert_eq!(spectrum.error(0), 1.0);
            assert!(spectrum.error(1) < 1e-7, "{rows}×{cols}: {spectrum:?}");
            let zero = Spectrum::of(&Matrix::zeros(rows, cols)).unwrap();
            assert_eq!((zero.error(0), zero.error(1)), (0.0, 0.0));
        }
        assert_eq!(Spectrum::of(&Matrix::zeros(0, 3)).unwrap().error(0), 0.0);
        assert_eq!(Spectrum::of(&Matrix::from_vec(1, 2, vec![f32::NAN, 1.0])), None);
        assert_eq!(Spectrum::of(&Matrix::from_vec(2, 2, vec![f32::INFINITY, 1.0, 1.0, 1.0])), None);
    }

    #[test]
    fn tiny_and_huge_values_neither_vanish_nor_overflow() {
        for scale in [1e-40f32, 1e-30, 1e37] {
            let w = Matrix::from_vec(2, 2, vec![3.0 * scale, 0.0, 0.0, 4.0 * scale]);
            assert!((Spectrum::of(&w).unwrap().error(1) - 0.6).abs() < 1e-5, "{scale}");
        }
    }

    /// Against faer's decomposition, which is in f32.
    #[test]
    fn equals_the_decomposition() {
        for (rows, cols) in [(40, 70), (70, 40)] {
            let w = Matrix::from_fn(rows, cols, |i, j| ((i * 31 + j * 17 + i * j * j) % 23) as f32 - 11.0);
            let (spectrum, svd) = (Spectrum::of(&w).unwrap(), svd(&w).unwrap());
            for rank in 0..=40 {
                let left: f64 = svd.s[rank..].iter().rev().map(|&s| f64::from(s).powi(2)).sum();
                let error = (left / w.norm_squared()).sqrt();
                assert!((spectrum.error(rank) - error).abs() < 1e-6, "{rank}: {} {error}", spectrum.error(rank));
            }
        }
    }

    #[test]
    fn ranks_of_a_budget() {
        // 16384 nonzeros pay for 32 columns and rows of 256 each.
        assert_eq!(Spectrum::rank(256, 256, 16384), 32);
        assert_eq!(Spectrum::rank(256, 256, 16383), 31);
        assert_eq!(Spectrum::rank(2, 3, 100), 2);
        assert_eq!(Spectrum::rank(0, 0, 5), 0);
    }
}
