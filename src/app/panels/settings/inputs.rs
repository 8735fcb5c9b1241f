//! What is known of the open layer's inputs.

use crate::app::platform::typed;
use crate::app::state::inputs::Use;
use crate::matrix::Calibration;
use crate::model::Source;
use eframe::egui::{Align, CollapsingHeader, Grid, Label, Layout, Role, TextEdit, Ui, WidgetInfo, vec2};
use std::sync::Arc;

/// The statistics that are open, and the panel's own state.
#[derive(Default)]
pub struct InputsPanel {
    calibration: Option<(String, Arc<Calibration>)>,
    held_out: Option<(String, Arc<Calibration>)>,
    path: String,
    /// The tensor that the calibration belongs to, where it was taken from its model.
    tensor: Option<String>,
}

/// What was asked for in the panel.
pub enum InputsAct {
    /// Read this file.
    Open(Source, Use),
    /// Choose one with the system's dialog.
    Browse(Use),
    /// Statistics were let go.
    Changed,
}

impl InputsPanel {
    /// Takes statistics that were read from the file of this name.
    pub fn take(&mut self, name: String, statistics: Arc<Calibration>, what: Use) {
        if what == Use::Calibration {
            self.tensor = None;
        }
        *self.place(what) = Some((name, statistics));
    }

    /// The calibration is of no other layer than that of this tensor.
    pub fn only_for(&mut self, tensor: String) {
        self.tensor = Some(tensor);
    }

    /// Lets go of what does not fit the layer of this tensor, with so many inputs; true when there was something.
    pub fn fit(&mut self, inputs: usize, tensor: &str) -> bool {
        let mut gone = false;
        if self.tensor.take_if(|own| own != tensor).is_some() {
            gone |= self.calibration.take().is_some();
        }
        for place in [&mut self.calibration, &mut self.held_out] {
            gone |= place.take_if(|(_, statistics)| statistics.inputs() != inputs).is_some();
        }
        gone
    }

    /// What the run works with.
    pub fn calibration(&self) -> Option<Arc<Calibration>> {
        self.calibration.as_ref().map(|(_, statistics)| statistics.clone())
    }

    /// What measures it.
    pub fn held_out(&self) -> Option<Arc<Calibration>> {
        self.held_out.as_ref().map(|(_, statistics)| statistics.clone())
    }

    /// The panel: one line until it is opened.
    pub fn ui(&mut self, ui: &mut Ui) -> Option<InputsAct> {
        let title = if self.calibration.is_some() { "Layer's inputs: calibrated" } else { "Layer's inputs" };
        let header = CollapsingHeader::new(title).id_salt("inputs panel");
        let shown = header.show(ui, |ui| self.contents(ui));
        let why = "With the layer's inputs, a run minimises the error of its outputs instead of that of W";
        shown.header_response.on_hover_text(why);
        shown.body_returned.flatten()
    }

    fn contents(&mut self, ui: &mut Ui) -> Option<InputsAct> {
        let mut act = None;
        let why =
            "A .safetensors with the layer's inputs X [samples, in] or their product XtX [in, in], or a .npy of X";
        // Beside the labels, so that a long name does not widen the panel.
        let room = ui.available_width() - 90.0;
        Grid::new("inputs").num_columns(2).show(ui, |ui| {
            for (label, what) in [("Calibration", Use::Calibration), ("Held out", Use::HeldOut)] {
                ui.label(label).on_hover_text(why);
                ui.horizontal(|ui| match self.place(what) {
                    Some((name, _)) => {
                        let letting_go = ui.small_button("🗙");
                        let text = format!("Let go of {name}");
                        letting_go.widget_info(|| WidgetInfo::labeled(Role::Button, true, &text));
                        let letting_go = letting_go.on_hover_text(text);
                        ui.scope(|ui| {
                            ui.set_max_width((room - letting_go.rect.width()).max(60.0));
                            ui.add(Label::new(name.as_str()).truncate());
                        });
                        if letting_go.clicked() {
                            *self.place(what) = None;
                            act = Some(InputsAct::Changed);
                        }
                    }
                    None => {
                        let browse = ui.button("Browse…");
                        let text = format!("Browse for {label}…");
                        browse.widget_info(|| WidgetInfo::labeled(Role::Button, true, &text));
                        if browse.on_hover_text(why).clicked() {
                            act = Some(InputsAct::Browse(what));
                        }
                    }
                });
                ui.end_row();
            }
        });
        if self.calibration.is_none() || self.held_out.is_none() {
            let what = if self.calibration.is_none() { Use::Calibration } else { Use::HeldOut };
            let hint = if what == Use::Calibration { "calibrate with this file" } else { "hold this file out" };
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
                    act = Some(InputsAct::Open(typed(&self.path), what));
                    self.path.clear();
                }
            });
        }
        act
    }

    fn place(&mut self, what: Use) -> &mut Option<(String, Arc<Calibration>)> {
        match what {
            Use::Calibration => &mut self.calibration,
            Use::HeldOut => &mut self.held_out,
        }
    }
}
