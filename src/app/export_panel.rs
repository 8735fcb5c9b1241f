//! Writing the selected run's factors, and its pictures.

use super::loader::Loaded;
use crate::export::{self, Export, Layout, Palette, RunReport};
use crate::job::{Outcome, Problem};
use crate::model::{Dtype, Layer};
use eframe::egui::{self, ComboBox, Grid, TextEdit, Ui};
use std::path::PathBuf;
use std::sync::Arc;

/// What is to be written, all of it owned, so that a thread can do it.
pub struct Request {
    /// W.
    pub layer: Arc<Layer>,
    /// The factors.
    pub outcome: Outcome,
    /// What they were made from.
    pub problem: Problem,
    /// On so many threads.
    pub threads: usize,
}

/// The dialog's own state.
pub struct ExportPanel {
    /// Whether it is open.
    pub open: bool,
    layout: Layout,
    dtype: Option<Dtype>,
    path: String,
    /// The path that the system's dialog has asked about.
    agreed: Option<String>,
    replace: bool,
}

impl Default for ExportPanel {
    fn default() -> Self {
        Self { open: false, layout: Layout::Dense, dtype: None, path: String::new(), agreed: None, replace: false }
    }
}

/// What was asked for in the dialog.
pub enum Act {
    /// Choose a place with the system's dialog, starting from this file name.
    Browse(String),
    /// Write to this file.
    Write(Work),
}

/// A piece of writing, for a thread.
pub type Work = Box<dyn FnOnce(Request) -> Loaded + Send>;

impl ExportPanel {
    /// Opens the dialog anew: what was agreed to for one file says nothing about the next.
    pub fn start(&mut self) {
        *self = Self { open: true, layout: self.layout, dtype: self.dtype, ..Self::default() };
    }

    /// Takes the place chosen in the system's dialog, which has asked before replacing a file.
    pub fn chosen(&mut self, path: PathBuf) {
        self.path = path.display().to_string();
        self.agreed = Some(self.path.clone());
    }

    /// The dialog's contents. `stem` names the layer.
    pub fn ui(&mut self, ui: &mut Ui, stem: &str) -> Option<Act> {
        let mut act = None;
        if self.path.is_empty() {
            self.path = format!("{stem}.dsf.safetensors");
        }
        Grid::new("export").num_columns(2).show(ui, |ui| {
            let label = ui.label("Layout");
            let choice = ComboBox::from_id_salt("layout").selected_text(self.layout.name()).show_ui(ui, |ui| {
                for layout in Layout::ALL {
                    ui.selectable_value(&mut self.layout, layout, layout.name()).on_hover_text(about(layout));
                }
            });
            choice.response.labelled_by(label.id);
            ui.end_row();
            ui.label("");
            ui.weak(about(self.layout));
            ui.end_row();
            let label = ui.label("Values");
            let automatic = if self.layout == Layout::Merged { "the layer's own" } else { "f32" };
            let name = |dtype: Option<Dtype>| dtype.map_or(automatic, Dtype::name);
            let choice = ComboBox::from_id_salt("dtype").selected_text(name(self.dtype)).show_ui(ui, |ui| {
                for dtype in [None, Some(Dtype::F32), Some(Dtype::F16), Some(Dtype::BF16)] {
                    ui.selectable_value(&mut self.dtype, dtype, name(dtype));
                }
            });
            choice.response.labelled_by(label.id);
            ui.end_row();
            let label = ui.label("File");
            ui.horizontal(|ui| {
                ui.add(TextEdit::singleline(&mut self.path).desired_width(320.0)).labelled_by(label.id);
                if ui.button("Browse…").clicked() {
                    act = Some(Act::Browse(format!("{stem}.dsf.safetensors")));
                }
            });
            ui.end_row();
            ui.label("");
            ui.checkbox(&mut self.replace, "Replace an existing file");
            ui.end_row();
        });
        ui.separator();
        ui.horizontal(|ui| {
            let path = PathBuf::from(self.path.trim());
            if ui.button("Save factors").clicked() {
                let replace = self.replace || self.agreed.as_ref() == Some(&self.path);
                let (layout, dtype, path) = (self.layout, self.dtype, path.clone());
                act = Some(Act::Write(Box::new(move |request| factors(request, layout, dtype, path, replace))));
            }
            let picture = path.with_extension("png");
            let hint = format!("W, A, B, A·B and the error side by side, as {}", picture.display());
            if ui.button("Save pictures").on_hover_text(hint).clicked() {
                let replace = self.replace;
                act = Some(Act::Write(Box::new(move |request| pictures(request, picture, replace))));
            }
            if ui.button("Close").clicked() {
                self.open = false;
            }
        });
        act
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

fn factors(request: Request, layout: Layout, dtype: Option<Dtype>, path: PathBuf, replace: bool) -> Loaded {
    let Request { layer, outcome, problem, threads } = request;
    let export = match Export::new(&layer, &outcome.factors, layout, dtype) {
        Ok(export) => export,
        Err(error) => return Loaded::Problem(error.to_string()),
    };
    let report = RunReport::new(&layer, &problem, None, &export, &outcome, threads);
    match export.write(&path, &outcome.settings, &report, replace) {
        Ok(()) => Loaded::Done(format!(
            "Saved {} ({} nonzeros, error {:.4})",
            path.display(),
            report.nnz,
            report.relative_error
        )),
        Err(error) => Loaded::Problem(error.to_string()),
    }
}

fn pictures(request: Request, path: PathBuf, replace: bool) -> Loaded {
    let sheet = export::factor_sheet(&request.layer.weight, &request.outcome.factors, 384, Palette::Light);
    match export::write(&path, &sheet.to_png(), replace) {
        Ok(()) => Loaded::Done(format!("Saved {}", path.display())),
        Err(error) => Loaded::Problem(error.to_string()),
    }
}

/// The dialog's window.
pub fn window(title: &str) -> egui::Window<'_> {
    egui::Window::new(title).collapsible(false).resizable(false).anchor(egui::Align2::CENTER_CENTER, [0.0, 0.0])
}
