//! What is to be measured of a layer's speed.

use crate::compute::sparse::ValueFormat;
use serde::{Deserialize, Serialize};

/// A measurement of products with the layer on screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpeedRequest {
    /// Number format of values.
    pub values: ValueFormat,
    /// Whether a curve over densities is wanted, in place of the factors on screen.
    pub over_density: bool,
    /// How often it was asked to be measured again.
    pub again: usize,
}

impl Default for SpeedRequest {
    fn default() -> Self {
        Self { values: ValueFormat::F16, over_density: false, again: 0 }
    }
}
