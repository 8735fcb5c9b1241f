//! The language model that is open: its perplexity, what becomes of it, and what it tells.
//!
//! Everything slow is a task (`tasks.rs`); the panels only show what is there. A [`EvalSet`](crate::app::tasks::language::eval_set::EvalSet) is the model with
//! the texts it is measured and calibrated on, and its [`ModelInfo`] are what the panels need of it.

mod compressing;
mod model_panel;
mod story_panel;
mod table_panel;

use crate::app::platform::SaveTarget;
use crate::app::state::factors_at::FactorsAt;
use crate::app::state::loaded_layer::LoadedLayer;
use crate::app::tasks::async_memo::AsyncMemo;
use crate::app::tasks::language::eval_set::{ModelInfo, ModelSource};
use crate::app::tasks::language::save::SaveModel;
use crate::app::tasks::language::work::{
    Change, Changed, Collect, Compressing, Cost, LazyModel, Measure, Read, Replacement, Stop, Streams, Tell,
};
use crate::compress::{CompressedLayer, Densities, Proxy};
use crate::factorize::Settings;
use crate::job::ComputeConfig;
use crate::language::{LayerId, Sampling};
use crate::methods::Method;
use crate::model;
use crate::tasks::Lazy;
use compressing::Work;
use eframe::egui::Context;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use table_panel::TablePanel;

/// A model with more weights in its layers is measured only when asked for.
const LIVE_WEIGHTS: usize = 60_000_000;

/// A layer of the model and the factors in its place.
#[derive(Clone, PartialEq)]
struct SingleLayer {
    study: usize,
    id: LayerId,
    moment: FactorsAt,
}

/// A text that was asked for.
#[derive(Clone, PartialEq)]
struct Telling {
    study: usize,
    replaced: Replaced,
    prompt: String,
    temperature: f32,
    seed: u64,
}

/// Which layers of a model are replaced.
#[derive(Clone, PartialEq)]
enum Replaced {
    /// Those that were compressed, as of this version.
    Compressed(usize),
    /// One, by the run on screen.
    SingleLayer(SingleLayer),
    /// None.
    Nothing,
}

/// The compressed layers at one moment.
#[derive(Clone, Copy, PartialEq)]
struct AllLayers {
    study: usize,
    version: usize,
    /// How many there are.
    count: usize,
}

/// The open language model, and what is known of it.
pub struct LanguageModelState {
    /// Counts the models and texts that were opened.
    number: usize,
    source: Option<ModelSource>,
    opened: Option<Arc<LazyModel>>,
    streams: Option<Arc<Lazy<Streams>>>,
    /// Another model that was opened, while this one has something to lose.
    pending: Option<ModelSource>,
    /// The version of the layers that was written.
    saved: Option<usize>,
    facts: AsyncMemo<usize, Read>,
    /// Dense.
    dense: AsyncMemo<usize, Measure>,
    /// Whether a large model is to be measured.
    asked: bool,
    alone: AsyncMemo<SingleLayer, Changed>,
    /// The loss with the compressed layers.
    together: AsyncMemo<AllLayers, Changed>,
    told: AsyncMemo<Telling, Tell>,
    proxy: AsyncMemo<usize, Cost>,
    proxy_wanted: bool,
    /// Stops what is being measured when another model is opened.
    stop: Stop,
    layers: BTreeMap<LayerId, Arc<CompressedLayer>>,
    /// Counts the changes of `layers`.
    version: usize,
    /// How many layers were replaced, and the perplexity then.
    trail: Vec<(usize, f64)>,
    work: Option<Work>,
    /// What went wrong last.
    problem: Option<String>,
    /// What compressing has said, to be shown.
    pub notes: Vec<String>,
    // What is set in the panels.
    method: Method,
    table: TablePanel,
    ticked: BTreeSet<LayerId>,
    densities: Densities,
    /// The layer whose run's perplexity was last wanted.
    tuned: Option<SingleLayer>,
    save_to: String,
    replace_saved: bool,
    text_path: String,
    prompt: String,
    sampling: Sampling,
}

impl Default for LanguageModelState {
    fn default() -> Self {
        Self {
            number: 0,
            source: None,
            opened: None,
            streams: None,
            pending: None,
            saved: None,
            facts: AsyncMemo::default(),
            dense: AsyncMemo::default(),
            asked: false,
            alone: AsyncMemo::default(),
            together: AsyncMemo::default(),
            told: AsyncMemo::default(),
            proxy: AsyncMemo::default(),
            proxy_wanted: false,
            stop: Stop::default(),
            layers: BTreeMap::new(),
            version: 0,
            trail: Vec::new(),
            work: None,
            problem: None,
            notes: Vec::new(),
            method: Method::default(),
            table: TablePanel::default(),
            ticked: BTreeSet::new(),
            densities: Densities::uniform(0.25),
            tuned: None,
            save_to: String::new(),
            replace_saved: false,
            text_path: String::new(),
            prompt: String::new(),
            sampling: Sampling { tokens: 240, ..Sampling::default() },
        }
    }
}

impl LanguageModelState {
    /// Another language model is open. What was compressed of the one before stays until it is saved or let go.
    pub fn open(&mut self, source: ModelSource) {
        if self.is_unsaved() {
            self.pending = Some(source);
            return;
        }
        let number = self.number + 1;
        self.stop.stop();
        *self = Self { number, ..Self::default() };
        self.read(source);
    }

    /// The texts of the open model change; its compressed layers stay.
    pub fn read_text(&mut self, text: Option<model::Source>) {
        let Some(source) = self.source.clone() else { return };
        self.number += 1;
        self.stop.stop();
        self.stop = Stop::default();
        (self.proxy_wanted, self.proxy, self.problem) = Default::default();
        self.trail.clear();
        self.read(ModelSource { text, ..source });
    }

    fn read(&mut self, source: ModelSource) {
        self.source = Some(source.clone());
        self.opened = Some(Arc::new(Lazy::new(source)));
        self.streams = None;
    }

    /// Whether layers were compressed, or are being compressed, that nobody has saved.
    pub fn is_unsaved(&self) -> bool {
        self.work.is_some() || (!self.layers.is_empty() && self.saved != Some(self.version))
    }

    /// The model with its compressed layers was written as it is now.
    pub fn saved(&mut self, version: usize) {
        self.saved = Some(version);
    }

    /// The model, once it is read.
    pub fn facts(&self) -> Option<&ModelInfo> {
        self.facts.of(&self.number)?.as_ref().as_ref().ok()
    }

    /// Which of the model's layers one that is open is.
    pub fn layer_of(&self, subject: &LoadedLayer) -> Option<LayerId> {
        self.facts()?.layer_of(&self.source.as_ref()?.checkpoint, subject)
    }

    /// Its perplexity as it was.
    pub fn dense(&self) -> Option<f64> {
        Some(self.dense.of(&self.number)?.as_ref().as_ref().ok()?.perplexity())
    }

    /// The perplexity that no model can go below, where it is known.
    pub fn floor(&self) -> Option<f64> {
        self.facts()?.floor
    }

    /// Its perplexity with the compressed layers as they are, or as they were a moment ago; and whether it is as they are.
    pub fn compressed(&self) -> Option<(f64, bool)> {
        let (key, loss) = self.together.entry().filter(|(key, _)| key.study == self.number)?;
        loss.as_ref().as_ref().ok().map(|nll| (nll.exp(), key.version == self.version))
    }

    /// Its perplexity with nothing but the tuned layer replaced by the factors on screen, or those a moment ago; and
    /// whether they are those on screen.
    pub fn alone(&self) -> Option<(f64, bool)> {
        let tuned = self.tuned.as_ref()?;
        let current = self.alone.of(tuned).is_some();
        let (key, loss) = self.alone.entry()?;
        (key.study == tuned.study && key.id == tuned.id)
            .then(|| loss.as_ref().as_ref().ok().map(|nll| (nll.exp(), current)))
            .flatten()
    }

    /// What the proxy predicts of the perplexity with nothing but this layer replaced, at this layer-wise error.
    pub fn predicted_alone(&self, id: LayerId, layer_error: f64) -> Option<f64> {
        let proxy = self.proxy()?;
        Some(self.dense()? * (proxy.loss([(id, layer_error)]) - proxy.dense).exp())
    }

    /// How many layers are replaced.
    pub fn replaced(&self) -> usize {
        self.layers.len()
    }

    /// The compressed layers.
    pub fn compressed_layers(&self) -> impl Iterator<Item = &CompressedLayer> {
        self.layers.values().map(Arc::as_ref)
    }

    /// Whether layers are being compressed.
    pub fn is_working(&self) -> bool {
        self.work.is_some()
    }

    fn proxy(&self) -> Option<&Proxy> {
        self.proxy.of(&self.number)?.as_ref().as_ref().ok()
    }

    /// The compressed layers.
    fn change(&self) -> Change {
        let replacement = |layer: &Arc<CompressedLayer>| Replacement { id: layer.id, weight: layer.weight.clone() };
        Change::Layers(self.layers.values().map(replacement).collect())
    }

    /// Everything that has happened since the last frame, and what is wanted now. `tuned` is the layer on screen and the
    /// factors in its place.
    pub fn take_in(&mut self, ctx: &Context, threads: Option<usize>, tuned: Option<(LayerId, FactorsAt)>) {
        self.take_news();
        let Some(opened) = self.opened.clone() else { return };
        self.facts.want(ctx, self.number, |_| Read(opened.clone()));
        let Some(facts) = self.facts().cloned() else { return };
        if facts.text.is_some() && (self.is_live(&facts) || self.asked) {
            let stop = self.stop.clone();
            let streams = self
                .streams
                .get_or_insert_with(|| Arc::new(Lazy::new(Streams { model: opened.clone(), threads, stop })));
            self.dense.want(ctx, self.number, |_| Measure(streams.clone()));
        }
        self.want_losses(ctx, &facts, tuned);
        self.take_in_table(ctx, threads);
        if self.proxy_wanted && facts.calibrates {
            self.proxy.want(ctx, self.number, |_| Cost { model: opened, threads });
        }
    }

    /// Whether the model is small enough to be measured whenever something changes.
    fn is_live(&self, facts: &ModelInfo) -> bool {
        facts.config.layer_weights() <= LIVE_WEIGHTS
    }

    fn want_losses(&mut self, ctx: &Context, facts: &ModelInfo, tuned: Option<(LayerId, FactorsAt)>) {
        self.tuned = tuned
            .filter(|(id, moment)| *moment != FactorsAt::Nothing && facts.has(*id))
            .map(|(id, moment)| SingleLayer { study: self.number, id, moment });
        let Some(dense) = self.streams.clone().filter(|_| self.dense().is_some()) else { return };
        let live = self.is_live(facts);
        if let Some(key) = self.tuned.clone().filter(|_| live) {
            // The last factors at once; while they change, so that the run keeps most of the processors.
            let pause = if key.moment.step().is_some() { Duration::from_millis(300) } else { Duration::ZERO };
            self.alone.want_slowly(ctx, key, pause, |key| {
                let change = Change::SingleLayer(key.id, key.moment.clone());
                Changed { dense: dense.clone(), change }
            });
        }
        // A large model keeps the processors for its layers, and is measured when they are done.
        if !self.layers.is_empty() && (live || self.work.is_none()) {
            let key = AllLayers { study: self.number, version: self.version, count: self.layers.len() };
            let change = self.change();
            self.together.want(ctx, key, |_| Changed { dense, change });
            if let Some((AllLayers { study, count, .. }, loss)) = self.together.entry()
                && let (true, Ok(nll)) = (*study == self.number, loss.as_ref())
                && self.trail.last() != Some(&(*count, nll.exp()))
            {
                self.trail.push((*count, nll.exp()));
            }
        }
    }

    fn take_news(&mut self) {
        let Some(work) = &mut self.work else { return };
        let Work { errand, current, waiting, .. } = &mut *work;
        let mut over = errand.poll(|news| match news {
            Compressing::Stepped(id, done, stage) => *current = Some((id, done, stage)),
            Compressing::Note(note) => self.notes.push(note),
            Compressing::Finished(layer) => {
                waiting.remove(&layer.id);
                *current = None;
                self.layers.insert(layer.id, layer);
                self.version += 1;
            }
        });
        if work.is_cancelled() {
            // The layer in work is given up; its thread finds out by itself.
            over = Some(Ok(()));
        }
        if let Some(end) = over {
            self.problem = end.err();
            self.work = None;
        }
    }

    /// What is known, for a program that drives the window.
    pub fn state(&self) -> serde_json::Value {
        let told = self.told.latest().and_then(|told| told.as_ref().as_ref().ok());
        serde_json::json!({
            "dense": self.dense(),
            "floor": self.floor(),
            "alone": self.alone().map(|(perplexity, _)| perplexity),
            "alone_is_current": self.alone().is_some_and(|(_, current)| current),
            "compressed": self.compressed().map(|(perplexity, _)| perplexity),
            "compressed_is_current": self.compressed().is_some_and(|(_, current)| current),
            "replaced": self.replaced(),
            "layers": self.facts().map(|facts| facts.config.layers().count()),
            "working": self.is_working(),
            "problem": self.problem,
            "table": self.table_count(),
            "table_is_going": self.table_is_going(),
            "story": told.map(|told| told.dense.concat()),
            "changed_story": told.and_then(|told| Some(told.changed.as_ref()?.concat())),
        })
    }

    /// Compresses all layers to this density.
    pub fn compress_all(
        &mut self,
        ctx: &Context,
        settings: &Settings,
        density: f64,
        compute: ComputeConfig,
    ) -> Result<(), String> {
        let facts = self.facts().cloned().ok_or("no language model is open")?;
        if self.work.is_some() {
            return Err("layers are being compressed".into());
        }
        self.densities = Densities::uniform(density);
        self.densities.check().map_err(|error| error.to_string())?;
        self.compress(ctx, settings, facts.config.layers().collect(), compute);
        Ok(())
    }

    /// Ends compressing; finished layers stay.
    pub fn cancel(&mut self) {
        self.work.iter_mut().for_each(|work| work.cancel());
    }

    /// What writes the model with its compressed layers, and their version.
    pub fn saving_now(&self, settings: &Settings) -> Option<(usize, SaveModel)> {
        Some((self.version, self.saving(settings).filter(|_| !self.layers.is_empty())?))
    }

    /// What collects the statistics of what a layer of the dense model reads.
    pub fn collecting(&self, id: LayerId) -> Option<Collect> {
        self.facts().filter(|facts| facts.calibrates)?;
        Some(Collect { model: self.opened.clone()?, id })
    }

    /// What writes it.
    pub(super) fn saving(&self, settings: &Settings) -> Option<SaveModel> {
        self.facts()?;
        let layers = self.layers.values().cloned().collect();
        let plan = self.plan(settings, &Default::default(), 1);
        let target = SaveTarget::new(&self.save_to, self.replace_saved);
        Some(SaveModel { model: self.opened.clone()?, layers, plan, target })
    }

    /// Puts the dense weights back.
    fn restore(&mut self, ids: &[LayerId]) {
        let before = self.layers.len();
        ids.iter().for_each(|id| _ = self.layers.remove(id));
        self.version += usize::from(self.layers.len() != before);
        if self.layers.is_empty() {
            self.trail.clear();
        }
    }
}

/// What is done for this room, for the Workers of a page.
#[cfg(target_arch = "wasm32")]
pub fn register(registry: crate::tasks::Registry) -> crate::tasks::Registry {
    let registry = registry.task::<Read>().task::<Measure>().task::<Changed>().task::<Tell>();
    registry
        .task::<Cost>()
        .task::<Collect>()
        .task::<crate::app::tasks::language::work::Compress>()
        .task::<crate::app::tasks::language::work::MeasureRow>()
        .task::<SaveModel>()
}
