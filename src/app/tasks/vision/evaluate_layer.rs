//! The answers of the network with nothing but one layer replaced.

use super::lazy_network::{LazyNetwork, network_set};
use crate::app::state::error::Error;
use crate::app::state::factors_at::FactorsAt;
use crate::app::tasks::on_threads::on_threads;
use crate::app::tasks::stop::Stop;
use crate::hint::Failure;
use crate::matrix::keep_largest;
use crate::tasks::{Lazy, LazySource, Queue, SilentTask, shared};
use crate::vision::{Evaluation, Prefix};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;

/// What the network's images give before a layer.
#[derive(Serialize, Deserialize)]
pub struct BeforeLayer {
    /// The network, loaded where the task runs.
    #[serde(with = "shared")]
    pub network: Arc<LazyNetwork>,
    /// Index of the layer.
    pub layer: usize,
    /// Number of worker threads.
    pub threads: Option<usize>,
    /// Set when another network is open.
    #[serde(skip)]
    pub stop: Stop,
}

impl LazySource for BeforeLayer {
    type Value = Result<Prefix, Failure>;

    fn make(&self) -> Self::Value {
        let set = network_set(&self.network)?;
        let images = set.measured.as_ref().ok_or(Error::NoImages)?;
        on_threads(self.threads, || Ok(Prefix::new(&set.network, self.layer, images, &self.stop.asked())?))
    }
}

/// What stands in the layer's place.
#[derive(Clone, Serialize, Deserialize)]
pub enum InPlace {
    /// These factors.
    Factors(FactorsAt),
    /// So many of its largest entries.
    Pruned(usize),
}

/// The answers of the network with a change of one layer, on some of the images.
#[derive(Serialize, Deserialize)]
pub struct EvaluateLayer {
    /// What comes before the layer.
    #[serde(with = "shared")]
    pub before: Arc<Lazy<BeforeLayer>>,
    /// What stands in the layer's place.
    pub in_place: InPlace,
    /// Which of the images are wanted.
    pub images: Range<usize>,
}

impl SilentTask for EvaluateLayer {
    const NAME: &'static str = "evaluate layer";
    const QUEUE: Queue = Queue::Vision;
    type Output = Result<Evaluation, Failure>;

    fn make(self) -> Self::Output {
        let BeforeLayer { network, layer, threads, stop } = self.before.source();
        let set = network_set(network)?;
        let prefix = self.before.get().as_ref().map_err(Clone::clone)?;
        let weight = match self.in_place {
            InPlace::Factors(factors) => factors.product().ok_or(Error::NoFactors)?,
            InPlace::Pruned(kept) => keep_largest(&set.model.layer(*layer)?.weight, kept),
        };
        let mut changed = set.network.clone();
        changed.replace(*layer, &weight);
        on_threads(*threads, || Ok(prefix.evaluate_some(self.images, &changed, &stop.asked())?))
    }
}
