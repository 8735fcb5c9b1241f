//! Whether factors are of a W.

use super::Error;
use crate::matrix::{Factors, Matrix};

/// Refuses factors that are not of W `[out, in]`, and values that are not finite in any of the three.
pub(super) fn check_factors(Factors { a, b }: &Factors, w: &Matrix) -> Result<(), Error> {
    if (a.rows(), a.cols(), b.cols()) != (w.rows(), b.rows(), w.cols()) {
        return Err(Error::Shapes { w: w.shape(), a: a.shape(), b: b.shape() });
    }
    for matrix in [w, a, b] {
        if let Some((row, col)) = matrix.first_not_finite() {
            return Err(Error::NotFinite { row, col, value: matrix.get(row, col) });
        }
    }
    Ok(())
}
