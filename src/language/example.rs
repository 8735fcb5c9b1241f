//! The built-in language model, and its language.

use super::{Error, Llama, Windows};
#[cfg(not(target_arch = "wasm32"))]
use crate::model;
use crate::model::Checkpoint;
use crate::stories::{Excerpt, excerpt};
use std::sync::Arc;

static CONFIG: &[u8] = include_bytes!("../../assets/stories/config.json");
static TOKENIZER: &[u8] = include_bytes!("../../assets/stories/tokenizer.json");

/// Of the text to measure with: a stream of stories that no training saw.
const HELD_OUT: u64 = 101;
/// Of the text to calibrate with: another such stream.
const CALIBRATION: u64 = 202;

/// The built-in language model: four blocks, trained on the stories of [`crate::stories`].
#[cfg(not(target_arch = "wasm32"))]
pub fn example() -> Llama {
    example_with(Arc::new(model::example()))
}

/// The same with its weights, which are open already.
pub fn example_with(checkpoint: Arc<Checkpoint>) -> Llama {
    Llama::new("stories", CONFIG, TOKENIZER, checkpoint).expect("the built-in model is a valid one")
}

/// The files that go with its weights, by name.
pub fn example_companions() -> Vec<(String, Vec<u8>)> {
    vec![("config.json".into(), CONFIG.to_vec()), ("tokenizer.json".into(), TOKENIZER.to_vec())]
}

/// Windows of stories to measure with, with their probability; each begins with a story.
pub fn example_held_out(windows: usize, context: usize) -> Excerpt {
    excerpt(HELD_OUT, windows, context)
}

/// Windows of other stories to calibrate with.
pub fn example_calibration(model: &Llama, windows: usize, context: usize) -> Result<Windows, Error> {
    Windows::of_text(model, &excerpt(CALIBRATION, windows, context).text, context, None)
}
