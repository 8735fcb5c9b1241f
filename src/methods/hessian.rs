//! The Hessian H = XᵀX of Optimal Brain Surgeon, and its inverse.

use crate::compute::invert;
use crate::matrix::{Calibration, Matrix};

/// Cholesky factor of H⁻¹.
pub struct InverseFactor {
    /// Upper triangular U with H⁻¹ = UᵀU.
    pub upper: Matrix,
    /// Whether each input is always 0.
    pub dead: Vec<bool>,
}

/// H = XᵀX + `damping`·mean(diagonal)·I in f64, row-major, and whether each input is always 0; such inputs have a
/// diagonal of 1.
pub fn hessian(inputs: &Calibration, damping: f64) -> (Vec<f64>, Vec<bool>) {
    let xtx = inputs.xtx();
    let n = xtx.rows();
    let mut h: Vec<f64> = xtx.as_slice().iter().map(|&x| f64::from(x)).collect();
    let dead: Vec<bool> = (0..n).map(|j| h[j * n + j] == 0.0).collect();
    (0..n).filter(|&j| dead[j]).for_each(|j| h[j * n + j] = 1.0);
    let mean = (0..n).map(|j| h[j * n + j]).sum::<f64>() / n.max(1) as f64;
    (0..n).for_each(|j| h[j * n + j] += damping * mean);
    (h, dead)
}

/// Cholesky factor of the inverse of [`hessian`]; `None` when H cannot be inverted.
pub fn inverse_factor(inputs: &Calibration, damping: f64) -> Option<InverseFactor> {
    let (h, dead) = hessian(inputs, damping);
    let n = dead.len();
    let inverse = invert(&h, n)?;
    // Cholesky of H⁻¹ = L·Lᵀ, row by row; U = Lᵀ.
    let mut l = vec![0.0f64; n * n];
    for i in 0..n {
        for j in 0..=i {
            let (row_i, row_j) = (&l[i * n..i * n + j], &l[j * n..j * n + j]);
            let dot: f64 = row_i.iter().zip(row_j).map(|(a, b)| a * b).sum();
            let left = inverse[i * n + j] - dot;
            l[i * n + j] = if i == j { (left > 0.0).then(|| left.sqrt())? } else { left / l[j * n + j] };
        }
    }
    let upper = Matrix::from_fn(n, n, |i, j| if j >= i { l[j * n + i] as f32 } else { 0.0 });
    Some(InverseFactor { upper, dead })
}
