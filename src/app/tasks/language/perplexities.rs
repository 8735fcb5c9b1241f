//! The perplexities of the open model: dense, with one layer replaced, with all compressed layers.

use super::lazy_model::LazyModel;
use super::perplexity::{LazyStreams, MeasureDense, MeasureReplaced, NewWeight, Replaced};
use crate::app::state::compressed_layers::CompressedLayers;
use crate::app::tasks::async_memo::AsyncMemo;
use crate::app::tasks::stop::Stop;
use crate::app::tasks::whole_model::replaced_layers::{AllLayers, PrunedLayer, SingleLayer};
use crate::compress::CompressedLayer;
use crate::hint::Failure;
use crate::language::{LayerId, Loss};
use crate::tasks::Lazy;
use eframe::egui::Context;
use std::sync::Arc;
use std::time::Duration;

/// Returns the replacement of this layer alone.
pub fn alone(layer: &SingleLayer<LayerId>) -> Replaced {
    Replaced::SingleLayer(layer.id, layer.factors.clone())
}

/// Returns the replacements of all compressed layers.
pub fn all_replaced(layers: &CompressedLayers) -> Replaced {
    let new = |layer: &Arc<CompressedLayer>| {
        let (weight, replacement) = (layer.weight.clone(), layer.replacement.clone());
        NewWeight { id: layer.id, weight, replacement }
    };
    Replaced::Layers(layers.iter().map(new).collect(), layers.tensors())
}

/// The perplexities of the open model as far as they are known.
#[derive(Default)]
pub struct Perplexities {
    streams: Option<Arc<Lazy<LazyStreams>>>,
    dense: AsyncMemo<usize, MeasureDense>,
    single: AsyncMemo<SingleLayer<LayerId>, MeasureReplaced>,
    pruned: AsyncMemo<PrunedLayer<LayerId>, MeasureReplaced>,
    all: AsyncMemo<AllLayers, MeasureReplaced>,
    /// The layer whose run's perplexity was last wanted.
    on_screen: Option<SingleLayer<LayerId>>,
    /// Stops what is being measured when another model is opened.
    stop: Stop,
}

impl Perplexities {
    /// Stops what is being measured: another model or text is open.
    pub fn stop(&mut self) {
        self.stop.stop();
        (self.stop, self.streams) = Default::default();
    }

    /// Sees that the dense model is measured.
    pub fn want_dense(&mut self, ctx: &Context, number: usize, model: &Arc<LazyModel>, threads: Option<usize>) {
        let stop = self.stop.clone();
        let streams = || Arc::new(Lazy::new(LazyStreams { model: model.clone(), threads, stop }));
        let streams = self.streams.get_or_insert_with(streams).clone();
        self.dense.want(ctx, number, |_| MeasureDense(streams));
    }

    /// The dense model's loss, or why it cannot be measured.
    pub fn dense(&self, number: usize) -> Option<Result<&Loss, &Failure>> {
        self.dense.of(&number).map(|loss| loss.as_ref().as_ref())
    }

    /// The layer on screen and the factors in its place.
    pub fn on_screen(&self) -> Option<&SingleLayer<LayerId>> {
        self.on_screen.as_ref()
    }

    /// Notes the layer on screen, and the factors in its place.
    pub fn set_on_screen(&mut self, on_screen: Option<SingleLayer<LayerId>>) {
        self.on_screen = on_screen;
    }

    /// Sees that the model is measured with nothing but the layer on screen replaced.
    pub fn want_single(&mut self, ctx: &Context) {
        let (Some(dense), Some(key)) = (self.streams.clone(), self.on_screen.clone()) else { return };
        // The last factors at once; while they change, so that the run keeps most of the processors.
        let pause = if key.factors.step().is_some() { Duration::from_millis(300) } else { Duration::ZERO };
        self.single.want_slowly(ctx, key, pause, |key| MeasureReplaced { dense, replaced: alone(key) });
    }

    /// Sees that the model is measured with nothing but the layer on screen pruned to its `kept` largest entries, once the
    /// factors have been measured.
    pub fn want_pruned(&mut self, ctx: &Context, kept: usize) {
        let (Some(dense), Some(on_screen)) = (self.streams.clone(), &self.on_screen) else { return };
        if self.single.of(on_screen).is_none() {
            return;
        }
        let key = PrunedLayer { model: on_screen.model, id: on_screen.id, kept };
        self.pruned.want(ctx, key, |key| MeasureReplaced { dense, replaced: Replaced::PrunedLayer(key.id, key.kept) });
    }

    /// The loss with nothing but the layer on screen pruned, to how many entries it was measured last.
    pub fn pruned(&self, kept: usize) -> Option<f64> {
        let on_screen = self.on_screen.as_ref()?;
        let loss = self.pruned.of(&PrunedLayer { model: on_screen.model, id: on_screen.id, kept })?;
        loss.as_ref().as_ref().ok().copied()
    }

    /// The loss with nothing but the layer on screen replaced by the factors on screen, or those a moment ago; and whether they
    /// are those on screen.
    pub fn single(&self) -> Option<(f64, bool)> {
        let on_screen = self.on_screen.as_ref()?;
        let current = self.single.of(on_screen).is_some();
        let (_, loss) =
            self.single.entry().filter(|(key, _)| key.model == on_screen.model && key.id == on_screen.id)?;
        loss.as_ref().as_ref().ok().map(|&nll| (nll, current))
    }

    /// Forgets the loss with compressed layers: no layer is compressed any more.
    pub fn forget_compressed(&mut self) {
        self.all = AsyncMemo::default();
    }

    /// Sees that the model is measured with all compressed layers, and notes what came of it.
    pub fn want_all(&mut self, ctx: &Context, number: usize, layers: &mut CompressedLayers) {
        let Some(dense) = self.streams.clone() else { return };
        let key = AllLayers::new(number, layers);
        self.all.want(ctx, key, |_| MeasureReplaced { dense, replaced: all_replaced(layers) });
        if let Some((AllLayers { model, count, tuned: false, .. }, loss)) = self.all.entry()
            // What a tuning does stands in its own chart.
            && let (true, Ok(nll)) = (*model == number, loss.as_ref())
        {
            layers.note(*count, nll.exp());
        }
    }

    /// The loss with the compressed layers as they are, or as they were a moment ago, and whether it is as they are; or why
    /// it cannot be measured.
    pub fn all(&self, number: usize, version: usize) -> Option<Result<(f64, bool), &Failure>> {
        let (key, loss) = self.all.entry().filter(|(key, _)| key.model == number)?;
        let loss = loss.as_ref().as_ref();
        Some(loss.map(|&nll| (nll, key.version == version)))
    }
}
