//! A link to what is on screen.

use crate::app::explorer::Explorer;
use crate::app::platform::own_address;
use crate::app::state::workspace::Pane;
use eframe::egui::{Context, TextEdit, Ui, Window};
use std::collections::BTreeSet;

/// Panels that a class can do without.
pub const CAN_HIDE: [Pane; 6] = [Pane::Layers, Pane::Settings, Pane::Paths, Pane::Curves, Pane::Runs, Pane::Model];

/// The dialog's own state.
#[derive(Default)]
pub struct SharePanel {
    /// Whether it is open.
    pub open: bool,
    hidden: BTreeSet<&'static str>,
}

impl Explorer {
    pub(in crate::app) fn share_ui(&mut self, ctx: &Context) {
        let mut open = self.share.open;
        Window::new("Link to this").open(&mut open).resizable(false).show(ctx, |ui| self.link_ui(ui));
        self.share.open &= open;
    }

    fn link_ui(&mut self, ui: &mut Ui) {
        ui.set_max_width(420.0);
        ui.label("It brings others to this layer, these settings, this view and this iteration. On layers up to 512×512 the run is made anew by itself, and is the same; a calibration is not part of it.");
        if self.checkpoint.is_some() && self.address.is_none() && !self.is_example() {
            ui.colored_label(
                ui.visuals().warn_fg_color,
                "What is open is a file of this machine: the link leads to the example. Files behind an address can be shared",
            );
        }
        if self.address.as_ref().is_some_and(|address| address.contains('?')) {
            let text = "The address of what is open has a query, which is part of the link: see that it holds no key";
            ui.colored_label(ui.visuals().warn_fg_color, text);
        }
        ui.collapsing("For a class: leave panels out", |ui| {
            for pane in CAN_HIDE {
                let mut hidden = self.share.hidden.contains(pane.name());
                if ui.checkbox(&mut hidden, pane.name()).changed() {
                    if hidden {
                        self.share.hidden.insert(pane.name())
                    } else {
                        self.share.hidden.remove(pane.name())
                    };
                }
            }
        });
        let hide = CAN_HIDE.into_iter().filter(|pane| self.share.hidden.contains(pane.name())).collect();
        let link = self.link(hide).write();
        // The desktop program does not know where the page is.
        let address = own_address();
        let mut text = format!("{}{link}", address.as_deref().unwrap_or_default());
        if address.is_none() {
            ui.weak("To stand after the address of a page with DSF Explorer");
        }
        ui.horizontal(|ui| {
            let label = ui.label("Link");
            ui.add(TextEdit::singleline(&mut text).desired_width(280.0)).labelled_by(label.id);
            if ui.button("Copy").clicked() {
                ui.ctx().copy_text(text.clone());
                self.messages.done(ui.ctx(), "The link is in the clipboard");
            }
        });
    }

    /// Whether the built-in checkpoint is open.
    pub(in crate::app) fn is_example(&self) -> bool {
        self.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.name() == crate::model::EXAMPLE_NAME)
    }
}
