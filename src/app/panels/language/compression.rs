//! Compressing layers of the language model.

use crate::app::panels::state::State;
use crate::app::panels::whole_model::commands::{AboutCompressing, KEEPS_FACTORS, commands_ui as of_model};
use crate::app::state::model_command::ModelCommand;
use crate::app::tasks::language::eval_set::ModelInfo;
use crate::language::LayerId;
use eframe::egui::Ui;
use std::collections::BTreeSet;

/// The method and the buttons; `ticked` are the layers that a person has ticked.
pub fn commands_ui(
    ui: &mut Ui,
    state: &State,
    info: &ModelInfo,
    ticked: &BTreeSet<LayerId>,
) -> Option<ModelCommand<LayerId>> {
    let large = "All layers of this large model do not fit into memory: dsf-explorer compress does it in a folder";
    let about = AboutCompressing {
        hint: "With the settings of the settings panel and the budget below, in the order in which the model computes them",
        mark: "Compress all",
        no_inputs: (!info.calibrates).then_some("It needs the layers' inputs: give a text first"),
        no_layer: info.keeps_factors.then_some(KEEPS_FACTORS),
        not_all: (!state.language.fits()).then_some(large),
    };
    of_model(ui, &state.language, &about, ticked)
}
