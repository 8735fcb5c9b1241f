//! Where weight matrices come from.

mod dtype;
mod layer;

pub use dtype::Dtype;
pub use layer::Layer;
