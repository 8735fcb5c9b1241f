//! The language model: its layers, what is done with them, and what becomes of its perplexity.

use super::budget::{budget_ui, kinds_ui};
use super::compression::{commands_ui, progress_ui};
use super::info::info_ui;
use super::layers::layers_ui;
use super::perplexity::{perplexity_ui, trail_ui};
use super::tradeoff::tradeoff_ui;
use super::tuning::tuning_ui;
use crate::app::panels::save_to::SaveTo;
use crate::app::panels::state::State;
use crate::app::platform::{SaveTarget, TYPED, typed};
use crate::app::state::command::Command;
use crate::app::state::model_command::ModelCommand;
use crate::app::tasks::language::eval_set::ModelInfo;
use crate::app::widgets::regions::scroll_ui;
use crate::language::LayerId;
use eframe::egui::{CollapsingHeader, Key, ScrollArea, TextEdit, Ui};
use std::collections::BTreeSet;

/// The panel's own state.
#[derive(Default)]
pub struct ModelPanel {
    /// Number of the model that it is about: with another one it begins anew.
    model: usize,
    ticked: BTreeSet<LayerId>,
    save_to: SaveTo,
    text_path: String,
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
        let pending = pending_ui(ui, state);
        // In a small panel what it is about scrolls away, so that the layers can be seen.
        let scroll = ScrollArea::both().id_salt("model").auto_shrink(false);
        let (asked, layer) = scroll_ui(ui, scroll, |ui| self.contents(ui, state, info));
        pending.or(asked).map(Command::Model).or(layer)
    }

    fn contents(&mut self, ui: &mut Ui, state: &State, info: &ModelInfo) -> (Option<ModelCommand>, Option<Command>) {
        let measure = perplexity_ui(ui, state, info);
        info.notes.iter().for_each(|note| _ = ui.weak(note.to_string()));
        let row = ui.horizontal_wrapped(|ui| {
            let asked = commands_ui(ui, state, info, &self.ticked);
            budget_ui(ui, state, info).or(asked)
        });
        progress_ui(ui, state);
        let kinds = kinds_ui(ui, state, info);
        let header = CollapsingHeader::new("Text to measure on").default_open(info.text.is_none());
        let text = header.show(ui, |ui| ui.horizontal_wrapped(|ui| self.text_ui(ui, state, info)).inner);
        let save = self.save_ui(ui, state);
        let tune = tuning_ui(ui, state, &mut self.as_loss);
        trail_ui(ui, state);
        tradeoff_ui(ui, state, &mut self.over_speed);
        let layer = layers_ui(ui, state, info, &mut self.ticked);
        (measure.or(row.inner).or(kinds).or(text.body_returned.flatten()).or(save).or(tune), layer)
    }

    /// Draws the choice of a text.
    fn text_ui(&mut self, ui: &mut Ui, state: &State, info: &ModelInfo) -> Option<ModelCommand> {
        let mut command = None;
        if ui.button("Browse…").on_hover_text("Choose a text with a dialog").clicked() {
            command = Some(ModelCommand::BrowseText);
        }
        let why = "Its first part measures the model, windows from all over the rest give the layers' inputs";
        let name = ui.weak("Text file").on_hover_text(why);
        let field = TextEdit::singleline(&mut self.text_path).hint_text(TYPED).desired_width(140.0);
        let field = ui.add(field).labelled_by(name.id);
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let pressed = ui.button("Use this text").on_hover_text(why).clicked();
        if (entered || pressed) && !self.text_path.trim().is_empty() {
            command = Some(ModelCommand::ReadText(Some(typed(&self.text_path))));
        }
        let own = info.own_text || info.text_problem.is_some();
        if own && state.language.model().is_example() && ui.button("Back to the model's own stories").clicked() {
            command = Some(ModelCommand::ReadText(None));
        }
        command
    }

    fn save_ui(&mut self, ui: &mut Ui, state: &State) -> Option<ModelCommand> {
        let possible = !state.language.layers().is_empty() && !state.language.is_working();
        let why_not = state.language.why_busy().unwrap_or("Compress layers first, and name a folder");
        let hint = "A folder that transformers loads, with the factors beside the model";
        self.save_to.ui(ui, "Save the model", hint, (possible, why_not)).then_some(ModelCommand::Save)
    }
}

/// Another model was opened, and layers of this one would be lost.
fn pending_ui(ui: &mut Ui, state: &State) -> Option<ModelCommand> {
    let name = state.language.pending()?;
    let row = ui.horizontal_wrapped(|ui| {
        ui.strong(format!("{name} is open too. The compressed layers here are not saved."));
        let discard = ui.button("Discard and open").clicked().then_some(ModelCommand::DiscardAndOpen);
        ui.button("Stay with this model").clicked().then_some(ModelCommand::Stay).or(discard)
    });
    row.inner
}
