//! The two factors of W ≈ A·B, in the orientation of the stored layer.

use super::{Csr, Matrix};
use serde::{Deserialize, Serialize};

/// Names one of the two factors of W ≈ A·B.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Factor {
    /// The output side A, `[out, k]`.
    A,
    /// The input side B, `[k, in]`.
    B,
}

impl Factor {
    /// The first factor of a W `rows`×`cols`, the square one with z_a nonzeros: A when out < in, else B.
    pub fn first(rows: usize, cols: usize) -> Self {
        if rows < cols { Self::A } else { Self::B }
    }

    /// The other one of the two factors.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// W ≈ A·B, both sparse. No stored entry is 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Factors {
    /// Output-side factor A, `[out, k]`.
    pub a: Csr,
    /// Input-side factor B, `[k, in]`.
    pub b: Csr,
}

impl Factors {
    /// Takes the nonzeros of dense A `[out, k]` and B `[k, in]`.
    pub fn from_dense(a: &Matrix, b: &Matrix) -> Self {
        Self { a: Csr::from_dense(a), b: Csr::from_dense(b) }
    }

    /// `(rows, cols)` of A·B.
    pub fn shape(&self) -> (usize, usize) {
        (self.a.rows(), self.b.cols())
    }

    /// k, the columns of A and rows of B.
    pub fn inner_dim(&self) -> usize {
        self.a.cols()
    }

    /// Number of nonzeros of both factors together.
    pub fn nnz(&self) -> usize {
        self.a.nnz() + self.b.nnz()
    }
}
