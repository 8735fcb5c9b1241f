//! What models have in common whose layers are replaced one by one.

use crate::language::{LanguageModel, LayerId, Linear};
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

    /// Name of a layer's tensor.
    fn tensor_of(&self, key: Self::Key) -> String;
}

impl Layered for LanguageModel {
    type Key = LayerId;

    fn tensor_of(&self, id: LayerId) -> String {
        self.config().tensor(id)
    }
}

impl Layered for VisionModel {
    type Key = usize;

    fn tensor_of(&self, layer: usize) -> String {
        self.architecture().layers[layer].tensor()
    }
}
