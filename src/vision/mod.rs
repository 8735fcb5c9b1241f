//! Residual networks that classify images: opened, computed, and watched while their layers are replaced.
//!
//! A checkpoint becomes a [`VisionModel`]: names and shapes of its tensors give its [`Architecture`], of any width and depth.
//! A convolution is a matrix `[out, in·kh·kw]` that multiplies the patches of its input (im2col), so everything that
//! compresses a linear layer compresses it too.
//!
//! An [`ImageSet`] reads images in portions, as [`Pictures`] of one size; a [`Preprocess`] says which size that is, and how pixels
//! become a network's input.
//!
//! Values between layers are [`Activations`], a row of channels for each position of each image. Everything is computed for
//! a batch at a time, in groups of images of a fixed size: results are the same bits on any number of threads.
//!
//! [`Network::gradients`] are those of the cross entropy, for tuning and training.

mod activations;
mod architecture;
mod augment;
mod backward;
mod calibration_pass;
mod classify;
mod convolution;
mod dimensions;
mod drawn;
mod error;
mod evaluation;
mod example;
mod images;
mod model;
mod names;
mod network;
mod norm;
mod parameters;
mod pictures;
mod prefix;
mod preprocess;
mod processor;

pub use activations::Activations;
pub use architecture::{Architecture, BlockShape, LayerShape, Shortcut};
pub use augment::Augment;
pub use backward::{Gradients, Wanted};
pub use calibration_pass::CalibrationPass;
pub use classify::{Classified, ClassifyProgress};
pub use error::Error;
pub use evaluation::{Class, Evaluation};
pub use example::{example, example_calibration, example_companions, example_held_out, example_images};
pub use images::{ImageSet, Portion};
pub use model::{VisionModel, open_with};
#[cfg(not(target_arch = "wasm32"))]
pub use model::{companions, open};
pub use names::is_residual_network;
pub use network::Network;
pub use norm::{BatchNorm, NormValues};
pub use pictures::Pictures;
pub use prefix::Prefix;
pub use preprocess::{Filter, Preprocess, Resize, Size};
