//! Windows over the panels: opening, exporting, what differs, shortcuts, the link, the palette.

use crate::Named;
use crate::app::explorer::Explorer;
use crate::app::state::action::Action;
use crate::app::state::command::Command;
use crate::app::widgets::dialog::dialog_window;
use eframe::egui::{Context, Grid, Ui, Window};

impl Explorer {
    /// All that are open.
    pub(super) fn dialogs(&mut self, ctx: &Context) {
        let mut commands = Vec::new();
        let (state, dialogs) = (&self.state, &mut self.shell.dialogs);
        if dialogs.open.open {
            let shown = dialog_window("Open").show(ctx, |ui| dialogs.open.ui(ui));
            commands.extend(shown.and_then(|shown| shown.inner.flatten()));
        }
        if dialogs.export.open {
            let shown = dialog_window("Export").show(ctx, |ui| dialogs.export.ui(ui, state));
            commands.extend(shown.and_then(|shown| shown.inner.flatten()));
        }
        let window = Window::new("Shortcuts").open(&mut dialogs.shortcuts).vscroll(true).default_size([560.0, 520.0]);
        window.show(ctx, shortcuts_ui);
        commands.extend(self.share_ui(ctx));
        commands.extend(self.shell.dialogs.palette.ui(ctx, &self.state));
        commands.into_iter().for_each(|command| self.perform(ctx, command));
    }

    fn share_ui(&mut self, ctx: &Context) -> Option<Command> {
        let mut dialog = std::mem::take(&mut self.shell.dialogs.share);
        let mut open = dialog.open;
        let window = Window::new("Link to this").open(&mut open).resizable(false);
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
