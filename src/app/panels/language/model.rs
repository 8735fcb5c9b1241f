//! The language model: its layers, what is done with them, and what becomes of its perplexity.

use super::budget::{budget_ui, kinds_ui};
use super::compression::commands_ui;
use super::info::info_ui;
use super::layers::layers_ui;
use super::perplexity::{perplexity_ui, trail_ui};
use super::tradeoff::tradeoff_ui;
use super::tuning::tuning_ui;
use crate::app::panels::save_to::SaveTo;
use crate::app::panels::state::State;
use crate::app::panels::whole_model::commands::{pending_ui, progress_ui};
use crate::app::panels::whole_model::typed_source::TypedSource;
use crate::app::platform::SaveTarget;
use crate::app::state::command::Command;
use crate::app::state::language_command::LanguageCommand;
use crate::app::state::model_command::ModelCommand;
use crate::app::tasks::language::eval_set::ModelInfo;
use crate::app::widgets::regions::scroll_ui;
use crate::language::LayerId;
use eframe::egui::{CollapsingHeader, ScrollArea, Ui};
use std::collections::BTreeSet;

/// The panel's own state.
#[derive(Default)]
pub struct ModelPanel {
    /// Number of the model that it is about: with another one it begins anew.
    model: usize,
    ticked: BTreeSet<LayerId>,
    save_to: SaveTo,
    text: TypedSource,
    /// Whether compressions are compared by tokens a second, not by bytes.
    over_speed: bool,
    /// Whether the losses of a tuning are shown in nats, not as perplexities.
    as_loss: bool,
}

impl ModelPanel {
    /// Returns the target that the model is to be written to.
    pub fn save_target(&self) -> SaveTarget {
        self.save_to.target()
    }

    /// Draws the panel of the model's layers.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Option<Command> {
        let model = state.language.model().models();
        if self.model != model {
            *self = Self { model, ..Self::default() };
        }
        let info = info_ui(ui, state)?;
        let pending = pending_ui(ui, &state.language, "Stay with this model").map(LanguageCommand::from);
        // In a small panel what it is about scrolls away, so that the layers can be seen.
        let scroll = ScrollArea::both().id_salt("model").auto_shrink(false);
        let (asked, layer) = scroll_ui(ui, scroll, |ui| self.contents(ui, state, info));
        pending.or(asked).map(Command::Language).or(layer)
    }

    fn contents(&mut self, ui: &mut Ui, state: &State, info: &ModelInfo) -> (Option<LanguageCommand>, Option<Command>) {
        let measure = perplexity_ui(ui, state, info);
        info.notes.iter().for_each(|note| _ = ui.weak(note.to_string()));
        let row = ui.horizontal_wrapped(|ui| {
            let asked = commands_ui(ui, state, info, &self.ticked);
            (budget_ui(ui, state, info), asked)
        });
        progress_ui(ui, &state.language, |info, id| info.config.label(id));
        let kinds = kinds_ui(ui, state, info);
        let header = CollapsingHeader::new("Text to measure on").default_open(info.text.is_none());
        let text = header.show(ui, |ui| ui.horizontal_wrapped(|ui| self.text_ui(ui, state, info)).inner);
        let save = self.save_ui(ui, state);
        let tune = tuning_ui(ui, state, &mut self.as_loss);
        trail_ui(ui, state);
        tradeoff_ui(ui, state, &mut self.over_speed);
        let layer = layers_ui(ui, state, info, &mut self.ticked);
        let (budget, asked) = row.inner;
        let of_any = measure.or(asked).or(tune).map(LanguageCommand::from);
        (of_any.or(budget).or(kinds).or(text.body_returned.flatten()).or(save), layer)
    }

    /// Draws the choice of a text.
    fn text_ui(&mut self, ui: &mut Ui, state: &State, info: &ModelInfo) -> Option<LanguageCommand> {
        let mut command = None;
        if ui.button("Browse…").on_hover_text("Choose a text with a dialog").clicked() {
            command = Some(LanguageCommand::BrowseText);
        }
        let why = "Its first part measures the model, windows from all over the rest give the layers' inputs";
        if let Some(text) = self.text.ui(ui, "Text file", "Use this text", why) {
            command = Some(ModelCommand::ReadData(Some(text)).into());
        }
        let own = info.own_text || info.text_problem.is_some();
        if own && state.language.model().is_example() && ui.button("Back to the model's own stories").clicked() {
            command = Some(ModelCommand::ReadData(None).into());
        }
        command
    }

    fn save_ui(&mut self, ui: &mut Ui, state: &State) -> Option<LanguageCommand> {
        let possible = !state.language.layers().is_empty() && !state.language.is_working();
        let why_not = state.language.why_busy().unwrap_or("Compress layers first, and name a folder");
        let hint = "A folder that transformers loads, with the factors beside the model";
        self.save_to.ui(ui, "Save the model", hint, (possible, why_not)).then_some(LanguageCommand::Save)
    }
}
