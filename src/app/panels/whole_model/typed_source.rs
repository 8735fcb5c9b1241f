//! A file or an address that is typed.

use crate::app::platform::{TYPED, typed};
use crate::model::Source;
use eframe::egui::{Key, TextEdit, Ui};

/// A field for data to measure a model on, and its button.
#[derive(Default)]
pub struct TypedSource {
    path: String,
}

impl TypedSource {
    /// Draws it; returns what is to be read. `name` is what is typed, `button` what its button says.
    pub fn ui(&mut self, ui: &mut Ui, name: &str, button: &str, why: &str) -> Option<Source> {
        let name = ui.weak(name).on_hover_text(why);
        let field = TextEdit::singleline(&mut self.path).hint_text(TYPED).desired_width(140.0);
        let field = ui.add(field).labelled_by(name.id);
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let pressed = ui.button(button).on_hover_text(why).clicked();
        ((entered || pressed) && !self.path.trim().is_empty()).then(|| typed(&self.path))
    }
}
