//! Where a changed model is written to.

use crate::app::platform::{HAS_FOLDERS, SaveTarget};
use eframe::egui::{Button, TextEdit, Ui};

/// A folder, and whether what was saved there is replaced.
#[derive(Default)]
pub struct SaveTo {
    folder: String,
    replaces: bool,
}

impl SaveTo {
    /// Returns the target that the model is to be written to.
    pub fn target(&self) -> SaveTarget {
        SaveTarget::new(&self.folder, self.replaces)
    }

    /// Draws the choice under `title`; whether the model is to be written, which is `possible` unless `why_not` says otherwise.
    pub fn ui(&mut self, ui: &mut Ui, title: &str, hint: &str, (possible, why_not): (bool, &str)) -> bool {
        let shown = ui.collapsing(title, |ui| {
            let row = ui.horizontal_wrapped(|ui| {
                let mut possible = possible;
                // A page hands over files, and browsers know where to.
                if HAS_FOLDERS {
                    let label = ui.label("New folder");
                    let field = TextEdit::singleline(&mut self.folder).hint_text("path").desired_width(180.0);
                    ui.add(field).labelled_by(label.id);
                    let why = "A model that was saved there before";
                    ui.checkbox(&mut self.replaces, "Replace").on_hover_text(why);
                    possible &= !self.folder.trim().is_empty();
                }
                let button = ui.add_enabled(possible, Button::new("Write"));
                button.on_hover_text(hint).on_disabled_hover_text(why_not).clicked()
            });
            row.inner
        });
        shown.body_returned.unwrap_or_default()
    }
}
