//! A language model with the texts it is measured and calibrated on.

use crate::app::state::error::Error;
use crate::app::state::loaded_layer::LoadedLayer;
use crate::finetune::Text;
use crate::hint::Failure;
use crate::language::{self, Config, LanguageModel, LayerId, Note, Windows};
use crate::model::{self, Checkpoint};
use crate::tasks::{LazySource, shared};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Tokens that the model is measured on whenever something changes.
const TOKENS: usize = 6144;

/// Tokens of a window.
const CONTEXT: usize = 256;

/// Windows that the layers' inputs are taken from.
const SAMPLES: usize = 64;

/// Source of a model and its texts.
#[derive(Clone, Serialize, Deserialize)]
pub struct LanguageSource {
    /// Checkpoint with the model's weights.
    #[serde(with = "shared")]
    pub checkpoint: Arc<Checkpoint>,
    /// Source they were opened from; the built-in ones without.
    pub from: Option<model::Source>,
    /// A text of one's own.
    pub text: Option<model::Source>,
}

/// A language model and its texts.
#[derive(Clone)]
pub struct EvalSet {
    /// The dense language model.
    pub model: LanguageModel,
    /// Windows to measure the perplexity on; `None` until a text is given.
    pub text: Option<Windows>,
    /// Windows that its layers' inputs are taken from: another part of the same text.
    pub calibration: Option<Windows>,
    /// Text to tune values on, without what the perplexity is measured on.
    pub training: Option<Text>,
    floor: Option<f64>,
    text_problem: Option<Failure>,
    own_text: bool,
}

/// Facts about the model for the panels.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Sizes and constants of the model.
    pub config: Config,
    /// Size of the text it is measured on: tokens predicted, windows, tokens of each; none until a text is given.
    pub text: Option<[usize; 3]>,
    /// Whether there is text to take the layers' inputs from.
    pub calibrates: bool,
    /// The perplexity of the text's own language.
    pub floor: Option<f64>,
    /// Why the text that was given is not used.
    pub text_problem: Option<Failure>,
    /// Whether the text is one that was given.
    pub own_text: bool,
    /// Whether layers are stored as factors, or as one sparse matrix: they run as they are, and are not compressed again.
    pub keeps_factors: bool,
    /// What is worth knowing about the files.
    pub notes: Vec<Note>,
}

impl LazySource for LanguageSource {
    type Value = Result<EvalSet, Failure>;

    fn make(&self) -> Self::Value {
        EvalSet::open(self)
    }
}

impl EvalSet {
    /// Reads the model and the texts; in a sentence why there is no model. A text that cannot be used does no harm.
    fn open(source: &LanguageSource) -> Result<Self, Failure> {
        let mut set = match &source.from {
            Some(from) => Self {
                model: language::open_with(from, source.checkpoint.clone())?,
                text: None,
                calibration: None,
                training: None,
                floor: None,
                text_problem: None,
                own_text: false,
            },
            None => {
                let model = language::example_with(source.checkpoint.clone());
                let excerpt = language::example_held_out(TOKENS / CONTEXT, CONTEXT);
                Self {
                    text: Some(Windows::from_text(&model, &excerpt.text, CONTEXT, None)?),
                    calibration: Some(language::example_calibration(&model, SAMPLES, CONTEXT)?),
                    training: Some(Text::Stories { seed: 0 }),
                    floor: Some(excerpt.floor()),
                    text_problem: None,
                    own_text: false,
                    model,
                }
            }
        };
        if let Some(text) = &source.text {
            set.text_problem = set.read(text).err();
            set.own_text = set.text_problem.is_none();
        }
        Ok(set)
    }

    /// The first part of a text measures, windows from all over the rest calibrate, and all of the rest trains.
    fn read(&mut self, text: &model::Source) -> Result<(), Failure> {
        let shown = text.name();
        let bytes = text.read()?;
        let text = String::from_utf8(bytes).map_err(|_| Error::NotText { file: shown.clone() })?;
        let tokens = self.model.tokenizer().encode(&text.replace("\r\n", "\n"))?;
        let cut = TOKENS.min(tokens.len() / 2);
        if cut < CONTEXT {
            return Err(Error::ShortText { file: shown, tokens: tokens.len(), needed: 2 * CONTEXT }.into());
        }
        let (first, rest) = tokens.split_at(cut);
        let windows = |tokens: &[u32]| Windows::from_tokens(&self.model, tokens.to_vec(), CONTEXT, None);
        let (text, calibration) = (windows(first)?, windows(rest)?.evenly_spaced(SAMPLES));
        (self.text, self.calibration, self.floor) = (Some(text), Some(calibration), None);
        self.training = Some(Text::Tokens(Arc::new(rest.to_vec())));
        Ok(())
    }
}

impl ModelInfo {
    /// Of a model that was read.
    pub fn of(set: &EvalSet) -> Self {
        let text = set.text.as_ref();
        Self {
            config: set.model.config().clone(),
            text: text.map(|text| [text.predicted(), text.len(), text.context()]),
            calibrates: set.calibration.is_some(),
            floor: set.floor,
            text_problem: set.text_problem.clone(),
            own_text: set.own_text,
            keeps_factors: set.model.is_sparse(),
            notes: set.model.notes().to_vec(),
        }
    }

    /// Whether the model has this layer.
    pub fn has(&self, id: LayerId) -> bool {
        id.block < self.config.blocks && self.config.layers_of(id.block).contains(&id)
    }

    /// Returns the layer of the model in `checkpoint` that `subject` is, if it is one; of several in one tensor the first.
    pub fn layer_of(&self, checkpoint: &Arc<Checkpoint>, subject: &LoadedLayer) -> Option<LayerId> {
        let own = subject.checkpoint.as_ref().is_some_and(|of| Arc::ptr_eq(of, checkpoint));
        let id = *self.config.layers_in(&subject.layer.name).first()?;
        (own && subject.layer.transposed == self.config.place(id).transposed).then_some(id)
    }
}
