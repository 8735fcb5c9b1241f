//! One method replacing one layer, in the background.

use crate::app::kept::Kept;
use crate::compare::{Candidate, Made};
use crate::compute::Threads;
use crate::export::RunReport;
use crate::factorize::Settings;
use crate::matrix::Problem;
use crate::model::Layer;
use crate::tasks::{Queue, Task, shared};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Each method has one: so their seconds can be compared.
pub const THREADS: usize = 1;

/// Does it.
#[derive(Serialize, Deserialize)]
pub struct Replace {
    /// What is replaced.
    #[serde(with = "shared")]
    pub layer: Arc<Layer>,
    /// With what is known of its inputs.
    pub problem: Problem,
    /// By what.
    pub candidate: Candidate,
}

/// What came of it.
#[derive(Serialize, Deserialize)]
pub struct Replaced {
    /// What was done.
    pub candidate: Candidate,
    /// Errors, nonzeros, bytes, seconds.
    pub report: RunReport,
    /// With split and orientation as a DSF run found them.
    pub settings: Settings,
    /// What replaces W.
    #[serde(with = "shared")]
    pub kept: Arc<Kept>,
}

impl Task for Replace {
    const NAME: &'static str = "replace";
    const QUEUE: Queue = Queue::Comparing;
    /// The share that is done.
    type Progress = f64;
    type Output = Result<Box<Replaced>, String>;

    fn run(self, tell: &(dyn Fn(f64) -> bool + Sync)) -> Self::Output {
        let Self { layer, problem, candidate } = self;
        let pool = Threads::new(Some(THREADS))?;
        let Made { kept, settings, report } = pool.run(|| candidate.replace(&layer, &problem, THREADS, tell))?;
        Ok(Box::new(Replaced { candidate, report, settings, kept: Arc::new(Kept::packed(&kept)) }))
    }
}
