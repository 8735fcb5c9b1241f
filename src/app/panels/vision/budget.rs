//! How many weights of the layers are kept.

use crate::app::panels::state::State;
use crate::app::panels::whole_model::percent::percent;
use crate::app::state::model_command::ModelCommand;
use crate::app::tasks::vision::network_set::{NetworkInfo, VisionSource};
use crate::app::tasks::whole_model::model::WholeModel;
use crate::compress::Densities;
use eframe::egui::Ui;

/// The density of all layers that have none of their own.
pub fn budget_ui(ui: &mut Ui, state: &State, info: &NetworkInfo) -> Option<ModelCommand<usize>> {
    ui.separator();
    let label = ui.label("Budget");
    let why = "Kept nonzeros of each layer, as a share of its weights; the table below has those of single layers";
    let densities = &state.vision.budget.densities;
    let mut all = densities.all;
    percent(ui, &mut all).labelled_by(label.id).on_hover_text(why);
    let mut changed = (all != densities.all).then(|| Densities { all, ..densities.clone() });
    let ends = [0, info.architecture.classifier()];
    let own = densities.by_layer.iter().filter(|(layer, density)| !ends.contains(layer) || **density < 1.0);
    if own.count() > 0 {
        let why =
            "The same density for every layer but the first convolution and the classifier, which stay as they are";
        if ui.button("All alike").on_hover_text(why).clicked() {
            changed = Some(VisionSource::uniform(info, densities.all));
        }
    }
    changed.map(ModelCommand::SetDensities)
}
