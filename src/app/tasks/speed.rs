//! How fast the layer on screen is, dense and compressed.

use crate::app::state::factors_at::FactorsAt;
use crate::app::state::speed_request::SpeedRequest;
use crate::compute::{ThreadPool, parallelism};
use crate::hint::Failure;
use crate::job::speed::{SpeedReport, layer_speed, speed_over_density};
use crate::matrix::Matrix;
use crate::tasks::{Queue, Task, shared};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Measures a layer, or random matrices of its shape over densities.
#[derive(Clone, Serialize, Deserialize)]
pub struct MeasureSpeed {
    /// W of the layer.
    #[serde(with = "shared")]
    pub weight: Arc<Matrix>,
    /// The factors in its place, if they are final.
    pub factors: FactorsAt,
    /// How many entries one pruned matrix keeps.
    pub kept: usize,
    /// What is wanted of it.
    pub request: SpeedRequest,
    /// Number of worker threads.
    pub threads: Option<usize>,
}

impl PartialEq for MeasureSpeed {
    fn eq(&self, other: &Self) -> bool {
        // A curve is about the shape alone.
        let same = self.factors == other.factors && Arc::ptr_eq(&self.weight, &other.weight) && self.kept == other.kept;
        let alike = self.request.over_density && self.weight.shape() == other.weight.shape();
        (same || alike) && (self.request, self.threads) == (other.request, other.threads)
    }
}

impl Task for MeasureSpeed {
    const NAME: &'static str = "speed";
    const QUEUE: Queue = Queue::Slow;
    type Progress = f64;
    type Output = Result<Option<SpeedReport>, Failure>;

    fn run(self, progress: &(dyn Fn(f64) -> bool + Sync)) -> Self::Output {
        let threads = self.threads.unwrap_or_else(available);
        let par = parallelism(threads);
        Ok(ThreadPool::new(Some(threads))?.run(|| match self.request.over_density {
            true => speed_over_density(self.weight.shape(), self.request.values, (par, threads), progress),
            false => {
                let replacement =
                    if let FactorsAt::End(replacement) = &self.factors { Some(&**replacement) } else { None };
                Some(layer_speed(&self.weight, self.kept, replacement, self.request.values, (par, threads)))
            }
        }))
    }
}

fn available() -> usize {
    if cfg!(target_arch = "wasm32") { 1 } else { std::thread::available_parallelism().map_or(1, usize::from) }
}
