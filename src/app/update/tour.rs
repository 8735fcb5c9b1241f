//! The scenes of the tour's cards, set in the real window.

use crate::app::explorer::Explorer;
use crate::app::state::action::Action;
use crate::app::state::loaded_layer::LoadedLayer;
use crate::app::state::pane::Pane;
use crate::app::state::tour::{VISION_CARD, points_at};
use crate::app::widgets::marks::scroll_to;
use crate::app::widgets::picture::Shade;
use crate::factorize::{Preset, Schedule, Settings, Start};
use crate::job::Command;
use crate::matrix::Arrangement;
use eframe::egui::Context;

impl Explorer {
    /// Sets the scene of the card on the table, once the example is there; whether it did.
    pub(in crate::app) fn set_tour_scene(&mut self, ctx: &Context) -> bool {
        let Some(card) = self.shell.tour.to_set() else { return false };
        let set = self.set_scene(ctx, card);
        if set {
            self.shell.tour.is_set();
            let targets = points_at(card);
            // The most important last: that is the one in front where there is no room for both.
            targets.iter().rev().for_each(|target| self.show(target.pane()));
            targets.iter().take(1).for_each(|target| scroll_to(ctx, &target.mark()));
            ctx.request_repaint();
        }
        set
    }

    /// Sets the scene that the card speaks of; returns false while the example is not there yet.
    fn set_scene(&mut self, ctx: &Context, card: usize) -> bool {
        if card == VISION_CARD {
            return self.set_vision_scene(ctx);
        }
        let document = &self.state.document;
        let is_example = document.is_example();
        if !is_example || !document.layer.as_ref().is_some_and(LoadedLayer::is_of_example) {
            if self.shell.tour.asks_for_example() && !is_example {
                self.act(ctx, Action::Example);
            }
            return false;
        }
        let fast = Settings { density: 0.25, ..Preset::Fast.settings() };
        self.show(Pane::W);
        let looks = &mut self.state.preferences.looks;
        (looks.shade, looks.arrangement) = (Shade::Value, Arrangement::Stored);
        match card {
            1 => self.run_with(ctx, Settings { density: 0.5, ..fast }),
            2 => {
                self.run_with(ctx, fast);
                self.panels.views.pin(20, 30);
            }
            3 => self.run_with(ctx, Settings { density: 0.5, outer: 20, ..Preset::Published.settings() }),
            4 => {
                // Many iterations, so that there is something left to step through.
                self.run_with(ctx, Settings { outer: 40, ..fast });
                self.state.runs.shown_mut().into_iter().for_each(|run| run.send(Command::Pause));
            }
            5 => {
                let published = Settings { density: 0.25, ..Preset::Published.settings() };
                self.pair(
                    ctx,
                    [
                        (published.clone(), "cubic ρ₀"),
                        (Settings { schedule: Schedule::None, ..published }, "no annealing"),
                    ],
                );
            }
            6 => {
                let published = Settings { density: 0.25, ..Preset::Published.settings() };
                let start = |start| Settings { start, ..published.clone() };
                self.pair(ctx, [(start(Start::Random), "random start"), (start(Start::Svd), "SVD start")]);
            }
            // Where the two dashed lines are apart: near 30 % they cross.
            7 => self.run_with(ctx, Settings { density: 0.5, ..fast }),
            _ => self.run_with(ctx, fast),
        }
        true
    }

    /// A layer of the built-in vision model with a run; returns false while it is not there yet.
    fn set_vision_scene(&mut self, ctx: &Context) -> bool {
        let state = &self.state;
        let is_open = state.vision.model().is_example()
            && state.document.layer.as_ref().is_some_and(|open| state.vision.layer_of(open).is_some());
        if !is_open {
            if self.shell.tour.asks_for_example() {
                self.open_vision_example();
            }
            return false;
        }
        self.run_with(ctx, Settings { density: 0.25, ..Preset::Fast.settings() });
        true
    }

    fn run_with(&mut self, ctx: &Context, settings: Settings) {
        self.state.runs.clear_queue();
        self.state.preferences.settings = settings;
        self.start_run(ctx, true);
    }

    /// Two runs beside each other in the list: the second begins when the first is over.
    fn pair(&mut self, ctx: &Context, runs: [(Settings, &str); 2]) {
        self.state.runs.queue(runs.into_iter().map(|(settings, name)| (settings, name.to_owned())).collect());
        self.start_queued(ctx);
    }
}
