//! What the library computes, reads and writes.
//!
//! One program, so that it is built once: `cargo test --test library layerwise::` runs one of its files.

#[path = "../common/mod.rs"]
mod common;

mod blockwise;
mod compress;
mod export;
mod families;
mod finetune;
mod formats;
#[cfg(feature = "gpu")]
mod gpu;
mod gradients;
mod images;
mod imports;
mod language;
mod layerwise;
mod methods;
mod names;
mod numerics;
#[cfg(feature = "gui")]
mod pictures;
mod presets;
mod published;
mod readers;
mod solver;
mod sweep;
mod tokenizer;
mod vision;
mod vision_gradients;
mod vision_tuning;
mod writing;
