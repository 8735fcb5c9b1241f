//! Links: the place where the window is now, and going to another one.

use crate::app::explorer::Explorer;
use crate::app::platform;
use crate::app::state::link::{CAN_HIDE, Link};
use crate::app::state::pane::Pane;
use eframe::egui::Context;

impl Explorer {
    /// The place where it is now, without the panels of `hide`.
    pub(in crate::app) fn link(&self, hide: Vec<Pane>) -> Link {
        let (state, shell) = (&self.state, &self.shell);
        let settings = state.runs.shown().and_then(|run| run.spec.settings.clone());
        Link {
            load: state.document.address.clone(),
            tensor: state.layer_on_screen().map(|seen| seen.layer.name.clone()),
            settings: Some(settings.unwrap_or_else(|| state.preferences.settings.clone())),
            looks: Some(state.preferences.looks.clone()),
            show: shell.workspace.wide().page(),
            step: state.runs.step(),
            hide,
            tour: shell.tour.card().map(|(card, _)| card),
        }
    }

    /// Does what the link asks for that the window began with, as far as it can be done before anything is open.
    pub(in crate::app) fn follow_first_link(&mut self) {
        if let Some(link) = self.state.document.beginning.link.clone() {
            self.set_up(link);
        }
    }

    /// Follows a link that somebody has sent; the runs so far stay.
    pub(super) fn follow(&mut self, ctx: &Context, link: Link) {
        let (load, tensor) = (link.load.clone(), link.tensor.clone());
        let source = match load.as_deref().map(platform::linked) {
            Some(None) => {
                let load = load.unwrap_or_default();
                let text =
                    format!("The link leads to {load}, which only a page can open: download it, and open the file");
                return self.state.messages.problem(ctx, text);
            }
            source => source.flatten(),
        };
        self.set_up(link);
        self.shell.dialogs.open.open = false;
        let loader = &mut self.state.computed.loader;
        match source {
            Some(source) => loader.open(source, tensor),
            None => loader.open_example(tensor),
        }
    }

    fn set_up(&mut self, link: Link) {
        let preferences = &mut self.state.preferences;
        link.settings.into_iter().for_each(|settings| preferences.settings = settings);
        link.looks.into_iter().for_each(|looks| preferences.looks = looks);
        let workspace = &mut self.shell.workspace;
        link.show.into_iter().for_each(|pane| workspace.show(pane));
        let hide: Vec<Pane> = link.hide.into_iter().filter(|pane| CAN_HIDE.contains(pane)).collect();
        workspace.hide(&hide);
        self.state.runs.want_step(link.step);
        link.tour.into_iter().for_each(|card| self.shell.tour.go_to(card));
    }
}
