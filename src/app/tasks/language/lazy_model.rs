//! A language model with its texts, read on each side that works with it.

use super::eval_set::{EvalSet, LanguageSource, ModelInfo};
use crate::app::tasks::whole_model::open_model::ModelSource;
use crate::hint::Failure;
use crate::model::{Checkpoint, Source};
use crate::tasks::{Lazy, Queue, SilentTask, shared};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A model with its texts: read on each side that works with it.
pub type LazyModel = Lazy<LanguageSource>;

/// The model and its texts, read if they are not yet.
pub fn eval_set(opened: &LazyModel) -> Result<&EvalSet, Failure> {
    opened.get().as_ref().map_err(Clone::clone)
}

/// Reads the model; what the panels need of it.
#[derive(Serialize, Deserialize)]
pub struct Read(#[serde(with = "shared")] pub Arc<LazyModel>);

impl SilentTask for Read {
    const NAME: &'static str = "read model";
    const QUEUE: Queue = Queue::Language;
    type Output = Result<ModelInfo, Failure>;

    fn make(self) -> Self::Output {
        eval_set(&self.0).map(ModelInfo::of)
    }
}

impl ModelSource for LanguageSource {
    type Info = ModelInfo;
    type Read = Read;

    fn reading(lazy: Arc<LazyModel>) -> Read {
        Read(lazy)
    }

    fn with_data(self, text: Option<Source>) -> Self {
        Self { text, ..self }
    }

    fn checkpoint(&self) -> &Arc<Checkpoint> {
        &self.checkpoint
    }

    fn is_example(&self) -> bool {
        self.from.is_none()
    }
}
