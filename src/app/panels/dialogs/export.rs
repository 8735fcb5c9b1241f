//! Writing what the window shows: factors, pictures, curves, reports.

use crate::app::panels::linked_views::{LinkedViews, colors_of, picture};
use crate::app::platform::Place;
use crate::app::platform::written::Written;
use crate::app::state::chart_files::ChartFiles;
use crate::app::state::display_options::DisplayOptions;
use crate::app::state::kept::{Kept, Parts};
use crate::app::state::run::Run;
use crate::app::state::workspace::Pane;
use crate::app::tasks::view_renderer::Pictures;
use crate::app::widgets::picture::{Colors, Pyramid, Viewport, bar, image};
use crate::export::{
    self, Chart, Export, HtmlReport, Layout, Palette, RunReport, framed, html_report, report_pictures,
};
use crate::factorize::Settings;
use crate::job::Outcome;
use crate::matrix::Problem;
use crate::methods::{self, Method, Threshold};
use crate::model::{Dtype, Layer};
use crate::tasks::{Queue, SilentTask, shared};
use eframe::egui::{self, ComboBox, Grid, TextEdit, Ui};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

/// What can be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The sweep on screen as numbers.
    SweepCsv,
    /// The same with everything that is known.
    SweepJson,
    /// The sweep's chart, as lines and text.
    SweepSvg,
    /// The sweep's chart, as pixels.
    SweepPng,
    /// The model's table as numbers.
    TableCsv,
    /// The same with everything that is known.
    TableJson,
    /// Its chart, as lines and text.
    TableSvg,
    /// Its chart, as pixels.
    TablePng,
}

impl What {
    /// All of them.
    pub const ALL: [Self; 19] = [
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
        Self::SweepCsv,
        Self::SweepJson,
        Self::SweepSvg,
        Self::SweepPng,
        Self::TableCsv,
        Self::TableJson,
        Self::TableSvg,
        Self::TablePng,
    ];

    /// What the dialog calls it.
    pub fn name(self) -> String {
        match self {
            Self::Factors => "Factors (safetensors)".into(),
            Self::Sheet => "All pictures (PNG)".into(),
            Self::View(pane) => format!("Picture of {} as shown (PNG)", pane.name()),
            Self::Svg => "Curves (SVG)".into(),
            Self::Csv => "Curves (CSV)".into(),
            Self::Json => "Run (JSON)".into(),
            Self::Report => "Report (HTML)".into(),
            Self::SweepCsv => "Sweep (CSV)".into(),
            Self::SweepJson => "Sweep (JSON)".into(),
            Self::SweepSvg => "Sweep (SVG)".into(),
            Self::SweepPng => "Sweep (PNG)".into(),
            Self::TableCsv => "Table of the model (CSV)".into(),
            Self::TableJson => "Table of the model (JSON)".into(),
            Self::TableSvg => "Chart of the model (SVG)".into(),
            Self::TablePng => "Chart of the model (PNG)".into(),
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Factors => "safetensors",
            Self::Sheet | Self::View(_) | Self::SweepPng | Self::TablePng => "png",
            Self::Svg | Self::SweepSvg | Self::TableSvg => "svg",
            Self::Csv | Self::SweepCsv | Self::TableCsv => "csv",
            Self::Json | Self::SweepJson | Self::TableJson => "json",
            Self::Report => "html",
        }
    }

    /// What its file is called.
    pub fn file_name(self, stem: &str, method: Method) -> String {
        let part = match self {
            Self::Factors => method.name().to_owned(),
            Self::Sheet => "pictures".into(),
            Self::View(pane) => pane.name().replace(['·', ' '], "").replace('−', "-"),
            Self::Svg | Self::Csv => "curves".into(),
            Self::Json => "run".into(),
            Self::Report => "report".into(),
            Self::SweepCsv | Self::SweepJson | Self::SweepSvg | Self::SweepPng => "sweep".into(),
            Self::TableCsv | Self::TableJson | Self::TableSvg | Self::TablePng => "table".into(),
        };
        format!("{stem}.{part}.{}", self.extension())
    }

    /// Whether it needs factors that a run of ours has made.
    pub fn needs_run(self) -> bool {
        matches!(self, Self::Factors | Self::Sheet | Self::Json | Self::Report)
    }
}

impl ChartFiles {
    fn bytes(self, what: What) -> Result<Vec<u8>, export::Error> {
        Ok(match what {
            What::SweepCsv | What::TableCsv => self.csv.into_bytes(),
            What::SweepJson | What::TableJson => self.json.into_bytes(),
            What::SweepPng | What::TablePng => export::svg_to_png(&self.svg, 1.5)?,
            _ => self.svg.into_bytes(),
        })
    }
}

/// What is known of the run on screen.
#[derive(Serialize, Deserialize)]
pub struct Request {
    /// The run and its layer, when it is over.
    pub run: Option<RunToWrite>,
    /// What the curves show.
    pub chart: Chart,
    /// The view that was asked for.
    pub view: Option<ViewToWrite>,
    /// The sweep that is looked at.
    pub sweep: Option<ChartFiles>,
    /// The model's table.
    pub table: Option<ChartFiles>,
}

/// A run that is over.
#[derive(Serialize, Deserialize)]
pub struct RunToWrite {
    /// Which one.
    pub number: usize,
    /// W.
    #[serde(with = "shared")]
    pub layer: Arc<Layer>,
    /// All but the factors.
    pub outcome: Outcome,
    /// The factors.
    #[serde(with = "shared")]
    pub kept: Arc<Kept>,
    /// What they were made from.
    pub problem: Problem,
    /// On so many threads.
    pub threads: usize,
    /// How W is replaced.
    pub method: Method,
    /// Over what entries compete, where the method leaves that open.
    pub threshold: Threshold,
}

/// What replaces W as it is written, and what is said of it.
struct Exported {
    export: Export,
    report: RunReport,
    /// Of a DSF run.
    settings: Option<Settings>,
    /// What the method was told, for the file.
    told: serde_json::Value,
    kept: methods::Kept,
}

impl RunToWrite {
    /// Rounded, and measured as it is then. What is one matrix is written as one, whatever the layout.
    fn exported(self, layout: Option<Layout>, dtype: Option<Dtype>) -> Result<Exported, export::Error> {
        let Self { layer, outcome, kept, problem, threads, method, threshold, .. } = self;
        let layout = layout.filter(|_| kept.parts() == Parts::Factors).unwrap_or(Layout::usual(method));
        let kept = kept.unpacked();
        let export = Export::of(&layer, &kept, layout, dtype)?;
        if method != Method::Dsf {
            let (density, seconds) = (outcome.settings.density, outcome.seconds);
            let report = RunReport::of(&layer, &problem, (method, density), &kept, &export, (seconds, threads));
            let threshold = method.has_threshold().then_some(threshold);
            let told = serde_json::json!({ "method": method, "density": density, "threshold": threshold });
            return Ok(Exported { export, report, settings: None, told, kept });
        }
        let outcome = match &kept {
            methods::Kept::Factors(factors) => Outcome { factors: factors.clone(), ..outcome },
            _ => outcome,
        };
        let report = RunReport::new(&layer, &problem, outcome.settings.preset(), &export, &outcome, threads);
        let told = serde_json::json!(outcome.settings);
        Ok(Exported { export, report, settings: Some(outcome.settings), told, kept })
    }
}

/// A part of a matrix.
#[derive(Serialize, Deserialize)]
pub struct ViewToWrite {
    #[serde(with = "shared")]
    pyramid: Arc<Pyramid>,
    colors: Colors,
    part: (Viewport, f32),
    title: String,
}

impl ViewToWrite {
    /// What one view shows.
    pub fn new(
        pane: Pane,
        pictures: &Pictures,
        views: &mut LinkedViews,
        looks: &DisplayOptions,
        dark: bool,
    ) -> Option<Self> {
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
    layout: Option<Layout>,
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
    Write(Wanted),
}

/// What is to be written, how and where.
#[derive(Serialize, Deserialize)]
pub struct Wanted {
    /// What.
    pub what: What,
    /// The method's usual one without.
    layout: Option<Layout>,
    dtype: Option<Dtype>,
    place: Place,
}

impl Wanted {
    /// As it was asked for elsewhere than in the dialog.
    pub fn new(what: What, layout: Option<Layout>, dtype: Option<Dtype>, place: Place) -> Self {
        Self { what, layout, dtype, place }
    }
}

/// Writes something that the window shows.
#[derive(Serialize, Deserialize)]
pub struct Write {
    /// What is known of it.
    pub request: Request,
    /// What is wanted of that.
    pub wanted: Wanted,
}

impl Write {
    /// The run whose factors are saved with it.
    pub fn number_saved(&self) -> Option<usize> {
        self.request.run.as_ref().map(|run| run.number).filter(|_| self.wanted.what == What::Factors)
    }
}

impl SilentTask for Write {
    const NAME: &'static str = "write";
    const QUEUE: Queue = Queue::Files;
    type Output = Result<Written, String>;

    fn make(self) -> Self::Output {
        write(self.request, &self.wanted)
    }
}

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

    /// The dialog's contents. `stem` names the layer, `run` is on screen; `no_run` says why it cannot be written.
    pub fn ui(&mut self, ui: &mut Ui, stem: &str, run: Option<&Run>, no_run: Option<&str>) -> Option<Act> {
        let (mut act, mut entered) = (None, false);
        let method = run.map_or(Method::Dsf, |run| run.method);
        let name = self.what.file_name(stem, method);
        let only_merged = match run.map_or(Parts::Factors, Run::parts) {
            Parts::Factors => None,
            Parts::Alone => Some("This method leaves one matrix, which stands in the layer's place"),
            Parts::Chain => {
                Some("Three factors have no layout of their own: their product stands in the layer's place")
            }
        };
        if self.path.is_empty() || self.suggested.as_ref() == Some(&self.path) {
            self.path = name.clone();
            self.suggested = Some(name.clone());
        }
        Grid::new("export").num_columns(2).show(ui, |ui| {
            let label = ui.label("What");
            let choice = ComboBox::from_id_salt("what").width(260.0).height(320.0).selected_text(self.what.name());
            let choice = choice.show_ui(ui, |ui| {
                let pixels = [What::SweepPng, What::TablePng];
                let possible = |what: &What| export::CHARTS_AS_PNG || !pixels.contains(what);
                for what in What::ALL.into_iter().filter(possible) {
                    ui.selectable_value(&mut self.what, what, what.name());
                }
            });
            choice.response.labelled_by(label.id);
            ui.end_row();
            if matches!(self.what, What::Factors | What::Report) {
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
                act = Some(Act::Write(self.wanted()));
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

    fn values_ui(&mut self, ui: &mut Ui, method: Method, only_merged: Option<&str>) {
        let label = ui.label("Layout");
        // What was chosen is for the next run that has factors.
        let layout = self.layout.filter(|_| only_merged.is_none()).unwrap_or(Layout::usual(method));
        let choice = ComboBox::from_id_salt("layout").selected_text(layout.name()).show_ui(ui, |ui| {
            for other in Layout::ALL {
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

    fn wanted(&self) -> Wanted {
        let replace = self.replace || self.agreed.as_ref() == Some(&self.path);
        let place = Place::new(&self.path, replace);
        Wanted { what: self.what, layout: self.layout, dtype: self.dtype, place }
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

fn write(request: Request, wanted: &Wanted) -> Result<Written, String> {
    // In the dialog's words, where the command line's are others.
    let said = |error: export::Error| match error {
        export::Error::Exists { path } => {
            format!("{} exists: tick Replace an existing file, or choose another name", path.display())
        }
        error => error.to_string().replace("write it with --dtype", "choose as Values"),
    };
    let &Wanted { what, layout, dtype, ref place } = wanted;
    let bytes = match what {
        What::Svg => request.chart.to_svg(960, 540).into_bytes(),
        What::Csv => request.chart.to_csv().into_bytes(),
        What::SweepCsv | What::SweepJson | What::SweepSvg | What::SweepPng => {
            request.sweep.ok_or("no sweep is measured yet: start one on the page Compare")?.bytes(what).map_err(said)?
        }
        What::TableCsv | What::TableJson | What::TableSvg | What::TablePng => {
            let none = "no table is measured yet: start it on the page Language model";
            request.table.ok_or(none)?.bytes(what).map_err(said)?
        }
        What::View(_) => view_png(&request.view.ok_or("this view shows nothing yet: wait for the run")?),
        What::Factors | What::Sheet | What::Json | What::Report => {
            let run = request.run.ok_or("the run on screen has not ended: wait for it, or cancel it")?;
            // What is not asked about is written exactly.
            let chosen = matches!(what, What::Factors | What::Report);
            let (layout, dtype) = if chosen { (layout, dtype) } else { (None, Some(Dtype::F32)) };
            let (layer, method) = (run.layer.clone(), run.method);
            let Exported { export, report, settings, told, kept } = run.exported(layout, dtype).map_err(said)?;
            match what {
                What::Factors => {
                    let (nnz, error) = (report.nnz, report.relative_error);
                    let written = place.write(&export.to_bytes(&told, &serde_json::json!(report))).map_err(said)?;
                    let said = format!("{} ({nnz} nonzeros, error {error:.4})", written.said);
                    return Ok(Written { said, ..written });
                }
                What::Sheet => match kept.factors() {
                    Some(factors) => export::factor_sheet(&layer.weight, factors, 384, Palette::Light).to_png(),
                    None => {
                        let name = method.name();
                        export::replacement_sheet(&layer.weight, &kept.matrix(), name, 384, Palette::Light).to_png()
                    }
                },
                What::Json => {
                    let json = serde_json::json!({ "report": report, "settings": settings });
                    (serde_json::to_string_pretty(&json).map_err(|error| error.to_string())? + "\n").into_bytes()
                }
                _ => html_report(&HtmlReport {
                    method,
                    report: &report,
                    settings: settings.as_ref(),
                    pictures: &report_pictures(&layer.weight, &export, 384),
                    charts: &[request.chart],
                    file: None,
                })
                .into_bytes(),
            }
        }
    };
    place.write(&bytes).map_err(said)
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
