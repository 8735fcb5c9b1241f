//! A layer that has been replaced.

use crate::export::{self, RunReport};
use crate::factorize::{Factors, Settings};
use crate::language::LayerId;
use crate::matrix::Matrix;
use crate::model::Dtype;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What replaces W.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kept {
    /// Two sparse matrices, in f32.
    Factors(Factors),
    /// One.
    Pruned(Matrix),
}

impl Kept {
    /// What a merged file holds in W's place: the product, or the one matrix, in W's own format.
    pub fn weight(&self, dtype: Dtype) -> Result<Matrix, export::Error> {
        match self {
            Self::Factors(factors) => export::merged(factors, dtype),
            Self::Pruned(matrix) => Ok(matrix.clone()),
        }
    }
}

/// A layer and what replaces it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CompressedLayer {
    /// Which layer.
    pub id: LayerId,
    /// What replaces its weight.
    pub kept: Kept,
    /// The same as one matrix `[out, in]`, as a merged file holds it and as later layers see it.
    #[serde(with = "crate::away::shared")]
    pub weight: Arc<Matrix>,
    /// Of the run, split and orientation as they were found.
    pub settings: Settings,
    /// Errors, nonzeros, bytes.
    pub report: RunReport,
}
