//! The language model: what is asked for of it, from its panels and from outside.

use super::whole_model::{MODEL_ORDERS, model_order};
use crate::app::explorer::Explorer;
use crate::app::state::language_command::LanguageCommand;
use crate::app::state::order_error::OrderError;
use crate::language::LayerId;
use eframe::egui::Context;
use serde_json::Value;

impl Explorer {
    /// Does what a panel asks for.
    pub(super) fn perform_language(&mut self, ctx: &Context, command: LanguageCommand) {
        let (language, preferences) = (&mut self.state.language, &self.state.preferences);
        match command {
            LanguageCommand::Model(command) => {
                language.perform(ctx, command, (&preferences.settings, preferences.compute_config()));
            }
            LanguageCommand::BrowseText => self.state.computed.loader.pick_text(),
            LanguageCommand::MeasureSensitivity => language.measures.sensitivity.start(),
            LanguageCommand::StopSensitivity => language.measures.sensitivity.stop(),
            LanguageCommand::RetrySensitivity => language.measures.sensitivity.retry(),
            LanguageCommand::Distribute => language.distribute(),
            LanguageCommand::TakeInputs(id) => self.inputs_from_model(id),
            LanguageCommand::Save => _ = self.save_model(),
            LanguageCommand::Generate(request) => language.want_texts(ctx, &request, preferences.threads),
            // Why not stands at the button.
            LanguageCommand::MeasureTable => _ = language.measure_table(),
            LanguageCommand::PauseTable => language.pause_table(),
        }
    }

    /// Writes the model with its compressed layers; false when there are none.
    fn save_model(&mut self) -> bool {
        let settings = &self.state.preferences.settings;
        let saving = self.state.language.saving(settings, self.panels.model.save_target());
        let there = saving.is_some();
        saving.into_iter().for_each(|(version, task)| self.state.computed.loader.save_model(version, task));
        there
    }

    /// Reads the statistics of what a layer reads in the model.
    pub(super) fn inputs_from_model(&mut self, id: LayerId) {
        let language = &self.state.language;
        if let (Some(task), Some(info)) = (language.collecting(id), language.info()) {
            self.state.computed.loader.collect(task, info.config.tensor_with(id), "the model's text");
        }
    }

    /// `{"compress": density}`, with `"blockwise": true` blocks are tuned on the way, `{"tune": {"steps": 20}}` with [`Settings`](crate::finetune::Settings), `"cancel"`, `"pause tuning"`, `"resume tuning"`,
    /// `"cancel tuning"`, `"undo tuning"`, `"save"`, `"table"` or `"pause table"`.
    pub(super) fn language_order(&mut self, ctx: &Context, order: &Value) -> Result<(), OrderError> {
        let (language, preferences) = (&mut self.state.language, &self.state.preferences);
        if model_order(language, ctx, order, preferences)? {
            return Ok(());
        }
        match order.as_str() {
            Some("table") => language.measure_table().map_err(OrderError::not_now)?,
            Some("pause table") => language.pause_table(),
            Some("save") => match self.save_model() {
                true => {}
                false => return Err(OrderError::not_now("no layer is compressed")),
            },
            _ => {
                let takes = format!("{MODEL_ORDERS}, \"save\", \"table\" or \"pause table\"");
                return Err(OrderError::takes("a model", takes));
            }
        }
        Ok(())
    }
}
