//! How the open network recognizes its images: dense, with one layer replaced, with all compressed layers.

use super::evaluate::{Evaluate, NewWeight, Replaced};
use super::lazy_network::LazyNetwork;
use crate::app::state::compressed_layers::CompressedLayers;
use crate::app::tasks::async_memo::AsyncMemo;
use crate::app::tasks::replaced_layers::{AllLayers, PrunedLayer, SingleLayer};
use crate::app::tasks::stop::Stop;
use crate::hint::Failure;
use crate::vision::Evaluation;
use eframe::egui::Context;
use std::sync::Arc;
use std::time::Duration;

/// An evaluation, or why there is none.
type Evaluated<'a> = Result<&'a Evaluation, &'a Failure>;

/// What the open network answers, as far as it is known.
#[derive(Default)]
pub struct Accuracies {
    dense: AsyncMemo<usize, Evaluate>,
    single: AsyncMemo<SingleLayer<usize>, Evaluate>,
    pruned: AsyncMemo<PrunedLayer<usize>, Evaluate>,
    all: AsyncMemo<AllLayers, Evaluate>,
    /// The same with batch normalization estimated anew.
    estimated: AsyncMemo<AllLayers, Evaluate>,
    /// The layer whose run's accuracy was last wanted.
    tuned: Option<SingleLayer<usize>>,
    /// Stops what is being measured when another network is opened.
    stop: Stop,
}

/// The network that is measured, and the number of threads.
#[derive(Clone, Copy)]
pub struct Measured<'a> {
    /// Number of the network with its images.
    pub number: usize,
    /// The network, for tasks.
    pub network: &'a Arc<LazyNetwork>,
    /// Number of worker threads.
    pub threads: Option<usize>,
}

impl Accuracies {
    /// Stops what is being measured: another network, or other images, are open.
    pub fn stop(&mut self) {
        self.stop.stop();
        self.stop = Stop::default();
    }

    fn task(&self, of: Measured<'_>, replaced: Replaced, estimates_norms: bool) -> Evaluate {
        let (network, stop) = (of.network.clone(), self.stop.clone());
        Evaluate { network, replaced, estimates_norms, threads: of.threads, stop }
    }

    /// Sees that the dense network is evaluated.
    pub fn want_dense(&mut self, ctx: &Context, of: Measured<'_>) {
        let task = self.task(of, Replaced::Nothing, false);
        self.dense.want(ctx, of.number, |_| task);
    }

    /// The dense network's answers, or why there are none.
    pub fn dense(&self, number: usize) -> Option<Evaluated<'_>> {
        self.dense.of(&number).map(|made| made.as_ref().as_ref())
    }

    /// The layer on screen and the factors in its place.
    pub fn tuned(&self) -> Option<&SingleLayer<usize>> {
        self.tuned.as_ref()
    }

    /// Notes the layer on screen, and the factors in its place.
    pub fn set_tuned(&mut self, tuned: Option<SingleLayer<usize>>) {
        self.tuned = tuned;
    }

    /// Sees that the network is evaluated with nothing but the tuned layer replaced.
    pub fn want_single(&mut self, ctx: &Context, of: Measured<'_>) {
        let Some(key) = self.tuned.clone() else { return };
        // The last factors at once; while they change, so that the run keeps most of the processors.
        let pause = if key.factors.step().is_some() { Duration::from_millis(300) } else { Duration::ZERO };
        let task = self.task(of, Replaced::SingleLayer(key.id, key.factors.clone()), false);
        self.single.want_slowly(ctx, key, pause, |_| task);
    }

    /// Sees that the network is evaluated with nothing but the tuned layer pruned to its `kept` largest entries, once the
    /// factors have been.
    pub fn want_pruned(&mut self, ctx: &Context, of: Measured<'_>, kept: usize) {
        let Some(tuned) = self.tuned.as_ref().filter(|tuned| self.single.of(tuned).is_some()) else { return };
        let key = PrunedLayer { model: tuned.model, id: tuned.id, kept };
        let task = self.task(of, Replaced::PrunedLayer(key.id, kept), false);
        self.pruned.want(ctx, key, |_| task);
    }

    /// The answers with nothing but the tuned layer pruned, if it was last to so many entries.
    pub fn pruned(&self, kept: usize) -> Option<&Evaluation> {
        let tuned = self.tuned.as_ref()?;
        let made = self.pruned.of(&PrunedLayer { model: tuned.model, id: tuned.id, kept })?;
        made.as_ref().as_ref().ok()
    }

    /// The answers with nothing but the tuned layer replaced by the factors on screen, or those a moment ago; and whether
    /// they are those on screen.
    pub fn single(&self) -> Option<(&Evaluation, bool)> {
        let tuned = self.tuned.as_ref()?;
        let current = self.single.of(tuned).is_some();
        let (_, made) = self.single.entry().filter(|(key, _)| key.model == tuned.model && key.id == tuned.id)?;
        made.as_ref().as_ref().ok().map(|made| (made, current))
    }

    /// Sees that the network is evaluated with all compressed layers; `estimates_norms` also with batch normalization
    /// estimated anew.
    pub fn want_all(
        &mut self,
        ctx: &Context,
        of: Measured<'_>,
        layers: &CompressedLayers<usize>,
        estimates_norms: bool,
    ) {
        let key = AllLayers::new(of.number, layers);
        if self.all.of(&key).is_some() && (!estimates_norms || self.estimated.of(&key).is_some()) {
            return;
        }
        let new = || layers.iter().map(|layer| NewWeight { layer: layer.id, weight: layer.weight.clone() }).collect();
        let task = |estimates_norms| self.task(of, Replaced::Layers(new()), estimates_norms);
        let (as_is, estimated) = (task(false), task(true));
        self.all.want(ctx, key, |_| as_is);
        if estimates_norms && self.all.of(&key).is_some() {
            self.estimated.want(ctx, key, |_| estimated);
        }
    }

    /// The answers with as many layers replaced as were a moment ago, and how many.
    pub fn latest(&self, number: usize) -> Option<(usize, &Evaluation)> {
        let (key, made) = self.all.entry().filter(|(key, _)| key.model == number)?;
        made.as_ref().as_ref().ok().map(|made| (key.count, made))
    }

    /// The answers with the compressed layers as they are, or as they were a moment ago, and whether it is as they are; or
    /// why there are none.
    pub fn all(&self, number: usize, version: usize) -> Option<Result<(&Evaluation, bool), &Failure>> {
        let (key, made) = self.all.entry().filter(|(key, _)| key.model == number)?;
        Some(made.as_ref().as_ref().map(|made| (made, key.version == version)))
    }

    /// The answers with the compressed layers as they are and batch normalization estimated anew.
    pub fn estimated(&self, number: usize, layers: &CompressedLayers<usize>) -> Option<Evaluated<'_>> {
        self.estimated.of(&AllLayers::new(number, layers)).map(|made| made.as_ref().as_ref())
    }
}
