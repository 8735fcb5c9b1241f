//! Choosing what to open: by the system's dialog, or by typing a path where there is none.

use crate::app::platform;
use crate::app::state::command::Command;
use eframe::egui::{Key, TextEdit, Ui};

/// The dialog's own state.
#[derive(Default)]
pub struct OpenDialog {
    /// Whether it is open.
    pub open: bool,
    path: String,
    /// Whether the field has had the keyboard since it was opened.
    focused: bool,
}

impl OpenDialog {
    /// Opens the dialog with an empty field.
    pub fn start(&mut self) {
        (self.open, self.focused) = (true, false);
    }

    /// Draws the dialog's contents.
    pub fn ui(&mut self, ui: &mut Ui) -> Option<Command> {
        let mut command = None;
        ui.weak(platform::OPENS);
        ui.horizontal(|ui| {
            if ui.button("File…").clicked() {
                command = Some(Command::BrowseFile);
            }
            if platform::HAS_FOLDERS && ui.button("Folder…").clicked() {
                command = Some(Command::BrowseFolder);
            }
        });
        ui.horizontal(|ui| {
            let label = ui.label(platform::TYPED);
            let edit = ui.add(TextEdit::singleline(&mut self.path).desired_width(360.0)).labelled_by(label.id);
            if !std::mem::replace(&mut self.focused, true) {
                edit.request_focus();
            }
            let entered = edit.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            let pressed = ui.button("Open").clicked();
            if (entered || pressed) && !self.path.trim().is_empty() {
                command = Some(Command::Open(platform::typed(&self.path)));
            }
        });
        if ui.button("Close").clicked() {
            self.open = false;
        }
        command
    }
}
