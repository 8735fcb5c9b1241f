//! The network's layers: what is done with each, and what came of it.

use crate::app::panels::state::State;
use crate::app::panels::whole_model::layer_table::{LayerLine, LayerState, LayerTable, LayerWish};
use crate::app::state::command::Command;
use crate::app::state::model_command::ModelCommand;
use crate::app::state::vision_command::VisionCommand;
use crate::app::tasks::vision::network_set::NetworkInfo;
use crate::model::Orientation;
use eframe::egui::Ui;
use std::collections::BTreeSet;

/// A line for each layer; `ticked` are those that a person has ticked.
pub fn layers_ui(ui: &mut Ui, state: &State, info: &NetworkInfo, ticked: &mut BTreeSet<usize>) -> Option<Command> {
    let ids: Vec<usize> = info.layers().collect();
    let open = state.network_layer_on_screen();
    let table = LayerTable {
        id: "network layers",
        last: ("Work", "Share of the dense network's multiplications"),
        no_inputs: (!info.calibrates()).then_some("Give images first"),
        shows_before: false,
        sets_densities: !state.vision.is_working(),
    };
    let wish = table.ui(ui, &ids, |layer| line_of(state, info, layer, open == Some(layer)), ticked)?;
    Some(match wish {
        LayerWish::Open(layer) => Command::OpenLayer(info.architecture.layers[layer].tensor(), Orientation::AsStored),
        LayerWish::TakeInputs(layer) => Command::Vision(VisionCommand::TakeInputs(layer)),
        LayerWish::SetDensity(layer, density) => {
            let mut densities = state.vision.budget.densities.clone();
            densities.by_layer.insert(layer, density);
            Command::Vision(ModelCommand::SetDensities(densities).into())
        }
    })
}

fn line_of<'a>(state: &'a State, info: &NetworkInfo, layer: usize, is_open: bool) -> LayerLine<'a> {
    let shape = &info.architecture.layers[layer];
    let kernel = match shape.kernel {
        (1, 1) => String::new(),
        (height, width) => format!("×{height}×{width}"),
    };
    LayerLine {
        name: info.label(layer),
        shape: format!("{}×{}{kernel}", shape.outputs, shape.inputs),
        is_open,
        state: LayerState::of(&state.vision, layer, info.keeps_factors),
        budget: state.vision.budget.densities.of(layer),
        report: state.vision.layers().get(layer).map(|layer| &layer.report),
        last: format!("{:.1} %", 100.0 * info.share_of_work(layer)),
    }
}
