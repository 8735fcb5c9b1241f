//! Decoder-only language models: their loss, their layers' inputs, and replacing layers.
//!
//! A Hugging Face folder becomes a [`LanguageModel`]: its `config.json` a description ([`Config`]) of what the common code
//! computes. A text becomes [`Windows`] of tokens. The model computes all windows block by block ([`ResidualStreams`]), so
//! that one block's weights are in memory at a time; a [`CalibrationPass`] stops at each stage of a block, to collect the
//! statistics of its layers' inputs and to replace the layers.
//!
//! A window is one thread's work, so results are the same bits on any number of threads. The weights of all other
//! blocks stay in their file.
//!
//! A [`CalibrationPass`] takes a block in four stages, each with its own inputs: first the statistics of q's, k's and
//! v's inputs, then the attention with the weights that stand there by then, and so on. Sequential compression
//! therefore needs one pass through the model, and so does resuming it, with finished layers taken from their files. A
//! model with one layer replaced is computed from that layer's block on, from cached streams ([`StreamCache`]).

mod activation;
mod attention;
mod backward;
mod block;
mod calibration_pass;
mod checked;
mod config;
mod error;
mod example;
mod experts;
mod generate;
mod layers;
mod model;
mod norm;
mod note;
mod oniguruma;
mod open;
mod outer_layers;
mod rope;
mod stream;
mod tokenizer;
mod windows;

pub use backward::{BlockGradients, LossSquares, OuterWanted, Target, Wanted};
pub use block::Block;
pub use calibration_pass::{CalibrationPass, StageInputs};
pub use config::names::is_in_block;
pub use config::{ARCHITECTURES, Config, Place, Rope, Scaling};
pub use error::Error;
#[cfg(not(target_arch = "wasm32"))]
pub use example::example;
pub use example::{example_calibration, example_companions, example_held_out, example_with};
pub use generate::{Generated, Runtime, Sampling, generate};
pub use layers::{BlockStage, LayerId, Linear};
pub use model::LanguageModel;
pub use note::Note;
pub use open::open_with;
#[cfg(not(target_arch = "wasm32"))]
pub use open::{companions, open};
pub use outer_layers::EmbeddingAndHead;
pub use rope::Angles;
pub use stream::{BlockProgress, Loss, ResidualStreams, StreamCache, ignore_progress};
pub use tokenizer::{Tokenizer, TokenizerFiles};
pub use windows::Windows;
