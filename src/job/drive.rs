//! The events of a run, and the loop body that makes them.

use crate::factorize::{Error, Factors, Report, Settings, Solver};
use crate::matrix::Matrix;
use crate::measure;

/// What a run can be told while it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Stop after the half-step in work, until told otherwise.
    Pause,
    /// Go on.
    Resume,
    /// One half-step, then pause.
    Step,
    /// End after the half-step in work and keep the best factors so far.
    Cancel,
}

/// What a run tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// A half-step is done.
    Stepped(Progress),
    /// The factors as they are now; sent when asked for.
    Snapshot(Snapshot),
    /// The run is over.
    Ended(Outcome),
    /// The run could not go on. Snapshots seen before stay valid.
    Failed(String),
}

/// Where a run stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Of the last half-step.
    pub report: Report,
    /// Half-steps of the whole run.
    pub steps: usize,
    /// Time the solver has taken so far.
    pub seconds: f64,
}

impl Progress {
    /// The share of the run that is done.
    pub fn done(&self) -> f64 {
        self.report.step as f64 / self.steps as f64
    }

    /// What is left at the pace so far. Half-steps of one run cost the same, so this settles at once.
    pub fn remaining_secs(&self) -> f64 {
        self.seconds / self.report.step as f64 * (self.steps - self.report.step) as f64
    }
}

/// The factors at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// After which half-step; 0 is the start.
    pub step: usize,
    /// A and B.
    pub factors: Factors,
    /// A·B.
    pub product: Matrix,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All iterations done.
    Finished,
    /// Told to.
    Cancelled,
    /// The numbers ran away; the best factors are from before.
    Diverged,
}

/// What a run leaves behind.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// The best factors.
    pub factors: Factors,
    /// ‖W − AB‖_F / ‖W‖_F of them, recomputed in f64.
    pub relative_error: f64,
    /// The error after each outer iteration.
    pub history: Vec<f64>,
    /// Time the solver took.
    pub seconds: f64,
}

/// A run, one half-step at a time.
pub struct Drive {
    solver: Solver,
    history: Vec<f64>,
    step: usize,
}

impl Drive {
    /// Checks and prepares.
    pub fn new(w: &Matrix, settings: &Settings) -> Result<Self, Error> {
        let solver = Solver::new(w, settings)?;
        Ok(Self { solver, history: Vec::new(), step: 0 })
    }

    /// Does the next half-step; `None` when all are done. `seconds` becomes the progress's and is the caller's to
    /// fill in.
    pub fn step(&mut self) -> Result<Option<Progress>, Error> {
        let Some(report) = self.solver.step()? else { return Ok(None) };
        self.step = report.step;
        if report.step % 2 == 0 {
            self.history.push(report.error);
        }
        Ok(Some(Progress { report, steps: self.solver.steps(), seconds: 0.0 }))
    }

    /// Whether there are factors worth keeping: an outer iteration has ended.
    pub fn has_result(&self) -> bool {
        !self.history.is_empty()
    }

    /// The factors as they are now.
    pub fn snapshot(&self) -> Snapshot {
        let factors = self.solver.factors();
        Snapshot { step: self.step, product: factors.product(), factors }
    }

    /// The best factors, measured against W.
    pub fn finish(self, w: &Matrix, end: End, seconds: f64) -> Outcome {
        let factors = self.solver.finish();
        let relative_error = measure::relative_error(w, &factors.a, &factors.b);
        Outcome { end, relative_error, factors, history: self.history, seconds }
    }
}
