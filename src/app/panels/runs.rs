//! The list of runs, and what differs between two of them.

use crate::app::panels::state::State;
use crate::app::state::command::Command;
use crate::app::state::run::{Run, RunState};
use crate::app::widgets::text::summary;
use crate::measure::Storage;
use crate::methods::Method;
use eframe::egui::{ComboBox, Grid, Key, RichText, ScrollArea, TextEdit, Ui};

/// The panel's own state.
#[derive(Default)]
pub struct RunsPanel {
    /// The run that is being renamed, and its new name so far.
    renaming: Option<(usize, String)>,
    /// The number of the run that the one on screen is compared with.
    other: Option<usize>,
    /// Whether differences are shown.
    pub differences: bool,
}

const HEADINGS: [&str; 10] = ["", "Run", "", "Error", "Layer error", "Nonzeros", "Bytes", "Time", "Settings", "Layer"];

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
        }
        let order = state.runs.in_order();
        ScrollArea::both().id_salt("runs").auto_shrink(false).show(ui, |ui| {
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
        command = self.name_ui(ui, at, run, selected).or(command);
        if labelled(ui.small_button("🗑"), format!("Delete {}", run.name)).clicked() {
            command = Some(Command::DeleteRun(at));
        }
        ui.label(run.error().map_or("–".into(), |error| format!("{error:.4}")));
        layer_error_ui(ui, run);
        ui.label(match (run.nnz(), &run.state) {
            (Some(nnz), _) => nnz.to_string(),
            (None, RunState::Failed(_)) => "failed".into(),
            (None, RunState::Paused) => "paused".into(),
            (None, _) => "running".into(),
        });
        bytes_ui(ui, run);
        ui.label(seconds(run));
        match &run.settings {
            Some(_) if run.method != Method::Dsf => _ = ui.weak(run.method.about()),
            Some(settings) => {
                if ui.button(summary(settings)).on_hover_text("Take these settings over").clicked() {
                    command = Some(Command::TakeSettings(at));
                }
            }
            None => _ = ui.weak("from a file"),
        }
        ui.label(&run.title);
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
        let weak = run.ended.is_none() || !selected;
        let name = RichText::new(&run.name);
        let row = ui.selectable_label(selected, if weak { name.weak() } else { name.strong() });
        let row = row.on_hover_text("Show this run; double-click to rename it");
        if row.double_clicked() {
            self.rename(run);
        }
        row.clicked().then_some(Command::SelectRun(at))
    }

    /// Draws the differences between the settings and results of the run on screen and another one.
    pub fn differences_ui(&mut self, ui: &mut Ui, state: &State) {
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
        ui.horizontal(|ui| {
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
            for (name, mine, others) in different {
                ui.label(name);
                ui.strong(mine);
                ui.weak(others);
                ui.end_row();
            }
        });
    }
}

/// Names and values of what differs.
fn differences(run: &Run, other: &Run) -> Vec<(String, String, String)> {
    let facts = |run: &Run| -> Vec<(String, String)> {
        let settings = serde_json::to_value(&run.settings).unwrap_or_default();
        let mut settings = settings.as_object().cloned().unwrap_or_default();
        // Of the settings of DSF the others have been told no more.
        settings.retain(|name, _| run.method == Method::Dsf || name == "density");
        let mut facts: Vec<(String, String)> = settings
            .into_iter()
            .map(|(name, value)| (name.replace('_', " "), value.to_string().replace('"', "")))
            .collect();
        let none = || "–".to_owned();
        facts.push(("method".into(), run.method.title().into()));
        facts.push(("layer".into(), run.title.clone()));
        facts.push(("calibration".into(), if run.is_layerwise() { "yes" } else { "no" }.into()));
        facts.push(("error".into(), run.error().map_or_else(none, |error| format!("{error:.6}"))));
        facts.push(("nonzeros".into(), run.nnz().map_or_else(none, |nnz| nnz.to_string())));
        facts
    };
    let (mine, others) = (facts(run), facts(other));
    let names = mine.iter().chain(others.iter().filter(|(name, _)| !mine.iter().any(|(mine, _)| mine == name)));
    let find = |facts: &[(String, String)], name: &str| {
        facts.iter().find(|(found, _)| found == name).map_or("–".to_owned(), |(_, value)| value.clone())
    };
    names
        .map(|(name, _)| (name.clone(), find(&mine, name), find(&others, name)))
        .filter(|(_, mine, others)| mine != others)
        .collect()
}

fn layer_error_ui(ui: &mut Ui, run: &Run) {
    let Some(errors) = run.ended.as_ref().and_then(|ended| ended.layer) else {
        ui.weak("–").on_hover_text("Needs a calibration: the layer's inputs");
        return;
    };
    let held_out = errors.held_out.map_or(String::new(), |error| format!("\non held-out inputs {error:.5}"));
    let before = match run.method {
        Method::Dsf => format!("\nbefore it was finalized {:.5}", errors.before_finalize),
        _ => String::new(),
    };
    ui.label(format!("{:.5}", errors.held_out.unwrap_or(errors.calibration)))
        .on_hover_text(format!("on the calibration {:.5}{before}{held_out}", errors.calibration));
}

/// Shows the bytes of the factors with 16-bit values.
fn bytes_ui(ui: &mut Ui, run: &Run) {
    let Some(ended) = &run.ended else {
        ui.label("");
        return;
    };
    if let Some(report) = &run.report {
        let form = |bytes: Option<u64>, how: &str| bytes.map_or(String::new(), |bytes| format!("\n{bytes} {how}"));
        ui.label(format!("{:.0} %", 100.0 * report.bytes as f64 / report.bytes_dense.max(1) as f64)).on_hover_text(
            format!(
                "{} with 16-bit values, against {} of W{}{}",
                report.bytes,
                report.bytes_dense,
                form(report.bytes_bitmask, "with a bit for each position"),
                form(report.bytes_csr, "as CSR")
            ),
        );
        return;
    }
    let ((rows, cols), [a, b]) = (ended.replacement.shape(), ended.replacement.nnz_of_factors());
    let k = ended.replacement.inner_dim().unwrap_or(rows);
    let storage = Storage::of_factors(rows, cols, k, a, b);
    let share = |bytes: u64| 100.0 * bytes as f64 / storage.dense as f64;
    ui.label(format!("{:.0} %", share(storage.bitmask))).on_hover_text(format!(
        "With 16-bit values, against {} of W:\n{} with a bit for each position\n{} as CSR",
        storage.dense, storage.bitmask, storage.csr
    ));
}

fn seconds(run: &Run) -> String {
    match (&run.ended, &run.progress) {
        (Some(ended), _) if ended.seconds > 0.0 => format!("{:.2} s", ended.seconds),
        (None, Some(progress)) => format!("{:.2} s", progress.seconds),
        _ => String::new(),
    }
}
