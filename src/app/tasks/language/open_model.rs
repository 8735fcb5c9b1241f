//! The language model that is open, and what is known of it once it is read.

use super::eval_set::{ModelInfo, ModelSource};
use super::lazy_model::{LazyModel, Read};
use crate::app::state::loaded_layer::LoadedLayer;
use crate::app::tasks::async_memo::AsyncMemo;
use crate::hint::Failure;
use crate::language::LayerId;
use crate::model::{Checkpoint, Source};
use eframe::egui::Context;
use std::sync::Arc;

/// A model with its texts, and what is known of it.
#[derive(Default)]
pub struct OpenModel {
    /// Counts the models that were opened.
    models: usize,
    /// Counts the models and texts that were opened.
    number: usize,
    source: Option<ModelSource>,
    lazy: Option<Arc<LazyModel>>,
    info: AsyncMemo<usize, Read>,
}

impl OpenModel {
    /// The next model, after this one.
    pub fn next(&self, source: ModelSource) -> Self {
        let mut next = Self { models: self.models + 1, number: self.number, ..Self::default() };
        next.read(source);
        next
    }

    /// Reads the same model with another text.
    pub fn read_text(&mut self, text: Option<Source>) {
        if let Some(source) = self.source.clone() {
            self.read(ModelSource { text, ..source });
        }
    }

    fn read(&mut self, source: ModelSource) {
        self.number += 1;
        self.source = Some(source.clone());
        self.lazy = Some(Arc::new(LazyModel::new(source)));
    }

    /// Counts the models that were opened.
    pub fn models(&self) -> usize {
        self.models
    }

    /// Counts the models and texts that were opened: what was measured is of one of them.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Whether a model is open, read or not.
    pub fn is_there(&self) -> bool {
        self.source.is_some()
    }

    /// Whether it is the built-in one.
    pub fn is_example(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.from.is_none())
    }

    /// Name of its file or folder.
    pub fn name(&self) -> Option<&str> {
        self.source.as_ref().map(|source| source.checkpoint.name())
    }

    /// Whether it is the model of this checkpoint.
    pub fn is_of(&self, checkpoint: &Arc<Checkpoint>) -> bool {
        self.source.as_ref().is_some_and(|source| Arc::ptr_eq(&source.checkpoint, checkpoint))
    }

    /// The model, for tasks.
    pub fn lazy(&self) -> Option<&Arc<LazyModel>> {
        self.lazy.as_ref()
    }

    /// Sees that it is read.
    pub fn want(&mut self, ctx: &Context) {
        if let Some(lazy) = self.lazy.clone() {
            self.info.want(ctx, self.number, |_| Read(lazy));
        }
    }

    /// Returns the facts about the model, or why it cannot be used, once it is read.
    pub fn read_info(&self) -> Option<Result<&ModelInfo, &Failure>> {
        self.info.of(&self.number).map(|info| info.as_ref().as_ref())
    }

    /// Returns the facts about the model, once it is read.
    pub fn info(&self) -> Option<&ModelInfo> {
        self.read_info()?.ok()
    }

    /// Returns the layer of the model that an open layer is, if it is one.
    pub fn layer_of(&self, layer: &LoadedLayer) -> Option<LayerId> {
        self.info()?.layer_of(&self.source.as_ref()?.checkpoint, layer)
    }
}
