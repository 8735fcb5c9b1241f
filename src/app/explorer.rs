//! The whole window's state, and how what was read or computed comes into it.

use crate::app::panels::compare::panel::ComparePanel;
use crate::app::panels::device::DevicePanel;
use crate::app::panels::dialogs::command_palette::CommandPalette;
use crate::app::panels::dialogs::export::ExportPanel;
use crate::app::panels::dialogs::open::OpenPanel;
use crate::app::panels::dialogs::share::SharePanel;
use crate::app::panels::histogram::HistogramPanel;
use crate::app::panels::language::LanguageModelState;
use crate::app::panels::layers::panel::LayersPanel;
use crate::app::panels::lesson::Lesson;
use crate::app::panels::linked_views::LinkedViews;
use crate::app::panels::masks::MasksPanel;
use crate::app::panels::runs::RunsPanel;
use crate::app::panels::settings::inputs::InputsPanel;
use crate::app::panels::settings::split::SplitSearch;
use crate::app::panels::sweeps::SweepPanel;
use crate::app::platform::open_example;
use crate::app::state::action::Action;
use crate::app::state::factors_at::FactorsAt;
use crate::app::state::frame_times::FrameTimes;
use crate::app::state::link::Link;
use crate::app::state::messages::Messages;
use crate::app::state::persistence::{self, Saved};
use crate::app::state::run::{Run, RunOptions, Subject};
use crate::app::state::series::Baselines;
use crate::app::state::timeline::Timeline;
use crate::app::state::workspace::{Pane, Workspace, Workspaces};
use crate::app::tasks::async_memo::AsyncMemo;
use crate::app::tasks::baselines::BaselineMaker;
use crate::app::tasks::loader::Loader;
use crate::app::tasks::view_renderer::{Pictures, ViewRenderer};
use crate::app::update::automation::Bench;
use crate::app::update::tour::Tour;
use crate::factorize::{Budget, Preset, Settings};
use crate::job::{Command, ComputeConfig};
use crate::methods::Method;
use crate::model::{Checkpoint, Source};
use eframe::egui::util::undoer::Undoer;
use eframe::egui::{Context, ThemePreference};
use std::sync::Arc;
use std::time::Duration;

/// Layers of at most so many entries are factorized anew whenever a setting is changed.
const LIVE_ENTRIES: usize = 1 << 18;

/// Beyond so many runs those that moving a slider has started are forgotten, the oldest first.
const MOST_RUNS: usize = 30;

/// What the window starts with.
#[derive(Clone, Default)]
pub struct LaunchOptions {
    /// Where to open something from; the built-in example without.
    pub source: Option<Source>,
    /// A tensor of it; its first layer without one.
    pub tensor: Option<String>,
    /// Worker threads of a run; all processors without.
    pub threads: Option<usize>,
    /// Where a link leads.
    pub link: Option<Link>,
    /// A layer that is in no file, instead of all that.
    pub subject: Option<Subject>,
}

/// The application.
pub struct Explorer {
    pub(super) loader: Loader,
    pub(super) messages: Messages,
    pub(super) checkpoint: Option<Arc<Checkpoint>>,
    /// The layer that is open: what the next run factorizes.
    pub(super) subject: Option<Subject>,
    pub(super) saved: Saved,
    pub(super) settings: Settings,
    pub(super) history: Undoer<Settings>,
    pub(super) threads: Option<usize>,
    pub(super) runs: Vec<Run>,
    pub(super) selected: Option<usize>,
    pub(super) next_number: usize,
    pub(super) timeline: Timeline,
    pub(super) showing: ViewRenderer,
    pub(super) baseline_maker: BaselineMaker,
    pub(super) baselines: Baselines,
    pub(super) workspace: Workspaces,
    /// Wanted in front when the panels are drawn: one of them asked for it.
    pub(super) to_front: Option<Pane>,
    pub(super) views: LinkedViews,
    pub(super) layers: LayersPanel,
    pub(super) inputs: InputsPanel,
    pub(super) language: LanguageModelState,
    pub(super) comparing: ComparePanel,
    pub(super) sweeps: SweepPanel,
    pub(super) histogram: HistogramPanel,
    pub(super) masks: MasksPanel,
    pub(super) split: SplitSearch,
    pub(super) device: DevicePanel,
    pub(super) run_list: RunsPanel,
    pub(super) opening: OpenPanel,
    pub(super) export: ExportPanel,
    pub(super) palette: CommandPalette,
    pub(super) shortcuts_open: bool,
    pub(super) tour: Tour,
    pub(super) lesson: Lesson,
    pub(super) share: SharePanel,
    /// The address of what is open, if it has one.
    pub(super) address: Option<String>,
    /// What it all began with, to begin with again.
    pub(super) beginning: Beginning,
    /// The half-step that a link leads to, once its run is over.
    pub(super) wanted_step: Option<usize>,
    /// A measurement that was asked for: the side of its matrix, and what came of it.
    pub(super) bench: Option<(usize, AsyncMemo<usize, Bench>)>,
    /// Runs that wait for their turn.
    pub(super) queue: Vec<(Settings, String)>,
    pub(super) closing: Closing,
    /// The run that was deleted last: deleting is no more than a key.
    pub(super) deleted: Option<Run>,
    /// Whether a control had the keyboard, or a menu was open, when the last frame ended.
    pub(super) keyboard_taken: bool,
    /// What draws the window.
    pub(super) adapter: Option<String>,
    /// Between two pictures of a run that goes on.
    pub(super) pace: Duration,
    pub(super) frame_times: FrameTimes,
}

/// What a window began with.
pub struct Beginning {
    /// What was opened; the example without.
    pub source: Option<Source>,
    /// And of it.
    pub tensor: Option<String>,
    /// The link that was followed.
    pub link: Option<Link>,
    /// The settings and the layout of the last time.
    pub saved: Saved,
}

/// Whether the window may close although there are factors that were not saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Closing {
    /// Nobody wants to.
    #[default]
    No,
    /// It was tried, and the person is asked.
    Asked,
    /// They may be lost.
    Agreed,
}

impl Explorer {
    /// Starts loading at once, with the settings and the layout of the last time.
    pub fn new(cc: &eframe::CreationContext<'_>, opening: LaunchOptions) -> Self {
        if let Some(render_state) = &cc.wgpu_render_state {
            crate::app::widgets::picture::install(render_state);
        }
        let info = cc.wgpu_render_state.as_ref().map(|state| state.adapter.get_info());
        let software = info.as_ref().is_some_and(|info| info.device_type == eframe::wgpu::DeviceType::Cpu);
        let note = if software { ", in software" } else { "" };
        let adapter = info.map(|info| format!("{}{note}", info.name));
        // A frame drawn in software takes the processors away from the run.
        let pace = Duration::from_millis(if software { 200 } else { 50 });
        let ctx = &cc.egui_ctx;
        crate::app::widgets::fonts::install(ctx);
        let mut messages = Messages::default();
        let text = cc.storage.and_then(|storage| storage.get_string(persistence::KEY));
        let saved = text.map(|text| Saved::read(&text)).unwrap_or(Ok(Saved::default())).unwrap_or_else(|why| {
            messages
                .note(ctx, format!("The settings of the last time cannot be read ({why}): these are the first ones"));
            Saved::default()
        });
        let mut loader = Loader::new(ctx.clone());
        let beginning = Beginning {
            source: opening.source.clone(),
            tensor: opening.tensor.clone(),
            link: opening.link.clone(),
            saved: saved.clone(),
        };
        match (opening.source, &opening.subject) {
            (_, Some(_)) => {}
            (Some(source), None) => loader.open(source, opening.tensor),
            (None, None) => open_example(&mut loader, opening.tensor),
        }
        let mut explorer = Self {
            loader,
            messages,
            checkpoint: None,
            subject: opening.subject,
            settings: saved.settings.clone().unwrap_or_else(|| Preset::Fast.settings()),
            history: Undoer::default(),
            threads: opening.threads,
            runs: Vec::new(),
            selected: None,
            next_number: 1,
            timeline: Timeline::default(),
            showing: ViewRenderer::default(),
            baseline_maker: BaselineMaker::default(),
            baselines: Baselines::default(),
            workspace: Workspaces::new(Workspace::restore(&saved.layout).unwrap_or_default()),
            to_front: None,
            views: LinkedViews::default(),
            layers: LayersPanel::default(),
            inputs: InputsPanel::default(),
            language: LanguageModelState::default(),
            comparing: ComparePanel::default(),
            sweeps: SweepPanel::default(),
            histogram: HistogramPanel::default(),
            masks: MasksPanel::default(),
            split: SplitSearch::default(),
            device: DevicePanel::default(),
            run_list: RunsPanel::default(),
            opening: OpenPanel::default(),
            export: ExportPanel::default(),
            palette: CommandPalette::default(),
            shortcuts_open: false,
            tour: Tour::default(),
            lesson: Lesson::default(),
            share: SharePanel::default(),
            address: None,
            beginning,
            wanted_step: None,
            bench: None,
            queue: Vec::new(),
            closing: Closing::default(),
            deleted: None,
            keyboard_taken: false,
            adapter,
            pace,
            frame_times: FrameTimes::default(),
            saved,
        };
        if let Some(link) = &opening.link {
            explorer.follow(link);
        }
        explorer
    }

    /// The runs so far, oldest first.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The settings of the next run.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The pictures on screen.
    pub fn pictures(&self) -> Option<&Arc<Pictures>> {
        self.showing.latest()
    }

    /// Where a picture is on screen.
    pub fn view_area(&self, pane: Pane) -> eframe::egui::Rect {
        self.views.area(pane)
    }

    /// Whether the pictures on screen are those of the moment that is wanted.
    pub fn is_up_to_date(&self) -> bool {
        let step = self.moment().step();
        self.showing.is_settled() && self.pictures().is_some_and(|pictures| pictures.step == step)
    }

    /// The language model that is open.
    pub fn language(&self) -> &LanguageModelState {
        &self.language
    }

    /// The run on screen.
    pub fn shown(&self) -> Option<&Run> {
        self.selected.and_then(|at| self.runs.get(at))
    }

    /// How what is on screen was made.
    pub(super) fn method_on_screen(&self) -> Method {
        self.shown().map_or(Method::Dsf, |run| run.method)
    }

    /// What the views show: the selected run's layer, or the one that is open.
    pub(super) fn seen(&self) -> Option<&Subject> {
        match self.shown() {
            Some(run) => run.subject.as_ref(),
            None => self.subject.as_ref(),
        }
    }

    /// Which factors the views show.
    pub(super) fn moment(&self) -> FactorsAt {
        self.shown().map_or(FactorsAt::Nothing, |run| self.timeline.moment(run))
    }

    /// What runs are computed with.
    pub(super) fn compute_config(&self) -> ComputeConfig {
        ComputeConfig { backend: self.saved.backend, threads: self.threads }
    }

    /// Worker threads of a run.
    pub(super) fn thread_count(&self) -> usize {
        self.threads.unwrap_or_else(crate::tasks::processors)
    }

    pub(super) fn add(&mut self, run: Run) {
        self.next_number += 1;
        self.runs.push(run);
        // Only what a slider left behind is forgotten, never a run that was asked for.
        if self.runs.len() > MOST_RUNS
            && let Some(oldest) = self.runs[..self.runs.len() - 1].iter().position(|run| run.live && !run.starred)
        {
            self.runs.remove(oldest);
        }
        self.select(Some(self.runs.len() - 1));
    }

    /// Shows another run, its latest moment.
    pub(super) fn select(&mut self, at: Option<usize>) {
        self.selected = at;
        self.timeline.latest();
    }

    /// Puts a run aside; it ends if it is going on.
    pub(super) fn forget(&mut self, ctx: &Context, at: usize) {
        let mut run = self.runs.remove(at);
        run.send(Command::Cancel);
        self.messages.done(ctx, format!("{} is deleted; Shift+Delete brings it back", run.name));
        self.deleted = Some(run);
        let selected = match self.selected {
            Some(selected) if selected > at => Some(selected - 1),
            Some(selected) if selected == at => self.runs.len().checked_sub(1),
            same => same,
        };
        self.select(selected);
    }

    /// Takes a deleted run back into the list.
    pub(super) fn bring_back(&mut self, run: Run) {
        let at = self.runs.iter().position(|other| other.number > run.number).unwrap_or(self.runs.len());
        self.runs.insert(at, run);
        self.select(Some(at));
    }

    /// Starts a run with the settings as they are; what is going on ends, and goes when it was only a slider passing by.
    pub(super) fn start(&mut self, ctx: &Context, live: bool) {
        let Some((subject, problem)) = self.subject.clone().zip(self.problem()) else { return };
        self.runs.retain(|run| !(run.live && !run.starred && run.is_active()));
        self.runs.iter_mut().for_each(|run| run.send(Command::Cancel));
        let how = RunOptions { compute: self.compute_config(), pace: self.pace, live };
        self.add(Run::start(self.next_number, subject, problem, self.settings.clone(), how, ctx));
    }

    /// Whether changing a setting starts a run.
    pub(super) fn is_live(&self) -> bool {
        self.subject.as_ref().is_some_and(is_small)
    }

    /// A new run where that is a matter of a moment.
    pub(super) fn restart(&mut self, ctx: &Context) {
        if !self.is_live() || self.blocked().is_some() {
            return;
        }
        // Only what a slider has started gives way to a slider.
        match self.runs.iter().find(|run| run.is_active() && !run.live) {
            Some(run) => {
                let text = format!("{} goes on; the new settings are for the next run", run.name);
                self.messages.done(ctx, text);
            }
            None => self.start(ctx, true),
        }
    }

    pub(super) fn read_inputs(&mut self, source: Source, what: crate::app::state::inputs::Use) {
        match &self.subject {
            Some(subject) => self.loader.inputs(source, &subject.layer, what),
            None => self.messages.problem(self.loader.ctx(), "Open a layer first: inputs belong to one"),
        }
    }

    /// Why no run can start now.
    pub(super) fn blocked(&self) -> Option<String> {
        let Some(Subject { layer, .. }) = &self.subject else { return Some("No layer is open".into()) };
        let (rows, cols) = layer.weight.shape();
        let checked = self.settings.check().and_then(|()| Budget::new(rows, cols, &self.settings));
        checked.err().map(|error| error.to_string())
    }

    /// How many entries magnitude pruning keeps of the layer on screen.
    pub(super) fn kept_by_others(&self) -> Option<usize> {
        let (rows, cols) = self.seen()?.layer.weight.shape();
        if let Some(kept) = self.shown().filter(|run| run.settings.is_none()).and_then(Run::nnz) {
            return Some(kept);
        }
        let settings = self.shown().and_then(|run| run.settings.as_ref()).unwrap_or(&self.settings);
        let settings = Settings { density: settings.density, ..Settings::default() };
        Budget::new(rows, cols, &settings).ok().map(|budget| budget.total())
    }

    /// Whether SVD's error is not known for want of being asked for; whether it has been.
    pub(super) fn svd_missing(&self) -> Option<bool> {
        let layer = &self.seen()?.layer;
        let missing = self.baseline_maker.is_slow(layer) && self.baselines.svd.is_none();
        missing.then(|| self.baseline_maker.is_asked(layer))
    }

    pub(super) fn ask_svd(&mut self) {
        if let Some(layer) = self.seen().map(|seen| seen.layer.clone()) {
            self.baseline_maker.ask(&layer);
        }
    }

    /// What the iterations of all runs take.
    pub(super) fn snapshot_bytes(&self) -> usize {
        self.runs.iter().map(|run| run.snapshots.bytes()).sum()
    }

    /// The state that the next start begins with.
    pub(super) fn to_save(&self) -> String {
        if self.beginning.link.is_some() {
            // What another person's link has set is not what this one will want the next time.
            return Saved { recent: self.saved.recent.clone(), ..self.beginning.saved.clone() }.write();
        }
        let layout = self.workspace.wide().save();
        Saved { settings: Some(self.settings.clone()), layout, ..self.saved.clone() }.write()
    }

    /// Shows a panel that may be behind another.
    pub(super) fn show(&mut self, pane: Pane) {
        self.workspace.show(pane);
    }

    /// The other theme than the one on screen.
    pub(super) fn other_theme(ctx: &Context) {
        let dark = ctx.theme() == eframe::egui::Theme::Dark;
        ctx.set_theme(if dark { ThemePreference::Light } else { ThemePreference::Dark });
    }

    /// Pressed in a panel or by a key.
    pub(super) fn action(&mut self, ctx: &Context, action: Action) {
        if self.why_not(action).is_none() {
            self.perform(ctx, action);
        }
    }
}

/// Whether a run on a layer is a matter of a moment.
pub(super) fn is_small(subject: &Subject) -> bool {
    subject.layer.weight.len() <= LIVE_ENTRIES
}

/// Whether a run has factors that did not come out of a file.
pub(super) fn is_exportable(run: &Run) -> bool {
    run.ended.is_some() && run.settings.is_some()
}
