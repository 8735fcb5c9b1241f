//! Links: the place where the window is now, and going to another one.

use crate::app::explorer::Explorer;
use crate::app::panels::dialogs::share::CAN_HIDE;
use crate::app::state::link::Link;
use crate::app::state::workspace::Pane;

impl Explorer {
    /// The place where it is now, without the panels of `hide`.
    pub(in crate::app) fn link(&self, hide: Vec<Pane>) -> Link {
        let run = self.shown();
        Link {
            load: self.address.clone(),
            tensor: self.seen().map(|seen| seen.layer.name.clone()),
            settings: Some(run.and_then(|run| run.settings.clone()).unwrap_or_else(|| self.settings.clone())),
            looks: Some(self.saved.looks.clone()),
            show: self.workspace.wide().page(),
            step: run.and_then(|run| self.timeline.step(run)),
            hide,
            tour: self.tour.card().map(|(card, _)| card),
        }
    }

    /// What of a link can be done before anything is open.
    pub(in crate::app) fn follow(&mut self, link: &Link) {
        if let Some(settings) = &link.settings {
            self.settings = settings.clone();
        }
        if let Some(looks) = &link.looks {
            self.saved.looks = looks.clone();
        }
        if let Some(pane) = link.show {
            self.workspace.show(pane);
        }
        let hide: Vec<Pane> = link.hide.iter().copied().filter(|pane| CAN_HIDE.contains(pane)).collect();
        self.workspace.hide(&hide);
        self.wanted_step = link.step;
        if let Some(card) = link.tour {
            self.tour.go_to(card);
        }
    }

    /// Goes to the half-step that a link has asked for, once its run is over.
    pub(in crate::app) fn go_to_wanted_step(&mut self) {
        let Some(run) = self.selected.and_then(|at| self.runs.get(at)) else { return };
        if !run.is_active()
            && let Some(step) = self.wanted_step.take()
        {
            self.timeline.go_to(step, run);
        }
    }
}
