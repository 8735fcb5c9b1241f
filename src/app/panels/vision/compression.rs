//! Compressing layers of the network: by which method, which of them, how far it is.

use crate::app::panels::state::State;
use crate::app::panels::whole_model::{self, method::method_ui};
use crate::app::state::vision_command::VisionCommand;
use crate::app::tasks::vision::network_set::NetworkInfo;
use crate::app::widgets::marks::mark;
use eframe::egui::{Button, Ui};
use std::collections::BTreeSet;

/// The method and the buttons; `ticked` are the layers that a person has ticked.
pub fn commands_ui(ui: &mut Ui, state: &State, info: &NetworkInfo, ticked: &BTreeSet<usize>) -> Option<VisionCommand> {
    let vision = &state.vision;
    let busy = vision.is_working();
    let no_inputs = (!info.calibrates()).then_some("It needs the layers' inputs: give images first");
    let mut command = method_ui(ui, vision.budget.method, no_inputs).map(VisionCommand::SetMethod);
    let hint = "With the settings of the settings panel and the budget below, in the order in which the network computes \
                them; layers at 100 % stay as they are";
    let why_not = vision.why_busy().unwrap_or("No layer is ticked");
    let all = ui.add_enabled(!busy, Button::new("Compress all"));
    mark(ui, "Compress network", all.rect);
    if all.on_hover_text(hint).on_disabled_hover_text(why_not).clicked() {
        command = Some(VisionCommand::Compress(info.layers().collect()));
    }
    let some = ui.add_enabled(!busy && !ticked.is_empty(), Button::new("Compress ticked"));
    if some.on_hover_text(hint).on_disabled_hover_text(why_not).clicked() {
        command = Some(VisionCommand::Compress(ticked.clone()));
    }
    if let Some(work) = vision.compression() {
        let cancel = ui.add_enabled(!work.is_cancelled(), Button::new("Cancel compressing"));
        if cancel.on_hover_text("Finished layers stay").clicked() {
            command = Some(VisionCommand::CancelCompression);
        }
    }
    let layers = vision.layers();
    let dense = ui.add_enabled(!busy && !layers.is_empty(), Button::new("Back to dense"));
    let why_not = vision.why_busy().unwrap_or("No layer is compressed");
    if dense.on_hover_text("The ticked layers, or all if none is ticked").on_disabled_hover_text(why_not).clicked() {
        let ids = if ticked.is_empty() { layers.ids().collect() } else { ticked.clone() };
        command = Some(VisionCommand::Restore(ids));
    }
    command
}

/// Shows the progress of the compression, and the last problem.
pub fn progress_ui(ui: &mut Ui, state: &State) {
    if let Some(work) = state.vision.compression() {
        let label = |layer| state.vision.info().map_or(String::new(), |info| info.label(layer));
        whole_model::progress::progress_ui(ui, work, label);
    }
    if let Some(why) = state.vision.problem() {
        ui.colored_label(ui.visuals().error_fg_color, why);
    }
}
