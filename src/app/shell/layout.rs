//! The window's parts put together: bars, panels, dialogs.

use super::toasts::toasts_ui;
use crate::app::explorer::{Explorer, Panels};
use crate::app::panels::curves::curves_ui;
use crate::app::panels::language::table::table_ui;
use crate::app::panels::log::log_ui;
use crate::app::panels::paths::paths_ui;
use crate::app::panels::state::State;
use crate::app::platform::dropping::{Below, Dropped, dropping_ui};
use crate::app::state::command::Command;
use crate::app::state::model_command::ModelCommand;
use crate::app::state::pane::Pane;
use crate::app::state::persistence::KEY;
use crate::app::state::workspace::{page_name, simplification};
use crate::app::widgets::marks::mark;
use crate::app::widgets::regions::{STATUS_BAR, region};
use crate::matrix::ReplacementKind;
use eframe::egui::{self, CentralPanel, Context, Frame, Margin, Panel, Response, StrokeKind, Ui};
use egui_tiles::{Behavior, SimplificationOptions, Tile, TileId, Tiles, UiResponse};

/// The panels as egui_tiles asks for them, and what they ask for.
struct PanelBehavior<'a> {
    state: &'a State,
    panels: &'a mut Panels,
    commands: Vec<Command>,
}

impl PanelBehavior<'_> {
    fn panel_ui(&mut self, ui: &mut Ui, pane: Pane) -> Option<Command> {
        let (state, panels) = (self.state, &mut *self.panels);
        match pane {
            Pane::Layers => panels.layers.ui(ui, state),
            Pane::Settings => panels.settings.ui(ui, state),
            Pane::W | Pane::A | Pane::B | Pane::Product | Pane::Error => panels.views.ui(ui, state, pane),
            Pane::Paths => {
                paths_ui(ui, state);
                None
            }
            Pane::Curves => curves_ui(ui, state),
            Pane::Histogram => {
                panels.histogram.ui(ui, state);
                None
            }
            Pane::Masks => panels.masks.ui(ui, state),
            Pane::Speed => panels.speed.ui(ui, state),
            Pane::Runs => panels.runs.ui(ui, state),
            Pane::Compare => panels.compare.ui(ui, state),
            Pane::Sweeps => panels.sweeps.ui(ui, state),
            Pane::Model => panels.model.ui(ui, state),
            Pane::Story => panels.story.ui(ui, state),
            Pane::Table => table_ui(ui, state),
            Pane::Vision => panels.network.ui(ui, state),
            Pane::Images => panels.images.ui(ui, state),
            Pane::Confusion => panels.confusion.ui(ui, state),
            Pane::Kernels => {
                panels.kernels.ui(ui, state);
                None
            }
            Pane::Lesson => {
                panels.lesson.ui(ui);
                None
            }
            Pane::Log => {
                log_ui(ui, state);
                None
            }
        }
    }
}

impl Behavior<Pane> for PanelBehavior<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, _: TileId, pane: &mut Pane) -> UiResponse {
        let margin = if pane.is_view() { Margin::same(2) } else { Margin::same(6) };
        let asked = region(ui, &pane.region(), |ui| {
            Frame::new().inner_margin(margin).show(ui, |ui| self.panel_ui(ui, *pane)).inner
        });
        self.commands.extend(asked);
        mark(ui, pane.title(), ui.min_rect());
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> egui::WidgetText {
        let pictures = self.state.pictures();
        let name = view_name(*pane, pictures.map_or(ReplacementKind::Factors, |pictures| pictures.kind));
        let Some(pyramid) = pictures.and_then(|pictures| pictures.of_pane(*pane)) else { return name.into() };
        let (rows, cols) = pyramid.matrix().shape();
        let kept = 100.0 * pyramid.nnz() as f64 / pyramid.matrix().len().max(1) as f64;
        // What fits.
        match self.panels.views.area(*pane).width() {
            width if width < 130.0 => name.into(),
            width if width < 230.0 => format!("{name}   {rows} × {cols}").into(),
            _ => format!("{name}   {rows} × {cols}, {kept:.1} % nonzero").into(),
        }
    }

    fn tab_title_for_tile(&mut self, tiles: &Tiles<Pane>, tile: TileId) -> egui::WidgetText {
        match tiles.get(tile) {
            Some(Tile::Pane(pane)) => self.tab_title_for_pane(pane),
            _ => page_name(tiles, tile).into(),
        }
    }

    fn on_tab_button(&mut self, _: &mut Tiles<Pane>, _: TileId, button: Response) -> Response {
        if button.has_focus() {
            let (rect, color) = (button.rect.shrink(1.0), button.ctx.global_style().visuals.selection.stroke.color);
            button.ctx.layer_painter(button.layer_id).rect_stroke(rect, 2.0, (1.5, color), StrokeKind::Inside);
        }
        button
    }

    fn simplification_options(&self) -> SimplificationOptions {
        simplification()
    }

    fn min_size(&self) -> f32 {
        60.0
    }

    fn gap_width(&self, _: &egui::Style) -> f32 {
        3.0
    }
}

/// Returns the name of a view, where A and B are not what they are called.
fn view_name(pane: Pane, kind: ReplacementKind) -> &'static str {
    match (kind, pane) {
        (ReplacementKind::Sparse, Pane::A) => "A = identity",
        (ReplacementKind::Sparse, Pane::B) => "B = Ŵ",
        (ReplacementKind::Chain, Pane::A) => "A = first of 3",
        (ReplacementKind::Chain, Pane::B) => "B = the others",
        _ => pane.title(),
    }
}

impl Explorer {
    /// All panels, and then what they ask for.
    fn panels_ui(&mut self, ui: &mut Ui) {
        let mut behavior = PanelBehavior { state: &self.state, panels: &mut self.panels, commands: Vec::new() };
        self.shell.workspace.current().tree.ui(&mut behavior, ui);
        let commands = behavior.commands;
        let pointer = self.panels.views.end_frame();
        if pointer != self.state.pointer {
            self.state.pointer = pointer;
            ui.ctx().request_repaint();
        }
        commands.into_iter().for_each(|command| self.perform(ui.ctx(), command));
    }
}

impl eframe::App for Explorer {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.poll(ctx);
        // Here, because a window that is out of sight is not drawn before it closes.
        self.ask_before_closing(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        self.shell.frame_times.extend(frame.info().cpu_usage);
        self.keys(&ctx);
        self.shell.workspace.fit(ctx.content_rect().width());
        Panel::top("top").show(ui, |ui| region(ui, "Toolbar", |ui| self.top_ui(ui)));
        if !self.shell.workspace.is_narrow() {
            Panel::top("looks").show(ui, |ui| region(ui, "Display options", |ui| self.looks_ui(ui)));
        }
        Panel::bottom("status").show(ui, |ui| region(ui, STATUS_BAR, |ui| self.status_ui(ui)));
        self.docked_tour_ui(ui);
        let room = ui.available_rect_before_wrap();
        let ground = Frame::new().fill(ui.visuals().panel_fill);
        CentralPanel::default().frame(ground).show(ui, |ui| self.panels_ui(ui));
        self.state.preferences.record(ctx.input(|input| input.time));
        self.dialogs(&ctx, room);
        self.closing_ui(&ctx, room);
        self.tour_ui(&ctx, room);
        let open = self.state.document.checkpoint.as_ref().map(|checkpoint| checkpoint.name());
        let on_page = self.shell.workspace.current().page() == Some(Pane::Vision);
        let network = self.state.vision.model().name().filter(|_| on_page && self.state.vision.info().is_some());
        if let Some(dropped) = dropping_ui(&ctx, Below { open, network }) {
            let command = match dropped {
                Dropped::Model(source) => Command::Open(source),
                Dropped::Images(source) => Command::Vision(ModelCommand::ReadData(Some(source)).into()),
            };
            self.perform(&ctx, command);
        }
        toasts_ui(&ctx, &mut self.state.messages);
        self.shell.keyboard_taken = self.is_keyboard_taken(&ctx);
    }

    #[cfg(target_arch = "wasm32")]
    fn as_any_mut(&mut self) -> Option<&mut dyn std::any::Any> {
        Some(self)
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        storage.set_string(KEY, self.to_save());
    }
}
