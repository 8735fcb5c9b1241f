//! Start, pause, step, cancel, how far the run is, and what a large one would take.

use crate::app::panels::action_button::action_button;
use crate::app::panels::state::State;
use crate::app::state::action::Action;
use crate::app::state::command::Command;
use crate::app::state::run::{Run, RunState};
use crate::app::widgets::text::duration;
use crate::export::error_text;
use eframe::egui::{ProgressBar, Ui};

/// The buttons, and the progress of the run on screen.
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
    if let Some(run) = run {
        progress_ui(ui, run);
    }
    command
}

/// What a run would take, where it does not start by itself.
fn estimate(state: &State) -> Option<String> {
    let (rows, cols) = state.document.shape().filter(|_| !state.document.is_live())?;
    let preferences = &state.preferences;
    Some(super::estimate::estimate(rows, cols, &preferences.settings, state.runs.all(), preferences.thread_count()))
}

fn progress_ui(ui: &mut Ui, run: &Run) {
    if let Some(report) = &run.report {
        let threads = if report.threads == 1 { "thread" } else { "threads" };
        let took = duration(report.seconds);
        ui.label(format!("{}, in {took} on {} {threads}", run.method.title(), report.threads))
            .on_hover_text(run.method.about());
        return errors_ui(ui, run);
    }
    let Some(progress) = &run.progress else {
        match &run.state {
            RunState::Failed(why) => _ = ui.colored_label(ui.visuals().error_fg_color, why),
            RunState::Opened => _ = ui.weak("Factors from a file"),
            RunState::Paused => _ = ui.weak("paused before the first step"),
            _ => _ = ui.weak("Preparing…"),
        }
        return;
    };
    let share = format!("{}, {} of {} steps", progress.stage.title(), progress.step, progress.steps);
    let bar = ui.add(ProgressBar::new(progress.done as f32).text(&share));
    bar.widget_info(|| eframe::egui::WidgetInfo::labeled(eframe::egui::Role::ProgressIndicator, true, &share));
    let iteration_secs = 2.0 * progress.seconds / progress.step as f64;
    let pace = match iteration_secs {
        secs if secs < 1.0 => format!("{:.1} iterations/s", 1.0 / secs.max(1e-9)),
        secs => format!("{} an iteration", duration(secs)),
    };
    let text = match &run.state {
        RunState::Running | RunState::Paused if run.cancelling => "cancelled after the step in work".into(),
        RunState::Running => format!("{pace}, {} left", duration(progress.remaining_secs())),
        RunState::Paused => format!("paused, {} left", duration(progress.remaining_secs())),
        RunState::Failed(why) => why.clone(),
        RunState::Cancelled => format!("cancelled after {}; the best factors are kept", duration(progress.seconds)),
        _ => format!("finished in {}", duration(progress.seconds)),
    };
    ui.label(text);
    errors_ui(ui, run);
}

fn errors_ui(ui: &mut Ui, run: &Run) {
    if let Some(error) = run.error() {
        let of = if run.ended.is_none() && run.is_layerwise() {
            "error of W scaled by its inputs"
        } else {
            "relative error"
        };
        ui.strong(format!("{of} {}", error_text(error, 4)));
    }
    let outcome = run.ended.as_deref();
    if let Some(errors) = outcome.and_then(|outcome| outcome.layer) {
        let held_out = errors.held_out.map_or(String::new(), |error| format!(", held out {}", error_text(error, 5)));
        ui.strong(format!("layer error {}{held_out}", error_text(errors.calibration, 5)));
    } else if let Some(error) = run.progress.as_ref().and_then(|progress| progress.layer_error) {
        ui.strong(format!("layer error {error:.5}"));
    }
    if outcome.is_some_and(|outcome| outcome.fell_back) {
        ui.label("Magnitude pruning was better: A or B is an identity");
    }
}
