//! Writing what the window shows: factors, pictures, curves, reports.

use super::linked_views::{LinkedViews, Looks, colors_of, picture};
use super::loader::Loaded;
use super::picture::{Colors, Pyramid, Viewport, bar, image};
use super::showing::Pictures;
use super::workspace::Pane;
use crate::export::{
    self, Chart, Export, HtmlReport, Layout, Palette, RunReport, framed, html_report, report_pictures,
};
use crate::job::{Outcome, Problem};
use crate::model::{Dtype, Layer};
use eframe::egui::{self, ComboBox, Grid, TextEdit, Ui};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What can be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum What {
    /// A and B.
    #[default]
    Factors,
    /// W, A, B, A·B and the error side by side.
    Sheet,
    /// One view as it is on screen.
    View(Pane),
    /// The curves as a picture.
    Svg,
    /// The curves as numbers.
    Csv,
    /// What the run came to.
    Json,
    /// All of it on one page.
    Report,
}

impl What {
    const ALL: [Self; 11] = [
        Self::Factors,
        Self::Sheet,
        Self::View(Pane::W),
        Self::View(Pane::A),
        Self::View(Pane::B),
        Self::View(Pane::Product),
        Self::View(Pane::Error),
        Self::Svg,
        Self::Csv,
        Self::Json,
        Self::Report,
    ];

    fn name(self) -> String {
        match self {
            Self::Factors => "Factors (safetensors)".into(),
            Self::Sheet => "All pictures (PNG)".into(),
            Self::View(pane) => format!("Picture of {} as shown (PNG)", pane.name()),
            Self::Svg => "Curves (SVG)".into(),
            Self::Csv => "Curves (CSV)".into(),
            Self::Json => "Run (JSON)".into(),
            Self::Report => "Report (HTML)".into(),
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Factors => "safetensors",
            Self::Sheet | Self::View(_) => "png",
            Self::Svg => "svg",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Report => "html",
        }
    }

    fn file_name(self, stem: &str) -> String {
        let part = match self {
            Self::Factors => "dsf".to_owned(),
            Self::Sheet => "pictures".into(),
            Self::View(pane) => pane.name().replace(['·', ' '], "").replace('−', "-"),
            Self::Svg | Self::Csv => "curves".into(),
            Self::Json => "run".into(),
            Self::Report => "report".into(),
        };
        format!("{stem}.{part}.{}", self.extension())
    }

    /// Whether it needs factors that a run of ours has made.
    fn needs_run(self) -> bool {
        matches!(self, Self::Factors | Self::Sheet | Self::Json | Self::Report)
    }
}

/// What is known of the run on screen, all of it owned, so that a thread can write it.
pub struct Request {
    /// The run and its layer, when it is over.
    pub run: Option<RunToWrite>,
    /// What the curves show.
    pub chart: Chart,
    /// The view that was asked for.
    pub view: Option<ViewToWrite>,
}

/// A run that is over.
pub struct RunToWrite {
    /// Which one.
    pub number: usize,
    /// W.
    pub layer: Arc<Layer>,
    /// With its factors.
    pub outcome: Box<dyn FnOnce() -> Outcome + Send>,
    /// What they were made from.
    pub problem: Problem,
    /// On so many threads.
    pub threads: usize,
}

/// A part of a matrix.
pub struct ViewToWrite {
    pyramid: Arc<Pyramid>,
    colors: Colors,
    part: (Viewport, f32),
    title: String,
}

impl ViewToWrite {
    /// What one view shows.
    pub fn new(pane: Pane, pictures: &Pictures, views: &mut LinkedViews, looks: &Looks, dark: bool) -> Option<Self> {
        let pyramid = picture(pane, pictures)?.clone();
        let (rows, cols) = pyramid.matrix().shape();
        let title = format!("{} {rows}x{cols}", pane.name().replace('−', "-").replace('·', ""));
        Some(Self { pyramid, colors: colors_of(pane, pictures, looks, dark), part: views.part(pane), title })
    }
}

/// The dialog's own state.
#[derive(Default)]
pub struct ExportPanel {
    /// Whether it is open.
    pub open: bool,
    what: What,
    layout: Layout,
    dtype: Option<Dtype>,
    path: String,
    /// What the path was suggested for; typed ones stay.
    suggested: Option<String>,
    /// The path that the system's dialog has asked about.
    agreed: Option<String>,
    replace: bool,
    /// Whether the file's name has had the keyboard since the dialog was opened.
    focused: bool,
    /// What is being written: when that is done the dialog closes, unless another name was typed meanwhile.
    writing: Option<String>,
}

/// What was asked for in the dialog.
pub enum Act {
    /// Choose a place with the system's dialog, starting from this file name.
    Browse(String),
    /// Write this to a file.
    Write(What, Work),
}

/// A piece of writing, for a thread.
pub type Work = Box<dyn FnOnce(Request) -> Loaded + Send>;

impl ExportPanel {
    /// Opens the dialog anew: what was agreed to for one file says nothing about the next.
    pub fn start(&mut self, what: Option<What>) {
        let what = what.unwrap_or(self.what);
        *self = Self { open: true, what, layout: self.layout, dtype: self.dtype, ..Self::default() };
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

    /// The dialog's contents. `stem` names the layer; `no_run` says why no run can be written.
    pub fn ui(&mut self, ui: &mut Ui, stem: &str, no_run: Option<&str>) -> Option<Act> {
        let (mut act, mut entered) = (None, false);
        let name = self.what.file_name(stem);
        if self.path.is_empty() || self.suggested.as_ref() == Some(&self.path) {
            self.path = name.clone();
            self.suggested = Some(name.clone());
        }
        Grid::new("export").num_columns(2).show(ui, |ui| {
            let label = ui.label("What");
            let choice = ComboBox::from_id_salt("what").width(260.0).height(320.0).selected_text(self.what.name());
            let choice = choice.show_ui(ui, |ui| {
                for what in What::ALL {
                    ui.selectable_value(&mut self.what, what, what.name());
                }
            });
            choice.response.labelled_by(label.id);
            ui.end_row();
            if matches!(self.what, What::Factors | What::Report) {
                self.values_ui(ui);
            }
            let label = ui.label("File");
            ui.horizontal(|ui| {
                let edit = ui.add(TextEdit::singleline(&mut self.path).desired_width(320.0)).labelled_by(label.id);
                if !std::mem::replace(&mut self.focused, true) {
                    edit.request_focus();
                }
                entered = edit.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
                if ui.button("Browse…").clicked() {
                    act = Some(Act::Browse(name));
                }
            });
            ui.end_row();
            ui.label("");
            ui.checkbox(&mut self.replace, "Replace an existing file");
            ui.end_row();
        });
        ui.separator();
        ui.horizontal(|ui| {
            let why_not = no_run.filter(|_| self.what.needs_run());
            let save = ui.add_enabled(why_not.is_none(), egui::Button::new("Save"));
            let pressed = save.on_disabled_hover_text(why_not.unwrap_or_default()).clicked();
            if pressed || entered && why_not.is_none() {
                self.writing = Some(self.path.clone());
                act = Some(Act::Write(self.what, self.work()));
            }
            if ui.button("Close").clicked() {
                self.open = false;
            }
            if let Some(why_not) = why_not {
                ui.weak(why_not);
            }
        });
        act
    }

    fn values_ui(&mut self, ui: &mut Ui) {
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
    }

    fn work(&self) -> Work {
        let replace = self.replace || self.agreed.as_ref() == Some(&self.path);
        let (what, layout, dtype) = (self.what, self.layout, self.dtype);
        let path = PathBuf::from(self.path.trim());
        Box::new(move |request| match write(request, what, layout, dtype, &path, replace) {
            Ok((number, text)) => Loaded::Saved(number.filter(|_| what == What::Factors), text),
            Err(error) => Loaded::Problem(error),
        })
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

/// Writes one thing; says what was written, and of which run.
fn write(
    request: Request,
    what: What,
    layout: Layout,
    dtype: Option<Dtype>,
    path: &Path,
    replace: bool,
) -> Result<(Option<usize>, String), String> {
    // In the dialog's words, where the command line's are others.
    let said = |error: export::Error| match error {
        export::Error::Exists { path } => {
            format!("{} exists: tick Replace an existing file, or choose another name", path.display())
        }
        error => error.to_string().replace("write it with --dtype", "choose as Values"),
    };
    let shown = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let saved = format!("Saved {}", shown.display());
    let number = request.run.as_ref().map(|run| run.number);
    match what {
        What::Svg => export::write(path, request.chart.to_svg(960, 540).as_bytes(), replace).map_err(said)?,
        What::Csv => export::write(path, request.chart.to_csv().as_bytes(), replace).map_err(said)?,
        What::View(_) => {
            let view = request.view.ok_or("this view shows nothing yet: wait for the run")?;
            export::write(path, &view_png(&view), replace).map_err(said)?;
        }
        What::Factors | What::Sheet | What::Json | What::Report => {
            let run = request.run.ok_or("the run on screen has not ended: wait for it, or cancel it")?;
            let outcome = (run.outcome)();
            // What is not asked about is written exactly.
            let chosen = matches!(what, What::Factors | What::Report);
            let (layout, dtype) = if chosen { (layout, dtype) } else { (Layout::Dense, None) };
            let export = Export::new(&run.layer, &outcome.factors, layout, dtype).map_err(said)?;
            let report =
                RunReport::new(&run.layer, &run.problem, outcome.settings.preset(), &export, &outcome, run.threads);
            let (nnz, error) = (report.nnz, report.relative_error);
            match what {
                What::Factors => {
                    export.write(path, &outcome.settings, &report, replace).map_err(said)?;
                    return Ok((number, format!("{saved} ({nnz} nonzeros, error {error:.4})")));
                }
                What::Sheet => {
                    let sheet = export::factor_sheet(&run.layer.weight, &outcome.factors, 384, Palette::Light);
                    export::write(path, &sheet.to_png(), replace).map_err(said)?;
                }
                What::Json => {
                    let json = serde_json::json!({ "report": report, "settings": outcome.settings });
                    let text = serde_json::to_string_pretty(&json).map_err(|error| error.to_string())?;
                    export::write(path, (text + "\n").as_bytes(), replace).map_err(said)?;
                }
                _ => {
                    let page = html_report(&HtmlReport {
                        report: &report,
                        settings: &outcome.settings,
                        pictures: &report_pictures(&run.layer.weight, &export, 384),
                        charts: &[request.chart],
                        file: None,
                    });
                    export::write(path, page.as_bytes(), replace).map_err(said)?;
                }
            }
        }
    }
    Ok((number, saved))
}

fn view_png(view: &ViewToWrite) -> Vec<u8> {
    /// Of the longer side.
    const SIDE: usize = 1024;
    let (viewport, aspect) = view.part;
    let pixels = image(&view.pyramid, &view.colors, &viewport, aspect, SIDE);
    let palette = if view.colors.dark { Palette::Dark } else { Palette::Light };
    framed(&pixels, &view.title, &bar(&view.colors), palette).to_png()
}

/// The dialog's window. It stays where it is put, and what is behind it can be looked at.
pub fn window(title: &str) -> egui::Window<'_> {
    egui::Window::new(title).collapsible(false).resizable(false).default_pos([300.0, 160.0])
}
