//! The language model that is open: its perplexity, what becomes of it, and what it tells.
//!
//! Everything slow is made on threads (`Background`, `compressing.rs`); the panels only show what is there. A model's
//! [`Study`] is the model with the texts it is measured and calibrated on.

mod compressing;
mod model_panel;
mod save;
mod story_panel;
mod study;

pub use model_panel::ModelAct;
pub use study::{Source, Study};

use super::background::Background;
use super::showing::Moment;
use crate::compress::{CompressedLayer, Densities, Proxy};
use crate::factorize::Calibration;
use crate::language::{LayerId, Llama, Prepared, Sampling, Walk};
use compressing::{News, Work};
use eframe::egui::Context;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// A model with more weights in its layers is measured only when asked for.
const LIVE_WEIGHTS: usize = 60_000_000;

/// A layer of the model and the factors in its place.
#[derive(Clone, PartialEq)]
struct Alone {
    study: usize,
    id: LayerId,
    moment: Moment,
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
    Alone(Alone),
    /// None.
    Nothing,
}

/// The compressed layers at one moment.
#[derive(Clone, Copy, PartialEq)]
struct Together {
    study: usize,
    version: usize,
    /// How many there are.
    count: usize,
}

/// What the dense and the changed model tell, as tokens' texts.
struct Told {
    dense: Vec<String>,
    changed: Option<Vec<String>>,
}

/// Tells threads to stop when the last one who waits for them is gone.
#[derive(Default)]
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Stop {
    /// What the threads ask after each block.
    fn asked(&self) -> impl Fn(usize, usize) -> bool + Send + Sync + use<> {
        let stop = self.0.clone();
        move |_, _| !stop.load(Ordering::Relaxed)
    }
}

/// What is measured once, on request for large models.
type Measured<T> = Background<usize, Result<T, String>>;

/// The open language model, and what is known of it.
pub struct LanguageRoom {
    /// Counts the models and texts that were opened.
    number: usize,
    source: Option<Source>,
    /// Another model that was opened, while this one has something to lose.
    pending: Option<Source>,
    /// The version of the layers that was written.
    saved: Option<usize>,
    study: Measured<Study>,
    /// Dense.
    prepared: Measured<Prepared>,
    /// Whether a large model is to be measured.
    asked: bool,
    alone: Background<Alone, Result<f64, String>>,
    /// The loss with the compressed layers.
    together: Background<Together, Result<f64, String>>,
    told: Background<Telling, Result<Told, String>>,
    proxy: Measured<Proxy>,
    proxy_wanted: bool,
    proxy_done: Arc<AtomicUsize>,
    /// Set when nobody waits any more for what is being measured.
    stop: Stop,
    /// The same for the proxy, which can be stopped by itself.
    proxy_stop: Stop,
    layers: BTreeMap<LayerId, Arc<CompressedLayer>>,
    /// Counts the changes of `layers`.
    version: usize,
    /// How many layers were replaced, and the perplexity then.
    trail: Vec<(usize, f64)>,
    work: Option<Work>,
    /// What went wrong last.
    problem: Option<String>,
    // What is set in the panels.
    ticked: BTreeSet<LayerId>,
    densities: Densities,
    /// The layer whose run's perplexity was last wanted.
    tuned: Option<Alone>,
    save_to: String,
    replace_saved: bool,
    text_path: String,
    prompt: String,
    sampling: Sampling,
}

impl Default for LanguageRoom {
    fn default() -> Self {
        Self {
            number: 0,
            source: None,
            pending: None,
            saved: None,
            study: Background::default(),
            prepared: Background::default(),
            asked: false,
            alone: Background::default(),
            together: Background::default(),
            told: Background::default(),
            proxy: Background::default(),
            proxy_wanted: false,
            proxy_done: Arc::default(),
            stop: Stop::default(),
            proxy_stop: Stop::default(),
            layers: BTreeMap::new(),
            version: 0,
            trail: Vec::new(),
            work: None,
            problem: None,
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

impl LanguageRoom {
    /// Another language model is open. What was compressed of the one before stays until it is saved or let go.
    pub fn open(&mut self, source: Source) {
        if self.is_unsaved() {
            self.pending = Some(source);
            return;
        }
        let number = self.number + 1;
        *self = Self { number, source: Some(source), ..Self::default() };
    }

    /// The texts of the open model change; its compressed layers stay.
    fn read_text(&mut self, path: Option<PathBuf>) {
        self.number += 1;
        if let Some(source) = &mut self.source {
            source.text = path;
        }
        (self.proxy_wanted, self.problem) = (false, None);
        (self.stop, self.proxy_stop) = Default::default();
        self.trail.clear();
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
    pub fn study(&self) -> Option<&Study> {
        self.study.of(&self.number)?.as_ref().as_ref().ok()
    }

    /// Its perplexity as it was.
    pub fn dense(&self) -> Option<f64> {
        Some(self.prepared()?.loss().perplexity())
    }

    /// The perplexity that no model can go below, where it is known.
    pub fn floor(&self) -> Option<f64> {
        self.study()?.floor
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

    /// What the proxy foretells of the perplexity with nothing but this layer replaced, at this layer-wise error.
    pub fn foretold_alone(&self, id: LayerId, layer_error: f64) -> Option<f64> {
        let proxy = self.proxy()?;
        Some(self.dense()? * (proxy.loss([(id, layer_error)]) - proxy.dense).exp())
    }

    /// How many layers are replaced.
    pub fn replaced(&self) -> usize {
        self.layers.len()
    }

    /// Whether layers are being compressed.
    pub fn is_working(&self) -> bool {
        self.work.is_some()
    }

    fn prepared(&self) -> Option<&Prepared> {
        self.prepared.of(&self.number)?.as_ref().as_ref().ok()
    }

    fn proxy(&self) -> Option<&Proxy> {
        self.proxy.of(&self.number)?.as_ref().as_ref().ok()
    }

    /// The model with the compressed layers.
    fn changed(&self) -> Option<Llama> {
        let mut model = self.study()?.model.clone();
        self.layers.values().for_each(|layer| model.replace(layer.id, layer.weight.clone()));
        Some(model)
    }

    /// Everything that has happened since the last frame, and what is wanted now. `tuned` is the layer on screen and the
    /// factors in its place.
    pub fn take_in(&mut self, ctx: &Context, threads: Option<usize>, tuned: Option<(LayerId, Moment)>) {
        self.take_news();
        let Some(source) = self.source.clone() else { return };
        self.study.want(ctx, self.number, move |_| Study::open(&source));
        let Some(study) = self.study().cloned() else { return };
        let live = study.model.layer_weights() <= LIVE_WEIGHTS;
        if let Some(text) = &study.text
            && (live || self.asked)
        {
            let (model, text, asked) = (study.model.clone(), text.clone(), self.stop.asked());
            self.prepared.want(ctx, self.number, move |_| {
                on_threads(threads, || Prepared::new(&model, text, &asked).map_err(|error| error.to_string()))
            });
        }
        self.want_losses(ctx, &study, threads, tuned);
        self.want_proxy(ctx, &study, threads);
    }

    fn want_losses(&mut self, ctx: &Context, study: &Study, threads: Option<usize>, tuned: Option<(LayerId, Moment)>) {
        self.tuned = tuned
            .filter(|(id, moment)| *moment != Moment::Nothing && study.has(*id))
            .map(|(id, moment)| Alone { study: self.number, id, moment });
        let Some(prepared) = self.prepared.of(&self.number).cloned() else { return };
        let live = study.model.layer_weights() <= LIVE_WEIGHTS;
        if let Some(key) = self.tuned.clone().filter(|_| live) {
            let (model, prepared, asked) = (study.model.clone(), prepared.clone(), self.stop.asked());
            // The last factors at once; while they change, so that the run keeps most of the processors.
            let pause = if key.moment.step().is_some() { Duration::from_millis(300) } else { Duration::ZERO };
            self.alone.want_slowly(ctx, key, pause, move |key| {
                let Ok(prepared) = prepared.as_ref() else { return Err(String::new()) };
                let Some(product) = key.moment.product() else { return Err(String::new()) };
                let mut model = model;
                model.replace(key.id, Arc::new(product));
                on_threads(threads, || {
                    let loss = prepared.loss_from(&model, key.id.block, &asked);
                    loss.map(|loss| loss.nll).map_err(|error| error.to_string())
                })
            });
        }
        let first = self.layers.keys().map(|id| id.block).min();
        // A large model keeps the processors for its layers, and is measured when they are done.
        let wanted = live || self.work.is_none();
        if let (Some(first), Some(model), true) = (first, self.changed(), wanted) {
            let key = Together { study: self.number, version: self.version, count: self.layers.len() };
            let asked = self.stop.asked();
            self.together.want(ctx, key, move |_| {
                let Ok(prepared) = prepared.as_ref() else { return Err(String::new()) };
                on_threads(threads, || {
                    let loss = prepared.loss_from(&model, first, &asked);
                    loss.map(|loss| loss.nll).map_err(|error| error.to_string())
                })
            });
            if let Some((Together { study, count, .. }, loss)) = self.together.entry()
                && let (true, Ok(nll)) = (*study == self.number, loss.as_ref())
                && self.trail.last() != Some(&(*count, nll.exp()))
            {
                self.trail.push((*count, nll.exp()));
            }
        }
    }

    fn want_proxy(&mut self, ctx: &Context, study: &Study, threads: Option<usize>) {
        let Some(windows) = study.calibration.clone().filter(|_| self.proxy_wanted) else { return };
        let (model, done, asked) = (study.model.clone(), self.proxy_done.clone(), self.proxy_stop.asked());
        let woken = ctx.clone();
        self.proxy.want(ctx, self.number, move |_| {
            let told = move |at: usize, all: usize| {
                if done.swap(at, Ordering::Relaxed) != at {
                    woken.request_repaint();
                }
                asked(at, all)
            };
            on_threads(threads, || Proxy::measure(&model, &windows, &told).map_err(|error| error.to_string()))
        });
    }

    fn take_news(&mut self) {
        let Some(work) = &mut self.work else { return };
        let mut over = None;
        while let Ok(news) = work.news.try_recv() {
            match news {
                News::Stepped(id, progress) => work.current = Some((id, progress)),
                News::Finished(layer) => {
                    work.finished(layer.id);
                    self.layers.insert(layer.id, layer);
                    self.version += 1;
                }
                News::Ended(end) => over = Some(end),
            }
        }
        if let Some(end) = over {
            self.problem = end.err();
            self.work = None;
        }
    }

    /// What collects the statistics of what a layer of the dense model reads.
    pub fn collecting(&self, id: LayerId) -> Option<impl FnOnce() -> Result<Calibration, String> + Send + use<>> {
        let study = self.study()?;
        let (model, windows) = (study.model.clone(), study.calibration.clone()?);
        Some(move || {
            let told = |error: crate::language::Error| error.to_string();
            let mut walk = Walk::new(&model, &windows).map_err(told)?;
            while !walk.layers().is_empty() && !walk.layers().contains(&id) {
                walk.advance().map_err(told)?;
            }
            walk.statistics().map_err(told)
        })
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

/// Does something on as many threads as a run may have.
fn on_threads<T: Send>(threads: Option<usize>, work: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build();
    pool.map_err(|error| format!("the worker threads could not be started: {error}"))?.install(work)
}
