//! The tuning of the open model: its settings, what goes on, what became of the losses.

use super::tune::{KeyOf, Tune, TuneEvent, TunedSource};
use super::work::TuningWork;
use crate::app::state::compressed_layers::CompressedLayers;
use crate::app::state::hints::sentence;
use crate::app::state::tuning_command::TuningCommand;
use crate::app::state::tuning_curve::TuningCurve;
use crate::finetune::{Settings, Stop};
use crate::tasks::Lazy;
use eframe::egui::Context;
use std::sync::Arc;

/// Held-out losses on the way, the first aside.
const LOOKS: usize = 20;

/// The tuning of the compressed layers of a model.
pub struct ModelTuning<S: TunedSource> {
    settings: Settings,
    work: Option<TuningWork<S>>,
    curve: TuningCurve,
}

impl<S: TunedSource> Default for ModelTuning<S> {
    fn default() -> Self {
        Self { settings: S::tuning_settings(), work: None, curve: TuningCurve::default() }
    }
}

impl<S: TunedSource> ModelTuning<S> {
    /// The tuning that goes on, or is paused.
    pub fn work(&self) -> Option<&TuningWork<S>> {
        self.work.as_ref()
    }

    /// Losses of the last tuning of the layers as they are.
    pub fn curve(&self) -> &TuningCurve {
        &self.curve
    }

    /// Settings of the next tuning.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Why layers cannot be changed while it goes on.
    pub fn why_busy(&self) -> Option<&'static str> {
        self.work.as_ref().map(|work| match work.is_paused() {
            true => "Tuning is paused: go on with it, or cancel it",
            false => "Values are being tuned",
        })
    }

    /// Where it stands, in a word for a program that drives the window.
    pub fn state(&self) -> Option<&'static str> {
        self.work.as_ref().map(|work| if work.is_paused() { "paused" } else { "going" })
    }

    /// Does what is asked for. `model` is what is tuned, or in a sentence why nothing can be now; `layers` are its compressed
    /// layers, `problem` is for why a tuning has ended.
    pub fn perform(
        &mut self,
        (ctx, threads): (&Context, Option<usize>),
        command: TuningCommand,
        model: Result<Arc<Lazy<S>>, &'static str>,
        layers: &mut CompressedLayers<KeyOf<S>>,
        problem: &mut Option<String>,
    ) -> Result<(), &'static str> {
        match command {
            TuningCommand::Set(settings) => self.settings = *settings,
            TuningCommand::Start => {
                let (model, settings) = (model?, self.watched_settings());
                let (compressed, tensors) = (layers.iter().cloned().collect(), layers.tensors());
                let untuned = self.curve.untuned.filter(|_| layers.is_tuned());
                (self.curve, *problem) = (TuningCurve { untuned, ..TuningCurve::default() }, None);
                self.work =
                    Some(TuningWork::start(ctx, Tune { model, layers: compressed, tensors, settings, threads }));
            }
            TuningCommand::Pause => self.work.iter_mut().for_each(TuningWork::pause),
            TuningCommand::Resume => self.work.iter_mut().for_each(TuningWork::resume),
            TuningCommand::Cancel => self.end(layers, problem),
            TuningCommand::Undo => {
                if self.work.is_none() && layers.is_tuned() {
                    layers.undo_tuning();
                    self.forget();
                }
            }
        }
        Ok(())
    }

    /// The settings, with held-out losses often enough to be watched: what the page shows changes with them.
    fn watched_settings(&self) -> Settings {
        let mut settings = self.settings.clone();
        if settings.epochs.is_none() {
            let steps = settings.steps.unwrap_or(Settings::STEPS);
            settings.every.get_or_insert(steps.div_ceil(LOOKS).max(1));
        }
        settings
    }

    /// Ends it; the best values so far stay.
    pub fn end(&mut self, layers: &mut CompressedLayers<KeyOf<S>>, problem: &mut Option<String>) {
        self.poll(layers, problem);
        self.discard();
    }

    /// Ends it, with what it has not told yet.
    pub fn discard(&mut self) {
        self.work = None;
    }

    /// Forgets the losses: the layers are not those of the last tuning any more.
    pub fn forget(&mut self) {
        self.curve = TuningCurve::default();
    }

    /// Takes in what the tuning has told.
    pub fn poll(&mut self, layers: &mut CompressedLayers<KeyOf<S>>, problem: &mut Option<String>) {
        while let Some(event) = self.work.as_ref().and_then(TuningWork::next) {
            match event {
                TuneEvent::Stepped { steps, moment } => {
                    if self.curve.moments.is_empty() && !layers.is_tuned() {
                        self.curve.untuned = Some(moment);
                    }
                    self.curve.steps = steps;
                    self.curve.moments.push(moment);
                }
                TuneEvent::Better { layers: better, tensors } => layers.tune(better, tensors),
                TuneEvent::Ended(stopped) => {
                    self.work = None;
                    self.curve.stopped = stopped;
                    *problem = stopped.and_then(said_of);
                }
                TuneEvent::Failed(why) => {
                    self.work = None;
                    *problem = Some(sentence(&why));
                }
            }
        }
    }
}

/// What a person should know of an early end.
fn said_of(stopped: Stop) -> Option<String> {
    match stopped {
        Stop::NotFinite { step } => Some(format!(
            "After step {step} the loss was no longer a number, and the tuning has stopped: the best values so far are kept, try a smaller learning rate"
        )),
        Stop::NoBetter { .. } => None,
    }
}
