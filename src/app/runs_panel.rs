//! The list of runs.

use super::run::{Run, State};
use crate::factorize::Settings;
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
        Grid::new("runs").num_columns(7).striped(true).show(ui, |ui| {
            for heading in ["", "", "error", "nonzeros", "time", "settings", "layer"] {
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
                ui.label(match (&run.outcome, &run.state) {
                    (Some(outcome), _) => outcome.factors.nnz().to_string(),
                    (None, State::Failed(_)) => "failed".into(),
                    (None, State::Paused) => "paused".into(),
                    (None, _) => "running".into(),
                });
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
    format!("{percent:.1} %, {}×{}, {}", settings.outer, settings.inner, settings.schedule.name())
}

fn seconds(run: &Run) -> String {
    match (&run.outcome, &run.progress) {
        (Some(outcome), _) if outcome.seconds > 0.0 => format!("{:.2} s", outcome.seconds),
        (None, Some(progress)) => format!("{:.2} s", progress.seconds),
        _ => String::new(),
    }
}
