//! The export dialog: what is written, how and where.

use crate::Named;
use crate::app::panels::state::State;
use crate::app::platform::SaveTarget;
use crate::app::state::command::Command;
use crate::app::state::export::{ExportKind, ExportRequest};
use crate::app::state::run::Run;
use crate::export::{CHARTS_AS_PNG, Layout, error_text};
use crate::matrix::ReplacementKind;
use crate::methods::Method;
use crate::model::Dtype;
use eframe::egui::{self, ComboBox, Grid, TextEdit, Ui};
use std::path::Path;

/// The dialog's own state.
#[derive(Default)]
pub struct ExportDialog {
    /// Whether it is open.
    pub open: bool,
    kind: ExportKind,
    /// Whether the iteration on screen is written, and not the run's result.
    iteration: bool,
    layout: Option<Layout>,
    dtype: Option<Dtype>,
    path: String,
    /// Path that was suggested; a typed one stays.
    suggested: Option<String>,
    /// The path that the system's dialog has asked about.
    agreed: Option<String>,
    replace: bool,
    /// Whether the file's name has had the keyboard since the dialog was opened.
    focused: bool,
    /// Path that is being written: when that is done the dialog closes, unless another name was typed meanwhile.
    writing: Option<String>,
}

impl ExportDialog {
    /// Opens the dialog anew: what was agreed to for one file says nothing about the next.
    pub fn start(&mut self, kind: Option<ExportKind>) {
        let kind = kind.unwrap_or(self.kind);
        // What is on screen is what is written, until something else is chosen.
        *self = Self { open: true, kind, iteration: true, layout: self.layout, dtype: self.dtype, ..Self::default() };
    }

    /// Takes the place chosen in the system's dialog, which has asked before replacing a file.
    pub fn chosen(&mut self, path: &Path) {
        self.path = path.display().to_string();
        self.agreed = Some(self.path.clone());
    }

    /// Something was written; what could not be leaves the dialog as it was filled in.
    pub fn written(&mut self) {
        self.open &= self.writing.take().as_ref() != Some(&self.path);
    }

    /// Draws the dialog's contents.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Option<Command> {
        let (mut command, mut entered) = (None, false);
        let run = state.runs.shown();
        let step = state.runs.step().filter(|_| self.iteration && self.kind.needs_run());
        let no_run = state.no_run_to_write(step);
        let method = state.method_on_screen();
        let name = state.file_name(self.kind, step);
        let only_merged = match run.map_or(ReplacementKind::Factors, Run::kind) {
            ReplacementKind::Factors | ReplacementKind::LowRank | ReplacementKind::Blocks => None,
            ReplacementKind::Sparse => Some("This method leaves one matrix, which stands in the layer's place"),
            ReplacementKind::Chain => {
                Some("Three factors have no layout of their own: their product stands in the layer's place")
            }
        };
        if self.path.is_empty() || self.suggested.as_ref() == Some(&self.path) {
            self.path = name.clone();
            self.suggested = Some(name.clone());
        }
        Grid::new("export").num_columns(2).show(ui, |ui| {
            let label = ui.label("What");
            let choice = ComboBox::from_id_salt("what").width(260.0).height(320.0).selected_text(self.kind.title());
            let choice = choice.show_ui(ui, |ui| {
                let pixels = [ExportKind::SweepPng, ExportKind::TablePng];
                let possible = |kind: &ExportKind| CHARTS_AS_PNG || !pixels.contains(kind);
                for what in ExportKind::ALL.iter().copied().filter(possible) {
                    ui.selectable_value(&mut self.kind, what, what.title());
                }
            });
            choice.response.labelled_by(label.id);
            ui.end_row();
            self.source_ui(ui, state);
            if matches!(self.kind, ExportKind::Factors | ExportKind::Report) {
                self.values_ui(ui, method, only_merged);
            }
            let label = ui.label("File");
            ui.horizontal(|ui| {
                let edit = ui.add(TextEdit::singleline(&mut self.path).desired_width(320.0)).labelled_by(label.id);
                if !std::mem::replace(&mut self.focused, true) {
                    edit.request_focus();
                }
                entered = edit.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
                if ui.button("Browse…").clicked() {
                    command = Some(Command::BrowseTarget(name));
                }
            });
            ui.end_row();
            ui.label("");
            ui.checkbox(&mut self.replace, "Replace an existing file");
            ui.end_row();
        });
        ui.separator();
        ui.horizontal(|ui| {
            let why_not = no_run.filter(|_| self.kind.needs_run());
            let save = ui.add_enabled(why_not.is_none(), egui::Button::new("Save"));
            let pressed = save.on_disabled_hover_text(why_not.unwrap_or_default()).clicked();
            if pressed || entered && why_not.is_none() {
                self.writing = Some(self.path.clone());
                command = Some(Command::Write(self.request(step)));
            }
            if ui.button("Close").clicked() {
                self.open = false;
            }
            if let Some(why_not) = why_not {
                ui.weak(why_not);
            }
        });
        command
    }

    /// Which run it is of, and which of its iterations.
    fn source_ui(&mut self, ui: &mut Ui, state: &State) {
        let Some(run) = state.runs.shown() else { return };
        let error =
            |error: Option<f64>| error.map_or(String::new(), |error| format!(" (error {})", error_text(error, 4)));
        let result = format!("{}, result{}", run.name, error(run.outcome.as_ref().and(run.error())));
        let label = ui.label("Of");
        match state.runs.step() {
            Some(step) if self.kind.needs_run() => {
                let at = error(state.error_on_screen().map(|(error, _)| error));
                let iteration = format!("{}, iteration {}{at}", run.name, step / 2);
                let shown = if self.iteration { &iteration } else { &result };
                let choice = ComboBox::from_id_salt("source").width(260.0).selected_text(shown).show_ui(ui, |ui| {
                    let hint = "Its values were kept to 11 binary digits, for the pictures";
                    ui.selectable_value(&mut self.iteration, true, &iteration).on_hover_text(hint);
                    ui.add_enabled_ui(run.outcome.is_some(), |ui| {
                        ui.selectable_value(&mut self.iteration, false, &result)
                            .on_disabled_hover_text("The run on screen has not ended");
                    });
                });
                choice.response.labelled_by(label.id);
            }
            Some(step) => _ = ui.label(format!("{}, iteration {}", run.name, step / 2)),
            None if self.kind.needs_run() => _ = ui.label(result),
            None => _ = ui.label(&run.name),
        }
        ui.end_row();
    }

    fn values_ui(&mut self, ui: &mut Ui, method: Method, only_merged: Option<&str>) {
        let label = ui.label("Layout");
        // ExportKind was chosen is for the next run that has factors.
        let layout = self.layout.filter(|_| only_merged.is_none()).unwrap_or(Layout::usual(method));
        let choice = ComboBox::from_id_salt("layout").selected_text(layout.name()).show_ui(ui, |ui| {
            for &other in Layout::ALL {
                let possible = only_merged.is_none() || other == layout;
                ui.add_enabled_ui(possible, |ui| {
                    let chosen = ui.selectable_label(other == layout, other.name()).on_hover_text(about(other));
                    if chosen.on_disabled_hover_text(only_merged.unwrap_or_default()).clicked() && only_merged.is_none()
                    {
                        self.layout = Some(other);
                    }
                });
            }
        });
        choice.response.labelled_by(label.id);
        ui.end_row();
        ui.label("");
        ui.weak(only_merged.unwrap_or_else(|| about(layout)));
        ui.end_row();
        let label = ui.label("Values");
        let automatic = if layout == Layout::Merged { "the layer's own" } else { "f32" };
        let name = |dtype: Option<Dtype>| dtype.map_or(automatic, Dtype::name);
        let choice = ComboBox::from_id_salt("dtype").selected_text(name(self.dtype)).show_ui(ui, |ui| {
            for dtype in [None, Some(Dtype::F32), Some(Dtype::F16), Some(Dtype::BF16)] {
                ui.selectable_value(&mut self.dtype, dtype, name(dtype));
            }
        });
        choice.response.labelled_by(label.id);
        ui.end_row();
    }

    fn request(&self, step: Option<usize>) -> ExportRequest {
        let replace = self.replace || self.agreed.as_ref() == Some(&self.path);
        let target = SaveTarget::new(&self.path, replace);
        ExportRequest { kind: self.kind, step, layout: self.layout, dtype: self.dtype, target }
    }
}

fn about(layout: Layout) -> &'static str {
    match layout {
        Layout::Dense => "A and B with their zeros: opens everywhere",
        Layout::Merged => "One matrix A·B under the layer's own name: drops into any Hugging Face model",
        Layout::Csr => "Row starts, columns and values: torch.sparse_csr_tensor takes them",
        Layout::Bitmask => "One bit a position: compact; read by compressed-tensors up to 0.14",
    }
}
