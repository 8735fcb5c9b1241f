//! Compression of a whole model, layer by layer.
//!
//! A [`Plan`] gives each linear layer its method and its number of nonzeros. A [`Compression`] carries it out in one
//! pass of calibration windows through the model, step by step; a [`Store`] keeps finished layers, in memory or in a
//! folder from which a later start resumes. A [`Proxy`] predicts the effect of the layers' errors on the loss, and
//! [`distribute`] divides a total budget accordingly.

#[cfg(not(target_arch = "wasm32"))]
mod assembly;
#[cfg(not(target_arch = "wasm32"))]
mod block_statistics;
mod blockwise;
mod curve;
mod distribute;
mod error;
#[cfg(not(target_arch = "wasm32"))]
mod folder;
mod inputs;
mod layer;
mod layer_run;
mod layered;
mod levels;
mod model;
mod output_squares;
mod plan;
mod proxy;
mod run;
mod store;
mod totals;
#[cfg(not(target_arch = "wasm32"))]
mod tunable;
#[cfg(not(target_arch = "wasm32"))]
mod tuned_folder;
#[cfg(not(target_arch = "wasm32"))]
mod tuning_inputs;
mod vision;
mod vision_levels;
mod whole;
#[cfg(not(target_arch = "wasm32"))]
mod work_folder;

#[cfg(not(target_arch = "wasm32"))]
pub use assembly::MODELING_SOURCE;
#[cfg(not(target_arch = "wasm32"))]
pub use block_statistics::BlockStatistics;
pub use blockwise::TunedBlock;
pub use curve::Curve;
pub use distribute::distribute;
pub use error::Error;
#[cfg(not(target_arch = "wasm32"))]
pub use folder::{Folder, Output, check_output};
pub use inputs::{Inputs, VisionInputs};
pub use layer::CompressedLayer;
pub use layered::{LayerKey, Layered, identity};
pub use levels::{LevelChoice, MeasuredBy, choose_levels};
pub use model::{CompressedModel, compress_model};
pub use output_squares::OutputSquares;
pub use plan::{Densities, Parallel, Plan};
pub use proxy::Proxy;
pub use run::{Compression, Inside, LayerByLayer, Step};
pub use store::{Memory, Store};
pub use totals::{Totals, VisionTotals};
#[cfg(not(target_arch = "wasm32"))]
pub use tunable::Tunable;
#[cfg(not(target_arch = "wasm32"))]
pub use tuned_folder::{TunedFolder, TunedOutput, TuningWork};
#[cfg(not(target_arch = "wasm32"))]
pub use tuning_inputs::TuningInputs;
pub use vision::VisionCompression;
pub use vision_levels::{VisionBound, choose_vision_levels};
pub use whole::merged_model;
