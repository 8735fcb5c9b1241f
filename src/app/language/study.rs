//! A language model with the texts it is measured and calibrated on.

use crate::app::run::Subject;
use crate::language::{self, LayerId, Llama, Windows};
use crate::model::Checkpoint;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Tokens that the model is measured on whenever something changes.
const TOKENS: usize = 6144;

/// Tokens of a window.
const CONTEXT: usize = 256;

/// Windows that the layers' inputs are taken from.
const SAMPLES: usize = 64;

/// Where a model is from.
#[derive(Clone)]
pub struct Source {
    /// Its weights.
    pub checkpoint: Arc<Checkpoint>,
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
    /// Why the text that was given is not used.
    pub text_problem: Option<String>,
    /// Whether the text is one that was given.
    pub own_text: bool,
}

impl Study {
    /// Reads the model and the texts; in a sentence why there is no model. A text that cannot be used does no harm.
    pub fn open(source: &Source) -> Result<Self, String> {
        let told = |error: language::Error| error.to_string();
        let mut study = match &source.folder {
            Some(folder) => Self {
                model: language::open_with(folder, source.checkpoint.clone()).map_err(told)?,
                text: None,
                calibration: None,
                floor: None,
                folder: Some(folder.clone()),
                text_problem: None,
                own_text: false,
            },
            None => {
                let model = language::example_with(source.checkpoint.clone());
                let excerpt = language::example_held_out(TOKENS / CONTEXT, CONTEXT);
                Self {
                    text: Some(Windows::of_text(&model, &excerpt.text, CONTEXT, None).map_err(told)?),
                    calibration: Some(language::example_calibration(&model, SAMPLES, CONTEXT).map_err(told)?),
                    floor: Some(excerpt.floor()),
                    folder: None,
                    text_problem: None,
                    own_text: false,
                    model,
                }
            }
        };
        if let Some(path) = &source.text {
            study.text_problem = study.read(path).err();
            study.own_text = study.text_problem.is_none();
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
        if cut < CONTEXT {
            return Err(format!(
                "{shown} has {} tokens, and two windows take {}: give more text",
                tokens.len(),
                2 * CONTEXT
            ));
        }
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

    /// Which of its layers one that is open is.
    pub fn layer_of(&self, subject: &Subject) -> Option<LayerId> {
        let own =
            subject.checkpoint.as_ref().is_some_and(|checkpoint| Arc::ptr_eq(checkpoint, self.model.checkpoint()));
        let id = LayerId::of_tensor(&subject.layer.name)?;
        (own && !subject.layer.transposed && self.has(id)).then_some(id)
    }
}
