//! The layer-wise error: the error of the layer's outputs on its real inputs, from their statistics XᵀX.

use crate::compute::{chunks_of, prelude::*, product_lower};
use crate::matrix::{Csr, Matrix};

/// ‖XW − XŴ‖² / ‖XW‖² in the paper's orientation: tr((W−AB)·XᵀX·(W−AB)ᵀ) / tr(W·XᵀX·Wᵀ), every product and sum in f64;
/// 0 when the layer's outputs are 0.
///
/// W is `[out, in]`, A `[out, k]`, B `[k, in]`, and `xtx` the input statistics XᵀX, `[in, in]`, at any scale.
pub fn layer_error(w: &Matrix, a: &Csr, b: &Csr, xtx: &Matrix) -> f64 {
    let whole = output_energy(w, xtx);
    if whole > 0.0 { residual_energy(w, a, b, xtx) / whole } else { 0.0 }
}

/// [`layer_error`] of one matrix Ŵ `[out, in]` in place of A·B.
pub fn layer_difference(w: &Matrix, replacement: &Matrix, xtx: &Matrix) -> f64 {
    assert_eq!(w.shape(), replacement.shape(), "shapes of W and what replaces it");
    let whole = output_energy(w, xtx);
    let difference = energy(w, xtx, |i, row| {
        row.iter_mut().zip(replacement.row(i)).for_each(|(difference, &x)| *difference -= f64::from(x));
    });
    if whole > 0.0 { difference / whole } else { 0.0 }
}

/// Energy of the layer's outputs, tr(W·XᵀX·Wᵀ) ≥ 0.
pub(crate) fn output_energy(w: &Matrix, xtx: &Matrix) -> f64 {
    energy(w, xtx, |_, _| {})
}

/// Energy of the outputs' error, tr((W−AB)·XᵀX·(W−AB)ᵀ) ≥ 0.
pub(crate) fn residual_energy(w: &Matrix, a: &Csr, b: &Csr, xtx: &Matrix) -> f64 {
    assert_eq!((w.rows(), w.cols(), a.cols()), (a.rows(), b.cols(), b.rows()), "shapes of W, A and B");
    energy(w, xtx, |i, row| {
        for (l, a) in a.row(i) {
            for (j, b) in b.row(l) {
                row[j] -= f64::from(a) * f64::from(b);
            }
        }
    })
}

/// tr(D·XᵀX·Dᵀ), where `subtract(i, row)` turns row i of W into row i of D.
fn energy(w: &Matrix, xtx: &Matrix, subtract: impl Fn(usize, &mut [f64]) + Sync) -> f64 {
    /// Rows multiplied by XᵀX at a time; fixed, so that sums do not depend on the number of threads.
    const ROWS: usize = 64;
    let n = w.cols();
    assert_eq!(xtx.shape(), (n, n), "the statistics of {n} inputs");
    // dᵀ·XᵀX·d is also dᵀ·L·d for the lower triangle L with what lies above the diagonal added to it: half the products.
    let mut lower = vec![0.0; n * n];
    for (i, row) in lower.chunks_mut(n.max(1)).enumerate() {
        let above = (0..i).map(|j| f64::from(xtx.get(i, j)) + f64::from(xtx.get(j, i)));
        row.iter_mut().zip(above).for_each(|(x, sum)| *x = sum);
        row[i] = f64::from(xtx.get(i, i));
    }
    let rows: Vec<usize> = (0..w.rows()).collect();
    let sums: Vec<f64> = chunks_of(&rows, ROWS)
        .map(|rows| {
            let mut difference: Vec<f64> = Vec::with_capacity(rows.len() * n);
            for &i in rows {
                let start = difference.len();
                difference.extend(w.row(i).iter().map(|&x| f64::from(x)));
                subtract(i, &mut difference[start..]);
            }
            let mut seen = vec![0.0; difference.len()];
            product_lower(&mut seen, &difference, &lower, rows.len());
            difference.iter().zip(&seen).map(|(difference, seen)| difference * seen).sum()
        })
        .collect();
    // XᵀX is semidefinite, so only rounding makes a trace negative; NaN stays NaN.
    let sum: f64 = sums.iter().sum();
    if sum < 0.0 { 0.0 } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // W − AB = [[0, 1], [0, 0]]; (0 1)·C·(0 1)ᵀ = 2. W·C·Wᵀ: (2 1)·C·(2 1)ᵀ = 12 + 4 + 2 = 18, (0 2) gives 8.
        let w = Matrix::from_vec(2, 2, vec![2.0, 1.0, 0.0, 2.0]);
        let product = Matrix::from_vec(2, 2, vec![2.0, 0.0, 0.0, 2.0]);
        let (a, b) = (Csr::from_dense(&Matrix::from_vec(2, 2, vec![1.0, 0.0, 0.0, 1.0])), Csr::from_dense(&product));
        let xtx = Matrix::from_vec(2, 2, vec![3.0, 1.0, 1.0, 2.0]);
        assert!((layer_error(&w, &a, &b, &xtx) - 2.0 / 26.0).abs() < 1e-15);
        assert!((layer_difference(&w, &product, &xtx) - 2.0 / 26.0).abs() < 1e-15);
        // A vanishing difference, and an input that never comes.
        assert_eq!(layer_error(&product, &a, &b, &xtx), 0.0);
        let dead = Matrix::from_vec(2, 2, vec![1.0, 0.0, 0.0, 0.0]);
        assert_eq!(layer_error(&w, &a, &b, &dead), 0.0);
    }

    #[test]
    fn with_independent_inputs_it_is_the_square_of_the_relative_error() {
        let w = Matrix::from_fn(70, 33, |i, j| ((i * 7 + j * 13) % 17) as f32 - 8.0);
        let (a, b) =
            (Matrix::from_fn(70, 5, |i, l| ((i + l) % 3) as f32), Matrix::from_fn(5, 33, |l, j| (l * j) as f32));
        let (a, b) = (Csr::from_dense(&a), Csr::from_dense(&b));
        let identity = Matrix::from_fn(33, 33, |i, j| f32::from(u8::from(i == j)));
        let relative = crate::measure::relative_error(&w, &a, &b);
        assert!((layer_error(&w, &a, &b, &identity) / relative.powi(2) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn of_nothing_it_is_0() {
        let (w, k) = (Matrix::zeros(2, 2), Csr::from_dense(&Matrix::zeros(2, 2)));
        assert_eq!(layer_error(&w, &k, &k, &Matrix::from_vec(2, 2, vec![1.0, 0.0, 0.0, 1.0])), 0.0);
        let (empty, k) = (Matrix::zeros(0, 0), Csr::from_dense(&Matrix::zeros(0, 0)));
        assert_eq!(layer_error(&empty, &k, &k, &empty), 0.0);
    }
}
