//! Images to classify, read in portions.
//!
//! Files of CIFAR-10 and `.npy` arrays hold pictures that are ready: they are taken as they are. A folder has a subfolder for
//! each class; its PNG and JPEG files are brought to one size, as a [`Preprocess`](super::Preprocess) says.

mod cifar;
#[cfg(not(target_arch = "wasm32"))]
mod decode;
#[cfg(not(target_arch = "wasm32"))]
mod folder;
mod npy;
mod portion;
#[cfg(not(target_arch = "wasm32"))]
mod resample;
mod set;

pub use portion::Portion;
pub use set::ImageSet;
