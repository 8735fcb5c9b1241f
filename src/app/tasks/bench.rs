//! How fast the solver is where runs are done.

use crate::factorize::Settings;
use crate::hint::Failure;
use crate::job::bench;
use crate::tasks::{Queue, SilentTask};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Task that measures the speed of runs where they are done: a random matrix of this side, with the published settings.
#[derive(Clone, Serialize, Deserialize)]
pub struct Bench(pub usize);

impl SilentTask for Bench {
    const NAME: &'static str = "bench";
    const QUEUE: Queue = Queue::Slow;
    /// Report of `dsf-explorer bench solver`, as JSON.
    type Output = Result<String, Failure>;

    fn make(self) -> Self::Output {
        let Self(side) = self;
        let measured = bench::measure(side, side, &Settings::default(), crate::tasks::processors())?;
        Ok(json!(measured).to_string())
    }
}
