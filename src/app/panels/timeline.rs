//! The slider over the kept iterations of the run on screen.

use super::state::State;
use crate::app::state::action::Action;
use crate::app::state::command::Command;
use crate::app::state::run::RunState;
use crate::export::error_text;
use crate::methods::Method;
use eframe::egui::style::HandleShape;
use eframe::egui::{Label, RichText, Role, Slider, Ui, WidgetInfo};

/// Shows the iteration on screen, and a slider to go to another one.
///
/// `narrow` leaves out what there is no room for.
pub fn timeline_ui(ui: &mut Ui, state: &State, narrow: bool) -> Option<Command> {
    let run = state.runs.shown()?;
    ui.scope(|ui| {
        // A person may have given it a long name.
        ui.set_max_width(if narrow { 80.0 } else { 200.0 });
        ui.add(Label::new(RichText::new(&run.name).weak()).truncate());
    });
    let snapshots = run.snapshots.all();
    if snapshots.is_empty() {
        ui.weak(match (&run.state, &run.outcome) {
            (RunState::Opened, _) => "factors from a file",
            _ if run.spec.method != Method::Dsf => "this method has no iterations to go back to",
            _ if run.report.is_some() => "a comparison keeps no iterations",
            (_, Some(_)) => "its iterations were given up for those of later runs",
            _ => "no iteration yet",
        });
        return None;
    }
    let mut command = None;
    let timeline = state.runs.timeline();
    let play = ui.button(if timeline.is_playing() { "⏸" } else { "▶" });
    play.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Play the iterations"));
    if play.on_hover_text("Run through the iterations that were kept (P)").clicked() {
        command = Some(Command::Act(Action::Play));
    }
    let label = ui.label("Iteration");
    let mut at = timeline.at(run);
    let name = |at: f64| match snapshots.get(at as usize) {
        Some(snapshot) => format!("{}", snapshot.step / 2),
        None if run.outcome.is_some() => "result".into(),
        None => "now".into(),
    };
    let others = if narrow { 160.0 } else { 280.0 };
    ui.spacing_mut().slider_width = (ui.available_width() - others).clamp(60.0, 260.0);
    let slider = Slider::new(&mut at, 0..=snapshots.len())
        .custom_formatter(|at, _| name(at))
        .handle_shape(HandleShape::Rect { aspect_ratio: 0.5 });
    let response = ui.add(slider).labelled_by(label.id);
    if response.on_hover_text("Every picture goes back with it (← and →)").changed() {
        let to = snapshots.get(at).map(|snapshot| snapshot.step);
        command = Some(to.map_or(Command::Act(Action::Latest), Command::GoTo));
    }
    if let Some((error, true)) = state.error_on_screen() {
        ui.label(format!("error {}", error_text(error, 4))).on_hover_text("‖W − AB‖/‖W‖ of the factors on screen");
    }
    if narrow {
        return command;
    }
    let every = match run.snapshots.every() {
        1 => String::new(),
        every => format!(", every {every}th kept"),
    };
    ui.weak(format!("{:.1} MB{every}", run.snapshots.bytes() as f64 / 1e6))
        .on_hover_text("What the iterations take: a bit for each position, 16 bits for each value");
    command
}
