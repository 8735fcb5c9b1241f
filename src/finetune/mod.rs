//! Tuning of the values of compressed layers on their fixed masks.
//!
//! A layer W ≈ A·B, or one sparse matrix, becomes a [`MaskedLayer`]: its packed values are the parameters, its masks stay. A
//! [`Tuning`] takes steps of gradient descent on them; the loss is that of the next tokens of a text, or the distance to
//! another model's predictions. A [`VisionTuning`] does so with a network for images and their classes, and its batch
//! normalization. To a tuning either is a [`Subject`]: losses and gradients (`text_loss`, `image_loss`).
//!
//! Memory of a language model's follows the paper's A.4: of the weights only packed values and masks are kept. A block is unpacked to dense weights
//! when it is computed, forward and again backward, and dropped; the gradient of its weights is kept at the masks' positions only.
//! Of the activations only the streams before each block are kept, from which a block is computed again.

mod blockwise;
mod chance;
mod error;
mod estimate;
mod image_loss;
mod images;
mod masked;
mod optimizer;
mod parameters;
mod rate;
mod resume;
mod settings;
mod state;
mod subject;
mod text;
mod text_loss;
mod text_task;
mod tuned;
mod tuning;
mod vision_task;

pub use blockwise::{BlockTask, Blockwise, TunedBlock, TunedBlocks, tune_blocks};
pub use error::Error;
pub use estimate::tuning_size;
pub use image_loss::ImageLoss;
pub use images::Images;
pub use masked::MaskedLayer;
pub use optimizer::{Moments, Optimizer};
pub use rate::Rate;
pub use settings::{Decay, Distill, OptimizerKind, Settings, Train};
pub use state::{Moment, Stop};
pub use subject::Subject;
pub use text::Text;
pub use text_loss::TextLoss;
pub use text_task::Task;
pub use tuned::{Progress, Tuned};
pub use tuning::Tuning;
pub use vision_task::{VisionTask, VisionTuning};
