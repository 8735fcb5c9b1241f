//! The open vision model: its accuracy, its compressed layers.

use super::accuracies::Accuracies;
use super::collect::CollectPatches;
use super::compress::CompressNetwork;
use super::network_set::{NetworkInfo, VisionSource};
use super::samples::{ReadSamples, Samples};
use super::save::SaveNetwork;
use crate::app::platform::SaveTarget;
use crate::app::state::compressed_layers::CompressedLayers;
use crate::app::state::error::Error;
use crate::app::state::loaded_layer::LoadedLayer;
use crate::app::state::model_budget::ModelBudget;
use crate::app::state::order_error::OrderError;
use crate::app::state::tried::TriedNetwork;
use crate::app::tasks::async_memo::AsyncMemo;
use crate::app::tasks::compression::{Compression, Prepared, plan, prepare};
use crate::app::tasks::open_model::OpenModel;
use crate::app::tasks::tuning::model_tuning::ModelTuning;
use crate::compress::Densities;
use crate::factorize::Settings;
use crate::job::ComputeConfig;
use crate::measure::cost;
use crate::model::Source;
use eframe::egui::Context;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The open vision model, and what is known of it.
#[derive(Default)]
pub struct VisionModelState {
    pub(super) open: OpenModel<VisionSource>,
    /// Another network that was opened, while this one has something to lose.
    pending: Option<VisionSource>,
    /// Method and densities with which layers are to be compressed.
    pub budget: ModelBudget<usize>,
    /// Whether the densities of the layers that stay dense by default were set.
    pub(super) has_budget: bool,
    pub(super) layers: CompressedLayers<usize>,
    pub(super) compression: Option<Compression<usize, CompressNetwork>>,
    pub(super) tuning: ModelTuning<VisionSource>,
    pub(super) accuracies: Accuracies,
    /// Compressions that were tried, and what they came to.
    pub(super) tried: Vec<TriedNetwork>,
    pub(super) samples: AsyncMemo<(usize, Vec<usize>), ReadSamples>,
    /// Whether the answers with batch normalization estimated anew are compared with the dense network's, not those without.
    pub compares_estimated: bool,
    /// Whether a large network is to be measured.
    measure_large: bool,
    /// Last error of the network, a sentence.
    pub(super) problem: Option<String>,
    /// Notes of the compression, to be shown.
    pub notes: Vec<String>,
}

/// The network and the images that are open.
impl VisionModelState {
    /// Another network is open. What was compressed of the one before stays until it is saved or discarded.
    pub fn open(&mut self, source: VisionSource) {
        if self.is_unsaved() {
            self.pending = Some(source);
            return;
        }
        self.accuracies.stop();
        *self = Self { open: self.open.next(source), ..Self::default() };
    }

    /// The images of the open network change; its compressed layers stay.
    pub fn read_images(&mut self, images: Option<Source>) {
        if self.open.is_there() {
            if self.tuning.work().is_some() {
                self.notes.push("The tuning has ended, as other images are read; its best values so far stay".into());
            }
            self.tuning.end(&mut self.layers, &mut self.problem);
            self.tuning.forget();
            self.open.read_data(images);
            self.accuracies.stop();
            self.problem = None;
            self.layers.clear_trail();
            self.tried.clear();
        }
    }

    /// Name of another network that was opened while this one has something to lose.
    pub fn pending(&self) -> Option<&str> {
        self.pending.as_ref().map(|source| source.checkpoint.name())
    }

    /// Discards the compressed layers, and opens the other network.
    pub fn discard_and_open(&mut self) {
        self.layers.clear();
        self.compression = None;
        self.tuning.discard();
        self.pending.take().into_iter().for_each(|source| self.open(source));
    }

    /// Stays with this network.
    pub fn stay(&mut self) {
        self.pending = None;
    }

    /// The network that is open.
    pub fn model(&self) -> &OpenModel<VisionSource> {
        &self.open
    }

    /// Returns the facts about the network, once it is read.
    pub fn info(&self) -> Option<&NetworkInfo> {
        self.open.info()
    }

    /// Returns the layer of the network that an open layer is, if it is one.
    pub fn layer_of(&self, layer: &LoadedLayer) -> Option<usize> {
        self.info()?.layer_of(self.open.checkpoint()?, layer)
    }

    /// Whether the network is measured on its images whenever something changes.
    pub fn is_live(&self) -> bool {
        self.info().is_some_and(|info| cost::is_live_network(info.work()))
    }

    /// Whether a large network still waits to be measured on request.
    pub fn waits_for_request(&self) -> bool {
        !self.is_live() && !self.measure_large
    }

    /// Measures a large network.
    pub fn measure_large(&mut self) {
        self.measure_large = true;
    }

    /// Sees that some of the images are read, to be shown; asked for in every frame in which they are.
    pub fn want_samples(&mut self, ctx: &Context, places: Vec<usize>) {
        if let Some(network) = self.open.lazy().cloned() {
            let key = (self.open.number(), places);
            self.samples.want(ctx, key, |(_, places)| ReadSamples { network, places: places.clone() });
        }
    }

    /// The images that were read last, with their places, or why they cannot be.
    pub fn samples(&self) -> Option<(&[usize], &Arc<Samples>)> {
        let ((number, places), made) = self.samples.entry()?;
        (*number == self.open.number()).then_some((places.as_slice(), made))
    }

    /// Returns the task that collects the statistics of what a layer of the dense network reads.
    pub fn collecting(&self, layer: usize) -> Option<CollectPatches> {
        self.info().filter(|info| info.calibrates())?;
        Some(CollectPatches { network: self.open.lazy()?.clone(), layer })
    }
}

/// The compressed layers of the network.
impl VisionModelState {
    /// The compressed layers so far.
    pub fn layers(&self) -> &CompressedLayers<usize> {
        &self.layers
    }

    /// Number of replaced layers.
    pub fn replaced(&self) -> usize {
        self.layers.len()
    }

    /// The compression in progress.
    pub fn compression(&self) -> Option<&Compression<usize, CompressNetwork>> {
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

    /// Last error of the network, a sentence.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Compresses these layers with the budget as it is.
    pub fn compress(&mut self, ctx: &Context, settings: &Settings, ids: &BTreeSet<usize>, compute: ComputeConfig) {
        let (Some(info), Some(network)) = (self.open.info(), self.open.lazy().cloned()) else { return };
        let how = (&self.budget, settings, compute);
        let Prepared { plan, kept, waiting } = prepare(info.layers(), how, ids, &mut self.layers);
        let shapes = waiting.iter().map(|&layer| info.shape(layer));
        let largest = shapes.max_by_key(|(rows, cols)| rows * cols).unwrap_or((1, 1));
        let tensors = self.layers.tensors_with(&kept);
        let task = CompressNetwork { network, plan, kept, tensors, largest, compute };
        self.compression = Some(Compression::start(ctx, task, waiting, |layer| info.cost(layer, settings)));
        self.problem = None;
        self.tuning.forget();
    }

    /// Compresses all layers but the first and the last to this density.
    pub fn compress_all(
        &mut self,
        ctx: &Context,
        settings: &Settings,
        density: f64,
        compute: ComputeConfig,
    ) -> Result<(), OrderError> {
        let info = self.info().ok_or(Error::NoNetwork)?;
        if let Some(why) = self.why_busy() {
            return Err(OrderError::not_now(why));
        }
        let (ids, ends) = (info.layers().collect(), ends(info));
        let densities = Densities { by_layer: ends.map(|layer| (layer, 1.0)).into(), ..Densities::uniform(density) };
        densities.check()?;
        self.budget.densities = densities;
        self.compress(ctx, settings, &ids, compute);
        Ok(())
    }

    /// Whether batch normalization is to be estimated anew with the compressed layers. In a tuning it has followed the images
    /// that were seen.
    pub(super) fn estimates_norms(&self) -> bool {
        self.info().is_some_and(NetworkInfo::calibrates) && !self.layers.are_all_tuned()
    }

    /// Ends compressing; finished layers stay.
    pub fn cancel(&mut self) {
        self.compression.iter_mut().for_each(Compression::cancel);
    }

    /// Returns the version of the compressed layers, and the task that writes the network with them.
    pub fn saving(
        &self,
        settings: &Settings,
        threads: Option<usize>,
        target: SaveTarget,
    ) -> Option<(usize, SaveNetwork)> {
        let (info, network) = (self.info()?, self.open.lazy()?.clone());
        let plan = plan(info.layers(), &self.budget, settings, &self.layers, &BTreeSet::new());
        let (layers, tensors) = (Vec::from_iter(self.layers.iter().cloned()), self.layers.tensors().to_vec());
        let estimates_norms = self.estimates_norms();
        let save = SaveNetwork { network, layers, tensors, estimates_norms, plan, threads, target };
        (!save.layers.is_empty()).then(|| (self.layers.version(), save))
    }

    /// Whether layers are being compressed or tuned, or were and are not written.
    pub fn is_unsaved(&self) -> bool {
        self.is_working() || self.layers.is_unsaved()
    }

    /// The compressed layers were written as of this version.
    pub fn saved(&mut self, version: usize) {
        self.layers.saved(version);
    }

    /// Puts dense weights back.
    pub fn restore(&mut self, ids: &BTreeSet<usize>) {
        self.layers.restore(ids);
        self.tuning.forget();
    }
}

/// Layers that stay as they are unless something else is asked for: the first convolution and the classifier.
pub(super) fn ends(info: &NetworkInfo) -> [usize; 2] {
    [0, info.architecture.classifier()]
}
