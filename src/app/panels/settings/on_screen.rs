//! The run on screen: its state, its errors, and the settings that gave them.

use crate::app::panels::state::State;
use crate::app::state::command::Command;
use crate::app::state::run::{Run, RunState};
use crate::app::state::setting_words::value;
use crate::app::widgets::text::{capitalized, duration, summary};
use crate::export::error_text;
use crate::factorize::Setting;
use crate::methods::Method;
use eframe::egui::{Button, ProgressBar, RichText, Role, Ui, WidgetInfo};

/// State, errors and settings of the run on screen.
pub fn on_screen_ui(ui: &mut Ui, state: &State) -> Option<Command> {
    let run = state.runs.shown()?;
    ui.separator();
    ui.strong(format!("On screen: {}", run.name));
    let elsewhere = state.is_of_another_layer(run);
    let not_open = if elsewhere { ", not the open layer" } else { "" };
    let title = RichText::new(format!("{}{not_open}", run.spec.title()));
    let title = if elsewhere { title.color(ui.visuals().warn_fg_color) } else { title.weak() };
    let title = ui.label(title);
    if elsewhere {
        title.on_hover_text("The next run is of the layer that is open");
    }
    progress_ui(ui, run);
    errors_ui(ui, state, run);
    settings_ui(ui, state, run)
}

fn progress_ui(ui: &mut Ui, run: &Run) {
    if let Some(report) = &run.report {
        let threads = if report.threads == 1 { "thread" } else { "threads" };
        let took = duration(report.seconds);
        let from = if run.spec.is_opened() { "from a file: " } else { "" };
        ui.label(format!("{from}{}, in {took} on {} {threads}", run.spec.method.title(), report.threads))
            .on_hover_text(run.spec.method.about());
        return;
    }
    if run.is_active() {
        active_ui(ui, run);
    }
    let steps = |run: &Run| run.progress.as_ref().map_or(String::new(), |progress| format!("{} steps", progress.step));
    let seconds = run.progress.as_ref().map_or(0.0, |progress| progress.seconds);
    match &run.state {
        RunState::Running | RunState::Paused => {}
        RunState::Failed(why) => _ = ui.colored_label(ui.visuals().error_fg_color, why),
        RunState::Opened => _ = ui.label("Factors from a file that says nothing of their run"),
        RunState::Cancelled if run.outcome.is_none() => _ = ui.label("cancelled before there were factors"),
        RunState::Cancelled => {
            let text = format!("cancelled after {} in {}; the best factors are kept", steps(run), duration(seconds));
            ui.label(text);
        }
        RunState::Finished => _ = ui.label(format!("finished: {} in {}", steps(run), duration(seconds))),
    }
}

/// How far a run is that goes on.
fn active_ui(ui: &mut Ui, run: &Run) {
    let cancelling = run.is_cancelling();
    let Some(progress) = &run.progress else {
        ui.label(match &run.state {
            _ if cancelling => "cancelling…",
            RunState::Paused => "paused before the first step",
            _ => "preparing…",
        });
        return;
    };
    let share = format!("{}, {} of {} steps", progress.stage.title(), progress.step, progress.steps);
    let bar = ui.add(ProgressBar::new(progress.done as f32).text(&share));
    bar.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, &share));
    let iteration_secs = 2.0 * progress.seconds / progress.step as f64;
    let pace = match iteration_secs {
        secs if secs < 1.0 => format!("{:.1} iterations/s", 1.0 / secs.max(1e-9)),
        secs => format!("{} an iteration", duration(secs)),
    };
    let left = duration(progress.remaining_secs());
    ui.label(match run.state {
        _ if cancelling => "cancelling after this half-step".to_owned(),
        RunState::Paused => format!("paused, {left} left"),
        _ => format!("{pace}, {left} left"),
    });
}

fn errors_ui(ui: &mut Ui, state: &State, run: &Run) {
    let step = state.runs.step();
    let at = step.map_or(String::new(), |step| format!(" at iteration {}", step / 2));
    if let Some((error, _)) = state.error_on_screen() {
        let from_file = run.spec.is_opened() && run.spec.layer.is_none();
        let says = if from_file { ", as the file says" } else { "" };
        ui.strong(format!("relative error {}{at}{says}", error_text(error, 4)));
    }
    if run.has_scaled_curve() {
        let reported = match step {
            Some(step) => run.error_at(step),
            None => run.reports.last().filter(|_| run.is_active()).map(|report| report.error),
        };
        let why = "Minimised by this run: ‖(W − AB)·D‖/‖W·D‖ with D the norms of the layer's inputs";
        let text = |error| format!("error of W scaled by its inputs {}{at}", error_text(error, 4));
        reported.into_iter().for_each(|error| _ = ui.label(text(error)).on_hover_text(why));
    }
    let outcome = run.outcome.as_deref().filter(|_| step.is_none());
    if let Some(errors) = outcome.and_then(|outcome| outcome.layer) {
        let held_out = errors.held_out.map_or(String::new(), |error| format!(", held out {error:.5}"));
        ui.strong(format!("layer error {:.5}{held_out}", errors.calibration));
    } else if let Some(error) = run.progress.as_ref().and_then(|progress| progress.layer_error) {
        ui.strong(format!("layer error {error:.5}"));
    }
    if outcome.is_some() {
        run.notes().iter().for_each(|note| _ = ui.label(capitalized(note)));
    }
}

/// The settings that gave it, and which of the next run's are others.
fn settings_ui(ui: &mut Ui, state: &State, run: &Run) -> Option<Command> {
    let settings = run.spec.settings.as_ref()?;
    let next = &state.preferences.settings;
    let mut asked = None;
    ui.horizontal_wrapped(|ui| {
        if run.spec.method != Method::Dsf {
            ui.label(format!("Settings: density {}", value(Setting::Density, settings)));
            return;
        }
        ui.label(format!("Settings: {}", summary(settings)));
        if settings != next {
            let hint = "The next run has these settings too";
            let take = ui.add(Button::new("Use again").small()).on_hover_text(hint);
            asked = take.clicked().then(|| Command::SetSettings(Box::new(settings.clone())));
        }
    });
    asked
}
