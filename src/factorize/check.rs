//! Whether factors are of a W.

use super::Error;
use crate::matrix::{Factors, Matrix};

/// Refuses factors that are not of W `[out, in]`, and values that are not finite in any of the three.
pub(super) fn check_factors(Factors { a, b }: &Factors, w: &Matrix) -> Result<(), Error> {
    if (a.rows(), a.cols(), b.cols()) != (w.rows(), b.rows(), w.cols()) {
        return Err(Error::Shapes { w: w.shape(), a: a.shape(), b: b.shape() });
    }
    let of_w = w.first_not_finite().map(|(row, col)| (row, col, w.get(row, col)));
    match of_w.or_else(|| a.first_not_finite()).or_else(|| b.first_not_finite()) {
        Some((row, col, value)) => Err(Error::NotFinite { row, col, value }),
        None => Ok(()),
    }
}
