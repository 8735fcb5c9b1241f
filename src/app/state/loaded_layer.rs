//! A layer and where it is from.

use crate::measure::cost::is_live_layer;
use crate::model::{Checkpoint, Layer};
use std::sync::Arc;

/// A layer that was read, with its origin.
#[derive(Clone)]
pub struct LoadedLayer {
    /// W, its name and its file.
    pub layer: Arc<Layer>,
    /// Name of the file or folder that it was opened from.
    pub origin: String,
    /// The checkpoint that holds it; none for a layer that is in no file.
    pub checkpoint: Option<Arc<Checkpoint>>,
}

impl LoadedLayer {
    /// A layer that is in no checkpoint.
    pub fn new(layer: Layer, origin: &str) -> Self {
        Self { layer: Arc::new(layer), origin: origin.to_owned(), checkpoint: None }
    }

    /// A layer of this checkpoint.
    pub fn of(layer: Layer, checkpoint: &Arc<Checkpoint>) -> Self {
        Self { checkpoint: Some(checkpoint.clone()), ..Self::new(layer, checkpoint.name()) }
    }

    /// Whether two are the same layer of the same file.
    pub fn is(&self, other: &Self) -> bool {
        let (a, b) = (&self.layer, &other.layer);
        Arc::ptr_eq(a, b) || (&self.origin, &a.file, &a.name, &a.shape) == (&other.origin, &b.file, &b.name, &b.shape)
    }

    /// Rows and columns of W.
    pub fn shape(&self) -> (usize, usize) {
        self.layer.weight.shape()
    }

    /// Whether a run on it takes no more than a moment.
    pub fn is_small(&self) -> bool {
        is_live_layer(self.layer.weight.len())
    }

    /// Whether it is of the built-in checkpoint.
    pub fn is_of_example(&self) -> bool {
        self.origin == crate::model::EXAMPLE_NAME
    }
}
