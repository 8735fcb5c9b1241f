//! Compressing layers of a model, one after the other.

use super::compressing::{Compressing, carry_out};
use super::model::WholeModel;
use super::tuning::tune::KeyOf;
use crate::app::state::tuned_tensor::{TunedTensor, with_tensors};
use crate::app::tasks::on_threads::on_threads;
use crate::compress::{CompressedLayer, Memory, Plan};
use crate::hint::Failure;
use crate::job::{self, Backend, ComputeConfig};
use crate::methods::Method;
use crate::tasks::{Lazy, Queue, Task, shared};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use web_time::Instant;

/// Compresses layers one after the other, calibrated on the model's data if it has any.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct CompressModel<S: WholeModel> {
    /// The model, loaded where the task runs.
    #[serde(with = "shared")]
    pub model: Arc<Lazy<S>>,
    /// Method, settings and densities of each layer.
    pub plan: Plan<KeyOf<S>>,
    /// Layers that are compressed already.
    #[serde(with = "shared::list")]
    pub kept: Vec<Arc<CompressedLayer<KeyOf<S>>>>,
    /// Tensors that were tuned with them.
    pub tensors: Vec<TunedTensor>,
    /// Backend and threads of the runs.
    pub compute: ComputeConfig,
}

impl<S: WholeModel> Task for CompressModel<S> {
    const NAME: &'static str = S::COMPRESSION;
    const QUEUE: Queue = Queue::Compressing;
    type Progress = Compressing<KeyOf<S>>;
    type Output = Result<(), Failure>;

    fn run(self, progress: &(dyn Fn(Compressing<KeyOf<S>>) -> bool + Sync)) -> Self::Output {
        let dense = S::dense(&self.model)?;
        let ComputeConfig { backend, threads } = self.compute;
        on_threads(threads, || {
            let start = Instant::now();
            let clock = Box::new(move || start.elapsed().as_secs_f64());
            let store = Box::new(Memory::new(self.kept));
            let backend = if self.plan.method == Method::Dsf { backend } else { Backend::Cpu };
            let (settings, by_blocks) = (self.plan.settings.clone(), self.plan.blockwise.is_some());
            let model = with_tensors(dense, &self.tensors);
            let mut work = S::compression(&self.model, &model, self.plan, store, clock)?;
            let (device, note) = job::device(backend, work.largest(), &settings, self.compute.thread_count());
            note.into_iter().for_each(|note| _ = progress(Compressing::Note(note)));
            work.set_device(device);
            carry_out(progress, by_blocks, |inside| work.step_with_progress(inside))
        })
    }
}
