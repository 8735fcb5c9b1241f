//! Everything that the window had to say.

use super::state::State;
use crate::app::state::messages::{Level, Message};
use crate::app::widgets::regions::scroll_ui;
use eframe::egui::{Color32, Label, RichText, ScrollArea, Ui};

/// The log, newest first.
pub fn log_ui(ui: &mut Ui, state: &State) {
    let log = state.messages.log();
    if log.is_empty() {
        ui.weak("Nothing to report");
    } else if ui.small_button("Copy").on_hover_text("The whole log, to the clipboard").clicked() {
        let line = |Message { at, text, .. }: &Message| format!("{at:>8.1} s  {text}\n");
        ui.ctx().copy_text(log.iter().map(line).collect());
    }
    scroll_ui(ui, ScrollArea::vertical().id_salt("log").auto_shrink(false), |ui| {
        for message in log.iter().rev() {
            ui.horizontal_top(|ui| {
                ui.weak(RichText::new(format!("{:>7.1} s", message.at)).monospace());
                ui.add(Label::new(RichText::new(&message.text).color(color(ui, message.level))).wrap());
            });
        }
    });
}

/// The colour of messages of a level.
pub fn color(ui: &Ui, level: Level) -> Color32 {
    match level {
        Level::Done => ui.visuals().text_color(),
        Level::Problem => ui.visuals().error_fg_color,
    }
}
