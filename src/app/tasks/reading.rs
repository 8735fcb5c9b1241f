//! Reading what a person opens.

use crate::export::RunReport;
use crate::factorize::Settings;
use crate::hint::Failure;
use crate::job::Outcome;
use crate::matrix::{Calibration, Replacement};
use crate::measure;
use crate::model::{Checkpoint, Layer, Orientation, Source};
use crate::tasks::{Queue, SilentTask, shared};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Opens a file, a folder, or what else there is.
#[derive(Serialize, Deserialize)]
pub struct Open(pub Source);

/// Checkpoint that was opened.
#[derive(Serialize, Deserialize)]
pub struct OpenedCheckpoint(#[serde(with = "shared")] pub Arc<Checkpoint>);

impl SilentTask for Open {
    const NAME: &'static str = "open";
    const QUEUE: Queue = Queue::Files;
    type Output = Result<OpenedCheckpoint, Failure>;

    fn make(self) -> Self::Output {
        Ok(OpenedCheckpoint(Arc::new(self.0.open()?)))
    }
}

/// Task that reads a layer.
#[derive(Serialize, Deserialize)]
pub struct ReadLayer {
    /// The checkpoint that holds it.
    #[serde(with = "shared")]
    pub checkpoint: Arc<Checkpoint>,
    /// Name of the layer's tensor.
    pub name: String,
    /// Order of the stored dimensions.
    pub orientation: Orientation,
}

impl SilentTask for ReadLayer {
    const NAME: &'static str = "read layer";
    const QUEUE: Queue = Queue::Files;
    type Output = Result<Layer, Failure>;

    fn make(self) -> Self::Output {
        Ok(self.checkpoint.layer(&self.name, self.orientation)?)
    }
}

/// Reads factors, and compares them with a layer.
#[derive(Serialize, Deserialize)]
pub struct ReadFactors {
    /// The checkpoint that holds it.
    #[serde(with = "shared")]
    pub checkpoint: Arc<Checkpoint>,
    /// The name without `.weight`.
    pub stem: String,
    /// The layer that they are compared with.
    #[serde(with = "shared::option")]
    pub layer: Option<Arc<Layer>>,
}

impl SilentTask for ReadFactors {
    const NAME: &'static str = "read factors";
    const QUEUE: Queue = Queue::Files;
    type Output = Result<OpenedFactors, Failure>;

    fn make(self) -> Self::Output {
        let factors = self.checkpoint.factors(&self.stem)?;
        let shape = factors.shape();
        let w = self.layer.as_ref().map(|layer| &*layer.weight).filter(|w| w.shape() == shape);
        let compared = w.is_some();
        let report = self.metadata::<RunReport>("dsf.report").filter(|report| report.stem() == self.stem);
        let settings = report.as_ref().and_then(|_| self.metadata("dsf.settings"));
        let relative_error = match (w, &report) {
            (Some(w), _) => measure::relative_error(w, &factors.a, &factors.b),
            (None, Some(report)) => report.relative_error,
            (None, None) => 0.0,
        };
        let history = report.as_ref().map_or(Vec::new(), |report| report.history.clone());
        let layer = report.as_ref().and_then(RunReport::layer_errors);
        let outcome = Outcome { history, layer, ..Outcome::opened(Arc::new(factors.into()), relative_error) };
        Ok(OpenedFactors { outcome, compared, report, settings })
    }
}

impl ReadFactors {
    /// The file's own account of itself under `key`, where it has one that can be read.
    fn metadata<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_str(self.checkpoint.metadata().get(key)?).ok()
    }
}

/// Factors read from a file, and what the file says of them.
#[derive(Serialize, Deserialize)]
pub struct OpenedFactors {
    /// The factors.
    pub outcome: Outcome,
    /// Whether their error was measured against a layer.
    pub compared: bool,
    /// Report of the run that made them, as their file has it.
    pub report: Option<RunReport>,
    /// Settings of that run.
    pub settings: Option<Settings>,
}

/// The error of factors against a layer.
#[derive(Serialize, Deserialize)]
pub struct Compare {
    /// Replacement of the layer.
    #[serde(with = "shared")]
    pub replacement: Arc<Replacement>,
    /// Layer that the factors are compared with.
    #[serde(with = "shared")]
    pub layer: Arc<Layer>,
}

impl SilentTask for Compare {
    const NAME: &'static str = "compare";
    const QUEUE: Queue = Queue::Files;
    type Output = Result<f64, Failure>;

    fn make(self) -> Self::Output {
        Ok(self.replacement.relative_error(&self.layer.weight))
    }
}

/// Reads the statistics of a layer's inputs.
#[derive(Serialize, Deserialize)]
pub struct ReadInputs {
    /// Source of the statistics.
    pub source: Source,
    /// The name without `.weight`.
    pub stem: String,
    /// Number of inputs of the layer.
    pub inputs: usize,
}

impl SilentTask for ReadInputs {
    const NAME: &'static str = "read inputs";
    const QUEUE: Queue = Queue::Files;
    type Output = Result<Calibration, Failure>;

    fn make(self) -> Self::Output {
        Ok(self.source.open()?.calibration(&self.stem, self.inputs)?)
    }
}
