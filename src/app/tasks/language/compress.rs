//! Compressing layers of the model, one after the other.

use super::lazy_model::{LazyModel, eval_set};
use crate::app::state::tuned_tensor::{TunedTensor, with_tensors};
use crate::app::tasks::compressing::{Compressing, carry_out};
use crate::app::tasks::on_threads::on_threads;
use crate::compress::{CompressedLayer, Compression, Inputs, Memory, Plan};
use crate::hint::Failure;
use crate::job::{self, Backend, ComputeConfig};
use crate::language::LayerId;
use crate::methods::Method;
use crate::tasks::{Queue, Task, shared};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use web_time::Instant;

/// Compresses layers one after the other.
#[derive(Serialize, Deserialize)]
pub struct Compress {
    /// The model, loaded where the task runs.
    #[serde(with = "shared")]
    pub model: Arc<LazyModel>,
    /// Method, settings and densities of each layer.
    pub plan: Plan,
    /// Layers that are compressed already.
    #[serde(with = "shared::list")]
    pub kept: Vec<Arc<CompressedLayer>>,
    /// Tensors that were tuned with them.
    pub tensors: Vec<TunedTensor>,
    /// Backend and threads of the runs.
    pub compute: ComputeConfig,
}

impl Task for Compress {
    const NAME: &'static str = "compress layers";
    const QUEUE: Queue = Queue::Compressing;
    type Progress = Compressing<LayerId>;
    type Output = Result<(), Failure>;

    fn run(self, progress: &(dyn Fn(Compressing<LayerId>) -> bool + Sync)) -> Self::Output {
        let set = eval_set(&self.model)?;
        let inputs = match &set.calibration {
            Some(windows) => Inputs::Windows(windows.clone()),
            None => Inputs::Unknown,
        };
        let ComputeConfig { backend, threads } = self.compute;
        on_threads(threads, || {
            let start = Instant::now();
            let clock = Box::new(move || start.elapsed().as_secs_f64());
            let store = Box::new(Memory::new(self.kept));
            let backend = if self.plan.method == Method::Dsf { backend } else { Backend::Cpu };
            let settings = self.plan.settings.clone();
            let model = with_tensors(&set.model, &self.tensors);
            let work = Compression::new(&model, self.plan, &inputs, store, clock)?;
            let (device, note) = job::device(backend, work.largest(), &settings, self.compute.thread_count());
            note.into_iter().for_each(|note| _ = progress(Compressing::Note(note)));
            let mut work = work.on(device);
            carry_out(progress, |inside| work.step_with_progress(inside))
        })
    }
}
