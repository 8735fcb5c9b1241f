//! The built-in language model, and texts in its language.

use super::{Error, LanguageModel, TokenizerFiles, Windows};
#[cfg(not(target_arch = "wasm32"))]
use crate::model;
use crate::model::Checkpoint;
use crate::stories::{Excerpt, excerpt};
use std::sync::Arc;

static CONFIG: &[u8] = include_bytes!("../../assets/stories/config.json");
static TOKENIZER: &[u8] = include_bytes!("../../assets/stories/tokenizer.json");

/// Seed of the evaluation text: stories that no training saw.
const HELD_OUT: u64 = 101;
/// Seed of the calibration text: other such stories.
const CALIBRATION: u64 = 202;

/// Opens the built-in language model: four blocks, trained on the stories of [`crate::stories`].
#[cfg(not(target_arch = "wasm32"))]
pub fn example() -> LanguageModel {
    example_with(Arc::new(model::example()))
}

/// The built-in language model with weights that are open already.
pub fn example_with(checkpoint: Arc<Checkpoint>) -> LanguageModel {
    let tokenizer = TokenizerFiles::of(TOKENIZER);
    LanguageModel::new("stories", CONFIG, &tokenizer, checkpoint).expect("the built-in model is a valid one")
}

/// `config.json` and `tokenizer.json` of the built-in model: names and contents.
pub fn example_companions() -> Vec<(String, Vec<u8>)> {
    vec![("config.json".into(), CONFIG.to_vec()), ("tokenizer.json".into(), TOKENIZER.to_vec())]
}

/// Windows of stories to evaluate on, each beginning with a story, with their true probability.
pub fn example_held_out(windows: usize, context: usize) -> Excerpt {
    excerpt(HELD_OUT, windows, context)
}

/// Windows of other stories to calibrate with.
pub fn example_calibration(model: &LanguageModel, windows: usize, context: usize) -> Result<Windows, Error> {
    Windows::from_text(model, &excerpt(CALIBRATION, windows, context).text, context, None)
}
