//! What can be wrong with a vision model, or with the images it is to classify.

use crate::hint::{Explain, Hint};

/// Why a vision model or its images cannot be opened or used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The tensors are not those of a residual network.
    #[error("the tensors of {file} are not named as those of a residual network")]
    NoNetwork {
        /// Name of the file.
        file: String,
    },
    /// A residual network without a classifier.
    #[error("{file} has no classifier: there is no tensor {tensor} or the like")]
    NoClassifier {
        /// Name of the file.
        file: String,
        /// Name of the tensor that most have.
        tensor: String,
    },
    /// Something that is not computed here.
    #[error("not supported here: {what}")]
    Unsupported {
        /// Description of it.
        what: String,
    },
    /// A tensor has another shape than those around it ask for.
    #[error("{tensor} has shape {shape:?} where {}", asked(expected))]
    Shape {
        /// Name of the tensor.
        tensor: String,
        /// Shape of the tensor.
        shape: Vec<usize>,
        /// Shape that is asked for; zeros where any length will do.
        expected: Vec<usize>,
    },
    /// A JSON file is not what it should be.
    #[error("config.json: {problem}")]
    Config {
        /// Description of the problem.
        problem: String,
    },
    /// A file cannot be read.
    #[error("{file} cannot be read ({reason})")]
    Unreadable {
        /// Name of the file.
        file: String,
        /// Message of the operating system.
        reason: String,
    },
    /// The weights cannot be read.
    #[error(transparent)]
    Weights(#[from] crate::model::Error),
    /// Images too small for the network.
    #[error("the images have {height}×{width} pixels, and this network reads no fewer than {least}×{least}")]
    TooSmall {
        /// Rows of an image.
        height: usize,
        /// Columns of an image.
        width: usize,
        /// Least height and width.
        least: usize,
    },
    /// There are no images.
    #[error("there are no images")]
    NoImages,
    /// A class that the network does not know.
    #[error("an image is of class {label}, and the network knows {classes}")]
    Label {
        /// Number of the class, from 0.
        label: usize,
        /// Number of the network's classes.
        classes: usize,
    },
    /// A value that is infinite or NaN.
    #[error("what {tensor} computes is not finite")]
    NotFinite {
        /// Name of the layer's tensor.
        tensor: String,
    },
    /// A network stored with its factors, where dense weights are needed.
    #[error("{model} is compressed already")]
    IsCompressed {
        /// Name of the model.
        model: String,
    },
    /// The computation was cancelled.
    #[error("cancelled")]
    Cancelled,
}

fn asked(expected: &[usize]) -> String {
    match expected.iter().all(|&length| length == 0) {
        true => format!("{} dimensions are expected", expected.len()),
        false => format!("{expected:?} is expected"),
    }
}

impl Explain for Error {
    fn hint(&self) -> Option<Hint> {
        Some(match self {
            Self::NoNetwork { .. } => Hint::say(
                "give a network with the names of torchvision, timm or Hugging Face's ResNetForImageClassification",
            ),
            Self::NoClassifier { .. } => Hint::say("give a network that was trained to classify"),
            Self::Unsupported { .. } => Hint::FactorizeLayers,
            Self::Shape { .. } | Self::Config { .. } => Hint::say("download the model again"),
            Self::Unreadable { .. } => Hint::say("check that it is there and may be read"),
            Self::Weights(error) => return error.hint(),
            Self::TooSmall { .. } => Hint::say("give larger images"),
            Self::NoImages => Hint::say("give at least one"),
            Self::Label { .. } => Hint::say("give images of the classes it was trained on"),
            Self::NotFinite { .. } => Hint::say("check its weights and batch normalization"),
            Self::IsCompressed { .. } => Hint::say("give the dense model"),
            Self::Cancelled => return None,
        })
    }
}
