//! What the run on screen does to its language model.

use crate::app::panels::state::State;
use eframe::egui::Ui;

/// The perplexity with the factors on screen in the place of their layer, where a language model is open.
pub fn perplexity_ui(ui: &mut Ui, state: &State) {
    let language = &state.language;
    let Some(dense) = language.dense() else { return };
    ui.horizontal_wrapped(|ui| {
        let floor = language.floor().map_or(String::new(), |floor| format!(", floor {floor:.3}"));
        let why = "Of the language model, with nothing but this layer replaced by the factors on screen";
        match language.alone() {
            Some((perplexity, true)) => _ = ui.strong(format!("perplexity {perplexity:.3}")).on_hover_text(why),
            Some((perplexity, false)) => _ = ui.weak(format!("perplexity {perplexity:.3}…")).on_hover_text(why),
            None => match state.predicted_perplexity() {
                Some(perplexity) => {
                    let why = "Predicted from the layer's error: the model is too large to be measured at every move";
                    ui.strong(format!("perplexity about {perplexity:.3}")).on_hover_text(why);
                }
                None => _ = ui.weak("perplexity").on_hover_text(why),
            },
        }
        ui.weak(format!("(dense {dense:.3}{floor})")).on_hover_text(why);
    });
}
