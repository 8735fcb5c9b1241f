//! The list of runs.

use super::run::{Run, State};
use crate::factorize::{Preset, Settings};
use crate::measure::Storage;
use eframe::egui::{Grid, RichText, ScrollArea, Ui};

/// What was clicked in the list.
pub enum RunAction {
    /// Show the run at this place.
    Select(usize),
    /// Forget it.
    Delete(usize),
    /// Take its settings for the next run.
    Settings(usize),
}

/// The runs, newest first.
pub fn runs_ui(ui: &mut Ui, runs: &[Run], selected: Option<usize>) -> Option<RunAction> {
    let mut action = None;
    if runs.is_empty() {
        ui.weak("No run yet");
    }
    ScrollArea::both().id_salt("runs").auto_shrink(false).show(ui, |ui| {
        Grid::new("runs").num_columns(9).striped(true).show(ui, |ui| {
            for heading in ["", "", "error", "layer error", "nonzeros", "bytes", "time", "settings", "layer"] {
                ui.weak(heading);
            }
            ui.end_row();
            for (at, run) in runs.iter().enumerate().rev() {
                let name = RichText::new(format!("run {}", run.number)).strong();
                if ui.selectable_label(selected == Some(at), name).on_hover_text("Show this run").clicked() {
                    action = Some(RunAction::Select(at));
                }
                if ui.small_button("🗑").on_hover_text(format!("Delete run {}", run.number)).clicked() {
                    action = Some(RunAction::Delete(at));
                }
                ui.label(run.error().map_or("–".into(), |error| format!("{error:.4}")));
                layer_error_ui(ui, run);
                ui.label(match (&run.outcome, &run.state) {
                    (Some(outcome), _) => outcome.factors.nnz().to_string(),
                    (None, State::Failed(_)) => "failed".into(),
                    (None, State::Paused) => "paused".into(),
                    (None, _) => "running".into(),
                });
                bytes_ui(ui, run);
                ui.label(seconds(run));
                match &run.settings {
                    Some(settings) => {
                        if ui.button(summary(settings)).on_hover_text("Take these settings over").clicked() {
                            action = Some(RunAction::Settings(at));
                        }
                    }
                    None => {
                        ui.weak("from a file");
                    }
                }
                ui.label(&run.title);
                ui.end_row();
            }
        });
    });
    action
}

fn summary(settings: &Settings) -> String {
    let percent = 100.0 * settings.density;
    let name = settings.preset().map_or("custom", Preset::name);
    format!("{name}, {percent:.1} %, {}×{}", settings.outer, settings.inner)
}

fn layer_error_ui(ui: &mut Ui, run: &Run) {
    let Some(errors) = run.outcome.as_ref().and_then(|outcome| outcome.layer) else {
        ui.weak("–").on_hover_text("Needs a calibration: the layer's inputs");
        return;
    };
    let held_out = errors.held_out.map_or(String::new(), |error| format!("\non held-out inputs {error:.5}"));
    ui.label(format!("{:.5}", errors.held_out.unwrap_or(errors.calibration))).on_hover_text(format!(
        "on the calibration {:.5}\nbefore it was finalized {:.5}{held_out}",
        errors.calibration, errors.before_finalize
    ));
}

/// What the factors take, with 16-bit values.
fn bytes_ui(ui: &mut Ui, run: &Run) {
    let Some(outcome) = &run.outcome else {
        ui.label("");
        return;
    };
    let (a, b) = (&outcome.factors.a, &outcome.factors.b);
    let storage = Storage::of_factors(a.rows(), b.cols(), a.cols(), a.nnz(), b.nnz());
    let share = |bytes: u64| 100.0 * bytes as f64 / storage.dense as f64;
    ui.label(format!("{:.0} %", share(storage.bitmask))).on_hover_text(format!(
        "With 16-bit values, against {} of W:\n{} with a bit for each position\n{} as CSR",
        storage.dense, storage.bitmask, storage.csr
    ));
}

fn seconds(run: &Run) -> String {
    match (&run.outcome, &run.progress) {
        (Some(outcome), _) if outcome.seconds > 0.0 => format!("{:.2} s", outcome.seconds),
        (None, Some(progress)) => format!("{:.2} s", progress.seconds),
        _ => String::new(),
    }
}
