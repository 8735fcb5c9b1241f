//! What a person can do about an error, in Python's words: arguments of functions.

use crate::hint::Hint;
use std::borrow::Cow;

/// Returns what to do in Python's words, without a full stop.
pub fn words(hint: &Hint) -> Cow<'static, str> {
    match hint {
        Hint::Say(words) => words.clone(),
        Hint::UseCpu { or: Some(or) } => format!("{or}, or use backend=\"cpu\"").into(),
        Hint::UseCpu { or: None } => "use backend=\"cpu\"".into(),
        Hint::RaiseDensity => "raise the density".into(),
        Hint::LowerDensityOrRaiseExpansion => "lower the density or raise the expansion".into(),
        Hint::OtherFactorDensity => "choose another factor_density, or leave it out".into(),
        Hint::RaiseRidgeOrRho => "try a larger ridge or rho".into(),
        Hint::GiveCalibration => "give a calibration".into(),
        Hint::GiveCalibrationImages => "give calibration_images".into(),
        Hint::GiveCalibrationText => "give a calibration_text".into(),
        Hint::MoreTextOrSmallerContext => "give more text or a smaller context".into(),
        Hint::OtherName { nearest } if nearest.is_empty() => "there are none in this file, open another one".into(),
        Hint::OtherName { nearest } => format!("did you mean {}?", nearest.join(", ")).into(),
        Hint::FactorizeLayers => "factorize() takes the layers of any model".into(),
        Hint::AskByName => "ask for it by name".into(),
        Hint::ChooseDtype { fitting } => format!("write it with dtype=\"{fitting}\"").into(),
        Hint::ChooseMerged { product: true } => "write their product with layout=\"merged\"".into(),
        Hint::ChooseMerged { product: false } => "write it with layout=\"merged\"".into(),
        Hint::ChooseFactors => "write another layout than merged".into(),
        Hint::KeepFactors => "compress it again with layout=[\"merged\", \"bitmask\"] or layout=\"bitmask\"".into(),
        Hint::ReplaceFile => "use force=True to replace it".into(),
        Hint::ReplaceFolder => "give another folder, or force=True to replace it".into(),
        Hint::DropWork => "go on with its settings, give another out, or force=True to drop it".into(),
        Hint::WaitOrOtherFolder => "wait for it, or give another out".into(),
        Hint::GoOn => "what was finished before is kept, and the same call goes on from there".into(),
        Hint::FinishLayers => "replace them first, with layers=[...]".into(),
        Hint::CollectBlock { block } => format!("collect them first, with statistics_of_block={block}").into(),
    }
}
