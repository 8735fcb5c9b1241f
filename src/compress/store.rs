//! Where finished layers are kept.

use super::{CompressedLayer, Error};
use crate::language::LayerId;
use crate::matrix::Calibration;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Keeps finished layers, so that none is done twice.
pub trait Store: Send {
    /// A layer that is finished already.
    fn find(&mut self, id: LayerId) -> Result<Option<Arc<CompressedLayer>>, Error>;

    /// Keeps a layer; when this returns, it is safe.
    fn keep(&mut self, layer: &Arc<CompressedLayer>) -> Result<(), Error>;

    /// Whether the statistics of the stage that begins with this layer are to be kept, and are not yet.
    fn wants_statistics(&self, first: LayerId) -> bool;

    /// Keeps what the layers of a stage read, under the first of them.
    fn keep_statistics(&mut self, first: LayerId, statistics: &Calibration) -> Result<(), Error>;
}

/// Keeps layers in memory, and no statistics.
#[derive(Default)]
pub struct Memory {
    layers: BTreeMap<LayerId, Arc<CompressedLayer>>,
}

impl Memory {
    /// With these layers.
    pub fn new(layers: impl IntoIterator<Item = Arc<CompressedLayer>>) -> Self {
        Self { layers: layers.into_iter().map(|layer| (layer.id, layer)).collect() }
    }
}

impl Store for Memory {
    fn find(&mut self, id: LayerId) -> Result<Option<Arc<CompressedLayer>>, Error> {
        Ok(self.layers.get(&id).cloned())
    }

    fn wants_statistics(&self, _: LayerId) -> bool {
        false
    }

    fn keep(&mut self, layer: &Arc<CompressedLayer>) -> Result<(), Error> {
        self.layers.insert(layer.id, layer.clone());
        Ok(())
    }

    fn keep_statistics(&mut self, _: LayerId, _: &Calibration) -> Result<(), Error> {
        Ok(())
    }
}
