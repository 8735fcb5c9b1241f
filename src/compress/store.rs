//! Where finished layers are kept.

use super::{CompressedLayer, Error};
use crate::factorize::Calibration;
use crate::language::LayerId;
use std::collections::BTreeMap;

/// Keeps finished layers, so that none is done twice.
pub trait Store: Send {
    /// A layer that is finished already.
    fn find(&mut self, id: LayerId) -> Result<Option<CompressedLayer>, Error>;

    /// Keeps a layer; when this returns, it is safe.
    fn keep(&mut self, layer: &CompressedLayer) -> Result<(), Error>;

    /// Keeps what the layers of a stage read, under the first of them.
    fn keep_statistics(&mut self, first: LayerId, statistics: &Calibration) -> Result<(), Error>;
}

/// Keeps layers in memory, and no statistics.
#[derive(Default)]
pub struct Memory {
    layers: BTreeMap<LayerId, CompressedLayer>,
}

impl Memory {
    /// With these layers.
    pub fn new(layers: impl IntoIterator<Item = CompressedLayer>) -> Self {
        Self { layers: layers.into_iter().map(|layer| (layer.id, layer)).collect() }
    }
}

impl Store for Memory {
    fn find(&mut self, id: LayerId) -> Result<Option<CompressedLayer>, Error> {
        Ok(self.layers.get(&id).cloned())
    }

    fn keep(&mut self, layer: &CompressedLayer) -> Result<(), Error> {
        self.layers.insert(layer.id, layer.clone());
        Ok(())
    }

    fn keep_statistics(&mut self, _: LayerId, _: &Calibration) -> Result<(), Error> {
        Ok(())
    }
}
