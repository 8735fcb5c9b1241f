//! How many weights of the layers are kept: of all alike, of each kind, or distributed by their sensitivity.

use crate::app::panels::state::State;
use crate::app::panels::whole_model::percent::percent;
use crate::app::state::hints::sentence;
use crate::app::state::language_command::LanguageCommand;
use crate::app::state::model_command::ModelCommand;
use crate::app::tasks::language::eval_set::ModelInfo;
use crate::compress::Densities;
use eframe::egui::{Button, Ui};

/// The density of all layers together, alike or as their sensitivity distributes it.
pub fn budget_ui(ui: &mut Ui, state: &State, info: &ModelInfo) -> Option<LanguageCommand> {
    ui.separator();
    let label = ui.label("Budget");
    let why = "Kept nonzeros of the layers together, as a share of their weights";
    let budget = &state.language.budget;
    let mut all = budget.densities.all;
    percent(ui, &mut all).labelled_by(label.id).on_hover_text(why);
    let changed = (all != budget.densities.all).then(|| Densities { all, ..budget.without_layers() });
    distribute_ui(ui, state, info).or(changed.map(|densities| ModelCommand::SetDensities(densities).into()))
}

/// The density of each kind of layer.
pub fn kinds_ui(ui: &mut Ui, state: &State, info: &ModelInfo) -> Option<LanguageCommand> {
    let budget = &state.language.budget;
    let densities = &budget.densities;
    let mut changed = None;
    ui.collapsing("Budget of each kind of layer", |ui| {
        ui.horizontal_wrapped(|ui| {
            for kind in info.config.linears() {
                let mut density = *densities.by_kind.get(&kind).unwrap_or(&densities.all);
                let label = ui.label(info.config.short_name(kind));
                let why = "This kind of layer in every block; the others keep the budget above";
                if percent(ui, &mut density).labelled_by(label.id).on_hover_text(why).changed() {
                    let mut new = budget.without_layers();
                    new.by_kind.insert(kind, density);
                    changed = Some(new);
                }
            }
            let any = !densities.by_kind.is_empty();
            if ui.add_enabled(any, Button::new("All alike")).on_disabled_hover_text("They are").clicked() {
                changed = Some(Densities { by_kind: Default::default(), ..densities.clone() });
            }
        });
    });
    changed.map(|densities| ModelCommand::SetDensities(densities).into())
}

fn distribute_ui(ui: &mut Ui, state: &State, info: &ModelInfo) -> Option<LanguageCommand> {
    const HINT: &str = "Measures once how sensitive the model is to each layer's error, then gives every layer its share \
                        so that the predicted loss is the lowest";
    let (language, densities) = (&state.language, &state.language.budget.densities);
    let sensitivity = &language.measures.sensitivity;
    match sensitivity.of(language.model().number()) {
        None if sensitivity.is_wanted() => {
            let all = info.config.layers().count();
            ui.weak(format!("measuring layer {} of {all}", sensitivity.count() + 1));
            ui.button("Stop measuring").clicked().then_some(LanguageCommand::StopSensitivity)
        }
        None => {
            let button = ui.add_enabled(info.calibrates, Button::new("Measure sensitivity"));
            let button = button.on_hover_text(HINT).on_disabled_hover_text("Give a text first");
            button.clicked().then_some(LanguageCommand::MeasureSensitivity)
        }
        Some(Err(why)) => {
            ui.colored_label(ui.visuals().error_fg_color, sentence(why));
            ui.button("Try again").clicked().then_some(LanguageCommand::RetrySensitivity)
        }
        Some(Ok(_)) => {
            let alike = "The same density for every layer";
            let command = match densities.by_layer.is_empty() {
                true => ui.button("Distribute").on_hover_text(HINT).clicked().then_some(LanguageCommand::Distribute),
                false => ui.button("All alike").on_hover_text(alike).clicked().then(|| {
                    let densities = Densities { by_layer: Default::default(), ..densities.clone() };
                    ModelCommand::SetDensities(densities).into()
                }),
            };
            if let Some(predicted) = language.predicted_at(densities) {
                ui.weak(format!("predicted {predicted:.3}"))
                    .on_hover_text("The perplexity, from short runs of each layer alone");
            }
            command
        }
    }
}
