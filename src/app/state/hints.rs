//! What a person can do about an error, in the words of the window: its controls.

use crate::hint::{Explain, Failure, Hint};
use std::borrow::Cow;

/// Returns what to do in the window's words, without a full stop.
pub fn words(hint: &Hint) -> Cow<'static, str> {
    match hint {
        Hint::Say(words) => words.clone(),
        Hint::UseCpu { or: Some(or) } => format!("{or}, or choose the CPU in the status bar").into(),
        Hint::UseCpu { or: None } => "choose the CPU in the status bar".into(),
        Hint::RaiseDensity => "raise the density".into(),
        Hint::LowerDensityOrRaiseExpansion => "lower the density or raise the expansion".into(),
        Hint::OtherFactorDensity => "choose another density for the first factor, or the paper's split".into(),
        Hint::RaiseRidgeOrRho => "try a larger ridge or ρ".into(),
        Hint::GiveCalibration => "give them in the settings, under Layer's inputs".into(),
        Hint::GiveCalibrationImages => "give images of the kind that it reads".into(),
        Hint::GiveCalibrationText => "give a text on the page Language model".into(),
        Hint::MoreTextOrSmallerContext => "give more text".into(),
        Hint::OtherName { nearest } if nearest.is_empty() => "there are none in this file, open another one".into(),
        Hint::OtherName { nearest } => format!("did you mean {}?", nearest.join(", ")).into(),
        Hint::FactorizeLayers => "its layers can be factorized one by one all the same".into(),
        Hint::AskByName => "tick it on the page Compare".into(),
        Hint::ChooseDtype { fitting } => format!("choose as Values {fitting}").into(),
        Hint::ChooseMerged { product: true } => "choose as Layout merged, for their product".into(),
        Hint::ChooseMerged { product: false } => "choose as Layout merged".into(),
        Hint::ChooseFactors => "choose another Layout than merged".into(),
        Hint::KeepFactors => "write it again with its factors beside it".into(),
        Hint::ReplaceFile => "tick Replace an existing file, or choose another name".into(),
        Hint::ReplaceFolder => "give another folder, or tick Replace".into(),
        Hint::DropWork => "give another folder, or tick Replace to drop them".into(),
        Hint::WaitOrOtherFolder => "wait for it, or give another folder".into(),
        Hint::GoOn => "layers written before are kept, and Write goes on from them".into(),
        Hint::FinishLayers => "replace them first".into(),
        Hint::CollectBlock { .. } => "collect them first".into(),
    }
}

/// Returns a sentence on what is wrong, and after the last colon what to do.
pub fn sentence(failure: &Failure) -> String {
    match &failure.hint {
        Some(hint) => format!("{}: {}", failure.message, words(hint)),
        None => failure.message.clone(),
    }
}

/// The same of an error.
pub fn sentence_of(error: impl Explain) -> String {
    sentence(&error.into())
}
