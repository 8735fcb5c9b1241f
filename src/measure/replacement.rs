//! The errors of what stands in W's place.

use super::{layer_difference, layer_error, relative_difference, relative_error};
use crate::matrix::{Csr, Factors, Matrix, Replacement};

impl Replacement {
    /// ‖W − Ŵ‖_F / ‖W‖_F, in f64.
    pub fn relative_error(&self, w: &Matrix) -> f64 {
        match self {
            Self::Factors(Factors { a, b }) | Self::Blocks(Factors { a, b }) => relative_error(w, a, b),
            Self::LowRank { a, b } => relative_error(w, &Csr::from_dense(a), &Csr::from_dense(b)),
            Self::Sparse(_) | Self::Chain(_) => relative_difference(w, &self.to_dense()),
        }
    }

    /// tr((W−Ŵ)·XᵀX·(W−Ŵ)ᵀ) / tr(W·XᵀX·Wᵀ), in f64.
    pub fn layer_error(&self, w: &Matrix, xtx: &Matrix) -> f64 {
        match self {
            Self::Factors(Factors { a, b }) | Self::Blocks(Factors { a, b }) => layer_error(w, a, b, xtx),
            Self::LowRank { a, b } => layer_error(w, &Csr::from_dense(a), &Csr::from_dense(b), xtx),
            Self::Sparse(_) | Self::Chain(_) => layer_difference(w, &self.to_dense(), xtx),
        }
    }
}
