//! Relative Frobenius errors of a replacement, computed in f64.

use crate::compute::{chunks, chunks_of, prelude::*};
use crate::matrix::{Csr, Matrix};

/// ‖W − A·B‖_F / ‖W‖_F, every product and sum in f64; 0 when W is 0.
///
/// A is `[out, k]` and B `[k, in]`.
pub fn relative_error(w: &Matrix, a: &Csr, b: &Csr) -> f64 {
    assert_eq!((w.rows(), w.cols(), a.cols()), (a.rows(), b.cols(), b.rows()), "shapes of W, A and B");
    let rows: Vec<usize> = (0..w.rows()).collect();
    let square = |error: f64, value: f32| error + f64::from(value).powi(2);
    let sums: Vec<(f64, f64)> = chunks_of(&rows, 16)
        .map(|rows| {
            let mut product = vec![0.0f64; w.cols()];
            rows.iter().fold((0.0, 0.0), |(error, norm), &i| {
                product.fill(0.0);
                for (l, a) in a.row(i) {
                    for (j, b) in b.row(l) {
                        product[j] += f64::from(a) * f64::from(b);
                    }
                }
                let row = w.row(i).iter().zip(&product);
                let error = error + row.map(|(&w, p)| (f64::from(w) - p).powi(2)).sum::<f64>();
                (error, w.row(i).iter().copied().fold(norm, square))
            })
        })
        .collect();
    ratio(sums)
}

/// ‖W − V‖_F / ‖W‖_F for a matrix V of W's shape, summed in f64; 0 when W is 0.
pub fn relative_difference(w: &Matrix, v: &Matrix) -> f64 {
    assert_eq!(w.shape(), v.shape());
    let sums: Vec<(f64, f64)> = chunks(w.as_slice())
        .zip(chunks(v.as_slice()))
        .map(|(w, v)| {
            w.iter().zip(v).fold((0.0, 0.0), |(error, norm), (&w, &v)| {
                (error + (f64::from(w) - f64::from(v)).powi(2), norm + f64::from(w).powi(2))
            })
        })
        .collect();
    ratio(sums)
}

fn ratio(sums: Vec<(f64, f64)>) -> f64 {
    let (error, norm) = sums.into_iter().fold((0.0, 0.0), |(e, n), (error, norm)| (e + error, n + norm));
    if norm == 0.0 { 0.0 } else { (error / norm).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // W − AB = [[0, 1], [0, 0]], ‖W‖ = 3.
        let w = Matrix::from_vec(2, 2, vec![2.0, 1.0, 0.0, 2.0]);
        let [a, b] = [(2, 1, vec![1.0, 0.0]), (1, 2, vec![2.0, 0.0])]
            .map(|(rows, cols, values)| Csr::from_dense(&Matrix::from_vec(rows, cols, values)));
        assert!((relative_error(&w, &a, &b) - (5.0f64 / 9.0).sqrt()).abs() < 1e-15);
        let v = Matrix::from_vec(2, 2, vec![2.0, 0.0, 0.0, 2.0]);
        assert!((relative_difference(&w, &v) - 1.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn of_nothing_it_is_0() {
        let zero = Matrix::zeros(2, 2);
        assert_eq!(relative_difference(&zero, &zero), 0.0);
    }

    #[test]
    fn tiny_and_huge_values_neither_vanish_nor_overflow() {
        for scale in [1e-30f32, 1e30] {
            let w = Matrix::from_vec(1, 2, vec![3.0 * scale, 4.0 * scale]);
            let v = Matrix::from_vec(1, 2, vec![3.0 * scale, 0.0]);
            assert!((relative_difference(&w, &v) - 0.8).abs() < 1e-6);
        }
    }
}
