//! Compressing layers of the network.

use crate::app::panels::state::State;
use crate::app::panels::whole_model::commands::{AboutCompressing, KEEPS_FACTORS, commands_ui as of_model};
use crate::app::state::model_command::ModelCommand;
use crate::app::tasks::vision::network_set::NetworkInfo;
use eframe::egui::Ui;
use std::collections::BTreeSet;

/// The method and the buttons; `ticked` are the layers that a person has ticked.
pub fn commands_ui(
    ui: &mut Ui,
    state: &State,
    info: &NetworkInfo,
    ticked: &BTreeSet<usize>,
) -> Option<ModelCommand<usize>> {
    let about = AboutCompressing {
        hint: "With the settings of the settings panel and the budget below, in the order in which the network computes \
               them; layers at 100 % stay as they are",
        mark: "Compress network",
        no_inputs: (!info.calibrates()).then_some("It needs the layers' inputs: give images first"),
        no_layer: info.keeps_factors.then_some(KEEPS_FACTORS),
        not_all: None,
    };
    of_model(ui, &state.vision, &about, ticked)
}
