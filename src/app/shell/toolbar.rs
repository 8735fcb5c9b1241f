//! The bars above and below the panels.

use crate::app::explorer::Explorer;
use crate::app::platform::typed;
use crate::app::state::action::Action;
use crate::app::state::run::Subject;
use eframe::egui::{self, Align, ComboBox, DragValue, Layout, RichText, Ui};

impl Explorer {
    /// Files, settings, commands, theme.
    pub(in crate::app) fn top_ui(&mut self, ui: &mut Ui) {
        let mut pressed = None;
        // In a narrow window in two lines, and without what is only told.
        let narrow = ui.available_width() < 1000.0;
        let phone = self.workspace.is_narrow();
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
            if phone {
                // What is not here is among the commands.
                button(ui, Action::Tour, "Tour");
                button(ui, Action::Commands, "…");
                return egui::widgets::global_theme_preference_buttons(ui);
            }
            button(ui, Action::Example, "Example");
            button(ui, Action::Export, "Export…");
            ui.separator();
            button(ui, Action::Undo, "Undo");
            button(ui, Action::Redo, "Redo");
            ui.separator();
            button(ui, Action::Commands, "Commands…");
            button(ui, Action::Shortcuts, "Shortcuts");
            button(ui, Action::Tour, "Tour");
            button(ui, Action::Share, "Link…");
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
                        self.loader.open(typed(&path.to_string_lossy()), None);
                        ui.close();
                    }
                }
            })
            .response
            .on_disabled_hover_text("No file has been opened yet");
        });
    }

    /// How pictures are shown.
    pub(in crate::app) fn looks_ui(&mut self, ui: &mut Ui) {
        let mut pressed = None;
        ui.horizontal_wrapped(|ui| {
            let looks = &mut self.saved.looks;
            ui.label("Show");
            for shade in crate::app::widgets::picture::Shade::ALL {
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
    pub(in crate::app) fn status_ui(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            if let Some(run) = self.selected.and_then(|at| self.runs.get(at)) {
                ui.weak(&run.name);
                self.timeline.ui(ui, run);
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let threads = self.thread_count();
                let drawn = self.adapter.as_deref().unwrap_or("nothing: no graphics adapter");
                let instead = crate::tasks::why_no_gpu().map_or(String::new(), |why| format!("; {why}"));
                let hint = format!("The window is drawn by {drawn}{instead}");
                if self.device.ui(ui, &mut self.saved.backend, threads, &hint) {
                    self.restart(ui.ctx());
                }
                if self.saved.frame_times {
                    ui.weak(self.frame_times.summary()).on_hover_text("CPU time of the last frames");
                }
                if self.runs.len() > 1 {
                    let megabytes = self.snapshot_bytes() as f64 / 1e6;
                    ui.weak(format!("all runs {megabytes:.0} MB"))
                        .on_hover_text("What the iterations of all runs take");
                }
            });
        });
    }
}
