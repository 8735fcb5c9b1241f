//! The answers of the network on its images: dense, and with its compressed layers.

use super::lazy_network::{LazyNetwork, network_set};
use crate::app::state::error::Error;
use crate::app::state::tuned_tensor::TunedTensor;
use crate::app::tasks::on_threads::on_threads;
use crate::app::tasks::stop::Stop;
use crate::hint::Failure;
use crate::matrix::Matrix;
use crate::tasks::{Queue, SilentTask, shared};
use crate::vision::Evaluation;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Pictures of a batch by which batch normalization is estimated.
pub(super) const BATCH: usize = 128;

/// What is replaced in the network.
#[derive(Clone, Serialize, Deserialize)]
pub enum Replaced {
    /// None: the dense network.
    Nothing,
    /// Those that were compressed, and tensors that were tuned with them.
    Layers(Vec<NewWeight>, Vec<TunedTensor>),
}

/// A layer and its new weight.
#[derive(Clone, Serialize, Deserialize)]
pub struct NewWeight {
    /// Index of the layer.
    pub layer: usize,
    /// New weight, `[out, in·kh·kw]`.
    #[serde(with = "shared")]
    pub weight: Arc<Matrix>,
}

/// The answers of the network with a change.
#[derive(Serialize, Deserialize)]
pub struct Evaluate {
    /// The network, loaded where the task runs.
    #[serde(with = "shared")]
    pub network: Arc<LazyNetwork>,
    /// What is replaced in it.
    pub replaced: Replaced,
    /// Whether batch normalization is estimated anew with them, on the calibration images.
    pub estimates_norms: bool,
    /// Number of worker threads.
    pub threads: Option<usize>,
    /// Set when another network is open.
    #[serde(skip)]
    pub stop: Stop,
}

impl SilentTask for Evaluate {
    const NAME: &'static str = "evaluate network";
    const QUEUE: Queue = Queue::Vision;
    type Output = Result<Evaluation, Failure>;

    fn make(self) -> Self::Output {
        let set = network_set(&self.network)?;
        let images = set.measured.as_ref().ok_or(Error::NoImages)?;
        on_threads(self.threads, || {
            let mut network = set.network.clone();
            match &self.replaced {
                Replaced::Nothing => {}
                Replaced::Layers(layers, tensors) => {
                    tensors.iter().for_each(|tuned| network.replace_values(&tuned.name, &tuned.values));
                    layers.iter().for_each(|new| network.replace(new.layer, &new.weight));
                }
            }
            if self.estimates_norms {
                let calibrating = set.calibrating.as_ref().ok_or(Error::NoInputsImages)?;
                network.estimate_norms(calibrating, BATCH, set.augment)?;
            }
            Ok(network.classify(images, &self.stop.asked())?.evaluation)
        })
    }
}
