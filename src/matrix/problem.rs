//! The problem of replacing a layer: its weight and its input statistics.

use super::{Calibration, Matrix, OutputWeights};
use crate::tasks::shared;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A layer's weight and the statistics of its inputs.
#[derive(Clone, Serialize, Deserialize)]
pub struct Problem {
    /// Weight W, `[out, in]`.
    #[serde(with = "shared")]
    pub weight: Arc<Matrix>,
    /// Statistics of the layer's inputs; with them the layer-wise error is minimized.
    #[serde(with = "shared::option")]
    pub calibration: Option<Arc<Calibration>>,
    /// Statistics of other inputs, only for measuring the result.
    #[serde(with = "shared::option")]
    pub held_out: Option<Arc<Calibration>>,
    /// Weights of W's rows in what is minimized; the errors that are reported do not know them.
    #[serde(with = "shared::option")]
    pub output_weights: Option<Arc<OutputWeights>>,
}

impl Problem {
    /// A problem without statistics: the plain error is minimized.
    pub fn plain(weight: Arc<Matrix>) -> Self {
        Self { weight, calibration: None, held_out: None, output_weights: None }
    }
}
