//! What is to be replaced, and what is known of its inputs.

use super::{Calibration, Matrix};
use crate::tasks::shared;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A layer's weight and the statistics of its inputs.
#[derive(Clone, Serialize, Deserialize)]
pub struct Problem {
    /// W `[out, in]`.
    #[serde(with = "shared")]
    pub weight: Arc<Matrix>,
    /// Statistics of the layer's inputs: with them W is replaced against the layer-wise error.
    #[serde(with = "shared::option")]
    pub calibration: Option<Arc<Calibration>>,
    /// Statistics of other inputs, which the result is measured with and nothing else.
    #[serde(with = "shared::option")]
    pub held_out: Option<Arc<Calibration>>,
}

impl Problem {
    /// W alone: its plain error counts.
    pub fn plain(weight: Arc<Matrix>) -> Self {
        Self { weight, calibration: None, held_out: None }
    }
}
