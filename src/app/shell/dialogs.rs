//! Windows over the panels: opening, exporting, what differs, shortcuts, the link, the palette.

use crate::Named;
use crate::app::explorer::Explorer;
use crate::app::state::action::Action;
use crate::app::state::command::Command;
use crate::app::widgets::dialog::dialog_window;
use crate::app::widgets::regions::region;
use eframe::egui::{Context, Grid, Rect, Ui, vec2};

impl Explorer {
    /// All that are open.
    pub(super) fn dialogs(&mut self, ctx: &Context, room: Rect) {
        let mut commands = Vec::new();
        let (state, dialogs) = (&self.state, &mut self.shell.dialogs);
        if dialogs.open.open {
            let shown = dialog_window("Open", room).show(ctx, |ui| region(ui, "Open dialog", |ui| dialogs.open.ui(ui)));
            commands.extend(shown.and_then(|shown| shown.inner.flatten()));
        }
        if dialogs.export.open {
            let shown = dialog_window("Export", room)
                .show(ctx, |ui| region(ui, "Export dialog", |ui| dialogs.export.ui(ui, state)));
            commands.extend(shown.and_then(|shown| shown.inner.flatten()));
        }
        let window = dialog_window("Shortcuts", room).open(&mut dialogs.shortcuts).resizable(true).scroll(true);
        let size = (room.size() - vec2(40.0, 60.0)).min(vec2(620.0, 520.0));
        window.default_size(size).show(ctx, |ui| region(ui, "Shortcuts dialog", shortcuts_ui));
        commands.extend(self.share_ui(ctx, room));
        commands.extend(self.shell.dialogs.palette.ui(ctx, &self.state));
        commands.into_iter().for_each(|command| self.perform(ctx, command));
    }

    fn share_ui(&mut self, ctx: &Context, room: Rect) -> Option<Command> {
        let mut dialog = std::mem::take(&mut self.shell.dialogs.share);
        let mut open = dialog.open;
        let window = dialog_window("Link to this", room).open(&mut open);
        let shown = window.show(ctx, |ui| dialog.ui(ui, &self.state, |hide| self.link(hide)));
        dialog.open &= open;
        self.shell.dialogs.share = dialog;
        shown.and_then(|shown| shown.inner.flatten())
    }
}

fn shortcuts_ui(ui: &mut Ui) {
    Grid::new("shortcuts").num_columns(3).striped(true).show(ui, |ui| {
        for &action in Action::ALL {
            let Some(shortcut) = action.shortcut() else { continue };
            ui.monospace(ui.ctx().format_shortcut(&shortcut));
            ui.label(action.title());
            ui.weak(action.about());
            ui.end_row();
        }
        for (what, name, about) in [
            ("Tab", "Next control", "Shift+Tab: the one before; what is out of sight comes into view"),
            ("↑ ↓ Home End", "Rows", "Of the layers, one stop for Tab: Enter opens the layer"),
            ("→ ←", "Open, close", "A branch of the tree of layers; ← goes to what a layer is in"),
            ("PageUp, PageDown", "Scroll", "The panel that has the keyboard as a whole"),
            ("Ctrl+K density 0.3", "Set", "Any setting, by its name and a value"),
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
