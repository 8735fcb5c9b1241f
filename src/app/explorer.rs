//! The owner of the window's state.

use crate::app::panels::compare::panel::ComparePanel;
use crate::app::panels::dialogs::command_palette::CommandPalette;
use crate::app::panels::dialogs::export::ExportDialog;
use crate::app::panels::dialogs::open::OpenDialog;
use crate::app::panels::dialogs::share::ShareDialog;
use crate::app::panels::histogram::HistogramPanel;
use crate::app::panels::language::model::ModelPanel;
use crate::app::panels::language::story::StoryPanel;
use crate::app::panels::layers::panel::LayersPanel;
use crate::app::panels::lesson::LessonPanel;
use crate::app::panels::linked_views::LinkedViews;
use crate::app::panels::masks::MasksPanel;
use crate::app::panels::runs::panel::RunsPanel;
use crate::app::panels::settings::panel::SettingsPanel;
use crate::app::panels::speed::SpeedPanel;
use crate::app::panels::state::State;
use crate::app::panels::sweeps::SweepPanel;
use crate::app::panels::vision::confusion::ConfusionPanel;
use crate::app::panels::vision::images::ImagesPanel;
use crate::app::panels::vision::kernels::KernelsPanel;
use crate::app::panels::vision::network::NetworkPanel;
use crate::app::state::closing::Closing;
use crate::app::state::document::{Beginning, Document};
use crate::app::state::frame_times::FrameTimes;
use crate::app::state::link::Link;
use crate::app::state::loaded_layer::LoadedLayer;
use crate::app::state::messages::Messages;
use crate::app::state::pane::Pane;
use crate::app::state::persistence::{KEY, SavedPreferences};
use crate::app::state::pointer::SharedPointer;
use crate::app::state::preferences::Preferences;
use crate::app::state::run::Run;
use crate::app::state::runs::Runs;
use crate::app::state::tour::Tour;
use crate::app::state::workspace::Workspaces;
use crate::app::tasks::computed::Computed;
use crate::app::tasks::language::model_state::LanguageModelState;
use crate::app::tasks::pictures::Pictures;
use crate::app::tasks::vision::vision_state::VisionModelState;
use crate::app::widgets::{fonts, picture, theme};
use crate::factorize::Settings;
use crate::model::Source;
use eframe::CreationContext;
use eframe::egui::Rect;
use eframe::wgpu::DeviceType;
use std::sync::Arc;
use std::time::Duration;

/// Options of the window's start.
#[derive(Clone, Default)]
pub struct LaunchOptions {
    /// Source to open something from; the built-in example without.
    pub source: Option<Source>,
    /// A tensor of it; its first layer without.
    pub tensor: Option<String>,
    /// Worker threads of a run; all processors without.
    pub threads: Option<usize>,
    /// Link to follow: a layer, its settings and what is shown.
    pub link: Option<Link>,
    /// A layer that is in no file, instead of all that.
    pub layer: Option<LoadedLayer>,
}

/// The application: what it knows, each panel's own state, and the window around the panels.
pub struct Explorer {
    /// State that every panel sees.
    pub(super) state: State,
    /// Each panel's own state.
    pub(super) panels: Panels,
    /// The window around them.
    pub(super) shell: Shell,
}

/// Each panel's own state.
#[derive(Default)]
pub(super) struct Panels {
    pub layers: LayersPanel,
    pub settings: SettingsPanel,
    pub views: LinkedViews,
    pub histogram: HistogramPanel,
    pub masks: MasksPanel,
    pub speed: SpeedPanel,
    pub runs: RunsPanel,
    pub compare: ComparePanel,
    pub sweeps: SweepPanel,
    pub model: ModelPanel,
    pub story: StoryPanel,
    pub network: NetworkPanel,
    pub images: ImagesPanel,
    pub confusion: ConfusionPanel,
    pub kernels: KernelsPanel,
    pub lesson: LessonPanel,
}

/// The dialogs' own state.
#[derive(Default)]
pub(super) struct Dialogs {
    pub open: OpenDialog,
    pub export: ExportDialog,
    pub share: ShareDialog,
    pub palette: CommandPalette,
    /// Whether all keys are listed.
    pub shortcuts: bool,
}

/// The window around the panels.
pub(super) struct Shell {
    /// Layout of the panels, wide and narrow.
    pub workspace: Workspaces,
    pub dialogs: Dialogs,
    pub tour: Tour,
    pub closing: Closing,
    /// Whether a control had the keyboard, or a menu was open, when the last frame ended.
    pub keyboard_taken: bool,
    /// Name of the adapter that draws the window.
    pub drawn_by: Option<String>,
    /// Time between two pictures of a run that goes on.
    pub pace: Duration,
    pub frame_times: FrameTimes,
}

impl Shell {
    fn new(cc: &CreationContext<'_>, layout: &str) -> Self {
        let info = cc.wgpu_render_state.as_ref().map(|state| state.adapter.get_info());
        let software = info.as_ref().is_some_and(|info| info.device_type == DeviceType::Cpu);
        let note = if software { ", in software" } else { "" };
        Self {
            workspace: Workspaces::restore(layout),
            dialogs: Dialogs::default(),
            tour: Tour::default(),
            closing: Closing::default(),
            keyboard_taken: false,
            drawn_by: info.map(|info| format!("{}{note}", info.name)),
            // A frame drawn in software takes the processors away from the run.
            pace: Duration::from_millis(if software { 200 } else { 50 }),
            frame_times: FrameTimes::default(),
        }
    }
}

impl Explorer {
    /// Starts loading at once, with the preferences of the last time.
    pub fn new(cc: &CreationContext<'_>, options: LaunchOptions) -> Self {
        if let Some(render_state) = &cc.wgpu_render_state {
            picture::install(render_state);
        }
        let ctx = &cc.egui_ctx;
        fonts::install(ctx);
        theme::install(ctx);
        let mut messages = Messages::default();
        let saved = saved_preferences(cc, &mut messages);
        let LaunchOptions { source, tensor, threads, link, layer } = options;
        let beginning = Beginning { source: source.clone(), tensor: tensor.clone(), link, saved: saved.clone() };
        let mut computed = Computed::new(ctx.clone());
        match (source, &layer) {
            (_, Some(_)) => {}
            (Some(source), None) => computed.loader.open(source, tensor),
            (None, None) => computed.loader.open_example(tensor),
        }
        let state = State {
            document: Document { layer, beginning, ..Document::default() },
            runs: Runs::default(),
            preferences: Preferences::restore(&saved, threads),
            computed,
            language: LanguageModelState::default(),
            vision: VisionModelState::default(),
            pointer: SharedPointer::default(),
            messages,
        };
        let mut explorer = Self { state, panels: Panels::default(), shell: Shell::new(cc, &saved.layout) };
        explorer.follow_first_link();
        explorer
    }

    /// The runs so far, oldest first.
    pub fn runs(&self) -> &[Run] {
        self.state.runs.all()
    }

    /// The run on screen.
    pub fn shown(&self) -> Option<&Run> {
        self.state.runs.shown()
    }

    /// The settings of the next run.
    pub fn settings(&self) -> &Settings {
        &self.state.preferences.settings
    }

    /// The pictures on screen.
    pub fn pictures(&self) -> Option<&Arc<Pictures>> {
        self.state.pictures()
    }

    /// Returns the area of a picture on screen, in points.
    pub fn view_area(&self, pane: Pane) -> Rect {
        self.panels.views.area(pane)
    }

    /// Whether the pictures on screen are those of the iteration that is wanted.
    pub fn is_up_to_date(&self) -> bool {
        self.state.is_up_to_date()
    }

    /// The language model that is open.
    pub fn language(&self) -> &LanguageModelState {
        &self.state.language
    }

    /// The vision model that is open.
    pub fn vision(&self) -> &VisionModelState {
        &self.state.vision
    }

    /// Whether closing the window would lose something.
    pub fn is_unsaved(&self) -> bool {
        self.state.is_unsaved()
    }

    /// The preferences that the next start begins with, as text.
    pub(super) fn to_save(&self) -> String {
        let beginning = &self.state.document.beginning;
        if beginning.link.is_some() {
            // What another person's link has set is not what this one will want the next time.
            let recent = self.state.preferences.recent.clone();
            return SavedPreferences { recent, ..beginning.saved.clone() }.write();
        }
        self.state.preferences.to_saved(self.shell.workspace.wide().save()).write()
    }
}

/// The preferences of the last time; the first ones where they cannot be read.
fn saved_preferences(cc: &CreationContext<'_>, messages: &mut Messages) -> SavedPreferences {
    let Some(text) = cc.storage.and_then(|storage| storage.get_string(KEY)) else { return SavedPreferences::default() };
    SavedPreferences::read(&text).unwrap_or_else(|why| {
        let text = format!("The settings of the last time cannot be read ({why}): these are the first ones");
        messages.note(&cc.egui_ctx, text);
        SavedPreferences::default()
    })
}
