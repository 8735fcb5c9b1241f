//! What is open: a checkpoint, a layer of it, what is known of the layer's inputs.

use super::inputs::LayerInputs;
use super::link::Link;
use super::loaded_layer::LoadedLayer;
use super::persistence::SavedPreferences;
use crate::matrix::Problem;
use crate::model::{Checkpoint, EXAMPLE_NAME, Orientation, Source};
use std::sync::Arc;

/// State that a window began with, to begin with again.
#[derive(Clone, Default)]
pub struct Beginning {
    /// Source that was opened; the example without.
    pub source: Option<Source>,
    /// The tensor of it; its first layer without.
    pub tensor: Option<String>,
    /// The link that was followed.
    pub link: Option<Link>,
    /// The preferences of the last time.
    pub saved: SavedPreferences,
}

/// The open document: checkpoint, layer and input statistics.
#[derive(Default)]
pub struct Document {
    /// The file or folder.
    pub checkpoint: Option<Arc<Checkpoint>>,
    /// The layer: what the next run factorizes.
    pub layer: Option<LoadedLayer>,
    /// Order of its matrices' stored dimensions, as far as a person has said so.
    pub orientation: Orientation,
    /// Statistics of the layer's inputs, as far as they are known.
    pub inputs: LayerInputs,
    /// The address of what is open, if it has one.
    pub address: Option<String>,
    /// State that the window began with.
    pub beginning: Beginning,
}

impl Document {
    /// Returns the problem that a run or a method started now works on.
    pub fn problem(&self) -> Option<Problem> {
        let weight = self.layer.as_ref()?.layer.weight.clone();
        Some(Problem {
            weight,
            calibration: self.inputs.calibration(),
            held_out: self.inputs.held_out(),
            output_weights: None,
        })
    }

    /// The layer that is open, with its problem.
    pub fn layer_and_problem(&self) -> Option<(LoadedLayer, Problem)> {
        self.layer.clone().zip(self.problem())
    }

    /// Rows and columns of the layer.
    pub fn shape(&self) -> Option<(usize, usize)> {
        self.layer.as_ref().map(LoadedLayer::shape)
    }

    /// Whether changing a setting starts a run.
    pub fn is_live(&self) -> bool {
        self.layer.as_ref().is_some_and(LoadedLayer::is_small)
    }

    /// Whether the built-in checkpoint is open.
    pub fn is_example(&self) -> bool {
        self.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.name() == EXAMPLE_NAME)
    }
}
