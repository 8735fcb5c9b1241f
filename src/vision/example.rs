//! The built-in network, and pictures for it.

use super::{ImageSet, Pictures, VisionModel};
use crate::model::Checkpoint;
use std::sync::Arc;

static WEIGHTS: &[u8] = include_bytes!("../../assets/glyphs/model.safetensors");
static CONFIG: &[u8] = include_bytes!("../../assets/glyphs/config.json");
static PREPROCESSOR: &[u8] = include_bytes!("../../assets/glyphs/preprocessor_config.json");

/// Seed of the pictures that the network was trained on.
const TRAINING: u64 = 1;
/// Number of the first of them that is there to calibrate with: no training goes so far.
const BEHIND_TRAINING: u64 = 1 << 32;
/// Seed of the pictures to evaluate on: no training saw one of them.
const HELD_OUT: u64 = 2;

/// Opens the built-in network: six residual blocks, trained on the pictures of [`crate::glyphs`].
pub fn example() -> VisionModel {
    let checkpoint = Checkpoint::from_safetensors("glyphs.safetensors", WEIGHTS.to_vec());
    let checkpoint = Arc::new(checkpoint.expect("the built-in weights are a valid checkpoint"));
    VisionModel::new(checkpoint, Some(CONFIG), Some(PREPROCESSOR)).expect("the built-in network is a valid one")
}

/// `config.json` and `preprocessor_config.json` of the built-in network: names and contents.
pub fn example_companions() -> Vec<(String, Vec<u8>)> {
    vec![("config.json".into(), CONFIG.to_vec()), ("preprocessor_config.json".into(), PREPROCESSOR.to_vec())]
}

/// Pictures like those that the network was trained on, to calibrate with: the same stream, but behind them.
pub fn example_calibration(count: usize) -> Pictures {
    Pictures::of_glyphs(TRAINING, BEHIND_TRAINING..BEHIND_TRAINING + count as u64)
}

/// Pictures to evaluate on, of another stream.
pub fn example_held_out(count: usize) -> Pictures {
    Pictures::of_glyphs(HELD_OUT, 0..count as u64)
}

/// The same pictures, drawn when they are read: as many as anyone wants.
pub fn example_images(count: usize) -> ImageSet {
    ImageSet::of_glyphs(HELD_OUT, count)
}
