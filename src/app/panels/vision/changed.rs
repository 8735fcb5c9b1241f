//! The answers that stand beside the dense network's.

use crate::app::panels::state::State;
use crate::app::state::vision_command::VisionCommand;
use crate::app::tasks::vision::network_set::NetworkInfo;
use crate::vision::Evaluation;
use eframe::egui::Ui;

/// The answers of the network as it is now: with its compressed layers, or else with just the layer on screen replaced.
pub fn changed(state: &State) -> Option<&Evaluation> {
    let vision = &state.vision;
    if vision.layers().is_empty() {
        return vision.alone_on_all();
    }
    let estimated = vision.estimated().and_then(Result::ok).filter(|_| vision.measures.compares_estimated);
    estimated.or_else(|| vision.compressed().map(|(made, _)| made))
}

/// Says what has changed in the network, and lets a person choose between its answers before and after batch normalization
/// was estimated anew.
pub fn changed_ui(ui: &mut Ui, state: &State, info: &NetworkInfo) -> Option<VisionCommand> {
    let vision = &state.vision;
    let mut command = None;
    match (vision.replaced(), vision.on_screen()) {
        (0, Some(on_screen)) => {
            let name = info.label(on_screen.id);
            ui.label(format!("With only {name} replaced")).on_hover_text("By the factors of the run on screen");
        }
        (0, None) => {
            ui.weak("Nothing is replaced yet").on_hover_text("Compress layers, or open one to see what its run does");
        }
        (count, _) => {
            let layers = if count == 1 { "layer" } else { "layers" };
            ui.label(format!("With {count} {layers} replaced"));
        }
    }
    if vision.replaced() > 0 && vision.estimated().is_some_and(|made| made.is_ok()) {
        ui.horizontal_wrapped(|ui| {
            for (estimated, title, why) in [
                (false, "As it is", "With the dense network's batch normalization"),
                (true, "Norms re-estimated", "With means and variances estimated anew on the calibration images"),
            ] {
                let chosen = vision.measures.compares_estimated == estimated;
                if ui.selectable_label(chosen, title).on_hover_text(why).clicked() {
                    command = Some(VisionCommand::CompareEstimated(estimated));
                }
            }
        });
    }
    command
}
