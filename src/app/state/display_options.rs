//! How all pictures are shown.

use crate::app::widgets::picture::{AUTOMATIC, Shade};
use crate::matrix::Arrangement;
use serde::{Deserialize, Serialize};

/// Display options of all pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DisplayOptions {
    /// Values, density or mask.
    pub shade: Shade,
    /// The order of rows and columns.
    pub arrangement: Arrangement,
    /// The share of nonzeros whose magnitude is within the colours; at its first value the range is found by itself.
    pub percentile: f64,
    /// Whether rows' and columns' counts are shown.
    pub marginals: bool,
}

impl Default for DisplayOptions {
    fn default() -> Self {
        Self { shade: Shade::Value, arrangement: Arrangement::Stored, percentile: AUTOMATIC, marginals: true }
    }
}
