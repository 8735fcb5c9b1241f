//! How the open network recognizes its images: dense, with one layer replaced, with all compressed layers.

use super::by_portions::ByPortions;
use super::evaluate::{Evaluate, NewWeight, Replaced};
use super::evaluate_layer::{BeforeLayer, EvaluateLayer, InPlace};
use super::lazy_network::LazyNetwork;
use crate::app::state::compressed_layers::CompressedLayers;
use crate::app::tasks::async_memo::AsyncMemo;
use crate::app::tasks::stop::Stop;
use crate::app::tasks::whole_model::replaced_layers::{AllLayers, PrunedLayer, SingleLayer};
use crate::compress::CompressedLayer;
use crate::hint::Failure;
use crate::tasks::Lazy;
use crate::vision::Evaluation;
use eframe::egui::Context;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// An evaluation, or why there is none.
type Evaluated<'a> = Result<&'a Evaluation, &'a Failure>;

/// What the open network answers, as far as it is known.
#[derive(Default)]
pub struct Accuracies {
    dense: AsyncMemo<usize, Evaluate>,
    single: ByPortions<SingleLayer<usize>>,
    pruned: ByPortions<PrunedLayer<usize>>,
    all: AsyncMemo<AllLayers, Evaluate>,
    /// The same with batch normalization estimated anew.
    estimated: AsyncMemo<AllLayers, Evaluate>,
    /// Compressed layers that are to be evaluated, the oldest first.
    waiting: VecDeque<(AllLayers, Replaced)>,
    /// Those that came last.
    seen: Option<AllLayers>,
    /// The layer whose run's accuracy was last wanted.
    on_screen: Option<SingleLayer<usize>>,
    /// Number of the network with its images, a layer, and what comes before that: of the layer whose run was last measured.
    before: Option<(usize, usize, Arc<Lazy<BeforeLayer>>)>,
    /// Stops what is being measured on a thread when another network is opened.
    stop: Stop,
}

/// The network that is measured, and the number of threads.
#[derive(Clone, Copy)]
pub struct Measured<'a> {
    /// Number of the network with its images.
    pub number: usize,
    /// Number of the images.
    pub images: usize,
    /// The network, for tasks.
    pub network: &'a Arc<LazyNetwork>,
    /// Number of worker threads.
    pub threads: Option<usize>,
}

impl Accuracies {
    /// Stops what is being measured: another network, or other images, are open.
    pub fn stop(&mut self) {
        self.stop.stop();
        (self.stop, self.before) = Default::default();
        self.forget_compressed();
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
    pub fn on_screen(&self) -> Option<&SingleLayer<usize>> {
        self.on_screen.as_ref()
    }

    /// Notes the layer on screen, and the factors in its place.
    pub fn set_on_screen(&mut self, on_screen: Option<SingleLayer<usize>>) {
        self.on_screen = on_screen;
    }

    /// Sees that the network is evaluated with nothing but the layer on screen replaced.
    pub fn want_single(&mut self, ctx: &Context, of: Measured<'_>) {
        let Some(key) = self.on_screen.clone() else { return };
        // The last factors at once; while they change, so that the run keeps most of the processors.
        let pause = if key.factors.step().is_some() { Duration::from_millis(300) } else { Duration::ZERO };
        let before = self.before(of, key.id);
        let in_place = InPlace::Factors(key.factors.clone());
        self.single.want(ctx, key, of.images, pause, |images| EvaluateLayer { before, in_place, images });
    }

    /// Sees that the network is evaluated with nothing but the layer on screen pruned to its `kept` largest entries, once the
    /// factors have been.
    pub fn want_pruned(&mut self, ctx: &Context, of: Measured<'_>, kept: usize) {
        let is_whole = |on_screen: &&_| self.single.whole().is_some_and(|(key, _)| key == *on_screen);
        let Some(on_screen) = self.on_screen.as_ref().filter(is_whole) else { return };
        let key = PrunedLayer { model: on_screen.model, id: on_screen.id, kept };
        let before = self.before(of, key.id);
        let task = |images| EvaluateLayer { before, in_place: InPlace::Pruned(kept), images };
        self.pruned.want(ctx, key, of.images, Duration::ZERO, task);
    }

    /// What the images give before a layer: kept as long as it is that layer's runs that are measured.
    fn before(&mut self, of: Measured<'_>, layer: usize) -> Arc<Lazy<BeforeLayer>> {
        let kept = self.before.as_ref().filter(|(number, of_layer, _)| (*number, *of_layer) == (of.number, layer));
        if let Some((.., before)) = kept {
            return before.clone();
        }
        let (network, stop) = (of.network.clone(), self.stop.clone());
        let before = Arc::new(Lazy::new(BeforeLayer { network, layer, threads: of.threads, stop }));
        self.before = Some((of.number, layer, before.clone()));
        before
    }

    /// The answers with nothing but the layer on screen pruned, if it was last to so many entries.
    pub fn pruned(&self, kept: usize) -> Option<&Evaluation> {
        let on_screen = self.on_screen.as_ref()?;
        let wanted = PrunedLayer { model: on_screen.model, id: on_screen.id, kept };
        self.pruned.whole().filter(|(key, _)| **key == wanted).map(|(_, made)| made)
    }

    /// The answers with nothing but the layer on screen replaced by the factors on screen, or those a moment ago, perhaps on the
    /// first images alone; and whether they are those of the factors on screen on all images.
    pub fn single(&self) -> Option<(&Evaluation, bool)> {
        let (key, made) = self.single.so_far().filter(|(key, _)| self.is_of_layer(key))?;
        let is_whole = self.single.whole().is_some_and(|(of, _)| of == key);
        Some((made, is_whole && self.on_screen.as_ref() == Some(key)))
    }

    /// The same on all images, perhaps of the factors some moments ago.
    pub fn single_on_all(&self) -> Option<&Evaluation> {
        self.single.whole().filter(|(key, _)| self.is_of_layer(key)).map(|(_, made)| made)
    }

    fn is_of_layer(&self, key: &SingleLayer<usize>) -> bool {
        self.on_screen.as_ref().is_some_and(|on_screen| (key.model, key.id) == (on_screen.model, on_screen.id))
    }

    /// Sees that the network is evaluated with all compressed layers, and as they were after each change before, one after the
    /// other; `estimates_norms` also with batch normalization estimated anew.
    pub fn want_all(
        &mut self,
        ctx: &Context,
        of: Measured<'_>,
        layers: &CompressedLayers<usize>,
        estimates_norms: bool,
    ) {
        let now = AllLayers::new(of.number, layers);
        if self.seen != Some(now) {
            self.seen = Some(now);
            let new = |layer: &Arc<CompressedLayer<usize>>| NewWeight { layer: layer.id, weight: layer.weight.clone() };
            let replaced = Replaced::Layers(layers.iter().map(new).collect(), layers.tensors());
            self.waiting.push_back((now, replaced));
        }
        // The last of them stays, for its norms.
        while self.waiting.len() > 1 && (self.all.of(&self.waiting[0].0).is_some() || self.all.has_given_up()) {
            self.waiting.pop_front();
        }
        let Some((key, replaced)) = self.waiting.front().cloned() else { return };
        let known = self.all.of(&key).is_some();
        if !known {
            let task = self.task(of, replaced, false);
            self.all.want(ctx, key, |_| task);
        } else if estimates_norms && key == now && self.estimated.of(&key).is_none() {
            let task = self.task(of, replaced, true);
            self.estimated.want(ctx, key, |_| task);
        }
    }

    /// Forgets the answers with compressed layers, and what still waits to be evaluated: no layer is compressed any more.
    pub fn forget_compressed(&mut self) {
        self.waiting.clear();
        (self.seen, self.all, self.estimated) = Default::default();
    }

    /// The answers with as many layers replaced as were a moment ago, and how many; `None` when they are tuned, for what a tuning
    /// does stands in its own chart.
    pub fn latest(&self, number: usize) -> Option<(usize, &Evaluation)> {
        let (key, made) = self.all.entry().filter(|(key, _)| key.model == number && !key.tuned)?;
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
