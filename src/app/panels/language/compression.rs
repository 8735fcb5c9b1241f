//! Compressing layers of the model: by which method, which of them, how far it is.

use crate::app::panels::state::State;
use crate::app::panels::whole_model::{self, method::method_ui};
use crate::app::state::model_command::ModelCommand;
use crate::app::tasks::language::eval_set::ModelInfo;
use crate::app::widgets::marks::mark;
use crate::language::LayerId;
use eframe::egui::{Button, Ui};
use std::collections::BTreeSet;

/// The method and the buttons; `ticked` are the layers that a person has ticked.
pub fn commands_ui(ui: &mut Ui, state: &State, info: &ModelInfo, ticked: &BTreeSet<LayerId>) -> Option<ModelCommand> {
    let language = &state.language;
    let (busy, fits) = (language.is_working(), language.fits());
    let no_inputs = (!info.calibrates).then_some("It needs the layers' inputs: give a text first");
    let mut command = method_ui(ui, language.budget.method, no_inputs).map(ModelCommand::SetMethod);
    let hint =
        "With the settings of the settings panel and the budget below, in the order in which the model computes them";
    let kept = info.keeps_factors;
    let why_not = match language.why_busy() {
        _ if kept => "This model keeps its factors: open the one that they were made from",
        Some(why) => why,
        None => "No layer is ticked",
    };
    // All factors of a large model do not fit into memory.
    let all = ui.add_enabled(!busy && fits && !kept, Button::new("Compress all"));
    mark(ui, "Compress all", all.rect);
    let large = "All layers of this large model do not fit into memory: dsf-explorer compress does it in a folder";
    if all.on_hover_text(hint).on_disabled_hover_text(if fits || kept || busy { why_not } else { large }).clicked() {
        command = Some(ModelCommand::Compress(info.config.layers().collect()));
    }
    let some = ui.add_enabled(!busy && !kept && !ticked.is_empty(), Button::new("Compress ticked"));
    if some.on_hover_text(hint).on_disabled_hover_text(why_not).clicked() {
        command = Some(ModelCommand::Compress(ticked.clone()));
    }
    if let Some(work) = language.compression() {
        let cancel = ui.add_enabled(!work.is_cancelled(), Button::new("Cancel compressing"));
        if cancel.on_hover_text("Finished layers stay").clicked() {
            command = Some(ModelCommand::CancelCompression);
        }
    }
    let layers = language.layers();
    let dense = ui.add_enabled(!busy && !layers.is_empty(), Button::new("Back to dense"));
    let why_not = language.why_busy().unwrap_or("No layer is compressed");
    if dense.on_hover_text("The ticked layers, or all if none is ticked").on_disabled_hover_text(why_not).clicked() {
        let ids = if ticked.is_empty() { layers.ids().collect() } else { ticked.clone() };
        command = Some(ModelCommand::Restore(ids));
    }
    command
}

/// Shows the progress of the compression, and the last problem.
pub fn progress_ui(ui: &mut Ui, state: &State) {
    if let Some(work) = state.language.compression() {
        let label = |id: LayerId| state.language.info().map_or(String::new(), |info| info.config.label(id));
        whole_model::progress::progress_ui(ui, work, label);
    }
    if let Some(why) = state.language.problem() {
        ui.colored_label(ui.visuals().error_fg_color, why);
    }
}
