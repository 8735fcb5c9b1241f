//! The frame of a dialog.

use eframe::egui::{self, Rect};

/// The dialog's window. It stays where it is put within `room`, below the bars, and what is behind it can be looked at.
pub fn dialog_window(title: &str, room: Rect) -> egui::Window<'_> {
    // Right of the list of layers, where there is such a place.
    let left = (room.width() - 480.0).clamp(8.0, 300.0);
    let at = room.min + egui::vec2(left, 0.1 * room.height());
    egui::Window::new(title).collapsible(false).resizable(false).default_pos(at).constrain_to(room)
}
