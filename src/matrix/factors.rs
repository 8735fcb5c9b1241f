//! The two factors of W ≈ A·B, in the orientation of the stored layer.

use super::Matrix;
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

    /// The other factor.
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
    /// Output-side factor A, `[out, k]`.
    pub a: Matrix,
    /// Input-side factor B, `[k, in]`.
    pub b: Matrix,
}

impl Factors {
    /// Number of nonzeros of both factors together.
    pub fn nnz(&self) -> usize {
        self.a.nnz() + self.b.nnz()
    }
}
