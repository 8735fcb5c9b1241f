//! One field that finds commands, panels, settings and layers by a few of their letters.

use super::palette_search::{Found, Item, Known, search};
use crate::app::panels::settings::setting::LayerFacts;
use crate::app::panels::state::State;
use crate::app::state::command::Command;
use crate::factorize::Settings;
use crate::model::Checkpoint;
use eframe::egui::{Align2, Context, Key, Label, Modifiers, RichText, ScrollArea, TextEdit, Ui, Window};
use std::sync::Arc;

/// The palette's own state.
#[derive(Default)]
pub struct CommandPalette {
    /// Whether it is open.
    pub open: bool,
    fresh: bool,
    text: String,
    at: usize,
    /// What was found in the last frame, and for what: there may be many thousands of layers to look through.
    found: Option<(Search, Vec<Item>)>,
}

/// All that the results of a search depend on.
struct Search {
    text: String,
    settings: Settings,
    layer: LayerFacts,
    checkpoint: Option<Arc<Checkpoint>>,
}

impl Search {
    fn is(&self, other: &Self) -> bool {
        self.text == other.text
            && self.settings == other.settings
            && self.layer == other.layer
            && self.checkpoint.as_ref().map(Arc::as_ptr) == other.checkpoint.as_ref().map(Arc::as_ptr)
    }

    fn results(&self) -> Vec<Item> {
        let layers = self.checkpoint.iter().flat_map(|checkpoint| checkpoint.layers());
        let known = Known { settings: &self.settings, layer: self.layer };
        search(&self.text, &known, layers.map(|layer| layer.name.as_str()))
    }
}

impl CommandPalette {
    /// Opens the palette with an empty field.
    pub fn open(&mut self) {
        *self = Self { open: true, fresh: true, ..Self::default() };
    }

    /// The palette while it is open.
    pub fn ui(&mut self, ctx: &Context, state: &State) -> Option<Command> {
        if !self.open {
            return None;
        }
        let down = ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::ArrowDown));
        let up = ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::ArrowUp));
        let layer = LayerFacts {
            shape: state.document.shape().unwrap_or((1, 1)),
            layerwise: state.document.inputs.calibration().is_some(),
        };
        let wanted = Search {
            text: self.text.clone(),
            settings: state.preferences.settings.clone(),
            layer,
            checkpoint: state.document.checkpoint.clone(),
        };
        let found = match self.found.take() {
            Some((last, found)) if last.is(&wanted) => found,
            _ => wanted.results(),
        };
        self.at = (self.at + usize::from(down)).min(found.len().saturating_sub(1)).saturating_sub(usize::from(up));
        let window = Window::new("All commands").collapsible(false).resizable(false).title_bar(false);
        let chosen = window
            .anchor(Align2::CENTER_TOP, [0.0, 60.0])
            .show(ctx, |ui| self.contents(ui, &found, up || down))
            .and_then(|shown| shown.inner.flatten());
        self.found = Some((wanted, found));
        if chosen.is_some() {
            (self.open, self.found) = (false, None);
        }
        chosen.map(|found| match found {
            Found::Do(action) => Command::Try(action),
            Found::GoTo(pane) => Command::GoToPanel(pane),
            Found::Focus(setting) => Command::FocusSetting(setting),
            Found::Set(settings) => Command::SetSettings(settings),
            Found::Layer(name) => Command::OpenLayer(name, state.document.orientation),
        })
    }

    fn contents(&mut self, ui: &mut Ui, found: &[Item], moved: bool) -> Option<Found> {
        // On a phone as wide as there is room.
        ui.set_width((ui.ctx().content_rect().width() - 30.0).min(460.0));
        let hint = "A few letters of a command, a panel, a setting or a layer; or: density 0.3";
        let field = ui.add(TextEdit::singleline(&mut self.text).hint_text(hint).desired_width(f32::INFINITY));
        field.widget_info(|| eframe::egui::WidgetInfo::labeled(eframe::egui::Role::TextInput, true, "Find a command"));
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if std::mem::take(&mut self.fresh) || !field.has_focus() {
            field.request_focus();
        }
        if field.changed() {
            self.at = 0;
        }
        let mut chosen = entered.then(|| found.get(self.at).map(|item| item.found.clone())).flatten();
        ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
            if found.is_empty() {
                ui.weak("Nothing is called so");
            }
            for (at, Item { name, hint, found, .. }) in found.iter().enumerate() {
                let row = ui.horizontal(|ui| {
                    let row = ui.selectable_label(at == self.at, name);
                    ui.add(Label::new(RichText::new(hint).weak()).truncate());
                    row
                });
                if at == self.at && moved {
                    row.response.scroll_to_me(None);
                }
                if row.inner.clicked() {
                    chosen = Some(found.clone());
                }
            }
        });
        chosen
    }
}
