//! One method replacing one layer, in the background.

use crate::app::state::method_result::MethodResult;
use crate::compare::{Candidate, Made};
use crate::compute::ThreadPool;
use crate::hint::Failure;
use crate::matrix::Problem;
use crate::model::Layer;
use crate::tasks::{Queue, Task, shared};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Each method has one: so their seconds can be compared.
pub const THREADS: usize = 1;

/// Task that runs a candidate on a layer.
#[derive(Serialize, Deserialize)]
pub struct Replace {
    /// Layer to replace.
    #[serde(with = "shared")]
    pub layer: Arc<Layer>,
    /// With what is known of its inputs.
    pub problem: Problem,
    /// The method that replaces it, and its settings.
    pub candidate: Candidate,
}

impl Task for Replace {
    const NAME: &'static str = "replace";
    const QUEUE: Queue = Queue::Comparing;
    /// The share that is done.
    type Progress = f64;
    type Output = Result<Box<MethodResult>, Failure>;

    fn run(self, progress: &(dyn Fn(f64) -> bool + Sync)) -> Self::Output {
        let Self { layer, problem, candidate } = self;
        let pool = ThreadPool::new(Some(THREADS))?;
        let Made { replacement, settings, report } =
            pool.run(|| candidate.replace(&layer, &problem, THREADS, progress))?;
        Ok(Box::new(MethodResult { candidate, report, settings, replacement }))
    }
}
