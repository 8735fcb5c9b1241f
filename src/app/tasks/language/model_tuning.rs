//! Tuning the values of the compressed layers of the open model.

use super::model_state::LanguageModelState;
use super::tune::{Tune, TuneEvent};
use super::tuning::TuningWork;
use crate::app::state::hints::sentence;
use crate::app::state::tuning_curve::TuningCurve;
use crate::finetune::{Settings, Stop};
use eframe::egui::Context;

/// Held-out losses on the way, the first aside.
const LOOKS: usize = 20;

/// Tuning the values of the compressed layers.
impl LanguageModelState {
    /// The tuning that goes on, or is paused.
    pub fn tuning(&self) -> Option<&TuningWork> {
        self.tuning.as_ref()
    }

    /// Losses of the last tuning.
    pub fn tuning_curve(&self) -> &TuningCurve {
        &self.curve
    }

    /// Settings of the next tuning.
    pub fn tuning_settings(&self) -> &Settings {
        &self.tuning_settings
    }

    /// Tunes with these settings from the next time on.
    pub fn set_tuning(&mut self, settings: Settings) {
        self.tuning_settings = settings;
    }

    /// Why the layers cannot be tuned now.
    pub fn no_tuning(&self) -> Option<&'static str> {
        let Some(info) = self.info() else { return Some("no language model is open") };
        match () {
            () if info.keeps_factors => Some(
                "This model keeps its factors: dsf-explorer finetune tunes them, or open the one that they were made from",
            ),
            () if !info.calibrates => Some("Give a text first, under Text to measure on"),
            () if self.layers.is_empty() => Some("Compress layers first: what replaces them is tuned"),
            () => self.why_busy(),
        }
    }

    /// Tunes the values of the compressed layers; in a sentence why not.
    pub fn tune(&mut self, ctx: &Context, threads: Option<usize>) -> Result<(), &'static str> {
        if let Some(why) = self.no_tuning() {
            return Err(why);
        }
        let Some(model) = self.open.lazy().cloned() else { return Err("no language model is open") };
        let (layers, tensors) = (self.layers.iter().cloned().collect(), self.layers.tensors().to_vec());
        let mut settings = self.tuning_settings.clone();
        // Often enough to be watched: perplexity and story change with it.
        let steps = settings.steps.unwrap_or(Settings::STEPS);
        settings.every.get_or_insert(steps.div_ceil(LOOKS).max(1));
        let untuned = self.curve.untuned.filter(|_| self.layers.is_tuned());
        self.curve = TuningCurve { untuned, ..TuningCurve::default() };
        self.problem = None;
        self.tuning = Some(TuningWork::start(ctx, Tune { model, layers, tensors, settings, threads }));
        Ok(())
    }

    /// Pauses the tuning, or goes on with it.
    pub fn pause_tuning(&mut self, pause: bool) {
        let work = self.tuning.iter_mut();
        work.for_each(|work| if pause { work.pause() } else { work.resume() });
    }

    /// Ends the tuning; the best values so far stay.
    pub fn cancel_tuning(&mut self) {
        self.poll_tuning();
        self.tuning = None;
    }

    /// Puts the values back that were there before the tuning.
    pub fn undo_tuning(&mut self) {
        if self.tuning.is_none() && self.layers.is_tuned() {
            self.layers.undo_tuning();
            self.curve = TuningCurve::default();
        }
    }

    /// Takes in what the tuning has told.
    pub(super) fn poll_tuning(&mut self) {
        while let Some(event) = self.tuning.as_ref().and_then(TuningWork::next) {
            match event {
                TuneEvent::Stepped { steps, moment } => {
                    if self.curve.moments.is_empty() && !self.layers.is_tuned() {
                        self.curve.untuned = moment.held_out;
                    }
                    self.curve.steps = steps;
                    self.curve.moments.push(moment);
                }
                TuneEvent::Better { layers, tensors } => self.layers.tune(layers, tensors),
                TuneEvent::Ended(stopped) => {
                    self.tuning = None;
                    self.curve.stopped = stopped;
                    self.problem = stopped.and_then(problem);
                }
                TuneEvent::Failed(why) => {
                    self.tuning = None;
                    self.problem = Some(sentence(&why));
                }
            }
        }
    }
}

/// What a person should know of an early end.
fn problem(stopped: Stop) -> Option<String> {
    match stopped {
        Stop::NotFinite { step } => Some(format!(
            "After step {step} the loss was no longer a number, and the tuning has stopped: the best values so far are kept, try a smaller learning rate"
        )),
        Stop::NoBetter { .. } => None,
    }
}
