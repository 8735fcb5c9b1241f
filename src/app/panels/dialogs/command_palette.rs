//! One field that finds commands, panels and layers by a few of their letters.

use crate::Named;
use crate::app::panels::state::State;
use crate::app::state::action::Action;
use crate::app::state::command::Command;
use crate::app::state::pane::Pane;
use crate::app::widgets::finder::Finder;
use eframe::egui::{Align2, Context, Key, Modifiers, ScrollArea, TextEdit, Ui, Window};

/// A result of the search.
#[derive(Clone, Debug, PartialEq)]
enum Found {
    /// A command to perform.
    Do(Action),
    /// A panel to be shown.
    Show(Pane),
    /// A layer to be opened, by its tensor's name.
    Layer(String),
}

/// The palette's own state.
#[derive(Default)]
pub struct CommandPalette {
    /// Whether it is open.
    pub open: bool,
    fresh: bool,
    text: String,
    at: usize,
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
        let layers = state.document.checkpoint.iter().flat_map(|checkpoint| checkpoint.layers());
        let found = search(&self.text, layers.map(|layer| layer.name.as_str()));
        self.at = (self.at + usize::from(down)).min(found.len().saturating_sub(1)).saturating_sub(usize::from(up));
        let window = Window::new("All commands").collapsible(false).resizable(false).title_bar(false);
        let chosen = window
            .anchor(Align2::CENTER_TOP, [0.0, 60.0])
            .show(ctx, |ui| self.contents(ui, &found, up || down))
            .and_then(|shown| shown.inner.flatten());
        if chosen.is_some() {
            self.open = false;
        }
        chosen.map(|found| match found {
            Found::Do(action) => Command::Try(action),
            Found::Show(pane) => Command::Show(pane),
            Found::Layer(name) => Command::OpenLayer(name, state.document.orientation),
        })
    }

    fn contents(&mut self, ui: &mut Ui, found: &[(String, String, Found)], moved: bool) -> Option<Found> {
        ui.set_width(460.0);
        let hint = "Type a few letters of a command, a panel or a layer";
        let field = ui.add(TextEdit::singleline(&mut self.text).hint_text(hint).desired_width(f32::INFINITY));
        field.widget_info(|| eframe::egui::WidgetInfo::labeled(eframe::egui::Role::TextInput, true, "Find a command"));
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if std::mem::take(&mut self.fresh) || !field.has_focus() {
            field.request_focus();
        }
        if field.changed() {
            self.at = 0;
        }
        let mut chosen = entered.then(|| found.get(self.at).map(|(.., found)| found.clone())).flatten();
        ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
            if found.is_empty() {
                ui.weak("Nothing is called so");
            }
            for (at, (name, hint, found)) in found.iter().enumerate() {
                let row = ui.horizontal(|ui| {
                    let row = ui.selectable_label(at == self.at, name);
                    ui.weak(hint);
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

/// Returns the entries that fit `text`, best first: name, hint, thing.
fn search<'a>(text: &str, layers: impl Iterator<Item = &'a str>) -> Vec<(String, String, Found)> {
    const MOST: usize = 40;
    let actions = Action::ALL.iter().copied().filter(|action| *action != Action::Commands);
    let commands = actions.map(|action| (action.title().to_owned(), action.about().to_owned(), Found::Do(action)));
    let panes =
        Pane::ALL.iter().copied().map(|pane| (format!("Panel: {}", pane.title()), String::new(), Found::Show(pane)));
    let layers = layers.map(|name| (format!("Layer: {name}"), String::new(), Found::Layer(name.to_owned())));
    let all = commands.chain(panes).chain(layers);
    if text.trim().is_empty() {
        return all.take(MOST).collect();
    }
    let mut finder = Finder::new(text);
    let mut scored: Vec<_> = all.filter_map(|item| Some((finder.score(&item.0)?, item))).collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().take(MOST).map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_find_their_command() {
        let layers = ["model.layers.0.self_attn.q_proj.weight", "model.layers.1.mlp.down_proj.weight"];
        let first = |text: &str| search(text, layers.into_iter()).into_iter().next().map(|(.., found)| found);
        assert_eq!(first("fit"), Some(Found::Do(Action::Fit)));
        assert_eq!(first("reset lay"), Some(Found::Do(Action::ResetLayout)));
        assert_eq!(first("histogr"), Some(Found::Show(Pane::Histogram)));
        assert_eq!(first("1 down"), Some(Found::Layer(layers[1].into())));
        assert_eq!(first("xyzzy"), None);
        assert!(search("", layers.into_iter()).len() > 20);
    }
}
