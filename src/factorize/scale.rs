//! The scale that the solver works at, a power of two so that nothing is rounded.

use crate::matrix::Matrix;

/// The power of two nearest to W's root mean square; 1 for W = 0.
pub(super) fn scale_of(w: &Matrix) -> f32 {
    scale_of_values(w.as_slice(), w.len())
}

/// The same for a matrix of so many entries, all zeros but `values`.
pub(super) fn scale_of_values(values: &[f32], entries: usize) -> f32 {
    let largest = f64::from(values.iter().fold(0.0f32, |most, x| most.max(x.abs())));
    if largest == 0.0 {
        return 1.0;
    }
    let squares: f64 = values.iter().map(|&x| (f64::from(x) / largest).powi(2)).sum();
    let rms = largest * (squares / entries as f64).sqrt();
    2f64.powi(rms.log2().round().clamp(-120.0, 120.0) as i32) as f32
}
