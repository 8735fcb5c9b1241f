//! Start, pause, step, cancel, and what a large run would take.

use crate::app::panels::action_button::action_button;
use crate::app::panels::state::State;
use crate::app::state::action::Action;
use crate::app::state::command::Command;
use crate::app::state::run::RunState;
use eframe::egui::Ui;

/// The buttons that start and steer runs.
pub fn controls_ui(ui: &mut Ui, state: &State) -> Option<Command> {
    let mut command = None;
    let run = state.runs.shown();
    let paused = run.is_some_and(|run| run.state == RunState::Paused);
    ui.horizontal_wrapped(|ui| {
        for (action, label) in [
            (Action::Start, "▶ Start"),
            (Action::Pause, if paused { "⏵ Resume" } else { "⏸ Pause" }),
            (Action::Step, "⏭ Step"),
            (Action::Iteration, "⏭ Iteration"),
            (Action::Cancel, "⏹ Cancel"),
        ] {
            if action_button(ui, action, label, state.why_not(action)).clicked() {
                command = Some(Command::Act(action));
            }
        }
    });
    if let Some(estimate) = estimate(state) {
        ui.weak(estimate)
            .on_hover_text("From the runs so far on this machine; a run this large starts only when asked for");
    }
    command
}

/// Returns the estimated time of a run, where it does not start by itself.
fn estimate(state: &State) -> Option<String> {
    let (rows, cols) = state.document.shape().filter(|_| !state.document.is_live())?;
    let preferences = &state.preferences;
    let settings = preferences.settings.effective(state.document.inputs.calibration().is_some());
    Some(super::estimate::estimate(rows, cols, &settings, state.runs.all(), preferences.thread_count()))
}
