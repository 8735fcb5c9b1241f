//! The bar below the panels: which iteration is on screen, and what the machine is doing.

use crate::app::explorer::Explorer;
use crate::app::panels::device::device_ui;
use crate::app::panels::timeline::timeline_ui;
use eframe::egui::{Align, Layout, Ui};

impl Explorer {
    /// The iteration on screen, what runs are computed on, and what is kept.
    pub(super) fn status_ui(&mut self, ui: &mut Ui) {
        let mut commands = Vec::new();
        let (state, shell) = (&self.state, &self.shell);
        ui.horizontal(|ui| {
            commands.extend(timeline_ui(ui, state));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let drawn = shell.drawn_by.as_deref().unwrap_or("nothing: no graphics adapter");
                let instead = crate::tasks::why_no_gpu().map_or(String::new(), |why| format!("; {why}"));
                commands.extend(device_ui(ui, state, &format!("The window is drawn by {drawn}{instead}")));
                if state.preferences.frame_times {
                    ui.weak(shell.frame_times.summary()).on_hover_text("CPU time of the last frames");
                }
                if state.runs.all().len() > 1 {
                    let megabytes = state.runs.snapshot_bytes() as f64 / 1e6;
                    ui.weak(format!("all runs {megabytes:.0} MB"))
                        .on_hover_text("What the iterations of all runs take");
                }
            });
        });
        commands.into_iter().for_each(|command| self.perform(ui.ctx(), command));
    }
}
