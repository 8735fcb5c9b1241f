//! What is worked out for the language room, in the background.

use crate::app::state::factors_at::FactorsAt;
use crate::app::tasks::language::eval_set::{EvalSet, ModelInfo, ModelSource};
use crate::compare::{ModelRecord, ModelRow, ModelStudy};
use crate::compress::{self, CompressedLayer, Compression, Inputs, Memory, Plan, Proxy, Step};
use crate::compute::ThreadPool;
use crate::job::{self, Backend, ComputeConfig, Stage};
use crate::language::{self, CalibrationPass, LayerId, Llama, Loss, Sampling, StreamCache, generate};
use crate::matrix::{Calibration, Matrix};
use crate::methods::Method;
use crate::tasks::{Lazy, LazySource, Queue, SilentTask, Task, shared};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use web_time::Instant;

/// The longest beginning that is gone on from, in tokens.
const PROMPT: usize = 200;

/// A model with its texts: read on each side that works with it.
pub type LazyModel = Lazy<ModelSource>;

/// Tells what is being worked out to stop.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Nobody waits for it any more.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// What is asked after each block.
    fn asked(&self) -> impl Fn(usize, usize) -> bool + Send + Sync + use<> {
        let stop = self.0.clone();
        move |_, _| !stop.load(Ordering::Relaxed)
    }
}

fn study(opened: &LazyModel) -> Result<&EvalSet, String> {
    opened.get().as_ref().map_err(Clone::clone)
}

fn told(error: language::Error) -> String {
    error.to_string()
}

/// Does something on as many threads as a run may have.
fn on_threads<T: Send>(threads: Option<usize>, work: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    ThreadPool::new(threads)?.run(work)
}

/// Reads the model; what the panels need of it.
#[derive(Serialize, Deserialize)]
pub struct Read(#[serde(with = "shared")] pub Arc<LazyModel>);

impl SilentTask for Read {
    const NAME: &'static str = "read model";
    const QUEUE: Queue = Queue::Language;
    type Output = Result<ModelInfo, String>;

    fn make(self) -> Self::Output {
        study(&self.0).map(ModelInfo::of)
    }
}

/// The dense model's streams on its text.
#[derive(Serialize, Deserialize)]
pub struct Streams {
    /// The model.
    #[serde(with = "shared")]
    pub model: Arc<LazyModel>,
    /// Worker threads.
    pub threads: Option<usize>,
    /// Set when another model is open.
    #[serde(skip)]
    pub stop: Stop,
}

impl LazySource for Streams {
    type Value = Result<StreamCache, String>;

    fn make(&self) -> Self::Value {
        let study = study(&self.model)?;
        let text = study.text.clone().ok_or("there is no text to measure the model on")?;
        on_threads(self.threads, || StreamCache::new(&study.model, text, &self.stop.asked()).map_err(told))
    }
}

/// The dense model's loss.
#[derive(Serialize, Deserialize)]
pub struct Measure(#[serde(with = "shared")] pub Arc<Lazy<Streams>>);

impl SilentTask for Measure {
    const NAME: &'static str = "measure model";
    const QUEUE: Queue = Queue::Language;
    type Output = Result<Loss, String>;

    fn make(self) -> Self::Output {
        self.0.get().as_ref().map(StreamCache::loss).map_err(Clone::clone)
    }
}

/// What stands in the place of some of the model's layers.
#[derive(Clone, Serialize, Deserialize)]
pub enum Change {
    /// Those that were compressed.
    Layers(Vec<Replacement>),
    /// One, with these factors.
    SingleLayer(LayerId, FactorsAt),
}

/// A layer and its new weight.
#[derive(Clone, Serialize, Deserialize)]
pub struct Replacement {
    /// Which.
    pub id: LayerId,
    /// `[out, in]`.
    #[serde(with = "shared")]
    pub weight: Arc<Matrix>,
}

impl Change {
    /// The model with it; none while there is nothing to put in place.
    fn of(&self, model: &Llama) -> Option<Llama> {
        let mut model = model.clone();
        match self {
            Self::Layers(layers) => layers.iter().for_each(|layer| model.replace(layer.id, layer.weight.clone())),
            Self::SingleLayer(id, moment) => model.replace(*id, Arc::new(moment.product()?)),
        }
        Some(model)
    }

    /// The first block that is another one.
    fn first(&self) -> usize {
        match self {
            Self::Layers(layers) => layers.iter().map(|layer| layer.id.block).min().unwrap_or(0),
            Self::SingleLayer(id, _) => id.block,
        }
    }
}

/// The loss of the model with a change.
#[derive(Serialize, Deserialize)]
pub struct Changed {
    /// The dense model on its text.
    #[serde(with = "shared")]
    pub dense: Arc<Lazy<Streams>>,
    /// What is another.
    pub change: Change,
}

impl SilentTask for Changed {
    const NAME: &'static str = "measure changed model";
    const QUEUE: Queue = Queue::Language;
    type Output = Result<f64, String>;

    fn make(self) -> Self::Output {
        let Streams { model, threads, stop } = self.dense.source();
        let prepared = self.dense.get().as_ref().map_err(Clone::clone)?;
        let changed = self.change.of(&study(model)?.model).ok_or("there are no factors yet")?;
        on_threads(*threads, || {
            let loss = prepared.loss_from(&changed, self.change.first(), &stop.asked());
            loss.map(|loss| loss.nll).map_err(told)
        })
    }
}

/// What the dense and the changed model tell, as tokens' texts.
#[derive(Serialize, Deserialize)]
pub struct Told {
    /// As the model was trained.
    pub dense: Vec<String>,
    /// With the change.
    pub changed: Option<Vec<String>>,
}

/// A text from both.
#[derive(Serialize, Deserialize)]
pub struct Tell {
    /// The model.
    #[serde(with = "shared")]
    pub model: Arc<LazyModel>,
    /// What is another.
    pub change: Option<Change>,
    /// How the text begins.
    pub prompt: String,
    /// How it goes on.
    pub sampling: Sampling,
    /// Worker threads.
    pub threads: Option<usize>,
}

impl SilentTask for Tell {
    const NAME: &'static str = "tell";
    const QUEUE: Queue = Queue::Language;
    type Output = Result<Told, String>;

    fn make(self) -> Self::Output {
        let study = study(&self.model)?;
        on_threads(self.threads, || {
            let tokenizer = study.model.tokenizer();
            let mut begin = tokenizer.encode(&self.prompt).map_err(told)?;
            begin.truncate(PROMPT);
            if begin.is_empty() {
                begin.extend(study.model.config().bos);
            }
            if begin.is_empty() {
                return Err("This model's texts have no mark at their start: type how the text begins".into());
            }
            let words = |model: &Llama| words(model, &begin, self.sampling).map_err(told);
            let changed = self.change.as_ref().and_then(|change| change.of(&study.model));
            Ok(Told { dense: words(&study.model)?, changed: changed.as_ref().map(words).transpose()? })
        })
    }
}

/// What a model tells after `begin`: word by word, each as the text up to it adds it.
fn words(model: &Llama, begin: &[u32], sampling: Sampling) -> Result<Vec<String>, language::Error> {
    let tokenizer = model.tokenizer();
    let tokens = generate(model, begin, sampling, &language::ignore_progress)?;
    let mut words = Vec::with_capacity(tokens.len());
    let mut length = tokenizer.decode(begin)?.len();
    let mut all = begin.to_vec();
    for token in tokens {
        all.push(token);
        let text = tokenizer.decode(&all)?;
        words.push(text.get(length..).unwrap_or_default().to_owned());
        length = text.len();
    }
    Ok(words)
}

/// What each layer's error costs. Tells how many layers are measured.
#[derive(Serialize, Deserialize)]
pub struct Cost {
    /// The model.
    #[serde(with = "shared")]
    pub model: Arc<LazyModel>,
    /// Worker threads.
    pub threads: Option<usize>,
}

impl Task for Cost {
    const NAME: &'static str = "cost of layers";
    const QUEUE: Queue = Queue::Measuring;
    type Progress = usize;
    type Output = Result<Proxy, String>;

    fn run(self, tell: &(dyn Fn(usize) -> bool + Sync)) -> Self::Output {
        let study = study(&self.model)?;
        let windows = study.calibration.as_ref().ok_or("there is no text to measure the model on")?;
        on_threads(self.threads, || {
            let progress = |done: usize, _: usize| tell(done);
            Proxy::measure(&study.model, windows, &progress).map_err(|error| error.to_string())
        })
    }
}

/// The statistics of what a layer of the dense model reads.
#[derive(Serialize, Deserialize)]
pub struct Collect {
    /// The model.
    #[serde(with = "shared")]
    pub model: Arc<LazyModel>,
    /// Which layer.
    pub id: LayerId,
}

impl SilentTask for Collect {
    const NAME: &'static str = "collect inputs";
    const QUEUE: Queue = Queue::Language;
    type Output = Result<Calibration, String>;

    fn make(self) -> Self::Output {
        let study = study(&self.model)?;
        let windows = study.calibration.as_ref().ok_or("there is no text to take the inputs from")?;
        let mut pass = CalibrationPass::new(&study.model, windows).map_err(told)?;
        while !pass.layers().is_empty() && !pass.layers().contains(&self.id) {
            pass.advance().map_err(told)?;
        }
        pass.statistics().map_err(told)
    }
}

/// Compresses layers one after the other.
#[derive(Serialize, Deserialize)]
pub struct Compress {
    /// The model.
    #[serde(with = "shared")]
    pub model: Arc<LazyModel>,
    /// How.
    pub plan: Plan,
    /// Layers that are compressed already.
    #[serde(with = "shared::list")]
    pub kept: Vec<Arc<CompressedLayer>>,
    /// With what.
    pub compute: ComputeConfig,
}

/// What it tells.
#[derive(Serialize, Deserialize)]
pub enum Compressing {
    /// So much of a layer is done; of a run in which stage.
    Stepped(LayerId, f64, Option<Stage>),
    /// Where it is computed has changed, or is not where it was to be.
    Note(String),
    /// A layer is finished.
    Finished(#[serde(with = "shared")] Arc<CompressedLayer>),
}

impl Task for Compress {
    const NAME: &'static str = "compress layers";
    const QUEUE: Queue = Queue::Compressing;
    type Progress = Compressing;
    type Output = Result<(), String>;

    fn run(self, tell: &(dyn Fn(Compressing) -> bool + Sync)) -> Self::Output {
        let study = study(&self.model)?;
        let inputs = match &study.calibration {
            Some(windows) => Inputs::Windows(windows.clone()),
            None => Inputs::Unknown,
        };
        let ComputeConfig { backend, threads } = self.compute;
        on_threads(threads, || {
            let start = Instant::now();
            let clock = Box::new(move || start.elapsed().as_secs_f64());
            let told = |error: compress::Error| error.to_string();
            let store = Box::new(Memory::new(self.kept));
            let backend = if self.plan.method == Method::Dsf { backend } else { Backend::Cpu };
            let settings = self.plan.settings.clone();
            let work = Compression::new(&study.model, self.plan, &inputs, store, clock).map_err(told)?;
            let (device, note) = job::device(backend, work.largest(), &settings, self.compute.thread_count());
            note.into_iter().for_each(|note| _ = tell(Compressing::Note(note)));
            let mut work = work.on(device);
            let inside = |id: LayerId, share: f64| tell(Compressing::Stepped(id, share, None));
            loop {
                let step = match work.step_told(&inside) {
                    Ok(Some(step)) => step,
                    Ok(None) | Err(compress::Error::Cancelled) => return Ok(()),
                    Err(error) => return Err(told(error)),
                };
                let news = match step {
                    Step::Layer(id, progress) => {
                        progress.note.into_iter().for_each(|note| _ = tell(Compressing::Note(note)));
                        Compressing::Stepped(id, progress.done, Some(progress.stage))
                    }
                    Step::Finished(layer) => Compressing::Finished(layer),
                    Step::Statistics(_) | Step::Found(_) | Step::Advanced => continue,
                };
                if !tell(news) {
                    return Ok(());
                }
            }
        })
    }
}

/// Measures what a row of the paper's Table 1 does to the model at a density.
#[derive(Serialize, Deserialize)]
pub struct MeasureRow {
    /// The model.
    #[serde(with = "shared")]
    pub model: Arc<LazyModel>,
    /// Which of [`ModelRow::ALL`].
    pub row: usize,
    /// Kept nonzeros, as a share of the layers' weights.
    pub density: f64,
    /// Each layer's, where the row distributes them.
    pub shares: Option<BTreeMap<LayerId, f64>>,
    /// Worker threads.
    pub threads: Option<usize>,
}

impl Task for MeasureRow {
    const NAME: &'static str = "measure row";
    const QUEUE: Queue = Queue::Measuring;
    /// The share that is done.
    type Progress = f64;
    type Output = Result<ModelRecord, String>;

    fn run(self, tell: &(dyn Fn(f64) -> bool + Sync)) -> Self::Output {
        let study = study(&self.model)?;
        let text = study.text.as_ref().ok_or("there is no text to measure the model on")?;
        let windows = study.calibration.clone().ok_or("there is no text for the layers' inputs")?;
        let row = ModelRow::ALL.get(self.row).ok_or("there is no such row")?;
        on_threads(self.threads, || {
            let threads = self.threads.unwrap_or_else(crate::tasks::processors);
            let inputs = &Inputs::Windows(windows);
            let study = ModelStudy { model: &study.model, inputs, text, threads };
            let record = study.measure(row, self.density, self.shares, tell);
            record.map_err(|error| error.to_string())?.ok_or_else(|| "cancelled".into())
        })
    }
}
