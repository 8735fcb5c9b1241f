//! The window's parts put together: bars, panels, dialogs.

use super::action::Action;
use super::controls::controls_ui;
use super::curves_panel::{CurvesAct, curves_ui};
use super::dropping::dropping_ui;
use super::estimate::estimate;
use super::explorer::{Closing, Explorer};
use super::export_panel::{Act, What, window};
use super::inputs_panel::InputsAct;
use super::layers_panel::Choice;
use super::layers_table::Results;
use super::linked_views::{ViewAct, picture};
use super::open_panel::OpenAct;
use super::paths_panel::paths_ui;
use super::run::Subject;
use super::runs_panel::RunAction;
use super::settings_panel::settings_ui;
use super::workspace::{Pane, simplification};
use eframe::egui::{
    self, Align, CentralPanel, ComboBox, Context, DragValue, Frame, Grid, Key, Layout, Margin, Panel, RichText, Ui,
    ViewportCommand,
};
use egui_tiles::{Behavior, TileId, UiResponse};

impl Explorer {
    fn top_ui(&mut self, ui: &mut Ui) {
        let mut pressed = None;
        // In a narrow window in two lines, and without what is only told.
        let narrow = ui.available_width() < 900.0;
        let layout = Layout::left_to_right(Align::Center).with_main_wrap(narrow);
        let size = egui::vec2(ui.available_width(), ui.spacing().interact_size.y);
        ui.allocate_ui_with_layout(size, layout, |ui| {
            ui.strong("DSF Explorer");
            ui.separator();
            let mut button = |ui: &mut Ui, action: Action, label: &str| {
                if action.button(ui, label, self.why_not(action)).clicked() {
                    pressed = Some(action);
                }
            };
            button(ui, Action::Open, "Open…");
            button(ui, Action::Example, "Example");
            button(ui, Action::Export, "Export…");
            ui.separator();
            button(ui, Action::Undo, "Undo");
            button(ui, Action::Redo, "Redo");
            ui.separator();
            button(ui, Action::Commands, "Commands…");
            button(ui, Action::Shortcuts, "Shortcuts");
            self.recent_ui(ui);
            if self.loader.busy > 0 {
                ui.spinner();
            }
            if narrow {
                return egui::widgets::global_theme_preference_buttons(ui);
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                egui::widgets::global_theme_preference_buttons(ui);
                if let Some(Subject { layer, .. }) = &self.subject {
                    let text = format!("{} · {} × {}", layer.name, layer.weight.rows(), layer.weight.cols());
                    ui.add(egui::Label::new(RichText::new(text).weak()).truncate());
                }
            });
        });
        if let Some(action) = pressed {
            self.action(ui.ctx(), action);
        }
    }

    fn recent_ui(&mut self, ui: &mut Ui) {
        let recent = self.saved.recent.clone();
        ui.add_enabled_ui(!recent.is_empty(), |ui| {
            ui.menu_button("Recent", |ui| {
                for path in recent {
                    let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
                    if ui.button(name.as_ref()).on_hover_text(path.display().to_string()).clicked() {
                        self.loader.open(path.clone(), None);
                        ui.close();
                    }
                }
            })
            .response
            .on_disabled_hover_text("No file has been opened yet");
        });
    }

    /// How pictures are shown.
    fn looks_ui(&mut self, ui: &mut Ui) {
        let mut pressed = None;
        ui.horizontal_wrapped(|ui| {
            let looks = &mut self.saved.looks;
            ui.label("Show");
            for shade in super::picture::Shade::ALL {
                let why = "What colours mean; lone nonzeros stay visible in each (V for the next)";
                ui.selectable_value(&mut looks.shade, shade, shade.name()).on_hover_text(why);
            }
            ui.separator();
            let label = ui.label("Range");
            let range = DragValue::new(&mut looks.percentile)
                .range(0.5..=1.0)
                .speed(0.001)
                .custom_formatter(|share, _| format!("{:.1}", 100.0 * share))
                .custom_parser(|text| text.trim_end_matches('%').trim().parse().ok().map(|x: f64| x / 100.0))
                .suffix(" %");
            let why = "Colours are full at the magnitude that this share of the nonzeros does not exceed";
            ui.add(range).labelled_by(label.id).on_hover_text(why);
            ui.separator();
            let label = ui.label("Order");
            let why = "Rows and columns as stored, or so that the masks' structure comes out (O for the next)";
            ComboBox::from_id_salt("order")
                .width(90.0)
                .selected_text(looks.arrangement.name())
                .show_ui(ui, |ui| {
                    for arrangement in crate::matrix::Arrangement::ALL {
                        ui.selectable_value(&mut looks.arrangement, arrangement, arrangement.name());
                    }
                })
                .response
                .labelled_by(label.id)
                .on_hover_text(why);
            let why = "Nonzeros of each row and column beside the pictures (M)";
            ui.checkbox(&mut looks.marginals, "Marginals").on_hover_text(why);
            ui.separator();
            for action in [Action::Fit, Action::OneToOne] {
                if action.button(ui, action.name(), None).clicked() {
                    pressed = Some(action);
                }
            }
        });
        if let Some(action) = pressed {
            self.action(ui.ctx(), action);
        }
    }

    /// Which moment is seen, and what the machine is doing.
    fn status_ui(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            if let Some(run) = self.selected.and_then(|at| self.runs.get(at)) {
                ui.weak(&run.name);
                self.timeline.ui(ui, run);
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let threads = self.thread_count();
                let plural = if threads == 1 { "" } else { "s" };
                ui.weak(format!("CPU, {threads} thread{plural}")).on_hover_text("What runs work on");
                if self.saved.frame_times {
                    ui.weak(self.frame_times.summary()).on_hover_text("CPU time of the last frames");
                }
                if self.runs.len() > 1 {
                    let megabytes = self.film_bytes() as f64 / 1e6;
                    ui.weak(format!("all runs {megabytes:.0} MB"))
                        .on_hover_text("What the iterations of all runs take");
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
            self.changed(ui.ctx());
        }
    }

    fn curves_ui(&mut self, ui: &mut Ui) {
        if self.svd_missing() {
            let hint = "All singular values of this large layer: this takes minutes, in the background";
            if ui.small_button("Compute SVD's error").on_hover_text(hint).clicked() {
                self.ask_svd();
            }
        }
        let step = self.timeline.step();
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
            Some(RunAction::Delete(at)) => self.forget(at),
            Some(RunAction::Star(at)) => self.runs[at].starred ^= true,
            Some(RunAction::Rename(at, name)) => self.runs[at].name = name,
            Some(RunAction::Settings(at)) => {
                if let Some(settings) = &self.runs[at].settings {
                    self.settings = settings.clone();
                }
            }
            None => {}
        }
    }

    fn view_ui(&mut self, ui: &mut Ui, pane: Pane) {
        let pictures = self.showing.latest().cloned();
        match self.views.ui(ui, pane, pictures.as_deref(), &self.saved.looks) {
            Some(ViewAct::Save(pane)) => self.export.start(Some(What::View(pane))),
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
        let mut differences = self.run_list.differences;
        egui::Window::new("What differs").open(&mut differences).resizable(false).show(ctx, |ui| {
            self.run_list.differences_ui(ui, &self.runs, self.selected);
        });
        self.run_list.differences &= differences;
        let shortcuts =
            egui::Window::new("Shortcuts").open(&mut self.shortcuts_open).vscroll(true).default_size([560.0, 520.0]);
        shortcuts.show(ctx, shortcuts_ui);
        let layers = self.checkpoint.clone();
        let names = layers.iter().flat_map(|checkpoint| checkpoint.layers()).map(|layer| layer.name.as_str());
        if let Some(found) = self.palette.ui(ctx, names) {
            self.found(ctx, found);
        }
    }

    fn export_dialog(&mut self, ctx: &Context) {
        let subject = self.shown().and_then(|run| run.subject.as_ref()).or(self.subject.as_ref());
        let stem = subject.map_or_else(|| "dsf".to_owned(), |subject| subject.layer.stem().to_owned());
        let no_run = self.no_run_to_write();
        let act = window("Export").show(ctx, |ui| self.export.ui(ui, &stem, no_run));
        match act.and_then(|shown| shown.inner.flatten()) {
            Some(Act::Browse(name)) => self.loader.pick_place(name),
            Some(Act::Write(what, work)) => {
                let request = self.request(what, ctx.theme() == egui::Theme::Dark);
                self.loader.spawn_writing(move || work(request));
            }
            None => {}
        }
    }

    /// Factors that nobody has saved are asked about before the window closes.
    fn closing_ui(&mut self, ctx: &Context) {
        let unsaved: Vec<&str> = self.runs.iter().filter(|run| run.is_unsaved()).map(|run| run.name.as_str()).collect();
        if unsaved.is_empty() || self.closing == Closing::Agreed {
            return;
        }
        if ctx.input(|input| input.viewport().close_requested()) {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.closing = Closing::Asked;
        }
        if self.closing != Closing::Asked {
            return;
        }
        let mut closing = self.closing;
        window("Close without saving?").show(ctx, |ui| {
            ui.label(format!("The factors of {} were not exported.", unsaved.join(", ")));
            ui.horizontal(|ui| {
                if ui.button("Close anyway").clicked() {
                    closing = Closing::Agreed;
                    ui.ctx().send_viewport_cmd(ViewportCommand::Close);
                }
                if ui.button("Stay").clicked() || ui.input(|input| input.key_pressed(Key::Escape)) {
                    closing = Closing::No;
                }
            });
        });
        self.closing = closing;
    }

    fn keys(&mut self, ctx: &Context) {
        if ctx.egui_wants_keyboard_input() {
            return;
        }
        // Escape closes what is open before it cancels a run.
        let open = [&mut self.opening.open, &mut self.export.open, &mut self.shortcuts_open];
        let any = open.iter().any(|open| **open) || self.run_list.differences;
        if any && ctx.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::Escape)) {
            open.into_iter().for_each(|open| *open = false);
            self.run_list.differences = false;
        }
        if let Some(action) = Action::pressed(ctx) {
            self.action(ctx, action);
        }
    }
}

fn shortcuts_ui(ui: &mut Ui) {
    Grid::new("shortcuts").num_columns(3).striped(true).show(ui, |ui| {
        for action in Action::ALL {
            let Some(shortcut) = action.shortcut() else { continue };
            ui.monospace(ui.ctx().format_shortcut(&shortcut));
            ui.label(action.name());
            ui.weak(action.about());
            ui.end_row();
        }
        for (what, name, about) in [
            ("Scroll", "Zoom", "To the pointer"),
            ("Drag", "Pan", "A picture, or a panel by its tab"),
            ("Double-click", "Fit", "One picture"),
            ("Click", "Hold", "The shared pointer at an entry"),
            ("Right-click", "Menu", "Of a picture"),
        ] {
            ui.monospace(what);
            ui.label(name);
            ui.weak(about);
            ui.end_row();
        }
    });
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
                explorer.histogram.ui(ui, pictures.as_deref(), kept);
            }
            Pane::Masks => {
                let moment = explorer.moment();
                explorer.masks.ui(ui, &explorer.runs, explorer.selected, &moment);
            }
            Pane::Runs => explorer.runs_ui(ui),
            Pane::Log => explorer.messages.log_ui(ui),
        });
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> egui::WidgetText {
        let pictures = self.0.showing.latest();
        let pyramid = pictures.and_then(|pictures| picture(*pane, pictures));
        match pyramid {
            Some(pyramid) => {
                let (rows, cols) = pyramid.matrix().shape();
                let kept = 100.0 * pyramid.nnz() as f64 / pyramid.matrix().len().max(1) as f64;
                let name = pane.name();
                // What fits.
                match self.0.views.area(*pane).width() {
                    width if width < 130.0 => name.into(),
                    width if width < 230.0 => format!("{name}   {rows} × {cols}").into(),
                    _ => format!("{name}   {rows} × {cols}, {kept:.1} % nonzero").into(),
                }
            }
            None => pane.name().into(),
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

fn picture_pane(pane: Pane) -> bool {
    matches!(pane, Pane::W | Pane::A | Pane::B | Pane::Product | Pane::Error)
}

impl eframe::App for Explorer {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.take_in(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        self.frame_times.extend(frame.info().cpu_usage);
        self.keys(&ctx);
        Panel::top("top").show(ui, |ui| self.top_ui(ui));
        Panel::top("looks").show(ui, |ui| self.looks_ui(ui));
        Panel::bottom("status").show(ui, |ui| self.status_ui(ui));
        let ground = Frame::new().fill(ui.visuals().panel_fill);
        CentralPanel::default().frame(ground).show(ui, |ui| {
            let mut workspace = std::mem::take(&mut self.workspace);
            workspace.tree.ui(&mut Desk(self), ui);
            // Resetting it happens from a key or the palette, never while it is drawn.
            self.workspace = workspace;
        });
        self.views.end_frame(&ctx);
        self.history.feed_state(ctx.input(|input| input.time), &self.settings);
        self.dialogs(&ctx);
        self.closing_ui(&ctx);
        let open = self.checkpoint.as_ref().map(|checkpoint| checkpoint.name().to_owned());
        if let Some(path) = dropping_ui(&ctx, open.as_deref()) {
            self.loader.open(path, None);
        }
        self.messages.ui(&ctx);
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        storage.set_string(super::saved::KEY, self.to_save());
    }
}
