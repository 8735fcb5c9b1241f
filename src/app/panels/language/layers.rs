//! The model's layers: what is done with each, and what came of it.

use crate::app::panels::state::State;
use crate::app::panels::whole_model::layer_table::{LayerLine, LayerState, LayerTable, LayerWish};
use crate::app::state::command::Command;
use crate::app::state::language_command::LanguageCommand;
use crate::app::tasks::language::eval_set::ModelInfo;
use crate::language::LayerId;
use crate::model::Orientation;
use eframe::egui::Ui;
use std::collections::BTreeSet;

/// A line for each layer; `ticked` are those that a person has ticked.
pub fn layers_ui(ui: &mut Ui, state: &State, info: &ModelInfo, ticked: &mut BTreeSet<LayerId>) -> Option<Command> {
    let ids: Vec<LayerId> = info.config.layers().collect();
    let open = state.model_layer_on_screen();
    let table = LayerTable {
        id: "model layers",
        last: ("Sensitivity", "Rise of ln perplexity per layer-wise error, where it was measured"),
        no_inputs: (!info.calibrates).then_some("Give a text first"),
        shows_before: true,
        sets_densities: false,
    };
    Some(match table.ui(ui, &ids, |id| line_of(state, info, id, open == Some(id)), ticked)? {
        LayerWish::Open(id) => {
            let transposed = info.config.place(id).transposed;
            let orientation = if transposed { Orientation::Transposed } else { Orientation::AsStored };
            Command::OpenLayer(info.config.tensor_with(id), orientation)
        }
        LayerWish::TakeInputs(id) => Command::Language(LanguageCommand::TakeInputs(id)),
        LayerWish::SetDensity(..) => return None,
    })
}

fn line_of<'a>(state: &'a State, info: &ModelInfo, id: LayerId, is_open: bool) -> LayerLine<'a> {
    let (rows, cols) = info.config.shape(id);
    let alpha = state.language.proxy().and_then(|proxy| proxy.alphas.get(&id));
    LayerLine {
        name: info.config.label(id),
        shape: format!("{rows}×{cols}"),
        is_open,
        state: LayerState::of(&state.language, id, info.keeps_factors),
        budget: state.language.budget.densities.of(id),
        report: state.language.layers().get(id).map(|layer| &layer.report),
        last: alpha.map_or("–".into(), |alpha| format!("{alpha:.2}")),
    }
}
