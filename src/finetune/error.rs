//! Why values cannot be tuned.

use crate::hint::{Explain, Hint};
use crate::{language, vision};

/// Why values cannot be tuned.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is outside its range.
    #[error("{name} is {value}: it must be {range}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// Value that was given.
        value: String,
        /// Range of the values it accepts.
        range: &'static str,
    },
    /// Both steps and epochs are given.
    #[error("both steps and epochs are given, and one follows from the other")]
    StepsAndEpochs,
    /// Epochs of a text, or of pictures, without an end.
    #[error("what is generated has no end, so there are no epochs of it")]
    NoEpochs,
    /// Nothing to tune.
    #[error("no layer of {model} is sparse or made of factors")]
    NothingSparse {
        /// Name of the model.
        model: String,
    },
    /// A replacement for another layer.
    #[error("what stands in the place of {tensor} is {found:?}, not {shape:?}")]
    Shape {
        /// Name of the layer's weight tensor.
        tensor: String,
        /// Shape of the replacement, `(out, in)`.
        found: (usize, usize),
        /// Shape of the layer, `(out, in)`.
        shape: (usize, usize),
    },
    /// The text has no window.
    #[error("{what} has {tokens} tokens, and a window takes {context}")]
    TooShort {
        /// What is too short: `the text`, `the held-out text`.
        what: &'static str,
        /// Number of its tokens.
        tokens: usize,
        /// Number of tokens that it needs.
        context: usize,
    },
    /// Too few images to hold some of them out.
    #[error("of {images} images none can be held out: it takes {needed}")]
    FewImages {
        /// Number of images.
        images: usize,
        /// Number that it takes.
        needed: usize,
    },
    /// The teacher is another kind of model.
    #[error("the model to learn from has {teacher} words, the one that is tuned {student}")]
    Teacher {
        /// Size of the teacher's vocabulary.
        teacher: usize,
        /// Size of the vocabulary of the model that is tuned.
        student: usize,
    },
    /// The teacher has other blocks.
    #[error("the model to learn from has {} blocks of width {}, the one that is tuned {} of {}", teacher.0, teacher.1, student.0, student.1)]
    TeacherBlocks {
        /// Number of the teacher's blocks, and the width of its stream.
        teacher: (usize, usize),
        /// The same of the model that is tuned.
        student: (usize, usize),
    },
    /// Distillation without a model to learn from, or the other way round.
    #[error("distillation needs a model to learn from, and only distillation does")]
    NoTeacher,
    /// A saved state that is not of this work.
    #[error("the saved state cannot be read ({reason})")]
    State {
        /// What is wrong with it.
        reason: String,
    },
    /// An error of the language model.
    #[error(transparent)]
    Language(#[from] language::Error),
    /// An error of the vision model.
    #[error(transparent)]
    Vision(#[from] vision::Error),
}

impl Explain for Error {
    fn hint(&self) -> Option<Hint> {
        Some(match self {
            Self::StepsAndEpochs => Hint::say("give one of them"),
            Self::NoEpochs => Hint::say("give a number of steps"),
            Self::NothingSparse { .. } => Hint::say("compress it first"),
            Self::TooShort { .. } => Hint::MoreTextOrSmallerContext,
            Self::FewImages { .. } => Hint::say("give more, or others to hold out"),
            Self::Teacher { .. } | Self::TeacherBlocks { .. } => {
                Hint::say("take the dense model that this one was made from")
            }
            Self::State { .. } => Hint::DropWork,
            Self::Language(error) => return error.hint(),
            Self::Vision(error) => return error.hint(),
            Self::Setting { .. } | Self::Shape { .. } | Self::NoTeacher => return None,
        })
    }
}
