//! The open vision model: its accuracy, its compressed layers.

use super::accuracies::Accuracies;
use super::collect::CollectPatches;
use super::lazy_network::{LazyNetwork, network_set};
use super::network_set::{NetworkInfo, VisionSource};
use super::samples::{ReadSamples, Samples};
use super::save::SaveNetwork;
use crate::app::platform::SaveTarget;
use crate::app::state::loaded_layer::LoadedLayer;
use crate::app::state::tried::TriedNetwork;
use crate::app::tasks::async_memo::AsyncMemo;
use crate::app::tasks::whole_model::model::{Measures, Running, TUNES_NO_FACTORS, WholeModel};
use crate::app::tasks::whole_model::model_state::ModelState;
use crate::compress::{Densities, Plan, Store, VisionCompression};
use crate::factorize::Settings;
use crate::hint::Failure;
use crate::measure::cost;
use crate::vision::VisionModel;
use eframe::egui::Context;
use std::sync::Arc;

/// The open vision model, and what is known of it.
pub type VisionModelState = ModelState<VisionSource>;

/// What is measured of a vision model.
#[derive(Default)]
pub struct VisionMeasures {
    pub(super) accuracies: Accuracies,
    /// Compressions that were tried, and what they came to.
    pub(super) tried: Vec<TriedNetwork>,
    pub(super) samples: AsyncMemo<(usize, Vec<usize>), ReadSamples>,
    /// Whether the answers with batch normalization estimated anew are compared with the dense network's, not those without.
    pub compares_estimated: bool,
}

impl Measures for VisionMeasures {
    fn stop(&mut self) {
        self.accuracies.stop();
        self.tried.clear();
    }
}

impl WholeModel for VisionSource {
    const COMPRESSION: &'static str = "compress network";
    const NONE_OPEN: &'static str = "no vision model is open";
    const OTHER_DATA: &'static str = "as other images are read";
    const TUNES_BLOCKS: bool = false;
    type Measures = VisionMeasures;

    fn keys(info: &NetworkInfo) -> Vec<usize> {
        info.layers().collect()
    }

    /// The first convolution and the classifier stay as they are.
    fn uniform(info: &NetworkInfo, density: f64) -> Densities<usize> {
        let ends = [0, info.architecture.classifier()];
        Densities { by_layer: ends.map(|layer| (layer, 1.0)).into(), ..Densities::uniform(density) }
    }

    fn cost(info: &NetworkInfo, layer: usize, settings: &Settings) -> f64 {
        info.cost(layer, settings)
    }

    fn is_live(info: &NetworkInfo) -> bool {
        cost::is_live_network(info.work())
    }

    fn no_tuning(info: &NetworkInfo) -> Option<&'static str> {
        match () {
            () if info.keeps_factors => Some(TUNES_NO_FACTORS),
            () if !info.calibrates() => Some("Give images first, under Images to measure on"),
            () if !info.is_labelled => Some("The images' classes are not known: give a folder with one for each class"),
            () => None,
        }
    }

    fn compression(
        opened: &LazyNetwork,
        model: &VisionModel,
        plan: Plan<usize>,
        store: Box<dyn Store<usize>>,
        clock: Box<dyn Fn() -> f64 + Send>,
    ) -> Result<Running<usize>, Failure> {
        let pictures = network_set(opened)?.calibrating.as_ref();
        Ok(Box::new(VisionCompression::new(model, plan, pictures, store, clock)?))
    }
}

impl VisionModelState {
    /// Returns the layer of the network that an open layer is, if it is one.
    pub fn layer_of(&self, layer: &LoadedLayer) -> Option<usize> {
        self.info()?.layer_of(self.open.checkpoint()?, layer)
    }

    /// Sees that some of the images are read, to be shown; asked for in every frame in which they are.
    pub fn want_samples(&mut self, ctx: &Context, places: Vec<usize>) {
        if let Some(network) = self.open.lazy().cloned() {
            let key = (self.open.number(), places);
            self.measures.samples.want(ctx, key, |(_, places)| ReadSamples { network, places: places.clone() });
        }
    }

    /// The images that were read last, with their places, or why they cannot be.
    pub fn samples(&self) -> Option<(&[usize], &Arc<Samples>)> {
        let ((number, places), made) = self.measures.samples.entry()?;
        (*number == self.open.number()).then_some((places.as_slice(), made))
    }

    /// Returns the task that collects the statistics of what a layer of the dense network reads.
    pub fn collecting(&self, layer: usize) -> Option<CollectPatches> {
        self.info().filter(|info| info.calibrates())?;
        Some(CollectPatches { network: self.open.lazy()?.clone(), layer })
    }

    /// Whether batch normalization is to be estimated anew with the compressed layers. In a tuning it has followed the images
    /// that were seen.
    pub(super) fn estimates_norms(&self) -> bool {
        self.info().is_some_and(NetworkInfo::calibrates) && !self.layers.are_all_tuned()
    }

    /// Returns what [`ModelState::saved`] is to be told, and the task that writes the network with them.
    pub fn saving(
        &self,
        settings: &Settings,
        threads: Option<usize>,
        target: SaveTarget,
    ) -> Option<((usize, usize), SaveNetwork)> {
        let (plan, network) = (self.plan(settings)?, self.open.lazy()?.clone());
        let (layers, tensors) = (Vec::from_iter(self.layers.iter().cloned()), self.layers.tensors());
        let estimates_norms = self.estimates_norms();
        let save = SaveNetwork { network, layers, tensors, estimates_norms, plan, threads, target };
        (!save.layers.is_empty()).then(|| (self.to_be_saved(), save))
    }
}
