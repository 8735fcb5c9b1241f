//! How the layers of a language model are to be compressed.

use crate::compress::Densities;
use crate::methods::Method;

/// Method that replaces the layers, and share of their weights that is kept.
#[derive(Clone)]
pub struct ModelBudget {
    /// Method that replaces the layers.
    pub method: Method,
    /// Kept nonzeros of each layer, as a share of its weights.
    pub densities: Densities,
}

impl Default for ModelBudget {
    fn default() -> Self {
        Self { method: Method::default(), densities: Densities::uniform(0.25) }
    }
}

impl ModelBudget {
    /// Forgets the densities of single layers: they count only as long as nobody sets others.
    pub fn without_layers(&self) -> Densities {
        Densities { by_layer: Default::default(), ..self.densities.clone() }
    }
}
