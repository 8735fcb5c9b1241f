//! Quality of a factorization: its errors, and the bytes it takes to store.

pub mod cost;
mod error;
mod layer;
mod note;
mod percent;
mod replacement;
mod storage;
mod svd;

pub use error::{relative_difference, relative_error};
pub use layer::{layer_difference, layer_error};
pub(crate) use layer::{output_energy, residual_energy};
pub use note::{DominantInput, Note};
pub use percent::percent;
pub use storage::{Storage, Stored};
pub use svd::Spectrum;
