//! What a layer reads in its model.

use super::lazy_model::{LazyModel, eval_set};
use crate::app::state::error::Error;
use crate::hint::Failure;
use crate::language::{CalibrationPass, LayerId};
use crate::matrix::Calibration;
use crate::tasks::{Queue, SilentTask, shared};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Collects the statistics of what a layer of the dense model reads.
#[derive(Serialize, Deserialize)]
pub struct Collect {
    /// The model, loaded where the task runs.
    #[serde(with = "shared")]
    pub model: Arc<LazyModel>,
    /// Layer whose input statistics are collected.
    pub id: LayerId,
}

impl SilentTask for Collect {
    const NAME: &'static str = "collect inputs";
    const QUEUE: Queue = Queue::Language;
    type Output = Result<Calibration, Failure>;

    fn make(self) -> Self::Output {
        let set = eval_set(&self.model)?;
        let windows = set.calibration.as_ref().ok_or(Error::NoInputsText)?;
        let mut pass = CalibrationPass::new(&set.model, windows)?;
        while !pass.layers().is_empty() && !pass.layers().contains(&self.id) {
            pass.advance()?;
        }
        Ok(pass.statistics()?.statistics.ok_or(Error::NoTokens)?)
    }
}
