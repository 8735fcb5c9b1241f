//! Why something that the window is asked for cannot be done. Its hints name controls of the window, which alone shows them.

use crate::hint::{Explain, Hint};

/// Why something that the window is asked for cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A panic in a task, or a Worker that is gone.
    #[error("This broke off (a bug; please report it)")]
    Crashed,
    /// Nobody waits for it any more.
    #[error("cancelled")]
    Cancelled,
    /// Nothing is open.
    #[error("No layer is open")]
    NoLayer,
    /// A vision model without images.
    #[error("there are no images to measure the network on")]
    NoImages,
    /// A vision model without images that its layers read.
    #[error("there are no images to take the layers' inputs from")]
    NoInputsImages,
    /// No method is ticked that can be done.
    #[error("No method that can be done is ticked")]
    NoMethod,
    /// A language model without a text.
    #[error("there is no text to measure the model on")]
    NoText,
    /// A language model without a text that its layers read.
    #[error("there is no text to take the layers' inputs from")]
    NoInputsText,
    /// An expert to which no token of the text was routed.
    #[error("no token of the text is routed to this expert")]
    NoTokens,
    /// A file of something else than text.
    #[error("{file} is not text in UTF-8")]
    NotText {
        /// The file's name.
        file: String,
    },
    /// Not enough text to measure and calibrate on.
    #[error("{file} has {tokens} tokens, and two windows take {needed}")]
    ShortText {
        /// The file's name.
        file: String,
        /// Tokens of the text.
        tokens: usize,
        /// Tokens that are needed.
        needed: usize,
    },
    /// A run that has made no factors.
    #[error("there are no factors yet")]
    NoFactors,
    /// Nothing to go on from.
    #[error("This model's texts have no mark at their start")]
    NoStart,
    /// A row that the table does not have.
    #[error("there is no such row")]
    NoRow,
    /// The layers' sensitivity, by which nonzeros are distributed, is unknown.
    #[error("the sensitivity of layers could not be measured")]
    NoSensitivity,
    /// With one fixed mask the split is given.
    #[error("one fixed mask leaves no split to choose")]
    FixedMask,
    /// A figure that has no points for this layer.
    #[error("it has no points")]
    NoPoints,
    /// Nothing to export.
    #[error("no sweep is measured yet")]
    NoSweep,
    /// Nothing to export.
    #[error("no table is measured yet")]
    NoTable,
    /// Nothing to export.
    #[error("this view shows nothing yet")]
    NoView,
    /// Nothing to export.
    #[error("the run on screen has not ended")]
    RunGoes,
    /// The Worker that looks for a graphics adapter is gone.
    #[error("looking for a graphics adapter broke off")]
    SearchCrashed,
}

impl Explain for Error {
    fn hint(&self) -> Option<Hint> {
        Some(match self {
            Self::ShortText { .. } => Hint::say("give more text"),
            Self::NotText { .. } => Hint::say("give a plain text file"),
            Self::NoTokens => Hint::say("give more text"),
            Self::NoStart => Hint::say("type how the text begins"),
            Self::NoSweep => Hint::say("start one on the page Compare"),
            Self::NoTable => Hint::say("start it on the page Language model"),
            Self::NoView => Hint::say("wait for the run"),
            Self::RunGoes => Hint::say("wait for it, or cancel it"),
            Self::SearchCrashed => Hint::UseCpu { or: None },
            Self::Crashed
            | Self::Cancelled
            | Self::NoLayer
            | Self::NoMethod
            | Self::NoImages
            | Self::NoInputsImages
            | Self::NoText
            | Self::NoInputsText
            | Self::NoFactors
            | Self::NoRow
            | Self::NoSensitivity
            | Self::FixedMask
            | Self::NoPoints => return None,
        })
    }
}
