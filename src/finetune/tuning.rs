//! A tuning, step by step, whatever is tuned.

use super::Error;
use super::optimizer::Optimizer;
use super::parameters::{Name, Parameters, norm};
use super::rate::Rate;
use super::settings::Settings;
use super::state::{Best, HeldOut, Moment, Restart, State, Stop};
use super::subject::{Prepare, Prepared, Slope, Subject};
use super::text_loss::TextLoss;
use super::tuned::{Progress, Tuned};
use crate::matrix::Replacement;
use crate::{language, vision};
use std::collections::BTreeMap;

/// A tuning of a language model, or as a [`VisionTuning`](super::VisionTuning) of a vision model: a machine of single steps,
/// without threads or a clock of its own.
///
/// The first call of [`Tuning::step`] measures the held-out loss of the values as they are; each further one takes a step on
/// one batch, and measures again where that is due. The values with the lowest held-out loss are the result. Where the
/// settings leave the learning rate open and the loss is above that of the untuned values, or no number, before it was ever
/// below, it goes back to these and on at a quarter of the rate.
pub struct Tuning<S: Subject = TextLoss> {
    pub(super) subject: S,
    settings: Settings,
    optimizer: Optimizer,
    rate: Rate,
    steps: usize,
    pub(super) state: State<S::Key>,
}

impl<S: Subject> Tuning<S> {
    /// Checks the settings and what is tuned, and prepares the first step.
    pub fn new(task: impl Prepare<Subject = S>, settings: Settings) -> Result<Self, Error> {
        settings.check()?;
        let Prepared { subject, layers, steps } = task.prepare(&settings)?;
        let (optimizer, rate) = (Optimizer::new(&settings), Rate::new(&settings, steps));
        Ok(Self { subject, settings, optimizer, rate, steps, state: State::new(Parameters::of_layers(layers)) })
    }

    /// Number of all steps.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Steps that are done.
    pub fn done(&self) -> usize {
        self.state.step
    }

    /// Losses step by step.
    pub fn history(&self) -> &[Moment] {
        &self.state.history
    }

    /// Why it ended, if before the last step.
    pub fn stopped(&self) -> Option<Stop> {
        self.state.stop
    }

    /// Takes the next step; `None` when all are done, or it has stopped before.
    pub fn step(&mut self) -> Result<Option<Progress>, Error> {
        if self.state.stop.is_some() || (self.state.step == self.steps && self.state.best.is_some()) {
            return Ok(None);
        }
        let mut progress = Progress::new(self.steps);
        if self.state.best.is_none() {
            let held_out = self.subject.held_out(&self.state.parameters)?;
            self.state.best = Some(Best { step: 0, held_out, since: 0 });
            self.state.history.push(Moment::first(held_out));
            progress.measured(held_out);
        } else {
            match self.advance(&mut progress) {
                Err(error) if is_not_finite(&error) => self.diverged(&mut progress),
                advanced => advanced?,
            }
        }
        (progress.step, progress.stopped) = (self.state.step, self.state.stop);
        progress.best = self.state.best.map_or(f64::INFINITY, |best| best.held_out.loss);
        Ok(Some(progress))
    }

    /// A step on a batch, and what is measured after it.
    fn advance(&mut self, progress: &mut Progress) -> Result<(), Error> {
        let step = self.state.step;
        let Slope { loss, mut gradients, batch } = self.subject.slope(&self.state.parameters, step)?;
        let norm = norm(&gradients);
        if !(loss.is_finite() && norm.is_finite()) {
            self.diverged(progress);
            return Ok(());
        }
        (progress.loss, progress.gradient_norm) = (Some(loss), Some(norm));
        let clip = self.settings.clip;
        let scale = if clip > 0.0 && norm > clip { clip / norm } else { 1.0 };
        let restart = self.state.restart;
        let rate = self.rate.at(step) * restart.share();
        self.discover(gradients.keys(), &batch)?;
        let decay = self.settings.weight_decay();
        self.state.parameters.update(&self.optimizer, (&mut gradients, scale), (rate, decay), step - restart.step);
        self.state.parameters.follow(&batch);
        self.subject.apply(&self.state.parameters);
        self.state.step += 1;
        let mut moment = Moment { step: step + 1, loss: Some(loss), rate, held_out: None, accuracy: None };
        let every = self.settings.every_of(self.steps);
        let due = self.state.step.is_multiple_of(every) || self.state.step == self.steps;
        let measured = due.then(|| self.subject.held_out(&self.state.parameters)).transpose();
        if let Ok(Some(held_out)) = measured {
            (moment.held_out, moment.accuracy) = (Some(held_out.loss), held_out.accuracy);
            progress.measured(held_out);
            progress.restarted = self.judge(held_out);
        }
        self.state.history.push(moment);
        measured.map(drop)
    }

    /// Takes up tensors that are seen for the first time.
    fn discover<'a>(
        &mut self,
        gradients: impl Iterator<Item = &'a Name<S::Key>>,
        batch: &BTreeMap<String, Vec<f32>>,
    ) -> Result<(), Error>
    where
        S::Key: 'a,
    {
        let of_gradient = |name: &'a Name<S::Key>| match name {
            Name::Tensor(tensor) => Some(tensor),
            Name::Layer(_) => None,
        };
        for tensor in gradients.filter_map(of_gradient).chain(batch.keys()) {
            let name = Name::Tensor(tensor.clone());
            if !self.state.parameters.0.contains_key(&name) {
                let parameter = self.subject.tensor(tensor)?;
                self.state.parameters.0.insert(name, parameter);
            }
        }
        Ok(())
    }

    /// Keeps the values if they are the best so far, and stops if they have not been for too long. Says whether it went back to
    /// the untuned values.
    fn judge(&mut self, held_out: HeldOut) -> bool {
        let (step, left) = (self.state.step, self.state.step < self.steps);
        let Some(best) = &mut self.state.best else { return false };
        if held_out.loss < best.held_out.loss {
            *best = Best { step, held_out, since: 0 };
            self.state.parameters.keep_best();
            return false;
        }
        // By a rate that suits models of which much was taken, one that lost little gets worse.
        if held_out.loss > best.held_out.loss && self.may_restart() {
            self.restart();
            return true;
        }
        let Some(best) = &mut self.state.best else { return false };
        best.since += 1;
        if self.settings.patience.is_some_and(|patience| best.since >= patience) && left {
            self.state.stop = Some(Stop::NoBetter { step });
        }
        false
    }

    /// A loss, or a gradient, is no number: goes back to the untuned values, or stops.
    fn diverged(&mut self, progress: &mut Progress) {
        let step = self.state.step;
        // Not again where the untuned values have just begun.
        if step > self.state.restart.step && self.may_restart() {
            self.restart();
            progress.restarted = true;
        } else {
            self.state.stop = Some(Stop::NotFinite { step });
        }
    }

    /// Whether the learning rate is not given, nothing was ever better than the untuned values, and steps are left.
    fn may_restart(&self) -> bool {
        let never_better = self.state.best.is_some_and(|best| best.step == 0);
        never_better && self.state.step < self.steps && self.settings.learning_rate.is_none()
    }

    /// Back to the untuned values, and on at a quarter of the rate.
    fn restart(&mut self) {
        self.state.restart = Restart { count: self.state.restart.count + 1, step: self.state.step };
        if let Some(best) = &mut self.state.best {
            best.since = 0;
        }
        self.state.parameters.restart();
        self.subject.apply(&self.state.parameters);
    }

    /// The values with the best held-out loss so far, to look at before the end: what stands in the layers' places, and tensors
    /// that are trained beside them, by name.
    pub fn best(&self) -> (BTreeMap<S::Key, Replacement>, BTreeMap<String, Vec<f32>>) {
        self.state.parameters.best().into_parts()
    }

    /// Ends it: the values with the best held-out loss.
    pub fn finish(mut self) -> Result<Tuned<S::Key>, Error> {
        let first = self.state.history.first();
        let before = match first.and_then(|moment| Some((moment.held_out?, moment.accuracy))) {
            Some((loss, accuracy)) => HeldOut { loss, accuracy },
            None => self.subject.held_out(&self.state.parameters)?,
        };
        let loss_before = match self.state.history.get(1).and_then(|moment| moment.loss) {
            Some(loss) => loss,
            None => self.subject.batch_loss(&self.state.parameters, 0)?,
        };
        let nnz_before = self.state.parameters.entries_of_layers();
        self.state.parameters.restore_best();
        // What only further steps need goes first: the layers take as much again.
        self.state.parameters.forget();
        self.subject.apply(&self.state.parameters);
        let loss_after = self.subject.batch_loss(&self.state.parameters, 0)?;
        let (layers, tensors) = self.state.parameters.into_parts();
        let best = self.state.best.unwrap_or(Best { step: 0, held_out: before, since: 0 });
        Ok(Tuned {
            nnz_before,
            nnz_after: layers.values().map(Replacement::entries).sum(),
            layers,
            tensors,
            steps: self.state.step,
            best_step: best.step,
            stopped: self.state.stop,
            loss_before,
            loss_after,
            held_out_before: before.loss,
            held_out_after: best.held_out.loss,
            accuracy_before: before.accuracy,
            accuracy_after: best.held_out.accuracy,
            history: self.state.history,
        })
    }
}

fn is_not_finite(error: &Error) -> bool {
    use language::Error as Of;
    match error {
        Error::Language(error) => matches!(error, Of::NotFinite { .. } | Of::LossNotFinite),
        Error::Vision(error) => matches!(error, vision::Error::NotFinite { .. }),
        _ => false,
    }
}
