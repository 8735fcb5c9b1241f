//! The bars above the panels: files, settings, commands; how pictures are shown.

use crate::Named;
use crate::app::explorer::Explorer;
use crate::app::panels::action_button::action_button;
use crate::app::platform::typed;
use crate::app::state::action::Action;
use crate::app::state::command::Command;
use crate::app::state::loaded_layer::LoadedLayer;
use crate::app::widgets::picture::AUTOMATIC;
use crate::app::widgets::text::{short_layer_name, shortened};
use crate::model::one_line;
use eframe::egui::{self, Align, ComboBox, DragValue, Layout, RichText, Ui};

/// Longest path in the list of recent files, in characters.
const RECENT_CHARS: usize = 48;

impl Explorer {
    /// Files, settings, commands, theme.
    pub(super) fn top_ui(&mut self, ui: &mut Ui) {
        let mut pressed = None;
        // In a narrow window in two lines, and without what is only told.
        let narrow = ui.available_width() < 1000.0;
        let phone = self.shell.workspace.is_narrow();
        let layout = Layout::left_to_right(Align::Center).with_main_wrap(narrow);
        let size = egui::vec2(ui.available_width(), ui.spacing().interact_size.y);
        ui.allocate_ui_with_layout(size, layout, |ui| {
            ui.strong("DSF Explorer");
            ui.separator();
            let mut button = |ui: &mut Ui, action: Action, label: &str| {
                if action_button(ui, action, label, self.state.why_not(action)).clicked() {
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
            if self.state.computed.loader.busy > 0 {
                ui.spinner();
            }
            if narrow {
                return egui::widgets::global_theme_preference_buttons(ui);
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                egui::widgets::global_theme_preference_buttons(ui);
                self.title_ui(ui);
            });
        });
        if let Some(action) = pressed {
            self.act(ui.ctx(), action);
        }
    }

    /// The layer on screen; of a run of another layer than the open one also which run.
    fn title_ui(&self, ui: &mut Ui) {
        let Some(LoadedLayer { layer, origin, .. }) = self.state.layer_on_screen() else { return };
        let (rows, cols) = layer.weight.shape();
        let model = origin.strip_suffix(".safetensors").unwrap_or(origin);
        let name = format!("{} · {} · {rows} × {cols}", one_line(model), short_layer_name(&layer.name));
        let elsewhere = self.state.runs.shown().filter(|run| self.state.is_of_another_layer(run));
        let text = match elsewhere {
            Some(run) => RichText::new(format!("{}: {name}", run.name)).color(ui.visuals().warn_fg_color),
            None => RichText::new(name).weak(),
        };
        let label = ui.add(egui::Label::new(text).truncate());
        let note = match elsewhere {
            Some(_) => "\nThe run on screen is of another layer than the one that is open",
            None => "",
        };
        label.on_hover_text(format!("{}, {}{note}", one_line(origin), one_line(&layer.name)));
    }

    fn recent_ui(&mut self, ui: &mut Ui) {
        let recent = self.state.preferences.recent.clone();
        ui.add_enabled_ui(!recent.is_empty(), |ui| {
            ui.menu_button("Recent", |ui| {
                for path in recent {
                    // Models are called model.safetensors: the folder tells them apart.
                    let name = shortened(&path.to_string_lossy(), RECENT_CHARS);
                    if ui.button(name).on_hover_text(path.display().to_string()).clicked() {
                        self.perform(ui.ctx(), Command::Open(typed(&path.to_string_lossy())));
                        ui.close();
                    }
                }
            })
            .response
            .on_disabled_hover_text("No file has been opened yet");
        });
    }

    /// Draws the controls of how pictures are shown.
    pub(super) fn looks_ui(&mut self, ui: &mut Ui) {
        let mut pressed = None;
        ui.horizontal_wrapped(|ui| {
            let looks = &mut self.state.preferences.looks;
            ui.label("Show");
            for &shade in crate::app::widgets::picture::Shade::ALL {
                let why = "What colours mean; lone nonzeros stay visible in each (V for the next)";
                ui.selectable_value(&mut looks.shade, shade, shade.title()).on_hover_text(why);
            }
            ui.separator();
            let label = ui.label("Range");
            let range = DragValue::new(&mut looks.percentile)
                .range(0.5..=1.0)
                .speed(0.001)
                .custom_formatter(|share, _| match share {
                    AUTOMATIC => "automatic".to_owned(),
                    share => format!("{:.1} %", 100.0 * share),
                })
                .custom_parser(|text| match text.trim().trim_end_matches('%').trim() {
                    text if !text.is_empty() && "automatic".starts_with(text) => Some(AUTOMATIC),
                    text => text.parse().ok().map(|percent: f64| percent / 100.0),
                });
            let why = "Colours are full at the magnitude that this share of the nonzeros does not exceed; automatic \
                       chooses it for each matrix, so that a few large entries do not make the others pale";
            ui.add(range).labelled_by(label.id).on_hover_text(why);
            ui.separator();
            let label = ui.label("Order");
            let why = "Rows and columns as stored, or so that the masks' structure comes out (O for the next)";
            ComboBox::from_id_salt("order")
                .width(90.0)
                .selected_text(looks.arrangement.name())
                .show_ui(ui, |ui| {
                    for &arrangement in crate::matrix::Arrangement::ALL {
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
                if action_button(ui, action, action.title(), None).clicked() {
                    pressed = Some(action);
                }
            }
        });
        if let Some(action) = pressed {
            self.act(ui.ctx(), action);
        }
    }
}
