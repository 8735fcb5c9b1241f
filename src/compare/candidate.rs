//! A method with what it can be told, and what it made.

use super::Error;
use crate::Named;
use crate::export::{Export, Layout, RunReport};
use crate::factorize::{Budget, Settings, share};
use crate::job::{End, Outcome, Pipeline};
use crate::matrix::{Problem, Replacement};
use crate::measure::cost::{LONG_SECS, MethodWork};
use crate::methods::{self, Method, ProgressFn, ThresholdScope};
use crate::model::Layer;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use web_time::Instant;

/// A method with its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Method that replaces the layer.
    pub method: Method,
    /// Settings of a DSF run; other methods use the density only.
    pub settings: Settings,
    /// Scope in which entries compete, for methods that leave it open.
    #[serde(default)]
    pub threshold: ThresholdScope,
}

/// Result of a candidate on a layer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Made {
    /// Replacement of W.
    #[serde(with = "crate::tasks::shared")]
    pub replacement: Arc<Replacement>,
    /// Settings, with the split and orientation that a DSF run found.
    pub settings: Settings,
    /// Errors of the values in f32, nonzeros, bytes and seconds.
    pub report: RunReport,
}

impl Candidate {
    /// A candidate with the default threshold.
    pub fn new(method: Method, settings: Settings) -> Self {
        Self { method, settings, threshold: ThresholdScope::default() }
    }

    /// What a file's metadata says of a method without a run: its name and what it was told.
    pub fn told(&self) -> serde_json::Value {
        let threshold = self.method.has_threshold().then_some(self.threshold);
        serde_json::json!({ "method": self.method.name(), "density": self.settings.density, "threshold": threshold })
    }

    /// About how long it takes on one thread for W `rows`×`cols`.
    pub fn seconds(&self, rows: usize, cols: usize) -> f64 {
        let work = match self.method {
            Method::Dsf => MethodWork::Dsf(self.settings.size(rows, cols)),
            Method::Magnitude | Method::Wanda => MethodWork::SELECTION,
            Method::Admm => MethodWork::ADMM,
            Method::Sparsegpt => MethodWork::COLUMN_BY_COLUMN,
            Method::Obc => MethodWork::RowByRow,
            Method::Svd => MethodWork::SVD,
            Method::Monarch => MethodWork::BLOCKS,
            Method::Palm4msa | Method::Hierarchical => MethodWork::GRADIENTS,
        };
        work.secs(rows, cols)
    }

    /// Whether it takes so long that it only runs when asked for by name.
    pub fn is_slow(&self, rows: usize, cols: usize) -> bool {
        self.method != Method::Dsf && self.seconds(rows, cols) > LONG_SECS
    }

    /// Refuses before the work what would be refused in it.
    pub fn check(&self, problem: &Problem) -> Result<(), Error> {
        let (rows, cols) = problem.weight.shape();
        self.check_shape(rows, cols)?;
        Ok(self.method.check_data(problem)?)
    }

    /// Refuses what cannot be done with any W of this shape.
    pub fn check_shape(&self, rows: usize, cols: usize) -> Result<(), Error> {
        self.settings.check()?;
        if self.method == Method::Dsf && rows * cols > 0 {
            Budget::new(rows, cols, &self.settings)?;
            return Ok(());
        }
        let budget = share(self.settings.density, rows * cols);
        Ok(self.method.check_shape(rows, cols, budget)?)
    }

    /// Replaces `layer`, whose W is the problem's, on this thread and those it can call; `threads` is for the report.
    pub fn replace(
        &self,
        layer: &Layer,
        problem: &Problem,
        threads: usize,
        progress: ProgressFn<'_>,
    ) -> Result<Made, Error> {
        self.check(problem)?;
        match self.method {
            Method::Dsf => self.run(layer, problem, threads, progress),
            method => {
                let begun = Instant::now();
                let density = self.settings.density;
                let replacement = method.replace(problem, density, self.threshold, progress)?;
                let (replacement, took) = (Arc::new(replacement), (begun.elapsed().as_secs_f64(), threads));
                let export = exported(layer, &replacement, method)?;
                let report = RunReport::new(layer, problem, (method, density), &export, took);
                Ok(Made { replacement, settings: self.settings.clone(), report })
            }
        }
    }

    /// Double Sparse Factorization, step by step.
    fn run(&self, layer: &Layer, problem: &Problem, threads: usize, progress: ProgressFn<'_>) -> Result<Made, Error> {
        let begun = Instant::now();
        let mut pipeline = Pipeline::new(problem.clone(), &self.settings)?;
        while let Some(step) = pipeline.step()? {
            if !progress(step.done) {
                return Err(methods::Error::Cancelled.into());
            }
        }
        let outcome = pipeline.finish(End::Finished, begun.elapsed().as_secs_f64())?;
        let export = exported(layer, &outcome.replacement, Method::Dsf)?;
        let report = RunReport::of_run(layer, problem, self.settings.preset(), &export, &outcome, threads);
        let Outcome { settings, replacement, .. } = outcome;
        Ok(Made { replacement, settings, report })
    }
}

/// In f32, as it is usually written.
fn exported(layer: &Layer, replacement: &Arc<Replacement>, method: Method) -> Result<Export, Error> {
    let dtype = Some(crate::model::Dtype::F32);
    Ok(Export::new(layer, replacement, Layout::usual(method), dtype)?)
}

/// Candidates for those of `methods` that apply to this problem, and for the others the reason why not.
pub fn choose(
    methods: &[Method],
    settings: &Settings,
    threshold: ThresholdScope,
    problem: &Problem,
) -> (Vec<Candidate>, Vec<(Method, Error)>) {
    let (mut possible, mut not) = (Vec::new(), Vec::new());
    for &method in methods {
        let candidate = Candidate { method, settings: settings.clone(), threshold };
        match candidate.check(problem) {
            Ok(()) => possible.push(candidate),
            Err(why) => not.push((method, why)),
        }
    }
    (possible, not)
}
