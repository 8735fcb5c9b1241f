//! Checkpoints, their tensors, and the layers among them.
//!
//! A `.safetensors`, a checkpoint of PyTorch, a sharded one of either kind, a `.gguf` or a NumPy array becomes a
//! [`Checkpoint`]; a tensor of it becomes a [`Layer`] when it is read, dequantized if need be. Nothing in a file is
//! trusted: what it claims is checked against its bytes before anything is allocated.

mod bytes;
mod calibration;
mod checkpoint;
mod dtype;
mod encoding;
mod error;
mod example;
mod exported;
mod fetch_error;
mod fingerprint;
mod float8;
mod foreign;
mod ggml;
mod gguf;
mod index;
mod kind;
mod layer;
#[cfg(not(target_arch = "wasm32"))]
mod local;
mod names;
mod npy;
#[cfg(not(target_arch = "wasm32"))]
mod open;
mod pickle;
mod quantized;
mod reader;
#[cfg(target_arch = "wasm32")]
mod remote;
mod safetensors;
mod saved_statistics;
mod scale;
mod source;
mod tensor;
mod torch;

pub(crate) use bytes::Bytes;
#[cfg(not(target_arch = "wasm32"))]
pub use calibration::{open_calibration, open_output_weights};
pub use checkpoint::{Checkpoint, Orientation};
pub use dtype::Dtype;
pub use error::Error;
#[cfg(not(target_arch = "wasm32"))]
pub use example::example;
pub use example::{EXAMPLE_LAYER, EXAMPLE_NAME};
pub use exported::StoredSparse;
pub use fetch_error::FetchError;
pub use fingerprint::Fingerprint;
pub use foreign::Foreign;
pub use kind::ENDINGS;
pub use layer::Layer;
pub(crate) use names::acts;
pub use names::{one_line, printable};
pub(crate) use npy::ArrayOfBytes;
#[cfg(not(target_arch = "wasm32"))]
pub use open::open;
#[cfg(target_arch = "wasm32")]
pub use remote::ChosenFile;
pub use saved_statistics::{Portion, SavedStatistics, StatisticsLabel};
pub use source::Source;
pub use tensor::{NotALayer, TensorInfo};
