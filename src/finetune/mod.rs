//! Tuning of the values of compressed layers on their fixed masks.
//!
//! A layer W ≈ A·B, or one sparse matrix, becomes a [`MaskedLayer`]: its packed values are the parameters, its masks stay. A
//! [`Tuning`] takes steps of gradient descent on them; the loss is that of the next tokens of a text, or the distance to
//! another model's predictions.
//!
//! Memory follows the paper's A.4: of the weights only packed values and masks are kept. A block is unpacked to dense weights
//! when it is computed, forward and again backward, and dropped; the gradient of its weights is kept at the masks' positions only.
//! Of the activations only the streams before each block are kept, from which a block is computed again.

mod blockwise;
mod error;
mod estimate;
mod masked;
mod optimizer;
mod parameters;
mod rate;
mod resume;
mod settings;
mod state;
mod text;
mod tuning;

pub use blockwise::{BlockTask, Blockwise, TunedBlock, TunedBlocks, tune_blocks};
pub use error::Error;
pub use estimate::tuning_size;
pub use masked::MaskedLayer;
pub use optimizer::{Moments, Optimizer};
pub use rate::Rate;
pub use settings::{Decay, Distill, OptimizerKind, Settings, Train};
pub use state::{Moment, Stop};
pub use text::Text;
pub use tuning::{Progress, Task, Tuned, Tuning};
