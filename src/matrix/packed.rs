//! A compact sparse matrix for history and drawing.

use super::{Csr, Mask, Matrix, set_bits};
use half::f16;
use serde::{Deserialize, Serialize};

/// A sparse matrix as a mask of one bit a position and values of 16 bits: eleven significant bits each, more than any
/// picture shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Packed {
    mask: Mask,
    #[serde(with = "crate::tasks::raw")]
    values: Vec<f16>,
    /// Power of two that brings the largest value near 1.
    scale: f32,
}

impl Packed {
    /// Packs all stored entries.
    pub fn of(matrix: &Csr) -> Self {
        let largest = matrix.max_abs();
        let usable = largest.is_finite() && largest > 0.0;
        let scale = if usable { 2f32.powi((largest.log2().floor() as i32).max(-126)) } else { 1.0 };
        let value = |&x: &f32| match f16::from_f32(x / scale) {
            // A kept entry must not round to zero.
            zero if zero == f16::ZERO => f16::from_bits(1).copysign(zero),
            value => value,
        };
        Self { mask: Mask::of_csr(matrix), values: matrix.values().iter().map(value).collect(), scale }
    }

    /// Positions of the entries.
    pub fn mask(&self) -> &Mask {
        &self.mask
    }

    /// Memory it takes, in bytes.
    pub fn bytes(&self) -> usize {
        self.mask.bytes() + 2 * self.values.len()
    }

    /// The sparse matrix, its values rounded.
    pub fn to_csr(&self) -> Csr {
        let mut values = self.values.iter();
        let mut matrix = Csr::default();
        matrix.refill(self.mask.rows(), self.mask.cols(), |i, indices, entries| {
            for (word, &bits) in self.mask.row_words(i).iter().enumerate() {
                for (bit, value) in set_bits(bits).zip(&mut values) {
                    indices.push((64 * word + bit) as u32);
                    entries.push(value.to_f32() * self.scale);
                }
            }
        });
        matrix
    }

    /// The dense matrix, its values rounded.
    pub fn to_matrix(&self) -> Matrix {
        let (rows, cols) = (self.mask.rows(), self.mask.cols());
        let mut matrix = Matrix::zeros(rows, cols);
        let mut values = self.values.iter();
        for (i, row) in matrix.as_mut_slice().chunks_mut(cols.max(1)).enumerate() {
            for (word, &bits) in self.mask.row_words(i).iter().enumerate() {
                for (bit, value) in set_bits(bits).zip(&mut values) {
                    row[64 * word + bit] = value.to_f32() * self.scale;
                }
            }
        }
        matrix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eleven_digits_and_the_whole_mask_come_back() {
        for size in [1.0f32, 1e-30, 1e30, 1e-38] {
            let matrix = Matrix::from_fn(7, 131, |i, j| {
                if (i * 5 + j) % 3 == 0 { size * ((i * 131 + j) as f32 - 400.0) / 500.0 } else { 0.0 }
            });
            let packed = Packed::of(&Csr::from_dense(&matrix));
            let back = packed.to_matrix();
            assert_eq!(packed.to_csr().to_dense(), back);
            assert_eq!(Mask::of(&back), Mask::of(&matrix));
            for (&x, &y) in matrix.as_slice().iter().zip(back.as_slice()) {
                assert!((x - y).abs() <= x.abs() / 2048.0, "{x} {y}");
            }
            assert_eq!(packed.bytes(), 7 * 3 * 8 + 2 * matrix.nnz());
        }
    }

    #[test]
    fn tiny_beside_huge_stays_nonzero() {
        let matrix = Matrix::from_vec(1, 3, vec![1e20, -1e-20, 0.0]);
        let back = Packed::of(&Csr::from_dense(&matrix)).to_matrix();
        assert!(back.get(0, 1) < 0.0 && back.get(0, 2) == 0.0);
        let zeros = Matrix::zeros(2, 2);
        assert_eq!(Packed::of(&Csr::from_dense(&zeros)).to_matrix(), zeros);
    }
}
