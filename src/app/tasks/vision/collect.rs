//! What a layer reads in its network.

use super::lazy_network::{LazyNetwork, network_set};
use crate::app::state::error::Error;
use crate::hint::Failure;
use crate::matrix::Calibration;
use crate::tasks::{Queue, SilentTask, shared};
use crate::vision::CalibrationPass;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Collects the statistics of the patches that a layer of the dense network reads.
#[derive(Serialize, Deserialize)]
pub struct CollectPatches {
    /// The network, loaded where the task runs.
    #[serde(with = "shared")]
    pub network: Arc<LazyNetwork>,
    /// Index of the layer whose input statistics are collected.
    pub layer: usize,
}

impl SilentTask for CollectPatches {
    const NAME: &'static str = "collect patches";
    const QUEUE: Queue = Queue::Vision;
    type Output = Result<Calibration, Failure>;

    fn make(self) -> Self::Output {
        let set = network_set(&self.network)?;
        let images = set.calibrating.as_ref().ok_or(Error::NoInputsImages)?;
        let mut pass = CalibrationPass::new(set.network.clone(), images)?;
        (0..self.layer).for_each(|_| pass.advance());
        Ok(pass.statistics()?)
    }
}
