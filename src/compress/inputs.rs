//! What is known of the layers' inputs.

use crate::language::Windows;
use crate::model::Checkpoint;
use std::sync::Arc;

/// Where the statistics of the layers' inputs come from.
#[derive(Clone)]
pub enum Inputs {
    /// Nothing is known: the plain error of each layer counts.
    Unknown,
    /// The model reads these windows, layer by layer.
    Windows(Windows),
    /// From a file that an earlier compression has saved.
    Saved(Arc<Checkpoint>),
}
