//! What the values of a language model are tuned on.

use super::eval_set::LanguageSource;
use super::lazy_model::{LazyModel, eval_set};
use crate::app::state::error::Error;
use crate::app::tasks::whole_model::tuning::tune::TunedSource;
use crate::finetune::{Settings, Task, TextLoss, Tuning};
use crate::hint::Failure;
use crate::language::{LanguageModel, LayerId};
use crate::matrix::Replacement;
use std::collections::BTreeMap;

impl TunedSource for LanguageSource {
    const TUNING: &'static str = "tune model";
    type Model = LanguageModel;
    type Subject = TextLoss;

    fn tuning_settings() -> Settings {
        Settings::default()
    }

    fn dense(opened: &LazyModel) -> Result<&LanguageModel, Failure> {
        eval_set(opened).map(|set| &set.model)
    }

    /// On the model's text, without the windows that the page measures on.
    fn tuning(
        opened: &LazyModel,
        model: LanguageModel,
        layers: BTreeMap<LayerId, Replacement>,
        settings: Settings,
    ) -> Result<Tuning<Self::Subject>, Failure> {
        let set = eval_set(opened)?;
        let held_out = set.text.clone().ok_or(Error::NoText)?;
        let text = set.training.clone().ok_or(Error::NoText)?;
        Ok(Tuning::new(Task { model, layers, text, held_out, teacher: None }, settings)?)
    }
}
