//! Tuning the values of the compressed layers, step by step.

use crate::app::state::error::Error;
use crate::app::state::tuned_tensor::{TunedTensor, with_tensors};
use crate::app::tasks::whole_model::open_model::ModelSource;
use crate::compress::{self, CompressedLayer, LayerKey, Layered};
use crate::compute::ThreadPool;
use crate::export::{self, RunReport};
use crate::finetune::{Moment, Settings, Stop, Subject, Tuning};
use crate::hint::Failure;
use crate::matrix::Replacement;
use crate::measure::relative_difference;
use crate::tasks::{Actor, Flow, Lazy, Queue, shared};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A model with its data, as values of its layers are tuned.
pub trait TunedSource: ModelSource {
    /// Name of its tunings among actors.
    const TUNING: &'static str;
    /// Its layers.
    type Model: Layered + Sync;
    /// What a tuning sees of it.
    type Subject: Subject<Key = KeyOf<Self>> + Send + Sync + 'static;

    /// Settings of the first tuning.
    fn tuning_settings() -> Settings;

    /// The dense model.
    fn dense(opened: &Lazy<Self>) -> Result<&Self::Model, Failure>;

    /// A tuning of `model`, with what stands in the places of the layers to tune.
    fn tuning(
        opened: &Lazy<Self>,
        model: Self::Model,
        layers: BTreeMap<KeyOf<Self>, Replacement>,
        settings: Settings,
    ) -> Result<Tuning<Self::Subject>, Failure>;
}

/// What identifies a layer of a model from such a source.
pub type KeyOf<S> = <<S as TunedSource>::Model as Layered>::Key;

/// Said of a layer in its report.
const NOTE: &str = "The values were tuned on the loss of the whole model";

/// Tunes the compressed layers on the model's data; what the page measures on is held out.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Tune<S: TunedSource> {
    /// The model, loaded where the actor runs.
    #[serde(with = "shared")]
    pub model: Arc<Lazy<S>>,
    /// Compressed layers of the model.
    #[serde(with = "shared::list")]
    pub layers: Vec<Arc<CompressedLayer<KeyOf<S>>>>,
    /// Tensors that were tuned beside them before.
    pub tensors: Vec<TunedTensor>,
    /// Steps, rate, what is trained.
    pub settings: Settings,
    /// Number of worker threads.
    pub threads: Option<usize>,
}

/// A message to a tuning.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub enum TuneCommand {
    /// Wait after the step in work.
    Pause,
    /// Go on.
    Resume,
}

/// A message from a tuning.
#[derive(Serialize, Deserialize)]
#[serde(bound = "K: LayerKey")]
pub enum TuneEvent<K: LayerKey> {
    /// A step, or before the first the held-out loss, was computed.
    Stepped {
        /// Number of all steps.
        steps: usize,
        /// Losses of the step.
        moment: Moment,
    },
    /// Values with a lower held-out loss than any before.
    Better {
        /// All layers, with their values.
        #[serde(with = "shared::list")]
        layers: Vec<Arc<CompressedLayer<K>>>,
        /// Tensors that are tuned beside them.
        tensors: Vec<TunedTensor>,
    },
    /// All steps are done, or it has stopped before.
    Ended(Option<Stop>),
    /// It cannot go on.
    Failed(Failure),
}

impl<S: TunedSource> Actor for Tune<S> {
    const NAME: &'static str = S::TUNING;
    const QUEUE: Queue = Queue::Compressing;
    type Command = TuneCommand;
    type Event = TuneEvent<KeyOf<S>>;
    type State = Tuner<S>;

    fn begin(self) -> Tuner<S> {
        Tuner { stage: Stage::Waiting(Box::new(self)), paused: false }
    }

    fn command(tuner: &mut Tuner<S>, command: TuneCommand) {
        tuner.paused = matches!(command, TuneCommand::Pause);
    }

    fn step(tuner: &mut Tuner<S>, emit: &mut dyn FnMut(TuneEvent<KeyOf<S>>)) -> Flow {
        if tuner.paused {
            return Flow::Idle;
        }
        tuner.step(emit).unwrap_or_else(|failure| {
            emit(TuneEvent::Failed(failure));
            Flow::Done
        })
    }

    fn crashed() -> TuneEvent<KeyOf<S>> {
        TuneEvent::Failed(Error::Crashed.into())
    }
}

/// Layers, and tensors beside them.
type Best<K> = (Vec<Arc<CompressedLayer<K>>>, Vec<TunedTensor>);

/// A tuning in progress.
pub struct Tuner<S: TunedSource> {
    stage: Stage<S>,
    paused: bool,
}

enum Stage<S: TunedSource> {
    /// Before the first step.
    Waiting(Box<Tune<S>>),
    Working(Box<Work<S>>),
    Over,
}

struct Work<S: TunedSource> {
    pool: ThreadPool,
    /// The dense model.
    model: S::Model,
    /// The layers before the tuning.
    layers: Vec<Arc<CompressedLayer<KeyOf<S>>>>,
    tuning: Tuning<S::Subject>,
    /// Number of moments of its history that were told.
    told: usize,
    /// The lowest held-out loss so far.
    best: f64,
}

impl<S: TunedSource> Tuner<S> {
    fn step(&mut self, emit: &mut dyn FnMut(TuneEvent<KeyOf<S>>)) -> Result<Flow, Failure> {
        let mut work = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Waiting(tune) => Box::new(Work::begin(*tune)?),
            Stage::Working(work) => work,
            Stage::Over => return Ok(Flow::Done),
        };
        let flow = work.step(emit)?;
        self.stage = Stage::Working(work);
        Ok(flow)
    }
}

impl<S: TunedSource> Work<S> {
    fn begin(tune: Tune<S>) -> Result<Self, Failure> {
        let Tune { model: opened, layers, tensors, settings, threads } = tune;
        let model = S::dense(&opened)?.clone();
        let replacements = layers.iter().map(|layer| (layer.id, Replacement::clone(&layer.replacement))).collect();
        let pool = ThreadPool::new(threads)?;
        let tuning = pool.run(|| S::tuning(&opened, with_tensors(&model, &tensors), replacements, settings))?;
        Ok(Self { pool, model, layers, tuning, told: 0, best: f64::INFINITY })
    }

    fn step(&mut self, emit: &mut dyn FnMut(TuneEvent<KeyOf<S>>)) -> Result<Flow, Failure> {
        let Self { pool, tuning, .. } = self;
        let Some(progress) = pool.run(|| tuning.step())? else {
            emit(TuneEvent::Ended(self.tuning.stopped()));
            return Ok(Flow::Done);
        };
        // A step that was not finite leaves none.
        for &moment in &self.tuning.history()[self.told..] {
            emit(TuneEvent::Stepped { steps: progress.steps, moment });
        }
        self.told = self.tuning.history().len();
        if let Some(held_out) = progress.held_out.filter(|&held_out| held_out < self.best) {
            // What it begins with is there already.
            if progress.step > 0 {
                let (layers, tensors) = self.best()?;
                emit(TuneEvent::Better { layers, tensors });
            }
            self.best = held_out;
        }
        Ok(Flow::Continue)
    }

    /// The layers and tensors with the best values so far, as they would be written.
    fn best(&self) -> Result<Best<KeyOf<S>>, Failure> {
        let (mut replacements, tensors) = self.tuning.best();
        let layer = |before: &Arc<CompressedLayer<KeyOf<S>>>| -> Result<_, Failure> {
            let Some(replacement) = replacements.remove(&before.id).map(Arc::new) else { return Ok(before.clone()) };
            let weight = export::merged(&replacement, self.model.dtype_of(before.id))?;
            let dense = self.model.layer_of(before.id)?.weight;
            let report = report(&before.report, relative_difference(&dense, &weight));
            let (id, settings) = (before.id, before.settings.clone());
            Ok(Arc::new(CompressedLayer { id, replacement, weight: Arc::new(weight), settings, report }))
        };
        let layers = self.pool.run(|| self.layers.iter().map(layer).collect::<Result<Vec<_>, _>>())?;
        let tensor = |(name, values): (String, Vec<f32>)| -> Result<_, Failure> {
            let info = self.model.checkpoint().tensor(&name).map_err(compress::Error::from)?;
            let values = info.format.map_or(values.clone(), |dtype| dtype.decode(&dtype.encode(&values)));
            Ok(TunedTensor { name, values: Arc::new(values) })
        };
        Ok((layers, tensors.into_iter().map(tensor).collect::<Result<_, _>>()?))
    }
}

/// The report of a layer whose values were tuned. What its inputs were is not known any more.
fn report(before: &RunReport, relative_error: f64) -> RunReport {
    let mut report = RunReport {
        relative_error,
        layer_error: None,
        layer_error_before_finalize: None,
        layer_error_held_out: None,
        ..before.clone()
    };
    if !report.notes.iter().any(|note| note == NOTE) {
        report.notes.push(NOTE.into());
    }
    report
}
