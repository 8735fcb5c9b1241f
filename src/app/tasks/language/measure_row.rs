//! One cell of the model's table.

use super::lazy_model::{LazyModel, eval_set};
use crate::app::state::error::Error;
use crate::app::tasks::on_threads::on_threads;
use crate::compare::{ModelRecord, ModelRow, ModelStudy};
use crate::compress::Inputs;
use crate::hint::Failure;
use crate::language::LayerId;
use crate::tasks::{Queue, Task, shared};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Measures what a row of the paper's Table 1 does to the model at a density.
#[derive(Serialize, Deserialize)]
pub struct MeasureRow {
    /// The model, loaded where the task runs.
    #[serde(with = "shared")]
    pub model: Arc<LazyModel>,
    /// Index of the row in [`ModelRow::ALL`].
    pub row: usize,
    /// Kept nonzeros, as a share of the layers' weights.
    pub density: f64,
    /// Each layer's, where the row distributes them.
    pub shares: Option<BTreeMap<LayerId, f64>>,
    /// Number of worker threads.
    pub threads: Option<usize>,
}

impl Task for MeasureRow {
    const NAME: &'static str = "measure row";
    const QUEUE: Queue = Queue::Measuring;
    /// The share that is done.
    type Progress = f64;
    type Output = Result<ModelRecord, Failure>;

    fn run(self, progress: &(dyn Fn(f64) -> bool + Sync)) -> Self::Output {
        let set = eval_set(&self.model)?;
        let text = set.text.as_ref().ok_or(Error::NoText)?;
        let windows = set.calibration.clone().ok_or(Error::NoInputsText)?;
        let row = ModelRow::ALL.get(self.row).ok_or(Error::NoRow)?;
        on_threads(self.threads, || {
            let threads = self.threads.unwrap_or_else(crate::tasks::processors);
            let inputs = &Inputs::Windows(windows);
            let study = ModelStudy { model: &set.model, inputs, text, threads, tuning: None };
            let record = study.measure(row, self.density, self.shares, progress)?;
            Ok(record.ok_or(Error::Cancelled)?)
        })
    }
}
