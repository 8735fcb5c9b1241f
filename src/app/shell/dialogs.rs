//! Windows over the panels: opening, exporting, what differs, shortcuts, the palette, closing.

use crate::app::explorer::{Closing, Explorer};
use crate::app::panels::dialogs::export::{Act, Write, window};
use crate::app::panels::dialogs::open::OpenAct;
use crate::app::state::action::Action;
use eframe::egui::{self, Context, Grid, Ui, ViewportCommand};

impl Explorer {
    /// All that are open.
    pub(in crate::app) fn dialogs(&mut self, ctx: &Context) {
        let act = match self.opening.open {
            true => window("Open").show(ctx, |ui| self.opening.ui(ui)).and_then(|shown| shown.inner.flatten()),
            false => None,
        };
        match act {
            Some(OpenAct::Open(source)) => self.loader.open(source, None),
            Some(OpenAct::BrowseFile) => self.loader.pick_file(),
            Some(OpenAct::BrowseFolder) => self.loader.pick_folder(),
            None => {}
        }
        if self.export.open {
            self.export_dialog(ctx);
        }
        let mut differences = self.run_list.differences;
        egui::Window::new("What differs").open(&mut differences).resizable(false).show(ctx, |ui| {
            self.run_list.differences_ui(ui, &self.runs, self.selected);
        });
        self.run_list.differences &= differences;
        let shortcuts =
            egui::Window::new("Shortcuts").open(&mut self.shortcuts_open).vscroll(true).default_size([560.0, 520.0]);
        shortcuts.show(ctx, shortcuts_ui);
        self.share_ui(ctx);
        let layers = self.checkpoint.clone();
        let names = layers.iter().flat_map(|checkpoint| checkpoint.layers()).map(|layer| layer.name.as_str());
        if let Some(found) = self.palette.ui(ctx, names) {
            self.found(ctx, found);
        }
    }

    fn export_dialog(&mut self, ctx: &Context) {
        let subject = self.shown().and_then(|run| run.subject.as_ref()).or(self.subject.as_ref());
        let stem = subject.map_or_else(|| "dsf".to_owned(), |subject| subject.layer.stem().to_owned());
        let no_run = self.no_run_to_write();
        let run = self.selected.and_then(|at| self.runs.get(at));
        let act = window("Export").show(ctx, |ui| self.export.ui(ui, &stem, run, no_run));
        match act.and_then(|shown| shown.inner.flatten()) {
            Some(Act::Browse(name)) => self.loader.pick_place(name),
            Some(Act::Write(wanted)) => {
                let request = self.request(wanted.what, ctx.theme() == egui::Theme::Dark);
                self.loader.write(Write { request, wanted });
            }
            None => {}
        }
    }

    /// Whether closing would lose something.
    pub(in crate::app) fn is_unsaved(&self) -> bool {
        self.runs.iter().any(|run| run.is_unsaved()) || self.language.is_unsaved()
    }

    /// Factors that nobody has saved, and runs that go on, are asked about before the window closes.
    pub(in crate::app) fn ask_before_closing(&mut self, ctx: &Context) {
        let unsaved = self.is_unsaved();
        if self.closing == Closing::Asked && !unsaved {
            self.closing = Closing::No;
        }
        let wanted = ctx.input(|input| input.viewport().close_requested());
        if wanted && unsaved && self.closing != Closing::Agreed {
            self.closing = Closing::Asked;
            for command in [ViewportCommand::CancelClose, ViewportCommand::Minimized(false), ViewportCommand::Focus] {
                ctx.send_viewport_cmd(command);
            }
        }
    }

    pub(in crate::app) fn closing_ui(&mut self, ctx: &Context) {
        let unsaved: Vec<&str> = self.runs.iter().filter(|run| run.is_unsaved()).map(|run| run.name.as_str()).collect();
        if self.closing != Closing::Asked {
            return;
        }
        let mut closing = self.closing;
        window("Close without saving?").show(ctx, |ui| {
            let going_on = self.runs.iter().any(|run| run.is_active() && run.is_unsaved());
            let end = if going_on { "; what goes on will be lost" } else { "" };
            if !unsaved.is_empty() {
                ui.label(format!("The factors of {} were not exported{end}.", unsaved.join(", ")));
            }
            if self.language.is_unsaved() {
                ui.label("The compressed layers of the language model were not saved.");
            }
            ui.horizontal(|ui| {
                if ui.button("Close anyway").clicked() {
                    closing = Closing::Agreed;
                    ui.ctx().send_viewport_cmd(ViewportCommand::Close);
                }
                if ui.button("Stay").clicked() {
                    closing = Closing::No;
                }
            });
        });
        self.closing = closing;
    }
}

fn shortcuts_ui(ui: &mut Ui) {
    Grid::new("shortcuts").num_columns(3).striped(true).show(ui, |ui| {
        for action in Action::ALL {
            let Some(shortcut) = action.shortcut() else { continue };
            ui.monospace(ui.ctx().format_shortcut(&shortcut));
            ui.label(action.name());
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
