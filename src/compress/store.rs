//! Storage of finished layers.

use super::{CompressedLayer, Error, LayerKey, OutputSquares};
use crate::language::LayerId;
use crate::matrix::Calibration;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A store of finished layers, so that none is computed twice.
pub trait Store<K: LayerKey = LayerId>: Send {
    /// The layer, if it is finished.
    fn find(&mut self, id: K) -> Result<Option<Arc<CompressedLayer<K>>>, Error>;

    /// Stores a finished layer; when this returns, it is safe.
    fn keep(&mut self, layer: &Arc<CompressedLayer<K>>) -> Result<(), Error>;

    /// Whether the statistics of the stage beginning with `first` are to be stored and are not yet.
    fn wants_statistics(&self, first: K) -> bool;

    /// Stores the input statistics of a stage, under its first layer.
    fn keep_statistics(&mut self, first: K, statistics: &Calibration) -> Result<(), Error>;

    /// Values of the norms and biases of a block that was tuned, by name, if it is finished.
    fn block_tensors(&mut self, _: usize) -> Result<Option<BTreeMap<String, Vec<f32>>>, Error> {
        Ok(None)
    }

    /// Stores them: with them a tuned block is finished.
    fn keep_block_tensors(&mut self, _: usize, _: &BTreeMap<String, Vec<f32>>) -> Result<(), Error> {
        Ok(())
    }

    /// How much the loss feels each layer's outputs, if it is stored.
    fn output_squares(&mut self) -> Result<Option<OutputSquares<K>>, Error> {
        Ok(None)
    }

    /// Stores how much the loss feels each layer's outputs, with the statistics.
    fn keep_output_squares(&mut self, _: &OutputSquares<K>) -> Result<(), Error> {
        Ok(())
    }
}

/// A store in memory, without statistics.
pub struct Memory<K = LayerId> {
    layers: BTreeMap<K, Arc<CompressedLayer<K>>>,
}

impl<K> Default for Memory<K> {
    fn default() -> Self {
        Self { layers: BTreeMap::new() }
    }
}

impl<K: LayerKey> Memory<K> {
    /// A store that holds these layers.
    pub fn new(layers: impl IntoIterator<Item = Arc<CompressedLayer<K>>>) -> Self {
        Self { layers: layers.into_iter().map(|layer| (layer.id, layer)).collect() }
    }
}

impl<K: LayerKey> Store<K> for Memory<K> {
    fn find(&mut self, id: K) -> Result<Option<Arc<CompressedLayer<K>>>, Error> {
        Ok(self.layers.get(&id).cloned())
    }

    fn wants_statistics(&self, _: K) -> bool {
        false
    }

    fn keep(&mut self, layer: &Arc<CompressedLayer<K>>) -> Result<(), Error> {
        self.layers.insert(layer.id, layer.clone());
        Ok(())
    }

    fn keep_statistics(&mut self, _: K, _: &Calibration) -> Result<(), Error> {
        Ok(())
    }
}
