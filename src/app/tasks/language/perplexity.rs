//! The perplexity of the dense model, and with some of its layers replaced.

use super::lazy_model::{LazyModel, eval_set};
use crate::app::state::error::Error;
use crate::app::state::factors_at::FactorsAt;
use crate::app::state::tuned_tensor::{TunedTensor, with_tensors};
use crate::app::tasks::on_threads::on_threads;
use crate::app::tasks::stop::Stop;
use crate::compute::sparse::Operator;
use crate::hint::Failure;
use crate::language::{LanguageModel, LayerId, Loss, StreamCache};
use crate::matrix::{Matrix, Replacement, keep_largest};
use crate::tasks::{Lazy, LazySource, Queue, SilentTask, shared};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The dense model's streams on its text.
#[derive(Serialize, Deserialize)]
pub struct LazyStreams {
    /// The model, loaded where the task runs.
    #[serde(with = "shared")]
    pub model: Arc<LazyModel>,
    /// Number of worker threads.
    pub threads: Option<usize>,
    /// Set when another model is open.
    #[serde(skip)]
    pub stop: Stop,
}

impl LazySource for LazyStreams {
    type Value = Result<StreamCache, Failure>;

    fn make(&self) -> Self::Value {
        let set = eval_set(&self.model)?;
        let text = set.text.clone().ok_or(Error::NoText)?;
        on_threads(self.threads, || Ok(StreamCache::new(&set.model, text, &self.stop.asked())?))
    }
}

/// The dense model's loss.
#[derive(Serialize, Deserialize)]
pub struct MeasureDense(#[serde(with = "shared")] pub Arc<Lazy<LazyStreams>>);

impl SilentTask for MeasureDense {
    const NAME: &'static str = "measure model";
    const QUEUE: Queue = Queue::Language;
    type Output = Result<Loss, Failure>;

    fn make(self) -> Self::Output {
        self.0.get().as_ref().map(StreamCache::loss).map_err(Clone::clone)
    }
}

/// Replacements of some of the model's layers.
#[derive(Clone, Serialize, Deserialize)]
pub enum Replaced {
    /// Those that were compressed, and tensors that were tuned with them.
    Layers(Vec<NewWeight>, Vec<TunedTensor>),
    /// The tensor that holds this one, with these factors.
    SingleLayer(LayerId, FactorsAt),
    /// The tensor that holds this one, with so many of its largest entries.
    PrunedLayer(LayerId, usize),
}

/// A layer and its new weight.
#[derive(Clone, Serialize, Deserialize)]
pub struct NewWeight {
    /// Layer of the model.
    pub id: LayerId,
    /// New weight, `[out, in]`.
    #[serde(with = "shared")]
    pub weight: Arc<Matrix>,
    /// The factors that it is the product of.
    #[serde(with = "shared")]
    pub replacement: Arc<Replacement>,
}

impl Replaced {
    /// The model with it; an error while there is nothing to put in place.
    pub fn of(&self, model: &LanguageModel) -> Result<LanguageModel, Failure> {
        let mut model = with_tensors(model, self.tensors());
        match self {
            Self::Layers(layers, _) => layers.iter().for_each(|layer| model.replace(layer.id, layer.weight.clone())),
            Self::SingleLayer(id, factors) => {
                let product = Arc::new(factors.product().ok_or(Error::NoFactors)?);
                model.replace_tensor(&model.config().tensor_with(*id), &product);
            }
            Self::PrunedLayer(id, kept) => {
                let pruned = keep_largest(&model.tensor_with(*id)?.weight, *kept);
                model.replace_tensor(&model.config().tensor_with(*id), &Arc::new(pruned));
            }
        }
        Ok(model)
    }

    /// The model with it, as it would run: factors are not multiplied out.
    pub fn runnable(&self, model: &LanguageModel) -> Result<LanguageModel, Failure> {
        let mut changed = with_tensors(model, self.tensors());
        let mut put = |id: LayerId, replacement: &Replacement| {
            changed.replace(id, Operator::new(replacement, model.value_format(id)));
        };
        match self {
            Self::Layers(layers, _) => layers.iter().for_each(|layer| put(layer.id, &layer.replacement)),
            // The tensor on screen may hold several of the model's layers.
            Self::SingleLayer(id, FactorsAt::End(replacement)) if model.config().place(*id).outputs.is_none() => {
                put(*id, replacement);
            }
            Self::SingleLayer(..) | Self::PrunedLayer(..) => return self.of(model),
        }
        Ok(changed)
    }

    /// Tensors beside the layers that are others.
    fn tensors(&self) -> &[TunedTensor] {
        match self {
            Self::Layers(_, tensors) => tensors,
            Self::SingleLayer(..) | Self::PrunedLayer(..) => &[],
        }
    }

    /// The first block that is another one.
    fn first(&self) -> usize {
        match self {
            Self::Layers(layers, _) => layers.iter().map(|layer| layer.id.block).min().unwrap_or(0),
            Self::SingleLayer(id, _) | Self::PrunedLayer(id, _) => id.block,
        }
    }
}

/// The loss of the model with a change.
#[derive(Serialize, Deserialize)]
pub struct MeasureReplaced {
    /// The dense model on its text.
    #[serde(with = "shared")]
    pub dense: Arc<Lazy<LazyStreams>>,
    /// Replacements of its layers.
    pub replaced: Replaced,
}

impl SilentTask for MeasureReplaced {
    const NAME: &'static str = "measure changed model";
    const QUEUE: Queue = Queue::Language;
    type Output = Result<f64, Failure>;

    fn make(self) -> Self::Output {
        let LazyStreams { model, threads, stop } = self.dense.source();
        let prepared = self.dense.get().as_ref().map_err(Clone::clone)?;
        let changed = self.replaced.of(&eval_set(model)?.model)?;
        on_threads(*threads, || {
            // Norms and the like may be anywhere, before the first block too.
            let loss = match self.replaced.tensors() {
                [] => prepared.loss_from(&changed, self.replaced.first(), &stop.asked())?,
                _ => changed.loss(prepared.windows(), &stop.asked())?,
            };
            Ok(loss.nll)
        })
    }
}
