//! Language models of the Llama family: what their layers read, and what becomes of the model when they are replaced.
//!
//! A Hugging Face folder becomes a [`Llama`]; a text becomes [`Windows`] of tokens. The model goes through all windows
//! block by block ([`Streams`]), so that one block's weights are in memory at a time; [`Walk`] stops at each stage of a
//! block, to collect the statistics of what its linear layers read and to put others in their place.
//!
//! A window is one thread's work, so results are the same bits on any number of threads. The weights of all other
//! blocks stay in the mapped file.
//!
//! [`Walk`] passes through a block in four stages, each with its own inputs: first the statistics of what q, k and v
//! read, then the attention with whatever weights stand there by then, and so on. Sequential compression therefore
//! needs one pass through the model, and resuming it one as well, in which finished layers are taken from their files.
//! A model with one layer replaced is computed from that layer's block on, from streams that were kept ([`Prepared`]).

mod block;
mod config;
mod error;
mod example;
mod generate;
mod layers;
mod llama;
mod open;
mod rope;
mod stream;
mod tokenizer;
mod walk;
mod windows;

pub use block::Block;
pub use config::{Config, Rope, Scaling};
pub use error::Error;
#[cfg(not(target_arch = "wasm32"))]
pub use example::example;
pub use example::{example_calibration, example_companions, example_held_out, example_with};
pub use generate::{Sampling, generate};
pub use layers::{LayerId, Linear, Stage};
pub use llama::{Ends, Llama};
pub use open::open_with;
#[cfg(not(target_arch = "wasm32"))]
pub use open::{companions, open};
pub use rope::Angles;
pub use stream::{Loss, Prepared, Progress, Streams, unobserved};
pub use tokenizer::Tokenizer;
pub use walk::Walk;
pub use windows::Windows;
