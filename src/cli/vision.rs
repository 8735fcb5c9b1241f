//! Arguments shared by the commands on vision models: the model, and how it reads pixels.

use super::Failure;
use crate::glyphs::CLASSES;
use crate::model::{self, Source};
use crate::vision::{self, Preprocess, VisionModel};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Vision model to work on.
#[derive(clap::Args)]
pub struct VisionArgs {
    /// A residual network: the folder of a Hugging Face model, or a file of weights [default: the built-in one, which is also
    /// called glyphs]
    model: Option<PathBuf>,

    #[command(flatten)]
    colours: ColourArgs,
}

/// Whether a path is the name of the built-in network, and of nothing else.
pub fn is_example(path: &Path) -> bool {
    path == Path::new("glyphs") && !path.exists()
}

/// The residual network in a folder or file, if its tensors are named like one's.
pub fn residual_network(path: &Path) -> Result<Option<VisionModel>, Failure> {
    match model::open(path) {
        Ok(checkpoint) if vision::is_residual_network(&checkpoint) => {
            Ok(Some(vision::open_with(&Source::from(path.to_owned()), Arc::new(checkpoint))?))
        }
        // What cannot be opened at all, the language model's reader says better.
        _ => Ok(None),
    }
}

/// Whether a network tells the built-in pictures' classes apart: the built-in one, or what was made of it.
pub fn knows_glyphs(model: &VisionModel) -> bool {
    model.class_names() == CLASSES
}

/// How pixels become what a network reads.
#[derive(clap::Args)]
pub struct ColourArgs {
    /// What is taken off each colour, scaled to 0 to 1 [default: 0.485,0.456,0.406, or what preprocessor_config.json says]
    #[arg(long, value_name = "R,G,B", allow_negative_numbers = true)]
    mean: Option<Colours>,

    /// What each colour is divided by after that [default: 0.229,0.224,0.225, or what preprocessor_config.json says]
    #[arg(long, value_name = "R,G,B", allow_negative_numbers = true)]
    std: Option<Colours>,
}

/// A number for each colour.
#[derive(Clone, Copy)]
struct Colours([f32; 3]);

impl std::str::FromStr for Colours {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let numbers: Option<Vec<f32>> =
            text.split(',').map(|number| number.trim().parse().ok().filter(|x: &f32| x.is_finite())).collect();
        let three = numbers.and_then(|numbers| <[f32; 3]>::try_from(numbers).ok());
        three.map(Self).ok_or_else(|| Failure::unexplained("give three numbers, for example 0.485,0.456,0.406"))
    }
}

impl VisionArgs {
    /// Opens the model.
    pub fn open(&self) -> Result<VisionModel, Failure> {
        let model = match &self.model {
            Some(path) if !is_example(path) => vision::open(path)?,
            _ => vision::example(),
        };
        super::say_notes(model.checkpoint());
        self.colours.apply(model)
    }
}

impl ColourArgs {
    /// The model with what was given.
    pub fn apply(&self, model: VisionModel) -> Result<VisionModel, Failure> {
        let mut preprocess: Preprocess = model.preprocess().clone();
        if let Some(Colours(mean)) = self.mean {
            preprocess.mean = mean;
        }
        if let Some(Colours(std)) = self.std {
            if std.iter().any(|&std| std <= 0.0) {
                return Err(Failure::new("--std has a number that is not above 0", "give three that are").usage());
            }
            preprocess.std = std;
        }
        Ok(model.with_preprocess(preprocess))
    }
}
