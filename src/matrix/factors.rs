//! The two factors, in the orientation of the stored layer.

use super::Matrix;
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
}
