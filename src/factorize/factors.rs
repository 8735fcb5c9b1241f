//! The two factors, in the orientation of the stored layer.

use crate::matrix::Matrix;
use serde::{Deserialize, Serialize};

/// One of the two factors of W ≈ A·B.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Factor {
    /// `[out, k]`, the output side.
    A,
    /// `[k, in]`, the input side.
    B,
}

impl Factor {
    /// The first (square, z_a) factor of a W `rows`×`cols`: A when out < in, else B.
    pub fn first(rows: usize, cols: usize) -> Self {
        if rows < cols { Self::A } else { Self::B }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// W ≈ A·B.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Factors {
    /// `[out, k]`.
    pub a: Matrix,
    /// `[k, in]`.
    pub b: Matrix,
}

impl Factors {
    /// Nonzeros of both together.
    pub fn nnz(&self) -> usize {
        self.a.nnz() + self.b.nnz()
    }

    /// Refuses factors that are not of W `[out, in]`, and values that are not finite in any of the three.
    pub(super) fn check(&self, w: &Matrix) -> Result<(), super::Error> {
        let (a, b) = (&self.a, &self.b);
        if (a.rows(), a.cols(), b.cols()) != (w.rows(), b.rows(), w.cols()) {
            return Err(super::Error::Shapes { w: w.shape(), a: a.shape(), b: b.shape() });
        }
        for matrix in [w, a, b] {
            if let Some((row, col)) = matrix.first_not_finite() {
                return Err(super::Error::NotFinite { row, col, value: matrix.get(row, col) });
            }
        }
        Ok(())
    }

    /// A·B, in f32.
    pub fn product(&self) -> Matrix {
        let mut out = Matrix::zeros(self.a.rows(), self.b.cols());
        crate::compute::product(&mut out, self.a.view(), self.b.view());
        out
    }
}
