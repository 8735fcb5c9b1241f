//! Closing the window: what was not saved is asked about before.

use crate::app::explorer::Explorer;
use crate::app::state::closing::Closing;
use crate::app::widgets::dialog::dialog_window;
use eframe::egui::{Context, Rect, ViewportCommand};

impl Explorer {
    /// Factors that nobody has saved, and runs that go on, are asked about before the window closes.
    pub(super) fn ask_before_closing(&mut self, ctx: &Context) {
        let unsaved = self.state.is_unsaved();
        let closing = &mut self.shell.closing;
        if *closing == Closing::Asked && !unsaved {
            *closing = Closing::No;
        }
        let wanted = ctx.input(|input| input.viewport().close_requested());
        if wanted && unsaved && *closing != Closing::Agreed {
            *closing = Closing::Asked;
            for command in [ViewportCommand::CancelClose, ViewportCommand::Minimized(false), ViewportCommand::Focus] {
                ctx.send_viewport_cmd(command);
            }
        }
    }

    /// Asks whether unsaved factors may be discarded.
    pub(super) fn closing_ui(&mut self, ctx: &Context, room: Rect) {
        if self.shell.closing != Closing::Asked {
            return;
        }
        let (state, closing) = (&self.state, &mut self.shell.closing);
        let runs = || state.runs.all().iter().filter(|run| run.is_unsaved());
        dialog_window("Close without saving?", room).show(ctx, |ui| {
            let end = if runs().any(|run| run.is_active()) { "; what goes on will be lost" } else { "" };
            let names: Vec<&str> = runs().map(|run| run.name.as_str()).collect();
            if !names.is_empty() {
                ui.label(format!("The factors of {} were not exported{end}.", names.join(", ")));
            }
            if state.language.is_unsaved() {
                ui.label("The compressed layers of the language model were not saved.");
            }
            if state.vision.is_unsaved() {
                ui.label("The compressed layers of the vision model were not saved.");
            }
            ui.horizontal(|ui| {
                if ui.button("Close anyway").clicked() {
                    *closing = Closing::Agreed;
                    ui.ctx().send_viewport_cmd(ViewportCommand::Close);
                }
                if ui.button("Stay").clicked() {
                    *closing = Closing::No;
                }
            });
        });
    }
}
