//! A whole model that is open, and what is known of it once it is read.

use crate::app::tasks::async_memo::AsyncMemo;
use crate::hint::Failure;
use crate::model::{Checkpoint, Source};
use crate::tasks::{Lazy, LazySource, Task};
use eframe::egui::Context;
use std::sync::Arc;

/// Where a model is from, with the data that it is measured on: texts, or images.
pub trait ModelSource: LazySource + Clone {
    /// What the panels need of the model.
    type Info: Send + Sync;
    /// Reads it.
    type Read: Task<Output = Result<Self::Info, Failure>>;

    /// The task that reads what the panels need.
    fn reading(lazy: Arc<Lazy<Self>>) -> Self::Read;

    /// The same model with other data.
    fn with_data(self, data: Option<Source>) -> Self;

    /// Checkpoint with the weights.
    fn checkpoint(&self) -> &Arc<Checkpoint>;

    /// Whether it is a built-in model.
    fn is_example(&self) -> bool;
}

/// A model with its data, and what is known of it.
pub struct OpenModel<S: ModelSource> {
    /// Counts the models that were opened.
    models: usize,
    /// Counts the models and data that were opened.
    number: usize,
    source: Option<S>,
    lazy: Option<Arc<Lazy<S>>>,
    info: AsyncMemo<usize, S::Read>,
}

impl<S: ModelSource> Default for OpenModel<S> {
    fn default() -> Self {
        Self { models: 0, number: 0, source: None, lazy: None, info: AsyncMemo::default() }
    }
}

impl<S: ModelSource> OpenModel<S> {
    /// The next model, after this one.
    pub fn next(&self, source: S) -> Self {
        let mut next = Self { models: self.models + 1, number: self.number, ..Self::default() };
        next.read(source);
        next
    }

    /// Reads the same model with other data.
    pub fn read_data(&mut self, data: Option<Source>) {
        if let Some(source) = self.source.clone() {
            self.read(source.with_data(data));
        }
    }

    fn read(&mut self, source: S) {
        self.number += 1;
        self.source = Some(source.clone());
        self.lazy = Some(Arc::new(Lazy::new(source)));
    }

    /// Counts the models that were opened.
    pub fn models(&self) -> usize {
        self.models
    }

    /// Counts the models and data that were opened: what was measured is of one of them.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Whether a model is open, read or not.
    pub fn is_there(&self) -> bool {
        self.source.is_some()
    }

    /// Whether it is the built-in one.
    pub fn is_example(&self) -> bool {
        self.source.as_ref().is_some_and(S::is_example)
    }

    /// Name of its file or folder.
    pub fn name(&self) -> Option<&str> {
        self.source.as_ref().map(|source| source.checkpoint().name())
    }

    /// Whether it is the model of this checkpoint.
    pub fn is_of(&self, checkpoint: &Arc<Checkpoint>) -> bool {
        self.source.as_ref().is_some_and(|source| Arc::ptr_eq(source.checkpoint(), checkpoint))
    }

    /// The model, for tasks.
    pub fn lazy(&self) -> Option<&Arc<Lazy<S>>> {
        self.lazy.as_ref()
    }

    /// Sees that it is read.
    pub fn want(&mut self, ctx: &Context) {
        if let Some(lazy) = self.lazy.clone() {
            self.info.want(ctx, self.number, |_| S::reading(lazy));
        }
    }

    /// Returns the facts about the model, or why it cannot be used, once it is read.
    pub fn read_info(&self) -> Option<Result<&S::Info, &Failure>> {
        self.info.of(&self.number).map(|info| info.as_ref().as_ref())
    }

    /// Returns the facts about the model, once it is read.
    pub fn info(&self) -> Option<&S::Info> {
        self.read_info()?.ok()
    }

    /// Its checkpoint.
    pub fn checkpoint(&self) -> Option<&Arc<Checkpoint>> {
        self.source.as_ref().map(S::checkpoint)
    }
}
