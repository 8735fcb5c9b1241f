//! Arguments shared by the commands on language models: the model, and its texts.

use super::{Failure, output};
use crate::language::{self, LanguageModel, Windows};
use crate::vision::{self, VisionModel};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// Model to work on.
#[derive(clap::Args)]
pub struct ModelArgs {
    /// The folder of a Hugging Face model [default: the built-in one]
    model: Option<PathBuf>,
}

impl ModelArgs {
    /// Opens the model.
    pub fn open(&self) -> Result<LanguageModel, Failure> {
        let model = match &self.model {
            Some(folder) => language::open(folder).map_err(|error| explained(folder, error))?,
            None => language::example(),
        };
        super::say_notes(model.checkpoint());
        model.notes().iter().for_each(|note| output::note(&note.to_string()));
        Ok(model)
    }

    /// The model, where it is a residual network.
    pub fn residual_network(&self) -> Result<Option<VisionModel>, Failure> {
        let Some(path) = &self.model else { return Ok(None) };
        if super::vision::is_example(path) {
            return Ok(Some(vision::example()));
        }
        super::vision::residual_network(path)
    }

    /// Files that accompany a residual network's weights: names and contents.
    pub fn network_companions(&self) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        Ok(match &self.model {
            Some(path) if !super::vision::is_example(path) => vision::companions(path)?,
            _ => vision::example_companions(),
        })
    }

    /// Whether it is the built-in network for images, by its name.
    pub fn is_example_network(&self) -> bool {
        self.model.as_deref().is_some_and(super::vision::is_example)
    }

    /// Whether it is the built-in model.
    pub fn is_example(&self) -> bool {
        self.model.is_none()
    }

    /// Files that accompany its weights: names and contents.
    pub fn companions(&self) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        Ok(match &self.model {
            Some(folder) => language::companions(folder)?,
            None => language::example_companions(),
        })
    }
}

/// Why no language model was opened: it may be one of another kind.
fn explained(folder: &Path, error: language::Error) -> Failure {
    match vision::open(folder) {
        Ok(network) => Failure::new(
            format!("{} is a residual network, and this command takes language models", network.name()),
            "`accuracy` measures it, and `factorize --tensor NAME` replaces single layers",
        ),
        Err(_) => error.into(),
    }
}

/// Text that the layers' inputs are taken from.
#[derive(clap::Args)]
pub struct CalibrationArgs {
    /// Text whose tokens the layers' inputs are taken from [default for the built-in model: stories of its language]
    #[arg(long, value_name = "FILE")]
    pub calibration_text: Option<PathBuf>,

    /// How many windows of it, spread evenly [default: 128]
    #[arg(long, value_name = "N")]
    calibration_samples: Option<NonZeroUsize>,

    /// Tokens of such a window
    #[arg(long, value_name = "N", default_value_t = 256)]
    calibration_context: usize,
}

impl CalibrationArgs {
    /// How many samples are asked for.
    pub fn samples(&self) -> Option<NonZeroUsize> {
        self.calibration_samples
    }

    /// The calibration windows; `None` for another model without a text.
    pub fn windows(&self, model: &LanguageModel, args: &ModelArgs) -> Result<Option<Windows>, Failure> {
        /// Number of windows by default.
        const WINDOWS: usize = 128;
        let (wanted, context) = (self.samples().map_or(WINDOWS, NonZeroUsize::get), self.calibration_context);
        let Some(file) = &self.calibration_text else {
            bounded(wanted, context)?;
            let example = || language::example_calibration(model, wanted, context);
            return Ok(args.is_example().then(example).transpose()?);
        };
        let windows = Windows::from_text(model, &super::text(file)?, context, None)?;
        if windows.len() < wanted {
            output::note(&format!("the calibration text has {} windows, not {wanted}", windows.len()));
        }
        Ok(Some(windows.evenly_spaced(wanted)))
    }
}

/// Texts that a model is calibrated and measured on.
#[derive(clap::Args)]
pub struct LanguageArgs {
    #[command(flatten)]
    calibration: CalibrationArgs,

    #[command(flatten)]
    text: TextArgs,
}

impl LanguageArgs {
    /// The arguments for the model in this folder.
    pub fn of(self, model: Option<PathBuf>) -> StudyArgs {
        StudyArgs { model: ModelArgs { model }, texts: self }
    }
}

/// Arguments for a model with the texts to calibrate and evaluate it.
#[derive(clap::Args)]
pub struct StudyArgs {
    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    texts: LanguageArgs,
}

impl StudyArgs {
    /// Opens the model and the windows of its calibration text, which must be there.
    pub fn open(&self) -> Result<(LanguageModel, Windows), Failure> {
        let model = self.model.open()?;
        let windows = self.texts.calibration.windows(&model, &self.model)?;
        let none = || Failure::new("no calibration text", "give one with --calibration-text FILE");
        Ok((model, windows.ok_or_else(none)?))
    }

    /// Whether the model is the built-in one, read from its own stories.
    pub fn is_example(&self) -> bool {
        self.model.is_example() && self.texts.calibration.calibration_text.is_none()
    }

    /// All tokens of the calibration text.
    pub fn calibration_tokens(&self, model: &LanguageModel) -> Result<Vec<u32>, Failure> {
        match &self.texts.calibration.calibration_text {
            Some(file) => Ok(model.tokenizer().encode(&super::text(file)?)?),
            None => Err(Failure::new("no calibration text", "give one with --calibration-text FILE")),
        }
    }

    /// The evaluation text, see [`TextArgs::windows`].
    pub fn text(&self, model: &LanguageModel) -> Result<(Windows, Option<f64>), Failure> {
        self.texts.text.windows(model, &self.model)
    }
}

/// Refuses more text of the built-in model's language than is sensible.
pub fn bounded(windows: usize, context: usize) -> Result<(), Failure> {
    const MOST: usize = 1 << 26;
    match windows.checked_mul(context) {
        Some(tokens) if tokens <= MOST => Ok(()),
        _ => {
            let what = format!("{windows} windows of {context} tokens are too many");
            Err(Failure::new(what, format!("at most {MOST} tokens in all")))
        }
    }
}

/// Text that a model is measured on.
#[derive(clap::Args)]
pub struct TextArgs {
    /// The text [default for the built-in model: stories that its training did not see]
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,

    /// Tokens of a window; its first one is not predicted
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub context: usize,

    /// Only the first so many tokens of the text [default: all; of the built-in model's stories 32768]
    #[arg(long, value_name = "N")]
    tokens: Option<usize>,
}

impl TextArgs {
    /// The windows, and for the built-in model's own text the lowest possible perplexity.
    pub fn windows(&self, model: &LanguageModel, args: &ModelArgs) -> Result<(Windows, Option<f64>), Failure> {
        /// Number of tokens by default.
        const TOKENS: usize = 32_768;
        match &self.text {
            Some(file) => Ok((Windows::from_text(model, &super::text(file)?, self.context, self.tokens)?, None)),
            None if args.is_example() => {
                bounded(self.tokens.unwrap_or(TOKENS), 1)?;
                let windows = self.tokens.unwrap_or(TOKENS) / self.context.max(2);
                bounded(windows.max(1), self.context)?;
                let excerpt = language::example_held_out(windows.max(1), self.context);
                let windows = Windows::from_text(model, &excerpt.text, self.context, self.tokens)?;
                Ok((windows, Some(excerpt.floor())))
            }
            None => Err(Failure::new("no text", "give one with --text FILE")),
        }
    }
}
