//! What is worked out for a whole model that is open, of whatever kind.
//!
//! A kind of model is a [`WholeModel`](model::WholeModel); its [`ModelState`](model_state::ModelState) holds the layers that
//! [`CompressModel`](compress_model::CompressModel) has compressed, and tunes them.

pub mod compress_model;
pub mod compressing;
pub mod compression;
pub mod model;
pub mod model_state;
pub mod open_model;
pub mod replaced_layers;
#[cfg(not(target_arch = "wasm32"))]
pub mod save_folder;
pub mod tuning;
