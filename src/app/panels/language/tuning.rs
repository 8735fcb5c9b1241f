//! Tuning the values of the compressed layers of the language model.

use crate::app::panels::state::State;
use crate::app::panels::whole_model::tuning::{self, AboutTuning, Level, Score};
use crate::app::state::model_command::ModelCommand;
use crate::language::LayerId;
use eframe::egui::{Color32, Ui};

/// The settings of a tuning and its buttons, and its losses. `as_loss` is whether they are shown in nats a token, not as
/// perplexities.
pub fn tuning_ui(ui: &mut Ui, state: &State, as_loss: &mut bool) -> Option<ModelCommand<LayerId>> {
    let language = &state.language;
    let floor = |perplexity: f64| Level {
        name: "floor",
        loss: perplexity.ln(),
        accuracy: None,
        color: Color32::DARK_GREEN,
        hint: "The language's own: no model can be better",
    };
    let dense = language.dense().map(|perplexity| Level::dense(perplexity.ln(), None));
    let levels = [Level::untuned(language.tuning().curve()), dense, language.floor().map(floor)];
    let about = AboutTuning {
        no_tuning: language.no_tuning(),
        no_undo: if language.layers().is_tuned() { language.why_busy() } else { Some("No values are tuned") },
        batch: "16 windows",
        undone: "perplexity and story as well",
        score: Score::Perplexity,
        unit: "a token",
        levels: levels.into_iter().flatten().collect(),
    };
    tuning::tuning_ui(ui, language.tuning(), &about, as_loss).map(ModelCommand::Tuning)
}
