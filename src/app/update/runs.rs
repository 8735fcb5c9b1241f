//! Starting runs.

use crate::app::explorer::Explorer;
use crate::app::state::run::{Run, RunOptions};
use crate::app::state::run_spec::RunSpec;
use crate::factorize::Settings;
use eframe::egui::Context;

impl Explorer {
    /// Starts a run with the settings as they are, by a slider if `live`. What is going on ends, and goes when it was only a
    /// slider passing by. Returns whether there is a layer to run on.
    pub(in crate::app) fn start_run(&mut self, ctx: &Context, live: bool) -> bool {
        let Some((layer, problem)) = self.state.document.layer_and_problem() else { return false };
        let (runs, preferences) = (&mut self.state.runs, &self.state.preferences);
        let pressed_at = ctx.input(|input| input.pointer.press_start_time()).filter(|_| live);
        runs.make_way(pressed_at);
        let options = RunOptions { compute: preferences.compute_config(), pace: self.shell.pace, live, pressed_at };
        let spec = RunSpec::new(layer, problem, preferences.settings.clone());
        let run = Run::start(runs.next_number(), spec, options, ctx);
        let started = run.is_some();
        run.into_iter().for_each(|run| runs.add(run));
        started
    }

    /// Starts a run anew where that is a matter of a moment.
    pub(in crate::app) fn restart(&mut self, ctx: &Context) {
        if !self.state.document.is_live() || self.state.no_run().is_some() {
            return;
        }
        // Only what a slider has started gives way to a slider.
        match self.state.runs.working() {
            Some(run) => {
                let text = format!("{} goes on; the new settings are for the next run", run.name);
                self.state.messages.done(ctx, text);
            }
            None => _ = self.start_run(ctx, true),
        }
    }

    /// Takes settings for the next run, and starts it where that is a matter of a moment.
    pub(in crate::app) fn set_settings(&mut self, ctx: &Context, settings: Settings) {
        self.state.preferences.settings = settings;
        self.restart(ctx);
    }

    /// Starts the next of the runs that wait, when none goes on.
    pub(in crate::app) fn start_queued(&mut self, ctx: &Context) {
        let Some((settings, name)) = self.state.runs.next_queued() else { return };
        self.state.preferences.settings = settings;
        if self.start_run(ctx, false) {
            self.state.runs.shown_mut().into_iter().for_each(|run| run.name.clone_from(&name));
        }
    }
}
