//! A language model with the texts it is measured and calibrated on.

use crate::language::{self, LayerId, Llama, Windows};
use crate::model::Checkpoint;
use std::path::{Path, PathBuf};

/// Tokens that the model is measured on whenever something changes.
const TOKENS: usize = 6144;

/// Tokens of a window.
const CONTEXT: usize = 256;

/// Windows that the layers' inputs are taken from.
const SAMPLES: usize = 64;

/// Where a model is from.
#[derive(Clone)]
pub struct Source {
    /// Its folder; the built-in one without.
    pub folder: Option<PathBuf>,
    /// A text of one's own.
    pub text: Option<PathBuf>,
}

/// A language model and its texts.
#[derive(Clone)]
pub struct Study {
    /// The model, dense.
    pub model: Llama,
    /// What it is measured on; none until a text is given.
    pub text: Option<Windows>,
    /// What its layers' inputs are taken from: another part of the same text.
    pub calibration: Option<Windows>,
    /// The perplexity of the text's own language.
    pub floor: Option<f64>,
    /// The folder; none for the built-in model.
    pub folder: Option<PathBuf>,
}

impl Study {
    /// Reads the model and the texts; in a sentence why there is none.
    pub fn open(source: &Source) -> Result<Self, String> {
        let told = |error: language::Error| error.to_string();
        let Some(folder) = &source.folder else {
            let model = language::example();
            let excerpt = language::example_held_out(TOKENS / CONTEXT, CONTEXT);
            let text = Windows::of_text(&model, &excerpt.text, CONTEXT, None).map_err(told)?;
            let calibration = language::example_calibration(&model, SAMPLES, CONTEXT).map_err(told)?;
            let mut study = Self {
                model,
                text: Some(text),
                calibration: Some(calibration),
                floor: Some(excerpt.floor()),
                folder: None,
            };
            if let Some(path) = &source.text {
                study.read(path)?;
            }
            return Ok(study);
        };
        let model = language::open(folder).map_err(told)?;
        let (text, calibration, floor) = Default::default();
        let mut study = Self { model, text, calibration, floor, folder: Some(folder.clone()) };
        if let Some(path) = &source.text {
            study.read(path)?;
        }
        Ok(study)
    }

    /// The first part of a text measures, windows from all over the rest calibrate.
    fn read(&mut self, path: &Path) -> Result<(), String> {
        let shown = path.display();
        let bytes = std::fs::read(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
        let text = String::from_utf8(bytes).map_err(|_| format!("{shown} is not text in UTF-8"))?;
        let told = |error: language::Error| error.to_string();
        let tokens = self.model.tokenizer().encode(&text.replace("\r\n", "\n")).map_err(told)?;
        let cut = TOKENS.min(tokens.len() / 2);
        let (first, rest) = tokens.split_at(cut);
        let windows = |tokens: &[u32]| Windows::of_tokens(&self.model, tokens.to_vec(), CONTEXT, None).map_err(told);
        let (text, calibration) = (windows(first)?, windows(rest)?.spread(SAMPLES));
        (self.text, self.calibration, self.floor) = (Some(text), Some(calibration), None);
        Ok(())
    }

    /// Whether the model has this layer.
    pub fn has(&self, id: LayerId) -> bool {
        id.block < self.model.config().blocks
    }

    /// Which of its layers a tensor of an open checkpoint is.
    pub fn layer_of(&self, checkpoint: &str, tensor: &str) -> Option<LayerId> {
        let own: &Checkpoint = self.model.checkpoint();
        LayerId::of_tensor(tensor).filter(|id| own.name() == checkpoint && self.has(*id))
    }
}
