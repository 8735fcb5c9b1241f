//! A tuning of a language model, step by step.

use super::machine::Machine;
use super::settings::{Distill, Settings};
use super::state::{Moment, Stop};
use super::text_loss::TextLoss;
use super::tuned::{Progress, Tuned};
use super::{Error, Text};
use crate::language::{LanguageModel, LayerId, Windows};
use crate::matrix::Replacement;
use std::collections::BTreeMap;

/// A tuning of a language model: a machine of single steps, without threads or a clock of its own.
///
/// The first call of [`Tuning::step`] measures the held-out loss of the values as they are; each further one takes a step on
/// one batch, and measures again where that is due. The values with the lowest held-out loss are the result.
pub struct Tuning(Machine<TextLoss>);

/// What a tuning works on.
pub struct Task {
    /// The compressed model, its layers dense or as they are stored.
    pub model: LanguageModel,
    /// What stands in the places of the layers to tune.
    pub layers: BTreeMap<LayerId, Replacement>,
    /// The text to train on.
    pub text: Text,
    /// Windows of a text that is not trained on.
    pub held_out: Windows,
    /// The model to learn from, of a distillation.
    pub teacher: Option<LanguageModel>,
}

impl Tuning {
    /// Checks the settings, and prepares the first step.
    pub fn new(task: Task, settings: Settings) -> Result<Self, Error> {
        settings.check()?;
        let Task { model, layers, text, held_out, teacher } = task;
        let config = model.config();
        if layers.is_empty() {
            return Err(Error::NothingSparse { model: model.name().to_owned() });
        }
        for (&id, replacement) in &layers {
            let (found, shape) = (replacement.shape(), model.shape(id));
            if found != shape {
                return Err(Error::Shape { tensor: config.tensor(id), found, shape });
            }
        }
        let context = settings.context_of(config.most_positions());
        let steps = settings.steps_on(text.windows(context))?;
        // Whether the text is long enough, and its tokens are the model's.
        text.batch(&model, &Settings { batch: 1, ..settings.clone() }, context, 0)?;
        if teacher.is_some() != (settings.distill == Distill::Logits) {
            return Err(Error::NoTeacher);
        }
        let subject = TextLoss::new(model, (text, held_out), teacher, settings.clone(), context)?;
        Ok(Self(Machine::new(subject, &layers, settings, steps)))
    }

    /// Number of all steps.
    pub fn steps(&self) -> usize {
        self.0.steps()
    }

    /// Steps that are done.
    pub fn done(&self) -> usize {
        self.0.state.step
    }

    /// Losses step by step.
    pub fn history(&self) -> &[Moment] {
        &self.0.state.history
    }

    /// Why it ended, if before the last step.
    pub fn stopped(&self) -> Option<Stop> {
        self.0.state.stop
    }

    /// Takes the next step; `None` when all are done, or it has stopped before.
    pub fn step(&mut self) -> Result<Option<Progress>, Error> {
        self.0.step()
    }

    /// All that changes from step to step, as bytes for [`Tuning::restore`].
    pub fn save(&self) -> Result<Vec<u8>, Error> {
        self.0.save()
    }

    /// Goes on from what [`Tuning::save`] gave for the same task and settings.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.restore(bytes)
    }

    /// The values with the best held-out loss so far, to look at before the end: what stands in the layers' places, and tensors
    /// that are trained beside them, by name.
    pub fn best(&self) -> (BTreeMap<LayerId, Replacement>, BTreeMap<String, Vec<f32>>) {
        let best = self.0.state.parameters.best();
        (best.layers(), best.values_of_tensors())
    }

    /// Ends it: the values with the best held-out loss.
    pub fn finish(self) -> Result<Tuned, Error> {
        self.0.finish()
    }
}
