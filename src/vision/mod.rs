//! Residual networks that classify images: opened, computed, and watched while their layers are replaced.
//!
//! A checkpoint becomes a [`VisionModel`]: names and shapes of its tensors give its [`Architecture`], of any width and depth.
//! A convolution is a matrix `[out, in·kh·kw]` that multiplies the patches of its input (im2col), so everything that
//! compresses a linear layer compresses it too.
//!
//! Values between layers are [`Activations`], a row of channels for each position of each image. Everything is computed for
//! a batch at a time, in groups of images of a fixed size: results are the same bits on any number of threads.

mod activations;
mod architecture;
mod augment;
mod convolution;
mod error;
mod evaluation;
mod model;
mod names;
mod network;
mod norm;
mod pictures;
mod preprocess;

pub use activations::Activations;
pub use architecture::{Architecture, BlockShape, LayerShape, Shortcut};
pub use error::Error;
pub use evaluation::{Class, Evaluation, EvaluationProgress};
pub use model::VisionModel;
pub use network::Network;
pub use norm::{BatchNorm, NormValues};
pub use pictures::Pictures;
pub use preprocess::Preprocess;
