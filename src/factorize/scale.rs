//! The scale that the solver works at, a power of two so that nothing is rounded.

use crate::matrix::{Matrix, exponent_of};

/// The power of two nearest to W's root mean square; 1 for W = 0.
pub(super) fn scale_of(w: &Matrix) -> f32 {
    scale_of_values(w.as_slice(), w.len())
}

/// The same for a matrix of so many entries, all zeros but `values`.
pub(super) fn scale_of_values(values: &[f32], entries: usize) -> f32 {
    2f32.powi(exponent_of(values, entries).clamp(-120, 120))
}
