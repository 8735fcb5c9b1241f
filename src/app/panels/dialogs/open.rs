//! Choosing what to open: by the system's dialog, by typing a path, or from a list of files where there is no dialog.

#[cfg(not(target_arch = "wasm32"))]
use super::file_list::FileList;
use crate::app::platform;
use crate::app::state::command::Command;
use crate::app::state::link::Link;
use eframe::egui::text::CCursorRange;
use eframe::egui::{Key, TextEdit, Ui};

/// The dialog's own state.
#[derive(Default)]
pub struct OpenDialog {
    /// Whether it is open.
    pub open: bool,
    path: String,
    /// Whether the field has had the keyboard since it was opened.
    focused: bool,
    /// List of files, where the system has no dialog.
    #[cfg(not(target_arch = "wasm32"))]
    files: Option<FileList>,
}

impl OpenDialog {
    /// Opens the dialog; what was typed the last time is selected, so that typing replaces it.
    pub fn start(&mut self) {
        (self.open, self.focused) = (true, false);
    }

    /// Shows a list of files, as the system has no dialog; false in a page, which sees no files.
    pub fn list_files(&mut self) -> bool {
        self.open = true;
        #[cfg(not(target_arch = "wasm32"))]
        {
            self.files = Some(FileList::near(&self.path));
        }
        platform::HAS_FOLDERS
    }

    /// Draws the dialog's contents.
    pub fn ui(&mut self, ui: &mut Ui) -> Option<Command> {
        let mut command = None;
        ui.label(platform::OPENS);
        ui.horizontal(|ui| {
            if ui.button("File…").clicked() {
                command = Some(Command::BrowseFile);
            }
            if platform::HAS_FOLDERS && ui.button("Folder…").clicked() {
                command = Some(Command::BrowseFolder);
            }
        });
        command = self.path_ui(ui).or(command);
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(files) = &mut self.files {
            ui.separator();
            ui.label("This system has no file dialog (no desktop portal): here is a list, or type the path above");
            command = files.ui(ui).map(Command::Open).or(command);
        }
        if ui.button("Close").clicked() {
            self.open = false;
        }
        command
    }

    /// Opens what was typed: a path or address, or a link to a place in this program.
    fn asked(&self) -> Command {
        match Link::read(&self.path) {
            Some(Ok(link)) => Command::Follow(Box::new(link)),
            _ => Command::Open(platform::typed(&self.path)),
        }
    }

    fn path_ui(&mut self, ui: &mut Ui) -> Option<Command> {
        let row = ui.horizontal(|ui| {
            let label = ui.label(platform::TYPED);
            let mut output = TextEdit::singleline(&mut self.path).desired_width(360.0).show(ui);
            let edit = (*output.response).clone().labelled_by(label.id);
            if !std::mem::replace(&mut self.focused, true) {
                edit.request_focus();
                let all = CCursorRange::select_all(&output.galley);
                output.state.cursor.set_char_range(Some(all));
                output.state.store(ui.ctx(), edit.id);
            }
            let entered = edit.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            let pressed = ui.button("Open").clicked();
            let there = !self.path.trim().is_empty();
            ((entered || pressed) && there).then(|| self.asked())
        });
        row.inner
    }
}
