//! Start, pause, step, cancel, and how far the run is.

use super::run::{Run, State};
use crate::job::Command;
use eframe::egui::{Button, ProgressBar, Ui};

/// What was pressed.
pub enum Control {
    /// A new run with the settings as they are.
    Start,
    /// For the run on screen.
    Tell(Command),
}

/// The buttons and the progress of `run`; `blocked` says why no run can start.
pub fn controls_ui(ui: &mut Ui, run: Option<&Run>, blocked: Option<&str>) -> Option<Control> {
    let mut pressed = None;
    let active = run.filter(|run| run.is_active());
    let paused = active.is_some_and(|run| run.state == State::Paused);
    ui.horizontal_wrapped(|ui| {
        let start = ui.add_enabled(blocked.is_none(), Button::new("▶ Start")).on_hover_text("A new run (Ctrl+Enter)");
        if start.on_disabled_hover_text(blocked.unwrap_or_default()).clicked() {
            pressed = Some(Control::Start);
        }
        let idle = "No run is going on";
        let (label, command) = if paused { ("⏵ Resume", Command::Resume) } else { ("⏸ Pause", Command::Pause) };
        for (label, command, why) in [
            (label, command, "Takes effect after the step in work (Space)"),
            ("⏭ Step", Command::Step, "One half-step (or one factor finalized), then pause"),
            ("⏹ Cancel", Command::Cancel, "End the run and keep its best factors (Escape)"),
        ] {
            let button = ui.add_enabled(active.is_some(), Button::new(label));
            if button.on_hover_text(why).on_disabled_hover_text(idle).clicked() {
                pressed = Some(Control::Tell(command));
            }
        }
    });
    if let Some(run) = run {
        progress_ui(ui, run);
    }
    pressed
}

fn progress_ui(ui: &mut Ui, run: &Run) {
    let Some(progress) = &run.progress else {
        match &run.state {
            State::Failed(why) => _ = ui.colored_label(ui.visuals().error_fg_color, why),
            State::Opened => _ = ui.weak("Factors from a file"),
            _ => _ = ui.weak("Preparing…"),
        }
        return;
    };
    let share = format!("{}, {} of {} steps", progress.stage.name(), progress.step, progress.steps);
    ui.add(ProgressBar::new(progress.done as f32).text(share));
    let step_secs = progress.seconds / progress.step as f64;
    let pace = match step_secs {
        secs if secs < 1.0 => format!("{:.1} steps/s", 1.0 / secs.max(1e-9)),
        secs => format!("{} a step", duration(secs)),
    };
    let text = match &run.state {
        State::Running => format!("{pace}, {} left", duration(progress.remaining_secs())),
        State::Paused => format!("paused, {} left", duration(progress.remaining_secs())),
        State::Failed(why) => why.clone(),
        State::Cancelled => format!("cancelled after {}; the best factors are kept", duration(progress.seconds)),
        _ => format!("finished in {}", duration(progress.seconds)),
    };
    ui.label(text);
    if let Some(error) = run.error() {
        let scaled = run.outcome.is_none() && run.problem.as_ref().is_some_and(|problem| problem.calibration.is_some());
        let of = if scaled { "error of W scaled by its inputs" } else { "relative error" };
        ui.strong(format!("{of} {error:.4}"));
    }
    let layer = run.outcome.as_ref().and_then(|outcome| outcome.layer);
    if let Some(errors) = layer {
        let held_out = errors.held_out.map_or(String::new(), |error| format!(", held out {error:.5}"));
        ui.strong(format!("layer error {:.5}{held_out}", errors.calibration));
    } else if let Some(error) = progress.layer_error {
        ui.strong(format!("layer error {error:.5}"));
    }
    if run.outcome.as_ref().is_some_and(|outcome| outcome.fell_back) {
        ui.label("Magnitude pruning was better: A or B is an identity");
    }
}

/// As a person says it.
fn duration(secs: f64) -> String {
    match secs {
        s if s < 1.0 => format!("{s:.2} s"),
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
