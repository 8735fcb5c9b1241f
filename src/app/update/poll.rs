//! How what was read or computed comes into the window.

use crate::app::explorer::{Explorer, is_small};
use crate::app::panels::language::Source;
use crate::app::platform;
use crate::app::state::factors_at::FactorsAt;
use crate::app::state::run::{Run, RunState, Subject};
use crate::app::state::series::Baselines;
use crate::app::tasks::loader::Loaded;
use crate::app::tasks::view_renderer;
use crate::language::LayerId;
use crate::model::{self, Checkpoint, Orientation};
use crate::tasks;
use eframe::egui::Context;
use std::sync::Arc;
use std::time::Duration;

/// A layer of at most so many entries is opened with its file, where there is one.
const QUICK_ENTRIES: usize = 1 << 26;

/// What the iterations of all runs together may take, in bytes; the oldest runs' go first.
const FILMS: usize = 384 << 20;

impl Explorer {
    /// Everything that has happened since the last frame.
    pub(in crate::app) fn take_in(&mut self, ctx: &Context) {
        while let Some(loaded) = self.loader.next() {
            self.take(ctx, loaded);
        }
        tasks::notices().into_iter().for_each(|text| self.messages.problem(ctx, text));
        let now = ctx.input(|input| input.time);
        let mut reached = Vec::new();
        // A deleted run's thread still has its last word.
        self.deleted.iter_mut().for_each(|run| run.poll(now, false));
        for (at, run) in self.runs.iter_mut().enumerate() {
            let was_active = run.is_active();
            run.poll(now, self.selected == Some(at));
            if was_active && !run.is_active() {
                reached.push(at);
            }
        }
        for run in &mut self.runs {
            run.notes.drain(..).for_each(|note| self.messages.note(ctx, format!("{}: {note}", run.name)));
        }
        for at in reached {
            self.run_ended(ctx, at);
        }
        self.next_queued(ctx);
        self.poll_comparison(ctx);
        self.poll_sweeps(ctx);
        self.go_to_wanted_step();
        if self.runs.iter().any(|run| run.state == RunState::Running || run.is_active() && run.cancelling) {
            // A new picture may be due without anything else happening.
            ctx.request_repaint_after(self.pace);
        }
        self.want_bench(ctx);
        self.bound_films();
        self.want_pictures(ctx);
        self.language.notes.drain(..).for_each(|note| self.messages.note(ctx, note));
        let tuned = self.tuned();
        self.language.take_in(ctx, self.threads, tuned);
    }

    fn take(&mut self, ctx: &Context, loaded: Loaded) {
        match loaded {
            Loaded::Checkpoint(checkpoint, source, tensor) => self.opened(ctx, checkpoint, source, tensor),
            Loaded::Layer(subject) => self.take_layer(ctx, subject),
            Loaded::Factors { stem, title, subject, ended } => {
                let run = Run::opened(self.next_number, stem, title, subject, ended);
                self.add(run);
            }
            Loaded::Compared(number, subject, error) => {
                if let Some(run) = self.runs.iter_mut().find(|run| run.number == number) {
                    run.title = format!("{}, against {}", run.title, subject.layer.file);
                    run.subject = Some(subject);
                    run.ended.iter_mut().for_each(|ended| ended.outcome.relative_error = error);
                }
            }
            Loaded::Picked(source) => self.loader.open(source, None),
            Loaded::PickedInputs(source, what) => self.read_inputs(source, what),
            Loaded::PickedText(source) => self.language.read_text(Some(source)),
            Loaded::Inputs(name, statistics, what) => {
                let inputs = self.subject.as_ref().map(|subject| subject.layer.weight.cols());
                if inputs != Some(statistics.inputs()) {
                    let text = format!("{name} is of another layer than the one that is open now: open it again");
                    return self.messages.problem(ctx, text);
                }
                self.inputs.take(name, statistics, what);
                self.restart(ctx);
            }
            Loaded::ModelInputs(tensor, statistics) => {
                if self.subject.as_ref().is_none_or(|subject| subject.layer.name != tensor) {
                    let text = format!("Another layer than {tensor} is open by now: its inputs are not used");
                    return self.messages.problem(ctx, text);
                }
                self.inputs.take(
                    format!("the model's text, for {tensor}"),
                    statistics,
                    crate::app::state::inputs::Use::Calibration,
                );
                self.inputs.only_for(tensor);
                self.restart(ctx);
            }
            Loaded::ModelSaved(version, written) => {
                self.language.saved(version);
                platform::hand_over(written.files);
                self.messages.done(ctx, written.said);
            }
            Loaded::Place(path) => self.export.chosen(&path),
            Loaded::Nothing => {}
            Loaded::Saved(number, written) => {
                self.export.written();
                platform::hand_over(written.files);
                if let Some(run) = self.runs.iter_mut().find(|run| Some(run.number) == number) {
                    run.exported = true;
                }
                self.messages.done(ctx, written.said);
            }
            Loaded::Problem(text) => self.messages.problem(ctx, text),
        }
    }

    fn take_layer(&mut self, ctx: &Context, subject: Subject) {
        let small = is_small(&subject);
        if self.inputs.fit(subject.layer.weight.cols(), &subject.layer.name) {
            self.messages.done(ctx, "The calibration was of another layer and is let go");
        } else if let (Some(old), true) = (&self.subject, self.inputs.calibration().is_some())
            && !old.is(&subject)
        {
            let text = format!("The calibration is still the one that was given for {}", old.layer.name);
            self.messages.done(ctx, text);
        }
        self.compare_opened(&subject);
        self.queue.clear();
        self.subject = Some(subject);
        self.select(None);
        self.views.fit();
        self.views.unpin();
        // Looking at another layer must not end a run that was asked for.
        let working = self.runs.iter().any(|run| run.is_active() && !run.live);
        if small && !working {
            self.start(ctx, true);
        }
    }

    /// Factors that were opened before their W are compared with it now.
    fn compare_opened(&mut self, subject: &Subject) {
        for run in self.runs.iter().filter(|run| run.subject.is_none()) {
            let Some(ended) = &run.ended else { continue };
            let same = run.stem.as_deref() == Some(subject.layer.stem());
            if same && ended.kept.shape() == subject.layer.weight.shape() {
                self.loader.compare(run.number, ended.kept.clone(), subject.clone());
            }
        }
    }

    fn run_ended(&mut self, ctx: &Context, at: usize) {
        let run = &self.runs[at];
        match (&run.state, run.error()) {
            (RunState::Failed(why), _) => self.messages.problem(ctx, format!("{}: {why}", run.name)),
            (_, Some(error)) if !run.live => {
                let seconds = run.ended.as_ref().map_or(0.0, |ended| ended.outcome.seconds);
                self.messages.note(ctx, format!("{}, {}: error {error:.4} after {seconds:.2} s", run.name, run.title));
            }
            _ => {}
        }
    }

    /// A file was read: it replaces the last one only now that it is known to be good.
    fn opened(
        &mut self,
        ctx: &Context,
        checkpoint: Arc<Checkpoint>,
        from: Option<model::Source>,
        tensor: Option<String>,
    ) {
        // A model's vocabulary comes first by name, and would take seconds to read.
        let quick = checkpoint.layers().find(|tensor| tensor.len() <= QUICK_ENTRIES);
        let first = quick.or(checkpoint.layers().next()).map(|tensor| tensor.name.clone());
        let stems = checkpoint.factorizations();
        self.opening.open = false;
        match (tensor, stems.first(), first) {
            (Some(name), _, _) => self.loader.layer(&checkpoint, name, Orientation::AsStored),
            (None, Some(stem), _) => self.loader.factors(&checkpoint, stem.clone(), self.subject.clone()),
            (None, None, Some(name)) => self.loader.layer(&checkpoint, name, Orientation::AsStored),
            (None, None, None) => {
                let text = format!(
                    "{} holds no layer: only 2-D and 4-D tensors of floats can be factorized",
                    checkpoint.name()
                );
                return self.messages.problem(ctx, text);
            }
        }
        self.address = from.as_ref().and_then(platform::address);
        if let Some(path) = from.as_ref().and_then(platform::remembered) {
            self.saved.opened(path);
        }
        // A matrix, or factors to look at, take nothing from the model that is open.
        if checkpoint.tensors().iter().any(|tensor| LayerId::from_tensor(&tensor.name).is_some()) && stems.is_empty() {
            self.language.open(Source { checkpoint: checkpoint.clone(), from, text: None });
        }
        self.checkpoint = Some(checkpoint);
    }

    fn want_pictures(&mut self, ctx: &Context) {
        let request = view_renderer::Request {
            layer: self.seen().map(|seen| seen.layer.clone()),
            moment: self.moment(),
            arrangement: self.saved.looks.arrangement,
        };
        let moving = self.shown().is_some_and(Run::is_active) && matches!(request.moment, FactorsAt::PackedSnapshot(_));
        let pause = if moving { self.pace } else { Duration::ZERO };
        self.showing.want(ctx, request, pause);
        // With calibration the curve is of another error, and not to be read against theirs.
        let comparable = self.shown().is_none_or(|run| !run.has_scaled_curve());
        self.baselines = match (self.seen().map(|seen| seen.layer.clone()), self.kept_by_others()) {
            (Some(layer), Some(kept)) if comparable => self.baseline_maker.want(ctx, &layer, kept),
            _ => Baselines::default(),
        };
    }

    /// The layer of the language model that the views show, and the factors in its place.
    fn tuned(&self) -> Option<(LayerId, FactorsAt)> {
        Some((self.layer_on_screen()?, self.moment()))
    }

    /// The layer of the language model that the views show.
    pub(in crate::app) fn layer_on_screen(&self) -> Option<LayerId> {
        let seen = self.seen()?;
        self.language.layer_of(seen)
    }

    /// Of the films the oldest go, but not the one that is watched.
    fn bound_films(&mut self) {
        let mut all: usize = self.snapshot_bytes();
        for (at, run) in self.runs.iter_mut().enumerate() {
            if all <= FILMS {
                return;
            }
            if self.selected != Some(at) && !run.is_active() {
                all -= run.snapshots.bytes();
                run.snapshots.clear();
            }
        }
    }
}
