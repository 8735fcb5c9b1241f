//! What was read or computed since the last frame comes into the state, and what is wanted now is asked for.

use crate::app::explorer::Explorer;
use crate::app::state::factors_at::FactorsAt;
use crate::app::state::run::{Run, RunState};
use crate::app::tasks::pictures::DrawRequest;
use crate::export::error_text;
use crate::job::Backend;
use crate::tasks;
use eframe::egui::Context;
use std::time::Duration;

impl Explorer {
    /// Everything that has happened since the last frame.
    pub(in crate::app) fn poll(&mut self, ctx: &Context) {
        while let Some(loaded) = self.state.computed.loader.next() {
            self.take(ctx, loaded);
        }
        tasks::notices().into_iter().for_each(|text| self.state.messages.problem(ctx, text));
        self.poll_runs(ctx);
        self.poll_comparison(ctx);
        self.state.computed.sweeps.poll(ctx, self.state.preferences.tasks_at_once().max(1));
        self.state.runs.go_to_wanted_step();
        self.state.runs.bound_history();
        self.want_pictures(ctx);
        self.poll_small(ctx);
        self.poll_models(ctx);
    }

    fn poll_runs(&mut self, ctx: &Context) {
        let now = ctx.input(|input| input.time);
        let runs = &mut self.state.runs;
        let over = runs.poll(now);
        runs.take_notes().into_iter().for_each(|note| self.state.messages.note(ctx, note));
        over.into_iter().for_each(|at| self.run_ended(ctx, at));
        self.start_queued(ctx);
        let runs = &mut self.state.runs;
        if let Some(seconds) = runs.advance(now) {
            ctx.request_repaint_after(Duration::from_secs_f64(seconds));
        }
        if runs.is_moving() {
            // A new picture may be due without anything else happening.
            ctx.request_repaint_after(self.shell.pace);
        }
    }

    fn run_ended(&mut self, ctx: &Context, at: usize) {
        let on_screen = self.state.runs.selected() == Some(at);
        let (runs, messages) = (self.state.runs.all(), &mut self.state.messages);
        let run = &runs[at];
        match (&run.state, run.error()) {
            // The settings panel says why.
            (RunState::Failed(why), _) if on_screen => messages.note(ctx, format!("{}: {why}", run.name)),
            (RunState::Failed(why), _) => messages.problem(ctx, format!("{}: {why}", run.name)),
            (_, Some(error)) if !run.live => {
                let seconds = run.outcome.as_ref().map_or(0.0, |ended| ended.seconds);
                let (title, error) = (run.spec.title(), error_text(error, 4));
                messages.note(ctx, format!("{}, {title}: error {error} after {seconds:.2} s", run.name));
                run.notes().into_iter().for_each(|note| messages.note(ctx, format!("{}: {note}", run.name)));
            }
            _ => {}
        }
    }

    fn want_pictures(&mut self, ctx: &Context) {
        let state = &mut self.state;
        let layer = state.layer_on_screen().map(|seen| seen.layer.clone());
        let shown = state.runs.shown();
        let request = DrawRequest {
            layer: layer.clone(),
            factors: state.runs.factors_at(),
            arrangement: state.preferences.looks.arrangement,
        };
        let moving = shown.is_some_and(Run::is_active) && matches!(request.factors, FactorsAt::Snapshot(_));
        let pause = if moving { self.shell.pace } else { Duration::ZERO };
        state.computed.renderer.want(ctx, request, pause);
        let wanted = state.problem_on_screen().zip(state.kept_by_magnitude());
        state.computed.baselines.want(ctx, wanted);
    }

    /// Polls the tasks that single panels have asked for.
    fn poll_small(&mut self, ctx: &Context) {
        let state = &mut self.state;
        let (document, preferences, computed) = (&state.document, &state.preferences, &mut state.computed);
        computed.masks.poll();
        computed.speed.poll();
        computed.norms.poll(document.checkpoint.as_ref());
        if computed.adapter.is_asked() || preferences.backend != Backend::Cpu {
            computed.adapter.look(ctx);
        }
        if let Some((side, bench)) = &mut computed.bench {
            bench.want(ctx, *side, |side| crate::app::tasks::bench::Bench(*side));
        }
        let compute = preferences.compute_config();
        if let Some(found) = computed.split.poll(ctx, document.problem(), &preferences.settings, compute) {
            let settings = &mut self.state.preferences.settings;
            let before = settings.factor_density.replace(found);
            if before != Some(found) {
                self.restart(ctx);
            }
        }
    }

    fn poll_models(&mut self, ctx: &Context) {
        let state = &mut self.state;
        state.language.notes.drain(..).for_each(|note| state.messages.note(ctx, note));
        let on_screen = state.model_layer_and_factors();
        let kept = state.kept_by_magnitude();
        state.language.poll(ctx, state.preferences.threads, on_screen, kept);
        state.vision.notes.drain(..).for_each(|note| state.messages.note(ctx, note));
        let on_screen = state.network_layer_on_screen().map(|layer| (layer, state.runs.factors_at()));
        state.vision.poll(ctx, state.preferences.threads, on_screen, kept);
    }
}
