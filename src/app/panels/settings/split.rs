//! The button that searches for the best split of the nonzeros, and how far the search is.

use crate::app::panels::state::State;
use crate::app::state::command::Command;
use crate::factorize::Settings;
use eframe::egui::{Button, ProgressBar, Ui};

/// The button, or how far the search is. `settings` are those that are being set.
pub fn split_ui(ui: &mut Ui, state: &State, settings: &Settings) -> Option<Command> {
    let problem = state.document.problem()?;
    let search = &state.computed.split;
    if let Some(share) = search.progress() {
        let cancelled = ui.horizontal(|ui| {
            ui.add(ProgressBar::new(share as f32).desired_width(120.0).text("searching"));
            ui.button("Cancel").on_hover_text("Give the search up").clicked()
        });
        return cancelled.inner.then_some(Command::CancelSplit);
    }
    let pressed = ui.horizontal_wrapped(|ui| {
        let why = "Tries splits by short runs, and the best of them by whole ones: it takes about eight times as long as a \
                   run, and never ends with a higher error than the paper's split";
        let free = !settings.fixed_mask;
        let button = ui.add_enabled(free, Button::new("Find the best split"));
        let button = button.on_hover_text(why).on_disabled_hover_text("One fixed mask says how many there are");
        search.said(&problem, settings).into_iter().for_each(|said| _ = ui.weak(said));
        button.clicked()
    });
    pressed.inner.then_some(Command::FindSplit)
}
