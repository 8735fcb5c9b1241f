//! The open language model: its perplexity, its compressed layers, what it writes.

use super::collect::Collect;
use super::compression::{self, Compression};
use super::eval_set::{LanguageSource, ModelInfo};
use super::perplexities::Perplexities;
use super::save::SaveModel;
use super::sensitivity::Sensitivity;
use super::table::ModelTable;
use super::texts::ModelTexts;
use crate::app::platform::SaveTarget;
use crate::app::state::compressed_layers::CompressedLayers;
use crate::app::state::error::Error;
use crate::app::state::loaded_layer::LoadedLayer;
use crate::app::state::model_budget::ModelBudget;
use crate::app::state::order_error::OrderError;
use crate::app::state::tried::Tried;
use crate::app::tasks::compression::plan;
use crate::app::tasks::open_model::OpenModel;
use crate::app::tasks::replaced_layers::SingleLayer;
use crate::app::tasks::tuning::model_tuning::ModelTuning;
use crate::compress::{CompressedLayer, Densities, Proxy, distribute};
use crate::factorize::Settings;
use crate::hint::Failure;
use crate::job::ComputeConfig;
use crate::language::LayerId;
use crate::measure::cost;
use crate::model::Source;
use eframe::egui::Context;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The open language model, and what is known of it.
#[derive(Default)]
pub struct LanguageModelState {
    pub(super) open: OpenModel<LanguageSource>,
    /// Another model that was opened, while this one has something to lose.
    pub(super) pending: Option<LanguageSource>,
    /// Method and densities with which layers are to be compressed.
    pub budget: ModelBudget,
    pub(super) layers: CompressedLayers,
    pub(super) compression: Option<Compression>,
    pub(super) tuning: ModelTuning<LanguageSource>,
    pub(super) perplexities: Perplexities,
    /// Whether a large model is to be measured.
    pub(super) measure_large: bool,
    /// Sensitivity of the model to each layer's error.
    pub sensitivity: Sensitivity,
    /// Texts that the dense and the changed model write.
    pub(super) texts: ModelTexts,
    /// Compressions that were tried, and what they came to.
    pub(super) tried: Vec<Tried>,
    /// Bytes and tokens a second of the dense model.
    pub(super) tried_dense: Option<(usize, Option<f64>)>,
    pub(super) table: ModelTable,
    /// Last error of the model, a sentence.
    pub(super) problem: Option<String>,
    /// Notes of the compression, to be shown.
    pub notes: Vec<String>,
}

/// The model and the texts that are open.
impl LanguageModelState {
    /// Another language model is open. What was compressed of the one before stays until it is saved or discarded.
    pub fn open(&mut self, source: LanguageSource) {
        if self.is_unsaved() {
            self.pending = Some(source);
            return;
        }
        self.perplexities.stop();
        *self = Self { open: self.open.next(source), ..Self::default() };
    }

    /// The texts of the open model change; its compressed layers stay.
    pub fn read_text(&mut self, text: Option<Source>) {
        if self.open.is_there() {
            if self.tuning.work().is_some() {
                self.notes.push("The tuning has ended, as another text is read; its best values so far stay".into());
            }
            self.tuning.end(&mut self.layers, &mut self.problem);
            self.tuning.forget();
            self.open.read_data(text);
            self.perplexities.stop();
            self.sensitivity.stop();
            self.problem = None;
            self.layers.clear_trail();
        }
    }

    /// Name of another model that was opened while this one has something to lose.
    pub fn pending(&self) -> Option<&str> {
        self.pending.as_ref().map(|source| source.checkpoint.name())
    }

    /// Discards the compressed layers, and opens the other model.
    pub fn discard_and_open(&mut self) {
        self.layers.clear();
        self.compression = None;
        self.tuning.discard();
        self.pending.take().into_iter().for_each(|source| self.open(source));
    }

    /// Stays with this model.
    pub fn stay(&mut self) {
        self.pending = None;
    }

    /// The model that is open.
    pub fn model(&self) -> &OpenModel<LanguageSource> {
        &self.open
    }

    /// Returns the facts about the model, once it is read.
    pub fn info(&self) -> Option<&ModelInfo> {
        self.open.info()
    }

    /// Returns the layer of the model that an open layer is, if it is one.
    pub fn layer_of(&self, layer: &LoadedLayer) -> Option<LayerId> {
        self.info()?.layer_of(self.open.checkpoint()?, layer)
    }

    /// Whether layers were compressed, or are being compressed, that nobody has saved.
    pub fn is_unsaved(&self) -> bool {
        self.is_working() || self.layers.is_unsaved()
    }

    /// The model with its compressed layers was written, as of this version of them.
    pub fn saved(&mut self, version: usize) {
        self.layers.saved(version);
    }

    /// Whether the model is small enough to be measured whenever something changes.
    pub fn is_live(&self) -> bool {
        self.info().is_some_and(|info| cost::is_live_model(info.config.layer_weights()))
    }

    /// Whether all compressed layers fit into memory together.
    pub fn fits(&self) -> bool {
        self.info().is_some_and(|info| cost::fits_in_memory(info.config.layer_weights()))
    }
}

/// Measurements of the model.
impl LanguageModelState {
    /// The dense model's perplexity.
    pub fn dense(&self) -> Option<f64> {
        self.perplexities.dense(self.open.number())?.ok().map(|loss| loss.perplexity())
    }

    /// Why it cannot be measured.
    pub fn dense_problem(&self) -> Option<&Failure> {
        self.perplexities.dense(self.open.number())?.err()
    }

    /// Whether a large model still waits to be measured on request.
    pub fn waits_for_request(&self) -> bool {
        !self.is_live() && !self.measure_large
    }

    /// Measures a large model.
    pub fn measure_large(&mut self) {
        self.measure_large = true;
    }

    /// The perplexity that no model can go below, where it is known.
    pub fn floor(&self) -> Option<f64> {
        self.info()?.floor
    }

    /// Its perplexity with the compressed layers as they are, or as they were a moment ago; and whether it is as they are.
    pub fn compressed(&self) -> Option<(f64, bool)> {
        let (nll, current) = self.perplexities.all(self.open.number(), self.layers.version())?.ok()?;
        Some((nll.exp(), current))
    }

    /// Compressions that were tried, in order.
    pub fn tried(&self) -> &[Tried] {
        &self.tried
    }

    /// The dense model beside them: its perplexity, bytes and tokens a second.
    pub fn tried_dense(&self) -> Option<(f64, usize, Option<f64>)> {
        let (bytes, rate) = self.tried_dense?;
        Some((self.dense()?, bytes, rate))
    }

    /// Why that cannot be measured.
    pub fn compressed_problem(&self) -> Option<&Failure> {
        self.perplexities.all(self.open.number(), self.layers.version())?.err()
    }

    /// Its perplexity with nothing but the tuned layer replaced by the factors on screen, or those a moment ago; and
    /// whether they are those on screen.
    pub fn alone(&self) -> Option<(f64, bool)> {
        self.perplexities.single().map(|(nll, current)| (nll.exp(), current))
    }

    /// Its perplexity with nothing but the tuned layer pruned to its `kept` largest entries.
    pub fn pruned_alone(&self, kept: usize) -> Option<f64> {
        self.perplexities.pruned(kept).map(f64::exp)
    }

    /// The layer on screen, and the factors in its place.
    pub fn tuned(&self) -> Option<&SingleLayer<LayerId>> {
        self.perplexities.tuned()
    }

    /// The predicted perplexity with nothing but this layer replaced, at this layer-wise error.
    pub fn predicted_alone(&self, id: LayerId, layer_error: f64) -> Option<f64> {
        self.predicted(|proxy| proxy.loss([(id, layer_error)]))
    }

    /// The predicted perplexity with the compressed layers.
    pub fn predicted_compressed(&self) -> Option<f64> {
        let errors = self.layers.iter().filter_map(|layer| Some((layer.id, layer.report.layer_error?)));
        self.predicted(|proxy| proxy.loss(errors))
    }

    /// The predicted perplexity with all layers at these densities.
    pub fn predicted_at(&self, densities: &Densities) -> Option<f64> {
        let each = self.info()?.config.layers().map(|id| (id, densities.of(id)));
        self.predicted(|proxy| proxy.loss_at(each))
    }

    fn predicted(&self, loss: impl FnOnce(&Proxy) -> f64) -> Option<f64> {
        let (dense, proxy) = (self.dense()?, self.proxy()?);
        Some(dense * (loss(proxy) - proxy.dense).exp())
    }

    /// Returns the sensitivity of the model to the error of each layer, where it was measured.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.sensitivity.of(self.open.number())?.ok()
    }

    /// Gives each layer its density by its sensitivity.
    pub fn distribute(&mut self) {
        let (Some(info), Some(proxy)) = (self.info(), self.proxy()) else { return };
        let by_layer = distribute(&info.config, proxy, self.budget.densities.all);
        self.budget.densities.by_kind.clear();
        self.budget.densities.by_layer = by_layer;
    }

    /// Returns the task that collects the statistics of what a layer of the dense model reads.
    pub fn collecting(&self, id: LayerId) -> Option<Collect> {
        self.info().filter(|info| info.calibrates)?;
        Some(Collect { model: self.open.lazy()?.clone(), id })
    }
}

/// The compressed layers of the model.
impl LanguageModelState {
    /// The compressed layers so far.
    pub fn layers(&self) -> &CompressedLayers {
        &self.layers
    }

    /// The compressed layers, one after the other.
    pub fn compressed_layers(&self) -> impl Iterator<Item = &CompressedLayer> {
        self.layers.iter().map(Arc::as_ref)
    }

    /// Number of replaced layers.
    pub fn replaced(&self) -> usize {
        self.layers.len()
    }

    /// The compression in progress.
    pub fn compression(&self) -> Option<&Compression> {
        self.compression.as_ref()
    }

    /// Whether layers are being compressed or tuned.
    pub fn is_working(&self) -> bool {
        self.why_busy().is_some()
    }

    /// Why the layers cannot be changed now.
    pub fn why_busy(&self) -> Option<&'static str> {
        match &self.compression {
            Some(_) => Some("Layers are being compressed"),
            None => self.tuning.why_busy(),
        }
    }

    /// Last error of the model, a sentence.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Compresses these layers with the budget as it is.
    pub fn compress(&mut self, ctx: &Context, settings: &Settings, ids: &BTreeSet<LayerId>, compute: ComputeConfig) {
        let (Some(info), Some(model)) = (self.open.info(), self.open.lazy().cloned()) else { return };
        let how = (&self.budget, settings, compute);
        self.compression = Some(compression::start(ctx, (model, info), how, ids, &mut self.layers));
        self.problem = None;
        self.tuning.forget();
    }

    /// Compresses all layers to this density.
    pub fn compress_all(
        &mut self,
        ctx: &Context,
        settings: &Settings,
        density: f64,
        compute: ComputeConfig,
    ) -> Result<(), OrderError> {
        let ids = self.info().ok_or(Error::NoModel)?.config.layers().collect();
        if let Some(why) = self.why_busy() {
            return Err(OrderError::not_now(why));
        }
        self.budget.densities = Densities::uniform(density);
        self.budget.densities.check()?;
        self.compress(ctx, settings, &ids, compute);
        Ok(())
    }

    /// Ends compressing; finished layers stay.
    pub fn cancel(&mut self) {
        self.compression.iter_mut().for_each(Compression::cancel);
    }

    /// Puts dense weights back.
    pub fn restore(&mut self, ids: &BTreeSet<LayerId>) {
        self.layers.restore(ids);
        self.tuning.forget();
    }

    /// Returns the version of the compressed layers, and the task that writes the model with them.
    pub fn saving(&self, settings: &Settings, target: SaveTarget) -> Option<(usize, SaveModel)> {
        let (info, model) = (self.info()?, self.open.lazy()?.clone());
        let plan = plan(info.config.layers(), &self.budget, settings, &self.layers, &BTreeSet::new());
        let (layers, tensors) = (Vec::from_iter(self.layers.iter().cloned()), self.layers.tensors().to_vec());
        (!layers.is_empty()).then(|| (self.layers.version(), SaveModel { model, layers, tensors, plan, target }))
    }
}
