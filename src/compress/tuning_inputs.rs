//! What a tuning depends on.

use super::{Inputs, Layered, VisionInputs, identity};
use crate::finetune::{Images, Settings, Text};
use crate::language::{LanguageModel, Windows};
use crate::model::Fingerprint;
use crate::vision::{Pictures, VisionModel};
use serde_json::{Value, json};

/// What a tuning depends on, so that it goes on only with the same.
pub struct TuningInputs<'a, M: Layered = LanguageModel> {
    /// The compressed model.
    pub(super) model: &'a M,
    /// How it is tuned.
    pub(super) settings: &'a Settings,
    /// What tells the model and its data from others.
    pub(super) identity: Value,
}

/// What tells a work's data from another's, beside the model's.
pub(super) const DATA: [&str; 4] = ["text", "images", "held_out", "teacher"];

impl<'a> TuningInputs<'a> {
    /// Of a language model that is tuned on `text`, or learns from `teacher` there.
    pub fn of_text(
        model: &'a LanguageModel,
        settings: &'a Settings,
        text: &Text,
        held_out: &Windows,
        teacher: Option<&LanguageModel>,
    ) -> Self {
        let mut tokens = Fingerprint::default();
        held_out.iter().flatten().for_each(|token| tokens.add(&token.to_le_bytes()));
        let mut identity = identity(model, &Inputs::Unknown);
        identity["text"] = json!(text.fingerprint());
        identity["held_out"] = json!({ "tokens": tokens.hex(), "context": held_out.context() });
        identity["teacher"] = json!(teacher.map(|teacher| self::identity(teacher, &Inputs::Unknown)));
        Self { model, settings, identity }
    }
}

impl<'a> TuningInputs<'a, VisionModel> {
    /// Of a residual network that is tuned on `images`.
    pub fn of_images(model: &'a VisionModel, settings: &'a Settings, images: &Images, held_out: &Pictures) -> Self {
        let mut identity = identity(model, &VisionInputs::Unknown);
        identity["images"] = json!(images.fingerprint());
        identity["held_out"] = json!(held_out.fingerprint());
        Self { model, settings, identity }
    }
}
