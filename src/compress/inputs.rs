//! Input statistics of the layers.

use crate::language::Windows;
use crate::model::SavedStatistics;
use crate::vision::Pictures;
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

/// The same of a vision model.
#[derive(Clone)]
pub enum VisionInputs {
    /// No statistics: the plain error of each layer is minimized.
    Unknown,
    /// The network reads these pictures, layer by layer.
    Pictures(Pictures),
    /// Statistics saved by an earlier compression.
    Saved(Arc<SavedStatistics>),
}
