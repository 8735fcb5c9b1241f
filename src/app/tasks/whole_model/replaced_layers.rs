//! What a model was measured with: one layer replaced, or all that are compressed.

use crate::app::state::compressed_layers::CompressedLayers;
use crate::app::state::factors_at::FactorsAt;
use crate::compress::LayerKey;

/// A layer of a model and the factors in its place.
#[derive(Clone, PartialEq)]
pub struct SingleLayer<K> {
    /// Number of the model with its data, see [`OpenModel::number`](super::open_model::OpenModel::number).
    pub model: usize,
    /// Identifier of the layer.
    pub id: K,
    /// Factors in the layer's place.
    pub factors: FactorsAt,
}

/// A layer of a model cut to its largest entries.
#[derive(Clone, Copy, PartialEq)]
pub struct PrunedLayer<K> {
    /// Number of the model with its data.
    pub model: usize,
    /// Identifier of the layer.
    pub id: K,
    /// Number of entries that are kept.
    pub kept: usize,
}

/// The compressed layers of a model at one moment.
#[derive(Clone, Copy, PartialEq)]
pub struct AllLayers {
    /// Number of the model with its data.
    pub model: usize,
    /// Version of the layers.
    pub version: usize,
    /// Number of replaced layers.
    pub count: usize,
    /// Whether values of theirs were tuned.
    pub tuned: bool,
}

impl AllLayers {
    /// The layers as they are now, of the model with this number.
    pub fn new<K: LayerKey>(model: usize, layers: &CompressedLayers<K>) -> Self {
        Self { model, version: layers.version(), count: layers.len(), tuned: layers.is_tuned() }
    }
}
