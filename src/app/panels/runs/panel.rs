//! The list of runs, and beside it what differs between two of them.

use super::differences::Differences;
use super::row;
use crate::app::panels::state::State;
use crate::app::state::command::Command;
use crate::app::state::run::Run;
use crate::app::widgets::regions::scroll_ui;
use crate::app::widgets::text::summary;
use crate::methods::Method;
use eframe::egui::{Grid, Key, Panel, RichText, ScrollArea, TextEdit, Ui};

/// The panel's own state.
#[derive(Default)]
pub struct RunsPanel {
    /// The run that is being renamed, and its new name so far.
    renaming: Option<(usize, String)>,
    /// Whether differences are shown.
    pub differences: bool,
    compared: Differences,
}

const HEADINGS: [&str; 12] = [
    "",
    "Model",
    "Layer",
    "Run",
    "",
    "Error",
    "Layer error",
    "Held-out error",
    "Nonzeros",
    "Bytes",
    "Time",
    "Settings",
];

/// Narrowest panel, in points, in which differences stand beside the list and not in its place.
const WIDTH_OF_BOTH: f32 = 280.0;

impl RunsPanel {
    /// Lets its name be typed.
    pub fn rename(&mut self, run: &Run) {
        self.renaming = Some((run.number, run.name.clone()));
    }

    /// The runs, starred ones first, newest first.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Option<Command> {
        let mut command = None;
        let (runs, selected) = (state.runs.all(), state.runs.selected());
        if runs.is_empty() {
            ui.weak("No run yet");
            return None;
        }
        if runs.len() > 1 {
            let toggle = ui.toggle_value(&mut self.differences, "What differs");
            toggle.on_hover_text("Settings and results of the run on screen and another one, where they differ");
        }
        if self.differences && ui.available_width() < WIDTH_OF_BOTH {
            ScrollArea::both().id_salt("only differences").show(ui, |ui| self.compared.ui(ui, state));
            return None;
        }
        if self.differences {
            Panel::right("differences").default_size(0.55 * ui.available_width()).show(ui, |ui| {
                ScrollArea::both().id_salt("differences").show(ui, |ui| self.compared.ui(ui, state));
            });
        }
        let order = state.runs.in_order();
        scroll_ui(ui, ScrollArea::both().id_salt("runs").auto_shrink(false), |ui| {
            Grid::new("runs").num_columns(HEADINGS.len()).striped(true).show(ui, |ui| {
                HEADINGS.into_iter().for_each(|heading| _ = ui.weak(heading));
                ui.end_row();
                for at in order {
                    command = self.row(ui, at, &runs[at], selected == Some(at)).or(command.take());
                    ui.end_row();
                }
            });
        });
        command
    }

    fn row(&mut self, ui: &mut Ui, at: usize, run: &Run, selected: bool) -> Option<Command> {
        let mut command = None;
        let star = if run.starred { "★" } else { "☆" };
        let labelled = |response: eframe::egui::Response, text: String| {
            response.widget_info(|| eframe::egui::WidgetInfo::labeled(eframe::egui::Role::Button, true, &text));
            response.on_hover_text(text)
        };
        if labelled(ui.small_button(star), format!("Star {}", run.name)).clicked() {
            command = Some(Command::StarRun(at));
        }
        row::names_ui(ui, run);
        command = self.name_ui(ui, at, run, selected).or(command);
        if labelled(ui.small_button("🗑"), format!("Delete {}", run.name)).clicked() {
            command = Some(Command::DeleteRun(at));
        }
        row::errors_ui(ui, run);
        row::nonzeros_ui(ui, run);
        row::bytes_ui(ui, run);
        row::time_ui(ui, run);
        match &run.spec.settings {
            Some(_) if run.spec.method != Method::Dsf => _ = ui.weak(run.spec.method.about()),
            Some(settings) => {
                if ui.button(summary(settings)).on_hover_text("Take these settings over").clicked() {
                    command = Some(Command::TakeSettings(at));
                }
            }
            None => _ = ui.weak("not in the file"),
        }
        command
    }

    fn name_ui(&mut self, ui: &mut Ui, at: usize, run: &Run, selected: bool) -> Option<Command> {
        if let Some((number, name)) = &mut self.renaming
            && *number == run.number
        {
            let field = ui.add(TextEdit::singleline(name).desired_width(110.0));
            field.widget_info(|| {
                eframe::egui::WidgetInfo::labeled(eframe::egui::Role::TextInput, true, "Name of the run")
            });
            let given_up = ui.input(|input| input.key_pressed(Key::Escape));
            if field.lost_focus() || given_up {
                let name = std::mem::take(name);
                self.renaming = None;
                return (!given_up && !name.trim().is_empty()).then(|| Command::RenameRun(at, name.trim().to_owned()));
            }
            field.request_focus();
            return None;
        }
        let weak = run.outcome.is_none() && !selected;
        let name = RichText::new(&run.name);
        let row = ui.selectable_label(selected, if weak { name.weak() } else { name.strong() });
        let row = row.on_hover_text("Show this run; double-click to rename it");
        if row.double_clicked() {
            self.rename(run);
        }
        row.clicked().then_some(Command::SelectRun(at))
    }
}
