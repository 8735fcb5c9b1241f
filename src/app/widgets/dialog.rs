//! The frame of a dialog.

use eframe::egui;

/// The dialog's window. It stays where it is put, and what is behind it can be looked at.
pub fn dialog_window(title: &str) -> egui::Window<'_> {
    egui::Window::new(title).collapsible(false).resizable(false).default_pos([300.0, 160.0])
}
