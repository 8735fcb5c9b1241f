//! A whole language model, layer by layer.
//!
//! A [`Plan`] says which linear layers get how many nonzeros by which method. [`Compression`] goes through the model with
//! calibration windows and does it, one step at a time; a [`Store`] keeps each finished layer, in memory or in a folder
//! that a later start goes on from. A [`Proxy`] foretells what layers' errors do to the model, and [`distribute`] gives
//! each layer its share of a total budget accordingly.

mod all;
mod distribute;
mod error;
#[cfg(not(target_arch = "wasm32"))]
mod folder;
mod inputs;
mod layer;
mod plan;
mod proxy;
mod run;
mod store;
mod totals;
mod whole;

pub use all::{Replaced, compressed};
pub use distribute::distribute;
pub use error::Error;
#[cfg(not(target_arch = "wasm32"))]
pub use folder::{Folder, Output};
pub use inputs::{Inputs, identity};
pub use layer::CompressedLayer;
pub use plan::{Densities, Plan};
pub use proxy::{Curve, Proxy};
pub use run::{Compression, Inside, Step};
pub use store::{Memory, Store};
pub use totals::Totals;
pub use whole::merged_model;
