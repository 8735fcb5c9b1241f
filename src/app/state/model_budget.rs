//! How the layers of a model are to be compressed.

use crate::compress::{Densities, LayerKey};
use crate::language::LayerId;
use crate::methods::Method;

/// Method that replaces the layers, and share of their weights that is kept.
#[derive(Clone)]
pub struct ModelBudget<K: LayerKey = LayerId> {
    /// Method that replaces the layers.
    pub method: Method,
    /// Kept nonzeros of each layer, as a share of its weights.
    pub densities: Densities<K>,
    /// Whether each block of a language model is tuned while its layers are compressed.
    pub blockwise: bool,
}

impl<K: LayerKey> Default for ModelBudget<K> {
    fn default() -> Self {
        Self { method: Method::default(), densities: Densities::uniform(0.25), blockwise: false }
    }
}

impl<K: LayerKey> ModelBudget<K> {
    /// Forgets the densities of single layers: they count only as long as nobody sets others.
    pub fn without_layers(&self) -> Densities<K> {
        Densities { by_layer: Default::default(), ..self.densities.clone() }
    }
}
