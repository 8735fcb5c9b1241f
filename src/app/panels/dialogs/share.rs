//! A link to what is on screen.

use crate::app::panels::state::State;
use crate::app::platform::own_address;
use crate::app::state::command::Command;
use crate::app::state::link::{CAN_HIDE, Link};
use crate::app::state::pane::Pane;
use eframe::egui::{TextEdit, Ui};
use std::collections::BTreeSet;

/// The dialog's own state.
#[derive(Default)]
pub struct ShareDialog {
    /// Whether it is open.
    pub open: bool,
    /// Address of a page with this program, where it is not the page itself.
    page: String,
    hidden: BTreeSet<&'static str>,
}

impl ShareDialog {
    /// The dialog's contents. `link` makes the link to what is on screen, without these panels.
    pub fn ui(&mut self, ui: &mut Ui, state: &State, link: impl FnOnce(Vec<Pane>) -> Link) -> Option<Command> {
        let document = &state.document;
        ui.set_max_width(420.0);
        ui.label("It brings others to this layer, these settings, this view and this iteration. On layers up to 512×512 the run is made anew by itself, and is the same; a calibration is not part of it.");
        if document.checkpoint.is_some() && document.address.is_none() && !document.is_example() {
            ui.colored_label(
                ui.visuals().warn_fg_color,
                "What is open is a file of this machine: the link leads to the example. Files behind an address can be shared",
            );
        }
        if document.address.as_ref().is_some_and(|address| address.contains('?')) {
            let text = "The address of what is open has a query, which is part of the link: see that it holds no key";
            ui.colored_label(ui.visuals().warn_fg_color, text);
        }
        ui.collapsing("For a class: leave panels out", |ui| {
            for pane in CAN_HIDE {
                let mut hidden = self.hidden.contains(pane.title());
                if ui.checkbox(&mut hidden, pane.title()).changed() {
                    if hidden {
                        self.hidden.insert(pane.title())
                    } else {
                        self.hidden.remove(pane.title())
                    };
                }
            }
        });
        let hide = CAN_HIDE.into_iter().filter(|pane| self.hidden.contains(pane.title())).collect();
        let link = link(hide).write();
        let address = own_address().unwrap_or_else(|| {
            // The desktop program does not know where the page is.
            ui.label(
                "Others paste it into Open… of their DSF Explorer. With a page's address before it, it opens there.",
            );
            ui.horizontal(|ui| {
                let label = ui.label("Page");
                let field = TextEdit::singleline(&mut self.page).hint_text("https://…, if there is one");
                ui.add(field.desired_width(280.0)).labelled_by(label.id);
            });
            self.page.trim().trim_end_matches('#').to_owned()
        });
        let mut text = format!("{address}{link}");
        ui.horizontal(|ui| {
            let label = ui.label("Link");
            ui.add(TextEdit::singleline(&mut text).desired_width(280.0)).labelled_by(label.id);
            ui.button("Copy").clicked().then(|| Command::CopyLink(text.clone()))
        })
        .inner
    }
}
