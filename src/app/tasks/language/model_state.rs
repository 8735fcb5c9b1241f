//! The open language model: its perplexity, its compressed layers, what it writes.

use super::collect::Collect;
use super::eval_set::{LanguageSource, ModelInfo};
use super::lazy_model::{LazyModel, eval_set};
use super::perplexities::Perplexities;
use super::save::SaveModel;
use super::sensitivity::Sensitivity;
use super::table::ModelTable;
use super::texts::ModelTexts;
use crate::app::platform::SaveTarget;
use crate::app::state::loaded_layer::LoadedLayer;
use crate::app::state::tried::Tried;
use crate::app::tasks::whole_model::model::{Measures, Running, TUNES_NO_FACTORS, WholeModel};
use crate::app::tasks::whole_model::model_state::ModelState;
use crate::app::tasks::whole_model::replaced_layers::SingleLayer;
use crate::compress::{CompressedLayer, Compression, Densities, Inputs, Plan, Proxy, Store, distribute};
use crate::factorize::Settings;
use crate::hint::Failure;
use crate::language::{LanguageModel, LayerId};
use crate::measure::cost;
use std::sync::Arc;

/// The open language model, and what is known of it.
pub type LanguageModelState = ModelState<LanguageSource>;

/// What is measured of a language model.
#[derive(Default)]
pub struct LanguageMeasures {
    pub(super) perplexities: Perplexities,
    /// Sensitivity of the model to each layer's error.
    pub sensitivity: Sensitivity,
    /// Texts that the dense and the changed model write.
    pub(super) texts: ModelTexts,
    /// Compressions that were tried, and what they came to.
    pub(super) tried: Vec<Tried>,
    /// Bytes and tokens a second of the dense model.
    pub(super) tried_dense: Option<(usize, Option<f64>)>,
    pub(super) table: ModelTable,
}

impl Measures for LanguageMeasures {
    fn stop(&mut self) {
        self.perplexities.stop();
        self.sensitivity.stop();
        self.tried.clear();
    }
}

impl WholeModel for LanguageSource {
    const COMPRESSION: &'static str = "compress model";
    const NONE_OPEN: &'static str = "no language model is open";
    const OTHER_DATA: &'static str = "as another text is read";
    const TUNES_BLOCKS: bool = true;
    type Measures = LanguageMeasures;

    fn keys(info: &ModelInfo) -> Vec<LayerId> {
        info.config.layers().collect()
    }

    fn uniform(_: &ModelInfo, density: f64) -> Densities {
        Densities::uniform(density)
    }

    fn cost(info: &ModelInfo, id: LayerId, _: &Settings) -> f64 {
        let (rows, cols) = info.config.shape(id);
        cost::layer_cost(rows, cols)
    }

    fn is_live(info: &ModelInfo) -> bool {
        cost::is_live_model(info.config.layer_weights())
    }

    fn no_tuning(info: &ModelInfo) -> Option<&'static str> {
        match () {
            () if info.keeps_factors => Some(TUNES_NO_FACTORS),
            () if !info.calibrates => Some("Give a text first, under Text to measure on"),
            () => None,
        }
    }

    fn compression(
        opened: &LazyModel,
        model: &LanguageModel,
        plan: Plan,
        store: Box<dyn Store>,
        clock: Box<dyn Fn() -> f64 + Send>,
    ) -> Result<Running<LayerId>, Failure> {
        let inputs = match &eval_set(opened)?.calibration {
            Some(windows) => Inputs::Windows(windows.clone()),
            None => Inputs::Unknown,
        };
        Ok(Box::new(Compression::new(model, plan, &inputs, store, clock)?))
    }
}

/// Facts about the model.
impl LanguageModelState {
    /// Returns the layer of the model that an open layer is, if it is one.
    pub fn layer_of(&self, layer: &LoadedLayer) -> Option<LayerId> {
        self.info()?.layer_of(self.open.checkpoint()?, layer)
    }

    /// Whether all compressed layers fit into memory together.
    pub fn fits(&self) -> bool {
        self.info().is_some_and(|info| cost::fits_in_memory(info.config.layer_weights()))
    }

    /// The compressed layers, one after the other.
    pub fn compressed_layers(&self) -> impl Iterator<Item = &CompressedLayer> {
        self.layers.iter().map(Arc::as_ref)
    }

    /// Returns what [`ModelState::saved`] is to be told, and the task that writes the model with them.
    pub fn saving(&self, settings: &Settings, target: SaveTarget) -> Option<((usize, usize), SaveModel)> {
        let (plan, model) = (self.plan(settings)?, self.open.lazy()?.clone());
        let (layers, tensors) = (Vec::from_iter(self.layers.iter().cloned()), self.layers.tensors());
        (!layers.is_empty()).then(|| (self.to_be_saved(), SaveModel { model, layers, tensors, plan, target }))
    }
}

/// Measurements of the model.
impl LanguageModelState {
    /// The dense model's perplexity.
    pub fn dense(&self) -> Option<f64> {
        self.measures.perplexities.dense(self.open.number())?.ok().map(|loss| loss.perplexity())
    }

    /// Why it cannot be measured.
    pub fn dense_problem(&self) -> Option<&Failure> {
        self.measures.perplexities.dense(self.open.number())?.err()
    }

    /// The perplexity that no model can go below, where it is known.
    pub fn floor(&self) -> Option<f64> {
        self.info()?.floor
    }

    /// Its perplexity with the compressed layers as they are, or as they were a moment ago; and whether it is as they are.
    pub fn compressed(&self) -> Option<(f64, bool)> {
        let (nll, current) = self.measures.perplexities.all(self.open.number(), self.layers.version())?.ok()?;
        Some((nll.exp(), current))
    }

    /// Compressions that were tried, in order.
    pub fn tried(&self) -> &[Tried] {
        &self.measures.tried
    }

    /// The dense model beside them: its perplexity, bytes and tokens a second.
    pub fn tried_dense(&self) -> Option<(f64, usize, Option<f64>)> {
        let (bytes, rate) = self.measures.tried_dense?;
        Some((self.dense()?, bytes, rate))
    }

    /// Why that cannot be measured.
    pub fn compressed_problem(&self) -> Option<&Failure> {
        self.measures.perplexities.all(self.open.number(), self.layers.version())?.err()
    }

    /// Its perplexity with nothing but the layer on screen replaced by the factors on screen, or those a moment ago; and
    /// whether they are those on screen.
    pub fn alone(&self) -> Option<(f64, bool)> {
        self.measures.perplexities.single().map(|(nll, current)| (nll.exp(), current))
    }

    /// Its perplexity with nothing but the layer on screen pruned to its `kept` largest entries.
    pub fn pruned_alone(&self, kept: usize) -> Option<f64> {
        self.measures.perplexities.pruned(kept).map(f64::exp)
    }

    /// The layer on screen, and the factors in its place.
    pub fn on_screen(&self) -> Option<&SingleLayer<LayerId>> {
        self.measures.perplexities.on_screen()
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
        self.measures.sensitivity.of(self.open.number())?.ok()
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
