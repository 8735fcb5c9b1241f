//! Compressing layers of the language model.

use crate::app::panels::state::State;
use crate::app::panels::whole_model::commands::{AboutCompressing, KEEPS_FACTORS, commands_ui as of_model};
use crate::app::state::model_command::ModelCommand;
use crate::app::tasks::language::eval_set::ModelInfo;
use crate::language::LayerId;
use eframe::egui::{Checkbox, Ui};
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
    let no_blocks = about.no_layer.or(about.no_inputs).or(state.language.why_busy());
    let command = of_model(ui, &state.language, &about, ticked);
    blockwise_ui(ui, state.language.budget.blockwise, no_blocks).or(command)
}

/// Whether blocks are tuned on the way; `why_not` is why that cannot be chosen.
fn blockwise_ui(ui: &mut Ui, mut chosen: bool, why_not: Option<&str>) -> Option<ModelCommand<LayerId>> {
    let hint = "With Compress all: whenever layers of a block are compressed, its values, norms and later layers are tuned so that \
                the block gives what the dense one gave. Perplexity rises less, and compressing takes longer";
    let box_ui = ui.add_enabled(why_not.is_none(), Checkbox::new(&mut chosen, "Tune blocks"));
    let box_ui = box_ui.on_hover_text(hint).on_disabled_hover_text(why_not.unwrap_or_default());
    box_ui.changed().then_some(ModelCommand::SetBlockwise(chosen))
}
