//! The bar below the panels: which iteration is on screen, and what the machine is doing.

use crate::app::explorer::Explorer;
use crate::app::panels::device::device_ui;
use crate::app::panels::timeline::timeline_ui;
use crate::app::state::command::Command;
use eframe::egui::{Align, Layout, Ui};

/// Points that a text about memory or time needs.
const TEXT: f32 = 140.0;

impl Explorer {
    /// The iteration on screen, what runs are computed on, and what is kept; on a phone in two lines.
    pub(super) fn status_ui(&mut self, ui: &mut Ui) {
        let mut commands = Vec::new();
        if self.shell.workspace.is_narrow() {
            ui.horizontal(|ui| commands.extend(timeline_ui(ui, &self.state, true)));
            // From the left: the menu opens to the right of its button.
            ui.horizontal(|ui| commands.extend(self.machine_ui(ui)));
        } else {
            ui.horizontal(|ui| {
                commands.extend(timeline_ui(ui, &self.state, false));
                let machine = |ui: &mut Ui| self.machine_ui(ui);
                commands.extend(ui.with_layout(Layout::right_to_left(Align::Center), machine).inner);
            });
        }
        commands.into_iter().for_each(|command| self.perform(ui.ctx(), command));
    }

    /// What runs are computed on; what frames and runs take, where there is room to say so.
    fn machine_ui(&self, ui: &mut Ui) -> Option<Command> {
        let (state, shell) = (&self.state, &self.shell);
        let drawn = shell.drawn_by.as_deref().unwrap_or("nothing: no graphics adapter");
        let instead = crate::tasks::why_no_gpu().map_or(String::new(), |why| format!("; {why}"));
        let command = device_ui(ui, state, &format!("The window is drawn by {drawn}{instead}"));
        if state.preferences.frame_times && ui.available_width() > TEXT {
            ui.weak(shell.frame_times.summary()).on_hover_text("CPU time of the last frames");
        }
        if state.runs.all().len() > 1 && ui.available_width() > TEXT {
            let megabytes = state.runs.snapshot_bytes() as f64 / 1e6;
            ui.weak(format!("all runs {megabytes:.0} MB")).on_hover_text("What the iterations of all runs take");
        }
        command
    }
}
