//! Compressing layers of the network, one after the other.

use super::lazy_network::{LazyNetwork, network_set};
use crate::app::state::tuned_tensor::{TunedTensor, with_tensors};
use crate::app::tasks::compressing::{Compressing, carry_out};
use crate::app::tasks::on_threads::on_threads;
use crate::compress::{CompressedLayer, Memory, Plan, VisionCompression};
use crate::hint::Failure;
use crate::job::{self, Backend, ComputeConfig};
use crate::methods::Method;
use crate::tasks::{Queue, Task, shared};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use web_time::Instant;

/// Compresses layers one after the other, calibrated on the network's images if it has any.
#[derive(Serialize, Deserialize)]
pub struct CompressNetwork {
    /// The network, loaded where the task runs.
    #[serde(with = "shared")]
    pub network: Arc<LazyNetwork>,
    /// Method, settings and densities of each layer.
    pub plan: Plan<usize>,
    /// Layers that are compressed already.
    #[serde(with = "shared::list")]
    pub kept: Vec<Arc<CompressedLayer<usize>>>,
    /// Tensors that were tuned with them.
    pub tensors: Vec<TunedTensor>,
    /// Shape of the largest W to be replaced, by which a device is chosen.
    pub largest: (usize, usize),
    /// Backend and threads of the runs.
    pub compute: ComputeConfig,
}

impl Task for CompressNetwork {
    const NAME: &'static str = "compress network";
    const QUEUE: Queue = Queue::Compressing;
    type Progress = Compressing<usize>;
    type Output = Result<(), Failure>;

    fn run(self, progress: &(dyn Fn(Compressing<usize>) -> bool + Sync)) -> Self::Output {
        let set = network_set(&self.network)?;
        let ComputeConfig { backend, threads } = self.compute;
        on_threads(threads, || {
            let start = Instant::now();
            let clock = Box::new(move || start.elapsed().as_secs_f64());
            let store = Box::new(Memory::new(self.kept));
            let backend = if self.plan.method == Method::Dsf { backend } else { Backend::Cpu };
            let settings = self.plan.settings.clone();
            let model = with_tensors(&set.model, &self.tensors);
            let work = VisionCompression::new(&model, self.plan, set.calibrating.as_ref(), store, clock)?;
            let (device, note) = job::device(backend, self.largest, &settings, self.compute.thread_count());
            note.into_iter().for_each(|note| _ = progress(Compressing::Note(note)));
            let mut work = work.on(device);
            carry_out(progress, |inside| work.step(inside))
        })
    }
}
