//! What the run on screen does to its language model.

use crate::app::panels::state::State;
use crate::app::widgets::colors;
use crate::app::widgets::theme::readable;
use crate::methods::Method;
use eframe::egui::{RichText, Ui};

/// The perplexity with the factors on screen in the place of their layer, beside that after magnitude pruning; nothing
/// where the layer on screen is not one of the open language model.
pub fn perplexity_ui(ui: &mut Ui, state: &State) {
    let language = &state.language;
    let (Some(dense), Some(_)) = (language.dense(), state.model_layer_on_screen()) else { return };
    ui.horizontal_wrapped(|ui| {
        let why = "Of the language model, with nothing but this layer replaced by the factors on screen";
        let color = readable(ui.visuals(), colors::of(state.method_on_screen()));
        match language.alone() {
            Some((perplexity, true)) => {
                let text = RichText::new(format!("perplexity {perplexity:.3}")).strong().color(color);
                ui.label(text).on_hover_text(why);
            }
            Some((perplexity, false)) => _ = ui.weak(format!("perplexity {perplexity:.3}…")).on_hover_text(why),
            None => match state.predicted_perplexity() {
                Some(perplexity) => {
                    let why = "Predicted from the layer's error: the model is too large to be measured at every move";
                    ui.strong(format!("perplexity about {perplexity:.3}")).on_hover_text(why);
                }
                None => _ = ui.weak("perplexity").on_hover_text(why),
            },
        }
        let pruned = state.kept_by_magnitude().and_then(|kept| language.pruned_alone(kept));
        if let Some(pruned) = pruned.filter(|_| state.method_on_screen() != Method::Magnitude) {
            let why = "The same with as many of the layer's largest entries kept";
            let text = RichText::new(format!("magnitude pruning {pruned:.3}"));
            ui.label(text.color(readable(ui.visuals(), colors::MAGNITUDE))).on_hover_text(why);
        }
        let floor = language.floor().map_or(String::new(), |floor| format!(", floor {floor:.3}"));
        ui.weak(format!("(dense {dense:.3}{floor})")).on_hover_text("Of the model as it is");
    });
}
