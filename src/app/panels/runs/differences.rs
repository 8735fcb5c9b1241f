//! What two runs do not share.

use crate::Named;
use crate::app::panels::state::State;
use crate::app::state::run::Run;
use crate::app::state::setting_words::{texts, value};
use crate::factorize::Setting;
use crate::methods::Method;
use crate::model::one_line;
use eframe::egui::{ComboBox, Grid, Ui};

/// The choice of the other run.
#[derive(Default)]
pub struct Differences {
    /// Number of the run that the one on screen is compared with.
    other: Option<usize>,
}

/// A fact that differs.
struct Difference {
    name: &'static str,
    mine: String,
    other: String,
}

impl Differences {
    /// Settings and results of the run on screen and another one, where they differ.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) {
        let runs = state.runs.all();
        let Some(run) = state.runs.shown() else {
            ui.weak("No run is on screen");
            return;
        };
        let others = || runs.iter().rev().filter(|other| other.number != run.number);
        let other = others().find(|other| Some(other.number) == self.other).or(others().next());
        let Some(other) = other else {
            ui.weak("There is no other run to compare it with");
            return;
        };
        self.other = Some(other.number);
        ui.horizontal_wrapped(|ui| {
            let label = ui.label(format!("{} against", run.name));
            ComboBox::from_id_salt("other run")
                .selected_text(&other.name)
                .show_ui(ui, |ui| {
                    for other in others() {
                        ui.selectable_value(&mut self.other, Some(other.number), &other.name);
                    }
                })
                .response
                .labelled_by(label.id);
        });
        let different = differences(run, other);
        if different.is_empty() {
            ui.label("Nothing differs: the same seed and settings give the same run");
        }
        Grid::new("differences").num_columns(3).striped(true).show(ui, |ui| {
            for Difference { name, mine, other } in different {
                ui.label(name);
                ui.strong(mine);
                ui.label(other);
                ui.end_row();
            }
        });
    }
}

fn differences(run: &Run, other: &Run) -> Vec<Difference> {
    let facts = facts(run).into_iter().zip(self::facts(other));
    let facts = facts.map(|((name, mine), (_, other))| Difference { name, mine, other });
    facts.filter(|difference| difference.mine != difference.other).collect()
}

/// Names and values of all that two runs may differ in, in the same order for every run.
fn facts(run: &Run) -> Vec<(&'static str, String)> {
    let none = || "–".to_owned();
    let spec = &run.spec;
    let error = |error: Option<f64>| error.map_or_else(none, |error| format!("{error:.5}"));
    let layer = run.outcome.as_ref().and_then(|outcome| outcome.layer);
    let mut facts = vec![
        ("Model", one_line(&spec.model)),
        ("Layer", one_line(&spec.layer_name)),
        ("Method", spec.method.title().to_owned()),
        ("Calibrated on the layer's inputs", if spec.is_layerwise() { "yes" } else { "no" }.to_owned()),
        ("Relative error", error(run.error())),
        ("Layer error, calibration", error(layer.map(|layer| layer.calibration))),
        ("Layer error, held out", error(layer.and_then(|layer| layer.held_out))),
        ("Nonzeros", run.nnz().map_or_else(none, |nnz| nnz.to_string())),
    ];
    for &setting in Setting::ALL {
        // Of the settings the methods beside DSF have been told the density only.
        let known = spec.method == Method::Dsf || setting == Setting::Density;
        let text = spec.settings.as_ref().filter(|_| known).map_or_else(none, |settings| value(setting, settings));
        facts.push((texts(setting).0, text));
    }
    facts
}
