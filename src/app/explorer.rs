//! The whole window: who sees what, and what happens when something is pressed.

use super::controls::{Control, controls_ui};
use super::curve::curve_ui;
use super::export_panel::{Act, ExportPanel, Request, window};
use super::inputs_panel::{InputsAct, InputsPanel};
use super::layers_panel::{Choice, LayersPanel};
use super::loader::{Loaded, Loader, MagnitudeKey};
use super::messages::Messages;
use super::open_panel::{OpenAct, OpenPanel};
use super::run::{Run, State, Subject};
use super::runs_panel::{RunAction, runs_ui};
use super::settings_panel::settings_ui;
use super::views::Views;
use crate::factorize::{Budget, Preset, Settings};
use crate::job::{Command, Problem};
use crate::model::{Checkpoint, EXAMPLE_LAYER, Orientation, example};
use eframe::egui::{self, Align, CentralPanel, Context, Key, Layout, Modifiers, Panel, Ui};
use std::path::PathBuf;
use std::sync::Arc;

/// Layers of at most so many entries are factorized anew whenever a setting is changed.
const LIVE_ENTRIES: usize = 1 << 18;

/// Beyond so many runs those that moving a slider has started are forgotten, the oldest first.
const MOST_RUNS: usize = 30;

/// What the window starts with.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// A file or folder; the built-in example without one.
    pub path: Option<PathBuf>,
    /// A tensor of it; its first layer without one.
    pub tensor: Option<String>,
    /// Worker threads of a run; all processors without.
    pub threads: Option<usize>,
}

/// The application.
pub struct Explorer {
    loader: Loader,
    messages: Messages,
    checkpoint: Option<Arc<Checkpoint>>,
    /// The layer that is open: what the next run factorizes.
    subject: Option<Subject>,
    layers: LayersPanel,
    settings: Settings,
    threads: Option<usize>,
    runs: Vec<Run>,
    selected: Option<usize>,
    next_number: usize,
    views: Views,
    opening: OpenPanel,
    export: ExportPanel,
    inputs: InputsPanel,
    magnitude: Option<(MagnitudeKey, f64)>,
    magnitude_underway: bool,
}

impl Explorer {
    /// Starts loading at once.
    pub fn new(ctx: &Context, opening: Opening) -> Self {
        let mut loader = Loader::new(ctx.clone());
        match opening.path {
            Some(path) => loader.open(path, opening.tensor),
            None => loader.spawn_opening(|| Loaded::Checkpoint(Arc::new(example()), Some(EXAMPLE_LAYER.into()))),
        }
        Self {
            loader,
            messages: Messages::default(),
            checkpoint: None,
            subject: None,
            layers: LayersPanel::default(),
            settings: Preset::Fast.settings(),
            threads: opening.threads,
            runs: Vec::new(),
            selected: None,
            next_number: 1,
            views: Views::default(),
            opening: OpenPanel::default(),
            export: ExportPanel::default(),
            inputs: InputsPanel::default(),
            magnitude: None,
            magnitude_underway: false,
        }
    }

    /// The runs so far, oldest first.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    fn shown(&self) -> Option<&Run> {
        self.selected.and_then(|at| self.runs.get(at))
    }

    /// What the views show: the selected run's layer, or the one that is open.
    fn seen(&self) -> Option<&Subject> {
        self.shown().and_then(|run| run.subject.as_ref()).or(self.subject.as_ref())
    }

    fn take_in(&mut self, ctx: &Context) {
        while let Some(loaded) = self.loader.next() {
            match loaded {
                Loaded::Checkpoint(checkpoint, tensor) => self.opened(ctx, checkpoint, tensor),
                Loaded::Layer(subject) => {
                    let small = subject.layer.weight.len() <= LIVE_ENTRIES;
                    if self.inputs.fit(subject.layer.weight.cols()) {
                        self.messages.done(ctx, "The calibration was of another layer and is let go");
                    }
                    self.subject = Some(subject);
                    self.selected = None;
                    self.views.fit();
                    // Looking at another layer must not end a run that was asked for.
                    let working = self.runs.iter().any(|run| run.is_active() && !run.live);
                    if small && !working {
                        self.start(ctx, true);
                    }
                }
                Loaded::Factors { title, subject, outcome, pictures } => {
                    let run = Run::opened(self.next_number, title, subject, *outcome, pictures);
                    self.add(run);
                }
                Loaded::Magnitude(key, error) => {
                    self.magnitude_underway = false;
                    self.magnitude = Some((key, error));
                }
                Loaded::Picked(path) => self.loader.open(path, None),
                Loaded::PickedInputs(path, what) => self.read_inputs(path, what),
                Loaded::Inputs(name, statistics, what) => {
                    self.inputs.take(name, statistics, what);
                    self.restart(ctx);
                }
                Loaded::Place(path) => self.export.chosen(path),
                Loaded::Nothing => {}
                Loaded::Done(text) => {
                    self.export.open = false;
                    self.messages.done(ctx, text);
                }
                Loaded::Problem(text) => self.messages.problem(ctx, text),
            }
        }
        let now = ctx.input(|input| input.time);
        for run in &mut self.runs {
            run.poll(now);
        }
        if self.runs.iter().any(Run::is_active) {
            // A new picture may be due without anything else happening.
            ctx.request_repaint_after(std::time::Duration::from_millis(50));
        }
    }

    /// A file was read: it replaces the last one only now that it is known to be good.
    fn opened(&mut self, ctx: &Context, checkpoint: Arc<Checkpoint>, tensor: Option<String>) {
        let first = checkpoint.layers().next().map(|tensor| tensor.name.clone());
        let stems = checkpoint.factorizations();
        self.opening.open = false;
        match (tensor, stems.first(), first) {
            (Some(name), _, _) => self.loader.layer(&checkpoint, name, Orientation::AsStored),
            (None, Some(stem), _) => {
                self.loader.factors(&checkpoint, stem.clone(), self.subject.clone());
            }
            (None, None, Some(name)) => self.loader.layer(&checkpoint, name, Orientation::AsStored),
            (None, None, None) => {
                let text = format!(
                    "{} holds no layer: only 2-D and 4-D tensors of floats can be factorized",
                    checkpoint.name()
                );
                return self.messages.problem(ctx, text);
            }
        }
        self.checkpoint = Some(checkpoint);
    }

    fn add(&mut self, run: Run) {
        self.next_number += 1;
        self.runs.push(run);
        // Only what a slider left behind is forgotten, never a run that was asked for.
        if self.runs.len() > MOST_RUNS
            && let Some(oldest) = self.runs.iter().position(|run| run.live)
        {
            self.runs.remove(oldest);
        }
        self.selected = Some(self.runs.len() - 1);
    }

    /// Starts a run with the settings as they are; what is going on ends, and goes when it was only a slider passing by.
    fn start(&mut self, ctx: &Context, live: bool) {
        let Some(subject) = self.subject.clone() else { return };
        self.runs.retain(|run| !(run.live && run.is_active()));
        self.runs.iter_mut().for_each(|run| run.send(Command::Cancel));
        let weight = subject.layer.weight.clone();
        let problem = Problem { weight, calibration: self.inputs.calibration(), held_out: self.inputs.held_out() };
        match Run::start(self.next_number, subject, problem, self.settings.clone(), self.threads, live, ctx) {
            Ok(run) => self.add(run),
            Err(error) => self.messages.problem(ctx, format!("The run could not be started: {error}")),
        }
    }

    /// A new run where that is a matter of a moment.
    fn restart(&mut self, ctx: &Context) {
        let small = self.subject.as_ref().is_some_and(|subject| subject.layer.weight.len() <= LIVE_ENTRIES);
        if small && self.blocked().is_none() {
            self.start(ctx, true);
        }
    }

    fn read_inputs(&mut self, path: PathBuf, what: super::inputs_panel::Use) {
        match &self.subject {
            Some(subject) => self.loader.inputs(path, subject.layer.weight.cols(), what),
            None => self.messages.problem(self.loader.ctx(), "Open a layer first: inputs belong to one"),
        }
    }

    /// Why no run can start now.
    fn blocked(&self) -> Option<String> {
        let Some(Subject { layer, .. }) = &self.subject else { return Some("No layer is open".into()) };
        let (rows, cols) = layer.weight.shape();
        let checked = self.settings.check().and_then(|()| Budget::new(rows, cols, &self.settings));
        checked.err().map(|error| error.to_string())
    }

    fn want_magnitude(&mut self) {
        let Some(Subject { layer, .. }) = self.seen() else { return };
        let density = self.shown().and_then(|run| run.settings.as_ref()).unwrap_or(&self.settings).density;
        let settings = Settings { density, ..Settings::default() };
        let Ok(budget) = Budget::new(layer.weight.rows(), layer.weight.cols(), &settings) else { return };
        let key = MagnitudeKey { layer: layer.clone(), kept: budget.total() };
        if self.magnitude.as_ref().is_some_and(|(known, _)| *known != key) {
            self.magnitude = None;
        }
        // One at a time: on a large layer each takes a while, and a slider asks for many.
        if self.magnitude.is_none() && !self.magnitude_underway {
            self.magnitude_underway = true;
            self.loader.magnitude(key);
        }
    }

    fn shortcuts(&mut self, ctx: &Context) {
        if ctx.egui_wants_keyboard_input() {
            return;
        }
        let pressed = |modifiers, key| ctx.input_mut(|input| input.consume_key(modifiers, key));
        if pressed(Modifiers::COMMAND, Key::Enter) && self.blocked().is_none() {
            self.start(ctx, false);
        }
        if pressed(Modifiers::COMMAND, Key::O) {
            self.opening.open = true;
        }
        let exportable = self.shown().is_some_and(exportable);
        if pressed(Modifiers::COMMAND, Key::E) && exportable {
            self.export.start();
        }
        if (self.opening.open || self.export.open) && pressed(Modifiers::NONE, Key::Escape) {
            (self.opening.open, self.export.open) = (false, false);
        }
        if pressed(Modifiers::NONE, Key::F) {
            self.views.fit();
        }
        let Some(run) = self.selected.and_then(|at| self.runs.get_mut(at)) else { return };
        if pressed(Modifiers::NONE, Key::Space) {
            run.send(if run.state == State::Paused { Command::Resume } else { Command::Pause });
        }
        if pressed(Modifiers::NONE, Key::Escape) {
            run.send(Command::Cancel);
        }
    }

    fn dropped(&mut self, ctx: &Context) {
        let (hovering, dropped) = ctx.input(|input| {
            (!input.raw.hovered_files.is_empty(), input.raw.dropped_files.first().map(|file| file.path().to_owned()))
        });
        if let Some(path) = dropped {
            self.loader.open(path, None);
        }
        if hovering {
            egui::Area::new(egui::Id::unique("drop")).anchor(egui::Align2::CENTER_CENTER, [0.0, 0.0]).show(ctx, |ui| {
                egui::Frame::popup(ui.style()).show(ui, |ui| ui.heading("Drop to open its layers"));
            });
        }
    }

    fn top_ui(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            ui.strong("DSF Explorer");
            ui.separator();
            if ui.button("Open…").on_hover_text("A checkpoint or a matrix (Ctrl+O)").clicked() {
                self.opening.open = true;
            }
            if ui.button("Example").on_hover_text("The built-in layer").clicked() {
                self.loader.spawn_opening(|| Loaded::Checkpoint(Arc::new(example()), Some(EXAMPLE_LAYER.into())));
            }
            let ready = self.shown().is_some_and(exportable);
            let export =
                ui.add_enabled(ready, egui::Button::new("Export…")).on_hover_text("Factors and pictures (Ctrl+E)");
            if export.on_disabled_hover_text("The run on screen has not ended").clicked() {
                self.export.start();
            }
            if ui.button("Fit").on_hover_text("All of every matrix (F, or double-click)").clicked() {
                self.views.fit();
            }
            if self.loader.busy > 0 {
                ui.spinner();
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                egui::widgets::global_theme_preference_buttons(ui);
                if let Some(Subject { layer, .. }) = &self.subject {
                    ui.weak(format!("{} · {} × {}", layer.name, layer.weight.rows(), layer.weight.cols()));
                }
            });
        });
    }

    fn layers_ui(&mut self, ui: &mut Ui) {
        let Some(checkpoint) = self.checkpoint.clone() else {
            ui.weak("Nothing is open");
            return;
        };
        let current = self.subject.as_ref().map(|subject| subject.layer.name.as_str());
        match self.layers.ui(ui, &checkpoint, current) {
            Some(Choice::Layer(name, orientation)) => self.loader.layer(&checkpoint, name, orientation),
            Some(Choice::Factors(stem)) => {
                self.loader.factors(&checkpoint, stem, self.subject.clone());
            }
            None => {}
        }
    }

    fn settings_ui(&mut self, ui: &mut Ui) {
        let shape = self.subject.as_ref().map_or((1, 1), |subject| subject.layer.weight.shape());
        let blocked = self.blocked();
        match controls_ui(ui, self.shown(), blocked.as_deref()) {
            Some(Control::Start) => self.start(ui.ctx(), false),
            Some(Control::Tell(command)) => {
                if let Some(run) = self.selected.and_then(|at| self.runs.get_mut(at)) {
                    run.send(command);
                }
            }
            None => {}
        }
        ui.separator();
        let layerwise = self.inputs.calibration().is_some();
        let (changed, act) = egui::ScrollArea::vertical()
            .show(ui, |ui| {
                let act = self.inputs.ui(ui);
                ui.separator();
                (settings_ui(ui, &mut self.settings, shape, layerwise), act)
            })
            .inner;
        match act {
            Some(InputsAct::Open(path, what)) => self.read_inputs(path, what),
            Some(InputsAct::Browse(what)) => self.loader.pick_inputs(what),
            Some(InputsAct::Changed) => self.restart(ui.ctx()),
            None => {}
        }
        if changed {
            self.restart(ui.ctx());
        }
    }

    fn runs_ui(&mut self, ui: &mut Ui) {
        match runs_ui(ui, &self.runs, self.selected) {
            Some(RunAction::Select(at)) => self.selected = Some(at),
            Some(RunAction::Delete(at)) => {
                self.runs.remove(at);
                self.selected = match self.selected {
                    Some(selected) if selected > at => Some(selected - 1),
                    Some(selected) if selected == at => self.runs.len().checked_sub(1),
                    same => same,
                };
            }
            Some(RunAction::Settings(at)) => {
                if let Some(settings) = &self.runs[at].settings {
                    self.settings = settings.clone();
                }
            }
            None => {}
        }
    }

    fn dialogs(&mut self, ctx: &Context) {
        let act = match self.opening.open {
            true => window("Open").show(ctx, |ui| self.opening.ui(ui)).and_then(|shown| shown.inner.flatten()),
            false => None,
        };
        match act {
            Some(OpenAct::Open(path)) => self.loader.open(path, None),
            Some(OpenAct::BrowseFile) => self.loader.pick_file(),
            Some(OpenAct::BrowseFolder) => self.loader.pick_folder(),
            None => {}
        }
        if self.export.open {
            self.export_dialog(ctx);
        }
    }

    fn export_dialog(&mut self, ctx: &Context) {
        let Some(run) = self.selected.and_then(|at| self.runs.get(at)) else { return };
        let (Some(Subject { layer, .. }), Some(outcome), Some(problem)) = (&run.subject, &run.outcome, &run.problem)
        else {
            return;
        };
        let act =
            window("Export").show(ctx, |ui| self.export.ui(ui, layer.stem())).and_then(|shown| shown.inner.flatten());
        match act {
            Some(Act::Browse(name)) => self.loader.pick_place(name),
            Some(Act::Write(work)) => {
                let request = Request {
                    layer: layer.clone(),
                    outcome: outcome.clone(),
                    problem: problem.clone(),
                    threads: self
                        .threads
                        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get())),
                };
                self.loader.spawn_writing(move || work(request));
            }
            None => {}
        }
    }
}

/// Whether a run has factors that did not come out of a file.
fn exportable(run: &Run) -> bool {
    run.outcome.is_some() && run.settings.is_some()
}

impl eframe::App for Explorer {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.take_in(ctx);
        self.want_magnitude();
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        self.shortcuts(&ctx);
        Panel::top("top").show(ui, |ui| self.top_ui(ui));
        Panel::left("layers").default_size(230.0).min_size(140.0).show(ui, |ui| self.layers_ui(ui));
        Panel::right("settings").default_size(292.0).min_size(230.0).show(ui, |ui| self.settings_ui(ui));
        Panel::bottom("history").default_size(230.0).min_size(120.0).resizable(true).show(ui, |ui| {
            // The curve keeps its half in a small window.
            let half = (ui.available_width() / 2.0).max(160.0);
            Panel::right("runs")
                .default_size(440.0)
                .size_range(160.0..=half)
                .resizable(true)
                .show(ui, |ui| self.runs_ui(ui));
            CentralPanel::default().show(ui, |ui| {
                let magnitude = self.magnitude.as_ref().map(|(_, error)| *error);
                curve_ui(ui, &self.runs, self.selected, magnitude);
            });
        });
        CentralPanel::default().show(ui, |ui| {
            let run = self.selected.and_then(|at| self.runs.get(at));
            let w = match run {
                Some(run) => run.subject.as_ref(),
                None => self.subject.as_ref(),
            };
            self.views.ui(ui, w.map(|w| &*w.picture), run.and_then(|run| run.pictures.as_deref()));
        });
        self.dialogs(&ctx);
        self.dropped(&ctx);
        self.messages.ui(&ctx);
    }
}
