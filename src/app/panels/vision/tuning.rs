//! Tuning the values of the compressed layers of the network.

use crate::app::panels::state::State;
use crate::app::panels::whole_model::tuning::{self, AboutTuning, Level, Score};
use crate::app::state::model_command::ModelCommand;
use eframe::egui::Ui;

/// The settings of a tuning and its buttons, and its losses. `as_loss` is whether they are shown in nats an image, not as
/// accuracies.
pub fn tuning_ui(ui: &mut Ui, state: &State, as_loss: &mut bool) -> Option<ModelCommand<usize>> {
    let vision = &state.vision;
    let dense = vision.dense().and_then(|made| Some(Level::dense(made.loss()?, made.accuracy())));
    let batch = format!("{} images", vision.tuning().settings().batch);
    let about = AboutTuning {
        no_tuning: vision.no_tuning(),
        no_undo: if vision.layers().is_tuned() { vision.why_busy() } else { Some("No values are tuned") },
        batch: &batch,
        undone: "accuracy and answers as well",
        score: Score::Accuracy,
        unit: "an image",
        levels: Level::untuned(vision.tuning().curve()).into_iter().chain(dense).collect(),
    };
    tuning::tuning_ui(ui, vision.tuning(), &about, as_loss).map(ModelCommand::Tuning)
}
