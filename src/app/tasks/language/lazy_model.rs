//! A language model with its texts, read on each side that works with it.

use super::eval_set::{EvalSet, ModelInfo, ModelSource};
use crate::compute::ThreadPool;
use crate::hint::Failure;
use crate::tasks::{Lazy, Queue, SilentTask, shared};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A model with its texts: read on each side that works with it.
pub type LazyModel = Lazy<ModelSource>;

/// The model and its texts, read if they are not yet.
pub fn eval_set(opened: &LazyModel) -> Result<&EvalSet, Failure> {
    opened.get().as_ref().map_err(Clone::clone)
}

/// Computes on as many threads as a run may have.
pub fn on_threads<T: Send>(
    threads: Option<usize>,
    work: impl FnOnce() -> Result<T, Failure> + Send,
) -> Result<T, Failure> {
    ThreadPool::new(threads)?.run(work)
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
