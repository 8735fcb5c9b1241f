//! A chart with its numbers, ready to be written.

use serde::{Deserialize, Serialize};

/// A chart and its numbers as files have them.
#[derive(Clone, Serialize, Deserialize)]
pub struct ChartFiles {
    /// A row for each point.
    pub csv: String,
    /// All numbers, as JSON.
    pub json: String,
    /// The chart, as SVG.
    pub svg: String,
}
