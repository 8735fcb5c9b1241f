//! Input statistics of the layers.

use crate::language::Windows;
use crate::model::SavedStatistics;
use std::sync::Arc;

/// Source of the layers' input statistics.
#[derive(Clone)]
pub enum Inputs {
    /// No statistics: the plain error of each layer is minimized.
    Unknown,
    /// The model reads these calibration windows, layer by layer.
    Windows(Windows),
    /// Statistics saved by an earlier compression.
    Saved(Arc<SavedStatistics>),
}
