//! The window's parts put together: bars, panels, dialogs.

use crate::app::explorer::{Closing, Explorer};
use crate::app::panels::curves::{CurvesAct, curves_ui};
use crate::app::panels::dialogs::export::What;
use crate::app::panels::language::ModelAct;
use crate::app::panels::layers::panel::Choice;
use crate::app::panels::layers::table::Results;
use crate::app::panels::linked_views::{ViewAct, picture};
use crate::app::panels::paths::paths_ui;
use crate::app::panels::runs::RunAction;
use crate::app::panels::settings::controls::controls_ui;
use crate::app::panels::settings::estimate::estimate;
use crate::app::panels::settings::inputs::InputsAct;
use crate::app::panels::settings::panel::settings_ui;
use crate::app::platform::dropping::dropping_ui;
use crate::app::state::action::Action;
use crate::app::state::kept::Parts;
use crate::app::state::workspace::{Pane, page_name, simplification};
use crate::app::widgets::marks::mark;
use crate::language::LayerId;
use crate::model::Orientation;
use eframe::egui::{self, CentralPanel, Context, Frame, Key, KeyboardShortcut, Margin, Panel, Ui};
use egui_tiles::{Behavior, TileId, UiResponse};

impl Explorer {
    fn layers_ui(&mut self, ui: &mut Ui) {
        let Some(checkpoint) = self.checkpoint.clone() else {
            ui.weak("Nothing is open");
            return;
        };
        let current = self.subject.as_ref().map(|subject| subject.layer.name.as_str());
        let results = Results::of(&self.runs, checkpoint.name());
        match self.layers.ui(ui, &checkpoint, current, &results) {
            Some(Choice::Layer(name, orientation)) => self.loader.layer(&checkpoint, name, orientation),
            Some(Choice::Factors(stem)) => self.loader.factors(&checkpoint, stem, self.subject.clone()),
            None => {}
        }
    }

    fn settings_ui(&mut self, ui: &mut Ui) {
        let shape = self.subject.as_ref().map_or((1, 1), |subject| subject.layer.weight.shape());
        let large = self.subject.is_some() && !self.is_live();
        let estimate = large.then(|| estimate(shape.0, shape.1, &self.settings, &self.runs, self.thread_count()));
        if let Some(action) = controls_ui(ui, self.shown(), estimate, |action| self.why_not(action)) {
            self.action(ui.ctx(), action);
        }
        self.perplexity_ui(ui);
        ui.separator();
        let layerwise = self.inputs.calibration().is_some();
        let (changed, act) = egui::ScrollArea::vertical()
            .show(ui, |ui| {
                let act = self.inputs.ui(ui);
                ui.separator();
                let (problem, compute, split) = (self.problem(), self.compute_config(), &mut self.split);
                let search = |ui: &mut Ui, settings: &_| split.ui(ui, problem.as_ref()?, settings, compute);
                (settings_ui(ui, &mut self.settings, shape, layerwise, search), act)
            })
            .inner;
        match act {
            Some(InputsAct::Open(source, what)) => self.read_inputs(source, what),
            Some(InputsAct::Browse(what)) => self.loader.pick_inputs(what),
            Some(InputsAct::Changed) => self.restart(ui.ctx()),
            None => {}
        }
        if changed {
            self.restart(ui.ctx());
        }
    }

    /// What the run on screen does to its language model.
    fn perplexity_ui(&mut self, ui: &mut Ui) {
        let Some(dense) = self.language.dense() else { return };
        ui.horizontal_wrapped(|ui| {
            let floor = self.language.floor().map_or(String::new(), |floor| format!(", floor {floor:.3}"));
            let why = "Of the language model, with nothing but this layer replaced by the factors on screen";
            match self.language.alone() {
                Some((perplexity, true)) => _ = ui.strong(format!("perplexity {perplexity:.3}")).on_hover_text(why),
                Some((perplexity, false)) => _ = ui.weak(format!("perplexity {perplexity:.3}…")).on_hover_text(why),
                None => match self.foretold() {
                    Some(perplexity) => {
                        let why =
                            "Foretold from the layer's error: the model is too large to be measured at every move";
                        ui.strong(format!("perplexity about {perplexity:.3}")).on_hover_text(why);
                    }
                    None => _ = ui.weak("perplexity").on_hover_text(why),
                },
            }
            ui.weak(format!("(dense {dense:.3}{floor})")).on_hover_text(why);
        });
    }

    /// The perplexity that the run on screen leads to, where it can only be foretold.
    fn foretold(&self) -> Option<f64> {
        let outcome = &self.shown()?.ended.as_ref()?.outcome;
        self.language.foretold_alone(self.layer_on_screen()?, outcome.layer?.calibration)
    }

    fn curves_ui(&mut self, ui: &mut Ui) {
        if let Some(asked) = self.svd_missing() {
            let text = if asked { "Computing SVD's error…" } else { "Compute SVD's error" };
            let button = egui::Button::new(text).small();
            let hint = "All singular values of this large layer: this takes minutes, in the background";
            if ui.add_enabled(!asked, button).on_hover_text(hint).on_disabled_hover_text(hint).clicked() {
                self.ask_svd();
            }
        }
        let step = self.shown().and_then(|run| self.timeline.step(run));
        match curves_ui(ui, &mut self.saved.quantity, &self.runs, self.selected, self.baselines, step) {
            Some(CurvesAct::GoTo(step)) => {
                if let Some(run) = self.selected.and_then(|at| self.runs.get(at)) {
                    self.timeline.go_to(step, run);
                }
            }
            Some(CurvesAct::Save) => self.export.start(Some(What::Svg)),
            None => {}
        }
    }

    fn runs_ui(&mut self, ui: &mut Ui) {
        match self.run_list.ui(ui, &self.runs, self.selected) {
            Some(RunAction::Select(at)) => self.select(Some(at)),
            Some(RunAction::Delete(at)) => self.forget(ui.ctx(), at),
            Some(RunAction::Star(at)) => self.runs[at].starred ^= true,
            Some(RunAction::Rename(at, name)) => {
                // What has a name is no longer something that a slider left behind.
                (self.runs[at].name, self.runs[at].live) = (name, false);
            }
            Some(RunAction::Settings(at)) => {
                if let Some(settings) = &self.runs[at].settings {
                    self.settings = settings.clone();
                    self.restart(ui.ctx());
                }
            }
            None => {}
        }
    }

    fn model_ui(&mut self, ui: &mut Ui) {
        let (open, compute) = (self.layer_on_screen(), self.compute_config());
        match self.language.model_ui(ui, &self.settings, open, compute) {
            Some(ModelAct::Layer(id)) => {
                if let Some(checkpoint) = self.checkpoint.clone() {
                    self.loader.layer(&checkpoint, id.tensor(), Orientation::AsStored);
                }
            }
            Some(ModelAct::BrowseText) => self.loader.pick_text(),
            Some(ModelAct::Inputs(id)) => self.inputs_from_model(id),
            Some(ModelAct::Save(version, task)) => self.loader.save_model(version, *task),
            None => {}
        }
    }

    /// The statistics of what a layer reads in the model.
    pub(in crate::app) fn inputs_from_model(&mut self, id: LayerId) {
        if let Some(task) = self.language.collecting(id) {
            self.loader.collect(task);
        }
    }

    fn view_ui(&mut self, ui: &mut Ui, pane: Pane) {
        let pictures = self.showing.latest().cloned();
        let shown = (pictures.as_deref(), self.method_on_screen());
        match self.views.ui(ui, pane, shown, &self.saved.looks) {
            Some(ViewAct::Save(pane)) => self.export.start(Some(What::View(pane))),
            None => {}
        }
    }

    fn keys(&mut self, ctx: &Context) {
        let typing = ctx.text_edit_focused();
        let taken = self.keyboard_taken;
        if ctx.input(|input| input.key_pressed(Key::Escape)) && !taken && self.close_one() {
            ctx.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::Escape));
        }
        let allowed = |shortcut: &KeyboardShortcut| match shortcut.logical_key {
            // A field has an undo of its own.
            Key::Z => !typing,
            _ if shortcut.modifiers.command => true,
            // What a control that has the keyboard answers to itself; egui takes the focus away on Escape before this.
            Key::Escape => !taken,
            Key::Space | Key::Enter => !taken && !typing,
            Key::ArrowLeft | Key::ArrowRight | Key::ArrowUp | Key::ArrowDown => !taken && !typing,
            _ => !typing,
        };
        if let Some(action) = Action::pressed(ctx, allowed) {
            self.action(ctx, action);
        }
    }

    /// Closes what is in front, as Escape does before it cancels a run.
    fn close_one(&mut self) -> bool {
        let open = [
            &mut self.palette.open,
            &mut self.opening.open,
            &mut self.export.open,
            &mut self.shortcuts_open,
            &mut self.share.open,
            &mut self.run_list.differences,
        ];
        let any = open.into_iter().find(|open| **open).map(|open| *open = false).is_some() || self.tour.close();
        let asked = self.closing == Closing::Asked;
        if !any && asked {
            self.closing = Closing::No;
        }
        any || asked
    }

    /// Whether a control has the keyboard, or a menu is open: the next frame's keys are for it.
    fn is_keyboard_taken(&self, ctx: &Context) -> bool {
        // The palette's own field does not count: Escape closes the palette.
        let focused = ctx.memory(|memory| memory.focused().is_some()) && !self.palette.open;
        focused || egui::Popup::is_any_open(ctx) || ctx.dragged_id().is_some()
    }
}

/// The panels, as egui_tiles asks for them.
struct Desk<'a>(&'a mut Explorer);

impl Behavior<Pane> for Desk<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, _: TileId, pane: &mut Pane) -> UiResponse {
        let explorer = &mut *self.0;
        let margin = if picture_pane(*pane) { Margin::same(2) } else { Margin::same(6) };
        Frame::new().inner_margin(margin).show(ui, |ui| match pane {
            Pane::Layers => explorer.layers_ui(ui),
            Pane::Settings => explorer.settings_ui(ui),
            Pane::W | Pane::A | Pane::B | Pane::Product | Pane::Error => explorer.view_ui(ui, *pane),
            Pane::Paths => {
                let pictures = explorer.showing.latest().cloned();
                let (pointer, pinned) = (explorer.views.pointer(), explorer.views.is_pinned());
                paths_ui(ui, pointer, pinned, pictures.as_deref());
            }
            Pane::Curves => explorer.curves_ui(ui),
            Pane::Histogram => {
                let kept = explorer.kept_by_others();
                let pictures = explorer.showing.latest().cloned();
                let shown = (pictures.as_deref(), explorer.method_on_screen());
                explorer.histogram.ui(ui, shown, kept);
            }
            Pane::Masks => {
                let moment = explorer.moment();
                explorer.masks.ui(ui, &explorer.runs, explorer.selected, &moment);
            }
            Pane::Runs => explorer.runs_ui(ui),
            Pane::Compare => explorer.compare_ui(ui),
            Pane::Sweeps => explorer.sweeps_ui(ui),
            Pane::Table => {
                if explorer.language.table_ui(ui) {
                    explorer.export.start(Some(What::TableCsv));
                }
            }
            Pane::Model => explorer.model_ui(ui),
            Pane::Story => explorer.language.story_ui(ui, explorer.threads),
            Pane::Lesson => explorer.lesson.ui(ui),
            Pane::Log => explorer.messages.log_ui(ui),
        });
        mark(ui, pane.name(), ui.min_rect());
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> egui::WidgetText {
        let pictures = self.0.showing.latest();
        let pyramid = pictures.and_then(|pictures| picture(*pane, pictures));
        let name = view_name(*pane, pictures.map_or(Parts::Factors, |pictures| pictures.parts));
        match pyramid {
            Some(pyramid) => {
                let (rows, cols) = pyramid.matrix().shape();
                let kept = 100.0 * pyramid.nnz() as f64 / pyramid.matrix().len().max(1) as f64;
                // What fits.
                match self.0.views.area(*pane).width() {
                    width if width < 130.0 => name.into(),
                    width if width < 230.0 => format!("{name}   {rows} × {cols}").into(),
                    _ => format!("{name}   {rows} × {cols}, {kept:.1} % nonzero").into(),
                }
            }
            None => name.into(),
        }
    }

    fn tab_title_for_tile(&mut self, tiles: &egui_tiles::Tiles<Pane>, tile: TileId) -> egui::WidgetText {
        match tiles.get(tile) {
            Some(egui_tiles::Tile::Pane(pane)) => self.tab_title_for_pane(pane),
            _ => page_name(tiles, tile).into(),
        }
    }

    fn simplification_options(&self) -> egui_tiles::SimplificationOptions {
        simplification()
    }

    fn min_size(&self) -> f32 {
        60.0
    }

    fn gap_width(&self, _: &egui::Style) -> f32 {
        3.0
    }
}

/// What a view shows, where A and B are not what they are called.
fn view_name(pane: Pane, parts: Parts) -> &'static str {
    match (parts, pane) {
        (Parts::Alone, Pane::A) => "A = identity",
        (Parts::Alone, Pane::B) => "B = Ŵ",
        (Parts::Chain, Pane::A) => "A = first of 3",
        (Parts::Chain, Pane::B) => "B = the others",
        _ => pane.name(),
    }
}

fn picture_pane(pane: Pane) -> bool {
    matches!(pane, Pane::W | Pane::A | Pane::B | Pane::Product | Pane::Error)
}

impl eframe::App for Explorer {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.take_in(ctx);
        // Here, because a window that is out of sight is not drawn before it closes.
        self.ask_before_closing(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        self.frame_times.extend(frame.info().cpu_usage);
        let free = !self.keyboard_taken && !ctx.text_edit_focused();
        self.tour_keys(&ctx, free);
        self.keys(&ctx);
        self.workspace.fit(ctx.content_rect().width());
        Panel::top("top").show(ui, |ui| self.top_ui(ui));
        if !self.workspace.is_narrow() {
            Panel::top("looks").show(ui, |ui| self.looks_ui(ui));
        }
        Panel::bottom("status").show(ui, |ui| self.status_ui(ui));
        let ground = Frame::new().fill(ui.visuals().panel_fill);
        CentralPanel::default().frame(ground).show(ui, |ui| {
            let mut workspace = std::mem::take(self.workspace.current());
            workspace.tree.ui(&mut Desk(self), ui);
            // Resetting it happens from a key or the palette, never while it is drawn.
            *self.workspace.current() = workspace;
            if let Some(pane) = self.to_front.take() {
                self.show(pane);
            }
        });
        self.views.end_frame(&ctx);
        self.history.feed_state(ctx.input(|input| input.time), &self.settings);
        self.dialogs(&ctx);
        self.closing_ui(&ctx);
        self.tour_ui(&ctx);
        let open = self.checkpoint.as_ref().map(|checkpoint| checkpoint.name().to_owned());
        if let Some(source) = dropping_ui(&ctx, open.as_deref()) {
            self.loader.open(source, None);
        }
        self.messages.ui(&ctx);
        self.keyboard_taken = self.is_keyboard_taken(&ctx);
    }

    #[cfg(target_arch = "wasm32")]
    fn as_any_mut(&mut self) -> Option<&mut dyn std::any::Any> {
        Some(self)
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        storage.set_string(crate::app::state::persistence::KEY, self.to_save());
    }
}
