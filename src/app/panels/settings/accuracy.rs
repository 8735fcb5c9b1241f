//! What the run on screen does to its vision model.

use crate::app::panels::state::State;
use crate::app::widgets::colors;
use crate::app::widgets::theme::readable;
use crate::methods::Method;
use eframe::egui::{RichText, Ui};

/// The accuracy with the factors on screen in the place of their layer, beside that after magnitude pruning; nothing where
/// the layer on screen is not one of the open vision model.
pub fn accuracy_ui(ui: &mut Ui, state: &State) {
    let vision = &state.vision;
    let score = |made| vision.score(made).map_or(String::new(), |score| format!("{:.1}\u{a0}%", 100.0 * score));
    let (Some(dense), Some(info), Some(_)) = (vision.dense(), vision.info(), state.network_layer_on_screen()) else {
        return;
    };
    let name = if info.is_labelled { "accuracy" } else { "agreement" };
    ui.horizontal_wrapped(|ui| {
        let why = "Of the vision model, with nothing but this layer replaced by the factors on screen";
        let color = readable(ui.visuals(), colors::of(state.method_on_screen()));
        match vision.alone() {
            Some((made, true)) => {
                let text = RichText::new(format!("{name} {}", score(made))).strong().color(color);
                ui.label(text).on_hover_text(why);
            }
            Some((made, false)) => {
                let why = format!("{why}, so far on {} images", made.images());
                ui.weak(format!("{name} {}…", score(made))).on_hover_text(why);
            }
            None => _ = ui.weak(name).on_hover_text(why),
        }
        let pruned = state.kept_by_magnitude().and_then(|kept| vision.pruned_alone(kept));
        if let Some(pruned) = pruned.filter(|_| state.method_on_screen() != Method::Magnitude) {
            let why = "The same with as many of the layer's largest entries kept";
            let text = RichText::new(format!("magnitude pruning {}", score(pruned)));
            ui.label(text.color(readable(ui.visuals(), colors::MAGNITUDE))).on_hover_text(why);
        }
        ui.weak(format!("(dense {})", score(dense))).on_hover_text("Of the model as it is");
    });
}
