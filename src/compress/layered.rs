//! What models have in common whose layers are replaced one by one.

use super::Error;
use crate::language::{LanguageModel, LayerId, Linear};
use crate::model::{Dtype, Layer};
use crate::vision::VisionModel;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Identifies a layer of a model. In order of computation.
pub trait LayerKey: Copy + Ord + Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Kinds of layers that every block has.
    type Kind: Copy + Ord + Debug + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The layer's kind, if its model has such.
    fn kind(self) -> Option<Self::Kind>;
}

impl LayerKey for LayerId {
    type Kind = Linear;

    fn kind(self) -> Option<Linear> {
        Some(self.linear)
    }
}

/// The layers of a [`VisionModel`] by index.
impl LayerKey for usize {
    type Kind = ();

    fn kind(self) -> Option<()> {
        None
    }
}

/// A model whose layers are replaced one by one.
pub trait Layered {
    /// Identifies a layer.
    type Key: LayerKey;

    /// A layer as stored.
    fn stored_layer(&self, key: Self::Key) -> Result<Layer, Error>;

    /// Name of a layer's tensor.
    fn tensor_of(&self, key: Self::Key) -> String;

    /// Name of a layer, from which names of its factors are made.
    fn stem_of(&self, key: Self::Key) -> String;

    /// Number format of a layer.
    fn dtype_of(&self, key: Self::Key) -> Dtype;
}

impl Layered for LanguageModel {
    type Key = LayerId;

    fn stored_layer(&self, id: LayerId) -> Result<Layer, Error> {
        Ok(self.layer(id)?)
    }

    fn tensor_of(&self, id: LayerId) -> String {
        self.config().tensor(id)
    }

    fn stem_of(&self, id: LayerId) -> String {
        self.config().stem(id)
    }

    fn dtype_of(&self, id: LayerId) -> Dtype {
        self.dtype(id)
    }
}

impl Layered for VisionModel {
    type Key = usize;

    fn stored_layer(&self, layer: usize) -> Result<Layer, Error> {
        Ok(self.layer(layer)?)
    }

    fn tensor_of(&self, layer: usize) -> String {
        self.architecture().layers[layer].tensor()
    }

    fn stem_of(&self, layer: usize) -> String {
        self.architecture().layers[layer].stem.clone()
    }

    fn dtype_of(&self, layer: usize) -> Dtype {
        let info = self.checkpoint().tensor(&self.tensor_of(layer)).ok();
        info.and_then(|info| info.format).unwrap_or(Dtype::F32)
    }
}
