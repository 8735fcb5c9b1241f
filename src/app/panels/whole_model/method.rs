//! The choice of the method that replaces the layers.

use crate::Named;
use crate::methods::Method;
use eframe::egui::{Button, ComboBox, Ui};

/// Draws it; returns another method than `chosen` when it is asked for. `no_inputs` is why methods that need the layers'
/// inputs cannot be chosen.
pub fn method_ui(ui: &mut Ui, chosen: Method, no_inputs: Option<&str>) -> Option<Method> {
    let mut wanted = None;
    let label = ui.label("Method");
    ComboBox::from_id_salt("method of layers")
        .selected_text(chosen.title())
        .show_ui(ui, |ui| {
            for &method in Method::ALL {
                let possible = no_inputs.is_none() || !method.needs_inputs();
                let choice = ui.add_enabled(possible, Button::selectable(chosen == method, method.title()));
                let choice = choice.on_hover_text(method.about());
                if choice.on_disabled_hover_text(no_inputs.unwrap_or_default()).clicked() {
                    wanted = Some(method);
                }
            }
        })
        .response
        .labelled_by(label.id)
        .on_hover_text("How layers are replaced; the settings of the settings panel are for DSF");
    wanted
}
