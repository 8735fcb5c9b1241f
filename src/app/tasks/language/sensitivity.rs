//! How sensitive the model is to the error of each layer.

use super::lazy_model::{LazyModel, eval_set};
use crate::app::state::error::Error;
use crate::app::tasks::async_memo::AsyncMemo;
use crate::app::tasks::on_threads::on_threads;
use crate::compress::Proxy;
use crate::hint::Failure;
use crate::tasks::{Queue, Task, shared};
use eframe::egui::Context;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Measures how the loss rises with each layer's error; reports how many layers are measured.
#[derive(Serialize, Deserialize)]
pub struct MeasureSensitivity {
    /// The model, loaded where the task runs.
    #[serde(with = "shared")]
    pub model: Arc<LazyModel>,
    /// Number of worker threads.
    pub threads: Option<usize>,
}

impl Task for MeasureSensitivity {
    const NAME: &'static str = "cost of layers";
    const QUEUE: Queue = Queue::Measuring;
    type Progress = usize;
    type Output = Result<Proxy, Failure>;

    fn run(self, progress: &(dyn Fn(usize) -> bool + Sync)) -> Self::Output {
        let set = eval_set(&self.model)?;
        let windows = set.calibration.as_ref().ok_or(Error::NoText)?;
        on_threads(self.threads, || {
            let progress = |done: usize, _: usize| progress(done);
            Ok(Proxy::measure(&set.model, windows, &progress)?)
        })
    }
}

/// The sensitivity of each layer, measured when it is asked for.
#[derive(Default)]
pub struct Sensitivity {
    memo: AsyncMemo<usize, MeasureSensitivity>,
    wanted: bool,
}

impl Sensitivity {
    /// That of this model, or why it could not be measured.
    pub fn of(&self, number: usize) -> Option<Result<&Proxy, &Failure>> {
        self.memo.of(&number).map(|proxy| proxy.as_ref().as_ref())
    }

    /// Whether it was asked for.
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Starts measuring the layers' sensitivity.
    pub fn start(&mut self) {
        self.wanted = true;
    }

    /// Stops measuring it, and forgets it.
    pub fn stop(&mut self) {
        *self = Self::default();
    }

    /// Measures it once more.
    pub fn retry(&mut self) {
        self.memo = AsyncMemo::default();
    }

    /// Returns the number of layers that are measured.
    pub fn count(&self) -> usize {
        self.memo.news().copied().unwrap_or(0)
    }

    /// Whether it cannot be measured.
    pub fn has_given_up(&self) -> bool {
        self.memo.has_given_up()
    }

    /// Sees that it is measured, if it was asked for.
    pub fn want(&mut self, ctx: &Context, number: usize, model: Arc<LazyModel>, threads: Option<usize>) {
        if self.wanted {
            self.memo.want(ctx, number, |_| MeasureSensitivity { model, threads });
        }
    }
}
