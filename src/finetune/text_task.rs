//! What a tuning of a language model works on.

use super::settings::{Distill, Settings};
use super::subject::{Prepare, Prepared};
use super::text_loss::TextLoss;
use super::{Error, Text};
use crate::language::{LanguageModel, LayerId, Windows};
use crate::matrix::Replacement;
use std::collections::BTreeMap;

/// What a [`Tuning`](super::Tuning) of a language model works on.
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

impl Prepare for Task {
    type Subject = TextLoss;

    fn prepare(self, settings: &Settings) -> Result<Prepared<TextLoss>, Error> {
        let Task { model, layers, text, held_out, teacher } = self;
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
        Ok(Prepared { subject, layers, steps })
    }
}
