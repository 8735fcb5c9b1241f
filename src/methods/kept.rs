//! What a method leaves in W's place.

use super::Form;
use crate::matrix::{Factors, Matrix};
use crate::measure::{self, Storage};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What replaces W.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kept {
    /// Two matrices, in f32.
    Factors(Factors),
    /// One.
    Pruned(Matrix),
    /// Several: W ≈ S₁·S₂·…
    Chain(Vec<Matrix>),
}

impl Kept {
    /// As one matrix `[out, in]`.
    pub fn matrix(&self) -> Cow<'_, Matrix> {
        match self {
            Self::Factors(factors) => Cow::Owned(factors.product()),
            Self::Pruned(matrix) => Cow::Borrowed(matrix),
            Self::Chain(chain) => Cow::Owned(chain_product(chain)),
        }
    }

    /// Its nonzeros.
    pub fn nnz(&self) -> usize {
        match self {
            Self::Factors(factors) => factors.nnz(),
            Self::Pruned(matrix) => matrix.nnz(),
            Self::Chain(chain) => chain.iter().map(Matrix::nnz).sum(),
        }
    }

    /// A and B, where it is two matrices.
    pub fn factors(&self) -> Option<&Factors> {
        if let Self::Factors(factors) = self { Some(factors) } else { None }
    }

    /// ‖W − Ŵ‖_F / ‖W‖_F, in f64.
    pub fn relative_error(&self, w: &Matrix) -> f64 {
        match self {
            Self::Factors(Factors { a, b }) => measure::relative_error(w, a, b),
            _ => measure::relative_difference(w, &self.matrix()),
        }
    }

    /// tr((W−Ŵ)·XᵀX·(W−Ŵ)ᵀ) / tr(W·XᵀX·Wᵀ), in f64.
    pub fn layer_error(&self, w: &Matrix, xtx: &Matrix) -> f64 {
        match self {
            Self::Factors(Factors { a, b }) => measure::layer_error(w, a, b, xtx),
            _ => measure::layer_difference(w, &self.matrix(), xtx),
        }
    }
}

/// S₁·S₂·…, in f32.
pub(super) fn chain_product(chain: &[Matrix]) -> Matrix {
    let Some((last, others)) = chain.split_last() else { return Matrix::zeros(0, 0) };
    others.iter().rev().fold(last.clone(), |right, left| {
        let mut product = Matrix::zeros(left.rows(), right.cols());
        crate::compute::matmul(&mut product, left.view(), right.view());
        product
    })
}

/// Bytes with 16-bit values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// With one bit for each position; `None` where positions need not be stored.
    pub bitmask: Option<u64>,
    /// With an index for each nonzero; `None` where positions need not be stored.
    pub csr: Option<u64>,
    /// The least of what it can be stored in.
    pub bytes: u64,
}

impl Stored {
    pub(super) fn of(kept: &Kept, form: Form, entries: usize) -> Self {
        let one = |matrix: &Matrix| Storage::of_matrix(matrix.rows(), matrix.cols(), matrix.nnz());
        let sparse = |matrices: &[&Matrix]| {
            let (bitmask, csr) = matrices
                .iter()
                .map(|matrix| one(matrix))
                .fold((0, 0), |(bits, csr), storage| (bits + storage.bitmask, csr + storage.csr));
            Self { bitmask: Some(bitmask), csr: Some(csr), bytes: bitmask.min(csr) }
        };
        match kept {
            _ if form == Form::Dense => Self { bitmask: None, csr: None, bytes: 2 * entries as u64 },
            Kept::Factors(Factors { a, b }) => sparse(&[a, b]),
            Kept::Pruned(matrix) => sparse(&[matrix]),
            Kept::Chain(chain) => sparse(&chain.iter().collect::<Vec<_>>()),
        }
    }
}
