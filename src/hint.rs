//! What a person can do about an error: facts, which whoever shows the error puts into words.
//!
//! The message of an error, its `Display`, says what is wrong and nothing else. What to do about it is its [`Hint`]
//! ([`Explain`]): the command line words it with flags, the window with the names of its controls.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Advice on what a person can do about an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hint {
    /// Words that hold wherever the error is shown: they name no flag, no command and no control.
    Say(Cow<'static, str>),
    /// Compute on the processor, or do what `or` says first.
    UseCpu {
        /// Other advice, which may make the graphics adapter work after all.
        or: Option<Cow<'static, str>>,
    },
    /// Allow more nonzeros.
    RaiseDensity,
    /// Fewer nonzeros, or factors with a larger inner dimension.
    LowerDensityOrRaiseExpansion,
    /// Another share of the nonzeros for the first factor, or the default one.
    OtherFactorDensity,
    /// A larger ridge or ρ keeps the numbers finite.
    RaiseRidgeOrRho,
    /// Statistics of the layer's inputs.
    GiveCalibration,
    /// A text, from which the statistics of all layers' inputs are collected.
    GiveCalibrationText,
    /// Images, from which the statistics of all layers' inputs are collected.
    GiveCalibrationImages,
    /// More text, or windows with fewer tokens.
    MoreTextOrSmallerContext,
    /// One of these tensors or factorizations, the most similar name first; none when there are none in the file.
    OtherName {
        /// Names to suggest, quoted.
        nearest: Vec<String>,
    },
    /// A model that is not computed here still has layers that can be factorized.
    FactorizeLayers,
    /// A method that takes long is measured where it is asked for.
    AskByName,
    /// A number format with a larger range.
    ChooseDtype {
        /// Names of the formats that hold all values.
        fitting: Cow<'static, str>,
    },
    /// The layout with one matrix, in W's place.
    ChooseMerged {
        /// Whether that is a product of several matrices.
        product: bool,
    },
    /// Any layout but the merged one.
    ChooseFactors,
    /// A compression that writes the factors as well.
    KeepFactors,
    /// Permission to replace the file.
    ReplaceFile,
    /// Another folder, or permission to replace the one that is there.
    ReplaceFolder,
    /// The earlier settings, another folder, or permission to drop unfinished work.
    DropWork,
    /// Patience, or another folder.
    WaitOrOtherFolder,
    /// The same again: what is finished is kept.
    GoOn,
    /// First the layers that are not finished.
    FinishLayers,
    /// First the statistics of this block.
    CollectBlock {
        /// Its number, from 0.
        block: usize,
    },
}

impl Hint {
    /// Words that hold wherever the error is shown.
    pub const fn say(words: &'static str) -> Self {
        Self::Say(Cow::Borrowed(words))
    }
}

/// An error that may know what to do about it.
pub trait Explain: std::error::Error {
    /// Returns advice on what to do about it, if anything is known to help.
    fn hint(&self) -> Option<Hint>;
}

/// Any error's message and hint: what is left of it where it crosses to another process, or is kept to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Message that says what is wrong.
    pub message: String,
    /// Advice on what to do about it, if anything is known to help.
    pub hint: Option<Hint>,
}

impl<E: Explain> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { message: error.to_string(), hint: error.hint() }
    }
}
