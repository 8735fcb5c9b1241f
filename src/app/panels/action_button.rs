//! A button for an action.

use crate::app::state::action::Action;
use crate::app::widgets::marks::mark;
use eframe::egui::{Button, Response, Ui};

/// A button for an action: its keys in the hint, and why it cannot be pressed if it cannot.
pub fn action_button(ui: &mut Ui, action: Action, label: &str, why_not: Option<String>) -> Response {
    let keys = action.shortcut().map(|shortcut| format!(" ({})", ui.ctx().format_shortcut(&shortcut)));
    let hint = format!("{}{}", action.about(), keys.unwrap_or_default());
    let button = ui.add_enabled(why_not.is_none(), Button::new(label));
    mark(ui, &action.mark(), button.rect);
    button.on_hover_text(hint).on_disabled_hover_text(why_not.unwrap_or_default())
}
