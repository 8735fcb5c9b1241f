//! What is known of the open layer's inputs.

use crate::app::panels::state::State;
use crate::app::platform::typed;
use crate::app::state::command::Command;
use crate::app::state::inputs::{InputsRole, LayerInputs};
use eframe::egui::{Align, CollapsingHeader, Grid, Label, Layout, Role, TextEdit, Ui, WidgetInfo, vec2};

/// The panel's own state.
#[derive(Default)]
pub struct InputsPanel {
    path: String,
}

impl InputsPanel {
    /// The panel: one line until it is opened.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Option<Command> {
        let inputs = &state.document.inputs;
        let title = if inputs.calibration().is_some() { "Layer's inputs: calibrated" } else { "Layer's inputs" };
        let header = CollapsingHeader::new(title).id_salt("inputs panel");
        let shown = header.show(ui, |ui| self.contents(ui, inputs));
        if let Some(layer) = inputs.given_for() {
            // Out of the fold: runs are wrong without anybody seeing why.
            let text = format!("The inputs were given for {layer}, not for the open layer");
            ui.colored_label(ui.visuals().warn_fg_color, text);
        }
        let why = "With the layer's inputs, a run minimises the error of its outputs instead of that of W";
        shown.header_response.on_hover_text(why);
        shown.body_returned.flatten()
    }

    fn contents(&mut self, ui: &mut Ui, inputs: &LayerInputs) -> Option<Command> {
        let mut act = None;
        let why =
            "A .safetensors with the layer's inputs X [samples, in] or their product XtX [in, in], or a .npy of X";
        // Beside the labels, so that a long name does not widen the panel.
        let room = ui.available_width() - 90.0;
        Grid::new("inputs").num_columns(2).show(ui, |ui| {
            for (label, role) in [("Calibration", InputsRole::Calibration), ("Held out", InputsRole::HeldOut)] {
                ui.label(label).on_hover_text(why);
                ui.horizontal(|ui| match inputs.name(role) {
                    Some(name) => {
                        let letting_go = ui.small_button("🗙");
                        let text = format!("Let go of {name}");
                        letting_go.widget_info(|| WidgetInfo::labeled(Role::Button, true, &text));
                        let letting_go = letting_go.on_hover_text(text);
                        ui.scope(|ui| {
                            ui.set_max_width((room - letting_go.rect.width()).max(60.0));
                            ui.add(Label::new(name).truncate());
                        });
                        if letting_go.clicked() {
                            act = Some(Command::RemoveInputs(role));
                        }
                    }
                    None => {
                        let browse = ui.button("Browse…");
                        let text = format!("Browse for {label}…");
                        browse.widget_info(|| WidgetInfo::labeled(Role::Button, true, &text));
                        if browse.on_hover_text(why).clicked() {
                            act = Some(Command::BrowseInputs(role));
                        }
                    }
                });
                ui.end_row();
            }
        });
        if inputs.calibration().is_none() || inputs.held_out().is_none() {
            let role = if inputs.calibration().is_none() { InputsRole::Calibration } else { InputsRole::HeldOut };
            let hint = if role == InputsRole::Calibration { "calibrate with this file" } else { "hold this file out" };
            let name = ui.weak("Path of a layer's inputs").on_hover_text(why);
            // From the right, so that the field takes what the button leaves.
            let line = vec2(ui.available_width(), ui.spacing().interact_size.y);
            ui.allocate_ui_with_layout(line, Layout::right_to_left(Align::Center), |ui| {
                let pressed = ui.button("Read").on_hover_text(why).clicked();
                let width = ui.available_width();
                let field = ui.add(TextEdit::singleline(&mut self.path).hint_text(hint).desired_width(width));
                let field = field.labelled_by(name.id);
                let entered = field.lost_focus() && ui.input(|input| input.key_pressed(eframe::egui::Key::Enter));
                if (entered || pressed) && !self.path.trim().is_empty() {
                    act = Some(Command::ReadInputs(typed(&self.path), role));
                    self.path.clear();
                }
            });
        }
        act
    }
}
