//! Tuning the values of the compressed layers of the open language model.

use super::eval_set::LanguageSource;
use super::lazy_model::{LazyModel, eval_set};
use super::model_state::LanguageModelState;
use crate::app::state::error::Error;
use crate::app::state::tuning_command::TuningCommand;
use crate::app::tasks::tuning::model_tuning::ModelTuning;
use crate::app::tasks::tuning::tune::TunedSource;
use crate::finetune::{Settings, Task, TextLoss, Tuning};
use crate::hint::Failure;
use crate::language::{LanguageModel, LayerId};
use crate::matrix::Replacement;
use eframe::egui::Context;
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

/// Tuning the values of the compressed layers.
impl LanguageModelState {
    /// The tuning: its settings, what goes on, what became of the losses.
    pub fn tuning(&self) -> &ModelTuning<LanguageSource> {
        &self.tuning
    }

    /// Why the layers cannot be tuned now.
    pub fn no_tuning(&self) -> Option<&'static str> {
        let Some(info) = self.info() else { return Some("no language model is open") };
        match () {
            () if info.keeps_factors => Some(
                "This model keeps its factors: dsf-explorer finetune tunes them, or open the one that they were made from",
            ),
            () if !info.calibrates => Some("Give a text first, under Text to measure on"),
            () if self.layers.is_empty() => Some("Compress layers first: what replaces them is tuned"),
            () => self.why_busy(),
        }
    }

    /// Does what is asked for of the tuning; in a sentence why not.
    pub fn tune(&mut self, ctx: &Context, command: TuningCommand, threads: Option<usize>) -> Result<(), &'static str> {
        let model = match self.no_tuning() {
            Some(why) => Err(why),
            None => self.open.lazy().cloned().ok_or("no language model is open"),
        };
        self.tuning.perform((ctx, threads), command, model, &mut self.layers, &mut self.problem)
    }
}
