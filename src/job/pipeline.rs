//! The events of a run, and the loop body that makes them.

use super::PackedSnapshot;
use crate::compute::Device;
use crate::factorize::{
    Error, Finalize, Finalizer, Inputs, Objective, Report, Search, Settings, Sides, Solve, Solver, polish,
};
use crate::hint::Failure;
use crate::matrix::{Calibration, Factor, Factors, Matrix, Problem, Replacement, Restore};
use crate::measure::cost::{self, FinalizeSize, RunSize};
use crate::measure::{self, Note};
use crate::tasks::shared;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::task::Poll;

/// A command to a running job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Pause after the current step.
    Pause,
    /// Continue a paused run.
    Resume,
    /// Take one step, a half-step or a finalized factor, then pause.
    Step,
    /// Continue to the end of the outer iteration, or of a round, then pause.
    Iteration,
    /// Emit one [`Event::Snapshot`] after the current step. A viewer asks again when the last snapshot is on screen, so
    /// that no more are made than can be seen.
    Snapshot,
    /// Stop after the current step and keep the best factors so far.
    Cancel,
}

/// An event of a running job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Event {
    /// A step is done.
    Stepped(Progress),
    /// The factors as they are now; sent when asked for, while the run is paused, and of a recorded run after each outer
    /// iteration.
    Snapshot(#[serde(with = "shared")] Arc<PackedSnapshot>),
    /// The run has ended, with this outcome.
    Ended(Box<Outcome>),
    /// The device has changed, or is not the one asked for; a sentence. The run continues.
    Note(String),
    /// The run could not go on. Snapshots seen before stay valid.
    Failed(Failure),
}

/// A stage of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunStage {
    /// Short runs that find the split or the orientation.
    Search,
    /// Alternating half-steps for the two factors.
    Factorize,
    /// Solving for the values again on the final masks.
    Finalize,
}

impl RunStage {
    /// As people read it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Search => "searching",
            Self::Factorize => "factorizing",
            Self::Finalize => "finalizing",
        }
    }
}

/// Progress of a run after a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Stage of the last step.
    pub stage: RunStage,
    /// Report of the last half-step.
    pub report: Option<Report>,
    /// Layer-wise error after the last step of the finalization.
    pub layer_error: Option<f64>,
    /// A message about the device, such as its loss.
    pub note: Option<String>,
    /// Number of steps done, of all stages.
    pub step: usize,
    /// Number of steps of the whole run.
    pub steps: usize,
    /// Share of the run's work that is done, 0 to 1.
    pub done: f64,
    /// Elapsed time, in seconds.
    pub seconds: f64,
    /// The part before the pace was steady: preparation, and the first outer iteration.
    pub warmup: Warmup,
}

/// The start of a run, which predictions of its pace leave out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Warmup {
    /// Share of the work done by its end.
    pub done: f64,
    /// Seconds taken until its end.
    pub seconds: f64,
}

impl Progress {
    /// Predicted time to the end in seconds, at the pace since the warmup.
    pub fn remaining_secs(&self) -> f64 {
        let (done, seconds) = match self.done > self.warmup.done {
            true => (self.done - self.warmup.done, self.seconds - self.warmup.seconds),
            false => (self.done, self.seconds),
        };
        cost::remaining_secs(seconds, done, 1.0 - self.done)
    }
}

/// Way in which a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// All iterations are done.
    Finished,
    /// A command stopped it.
    Cancelled,
    /// Values became infinite or NaN; the best factors are from before.
    Diverged,
}

/// Layer-wise errors of a run, tr((W−AB)·XᵀX·(W−AB)ᵀ) / tr(W·XᵀX·Wᵀ).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerErrors {
    /// On the calibration statistics, before the finalization.
    pub before_finalize: f64,
    /// On the calibration statistics, of the final factors.
    pub calibration: f64,
    /// On held-out statistics, of the final factors.
    pub held_out: Option<f64>,
}

/// Result of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Way in which the run ended.
    pub end: End,
    /// Reason of the end, when it diverged.
    pub problem: Option<Failure>,
    /// Settings, with the split and orientation that were found.
    pub settings: Settings,
    /// Replacement of W; of a run, its best factors.
    #[serde(with = "shared")]
    pub replacement: Arc<Replacement>,
    /// Whether the factors are magnitude pruning beside an identity, which was better.
    pub fell_back: bool,
    /// ‖W − AB‖_F / ‖W‖_F of the factors, recomputed in f64.
    pub relative_error: f64,
    /// Layer-wise errors, of a run with calibration.
    pub layer: Option<LayerErrors>,
    /// What a person should know of the result beside its errors.
    pub notes: Vec<Note>,
    /// Relative error after each outer iteration; with calibration, of W scaled by the inputs' norms.
    pub history: Vec<f64>,
    /// Duration of the run, in seconds.
    pub seconds: f64,
    /// Device that computed the factors.
    pub place: DeviceInfo,
}

/// Description of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// Backend, `cpu` or `gpu`.
    pub backend: String,
    /// Name of the graphics adapter.
    pub adapter: Option<String>,
}

impl Default for DeviceInfo {
    fn default() -> Self {
        Self::of(&Device::Cpu)
    }
}

impl DeviceInfo {
    fn of(device: &Device) -> Self {
        Self { backend: device.name().into(), adapter: device.adapter().map(str::to_owned) }
    }
}

impl Outcome {
    /// Of a replacement that no run of ours has made.
    pub fn opened(replacement: Arc<Replacement>, relative_error: f64) -> Self {
        let (settings, history) = (Settings::default(), Vec::new());
        Self {
            end: End::Finished,
            problem: None,
            settings,
            replacement,
            fell_back: false,
            relative_error,
            layer: None,
            notes: Vec::new(),
            history,
            seconds: 0.0,
            place: DeviceInfo::default(),
        }
    }
}

/// A run, one step at a time, without a clock.
pub struct Pipeline {
    /// The problem as the stages see it, and what makes its factors those of W.
    problem: Problem,
    restore: Restore,
    /// As it was given.
    original: Problem,
    settings: Settings,
    /// W, or W scaled by the inputs' norms.
    target: Arc<Matrix>,
    inputs: Option<Inputs>,
    state: PipelineState,
    device: Device,
    /// A message for the next step's progress.
    note: Option<String>,
    fell_back: bool,
    before_finalize: Option<f64>,
    history: Vec<f64>,
    step: usize,
    steps: usize,
    /// Steps of the search among those done.
    searched: usize,
    /// Work done and in total, in half-steps.
    work: f64,
    works: f64,
}

enum PipelineState {
    Search(Box<Search>),
    Factorize(Box<Solver>),
    /// Finalization for the layer-wise error.
    Finalize(Box<Finalizer>),
    /// Finalization for the plain error: the factors still to be solved for, the next one last.
    Polish(Factors, Vec<Factor>),
    /// Only while one state turns into the next.
    Between,
}

impl Pipeline {
    /// Checks and prepares a run on the CPU.
    pub fn new(problem: Problem, settings: &Settings) -> Result<Self, Error> {
        Self::on_device(problem, settings, &Device::Cpu)
    }

    /// Checks and prepares a run on `device`.
    pub fn on_device(problem: Problem, settings: &Settings, device: &Device) -> Result<Self, Error> {
        let original = problem;
        if let Some(weights) = &original.output_weights {
            weights.check_outputs(original.weight.rows())?;
        }
        let (problem, restore) = original.normalized();
        let target = settings.objective.target(&problem.weight, problem.calibration.as_deref())?;
        for inputs in [&original.calibration, &original.held_out].into_iter().flatten() {
            inputs.check_inputs(problem.weight.cols())?;
        }
        let inputs = problem
            .calibration
            .clone()
            .filter(|_| settings.objective.scales())
            .map(|calibration| Inputs::new(calibration, problem.held_out.clone(), settings.objective));
        let (asked, device) = (device, &device.reopened_if_lost());
        let gone = asked.adapter().filter(|_| device.adapter().is_none());
        let note = gone.map(|name| format!("'{name}' was lost: the run is done on the processor"));
        let search = Search::with_inputs(&target, inputs.as_ref(), settings, device)?;
        let finalize = finalize_steps(&problem, settings);
        let mut steps = 2 * settings.outer + finalize;
        let mut works = 2.0 * settings.outer as f64;
        works += (0..finalize).map(|step| finalize_work(&problem, settings, step)).sum::<f64>();
        works += setup_work(&problem, settings);
        let state = match search {
            Some(search) => {
                steps += search.steps();
                works += search.steps() as f64;
                PipelineState::Search(Box::new(search))
            }
            None => {
                PipelineState::Factorize(Box::new(Solver::with_inputs(&target, inputs.as_ref(), settings, device)?))
            }
        };
        let settings = settings.clone();
        let (fell_back, before_finalize, history, step, searched, work) = Default::default();
        Ok(Self {
            problem,
            restore,
            original,
            settings,
            target,
            inputs,
            state,
            device: device.clone(),
            note,
            fell_back,
            before_finalize,
            history,
            step,
            steps,
            searched,
            work,
            works,
        })
    }

    /// Computes the next step; `None` when all are done. The caller fills in the progress's times.
    pub fn step(&mut self) -> Result<Option<Progress>, Error> {
        loop {
            if let Poll::Ready(progress) = self.poll()? {
                return Ok(progress);
            }
        }
    }

    /// As [`Pipeline::step`], but pending instead of blocking where a device cannot be waited for; see
    /// [`Solver::poll`].
    pub fn poll(&mut self) -> Result<Poll<Option<Progress>>, Error> {
        let (mut report, mut layer_error, mut note) = (None, None, None);
        let stage = match &mut self.state {
            PipelineState::Search(search) => {
                let Poll::Ready(going) = search.poll()? else { return Ok(Poll::Pending) };
                note = search.note();
                if !going {
                    self.next()?;
                }
                RunStage::Search
            }
            PipelineState::Factorize(solver) => {
                let Poll::Ready(done) = solver.poll()? else { return Ok(Poll::Pending) };
                report = done;
                let Some(report) = &report else { return Ok(Poll::Ready(None)) };
                note = report.note.clone();
                if report.step.is_multiple_of(2) {
                    self.history.push(report.error);
                }
                if report.step == solver.steps() {
                    self.next()?;
                }
                RunStage::Factorize
            }
            PipelineState::Finalize(finalizer) => {
                let Poll::Ready(done) = finalizer.poll()? else { return Ok(Poll::Pending) };
                let Some(done) = done else { return Ok(Poll::Ready(None)) };
                layer_error = Some(done.layer_error);
                note = done.note;
                self.device = finalizer.device().clone();
                RunStage::Finalize
            }
            PipelineState::Polish(factors, waiting) => {
                let Some(factor) = waiting.pop() else { return Ok(Poll::Ready(None)) };
                polish(&self.target, factors, factor)?;
                RunStage::Finalize
            }
            PipelineState::Between => return Ok(Poll::Ready(None)),
        };
        self.work += match stage {
            RunStage::Finalize => {
                let left = self.steps - self.step;
                let number = finalize_steps(&self.problem, &self.settings).saturating_sub(left);
                finalize_work(&self.problem, &self.settings, number)
            }
            // The last half-step also makes the finalisation ready.
            RunStage::Factorize if !matches!(self.state, PipelineState::Factorize(_)) => {
                1.0 + setup_work(&self.problem, &self.settings)
            }
            RunStage::Search | RunStage::Factorize => 1.0,
        };
        self.step += 1;
        let note = self.note.take().or(note);
        let done = if self.step == self.steps { 1.0 } else { (self.work / self.works).min(1.0) };
        let (step, steps, seconds, warmup) = (self.step, self.steps, 0.0, Warmup::default());
        Ok(Poll::Ready(Some(Progress { stage, report, layer_error, note, step, steps, done, seconds, warmup })))
    }

    /// Turns a stage that has ended into the next.
    fn next(&mut self) -> Result<(), Error> {
        self.state = match std::mem::replace(&mut self.state, PipelineState::Between) {
            PipelineState::Search(search) => {
                // With the one that is being done.
                self.searched = self.step + 1;
                self.settings = search.finish();
                let solver = Solver::with_inputs(&self.target, self.inputs.as_ref(), &self.settings, &self.device)?;
                PipelineState::Factorize(Box::new(solver))
            }
            PipelineState::Factorize(solver) => {
                let factors = self.masked(*solver)?;
                let settings = &self.settings;
                match &self.problem.calibration {
                    Some(calibration) if settings.finalize => {
                        let finalize = finalize(settings);
                        let begun = Finalizer::on_device(
                            &self.problem.weight,
                            factors.clone(),
                            calibration,
                            self.inputs.as_ref().and_then(|inputs| inputs.regularised(settings.power)),
                            &finalize,
                            &self.device,
                        );
                        match begun {
                            Ok(finalizer) => {
                                self.before_finalize = match &self.original.output_weights {
                                    // Its own error knows the weights.
                                    Some(_) => Some(self.layer_error(&self.restored(factors), calibration)),
                                    None => Some(finalizer.layer_error()),
                                };
                                PipelineState::Finalize(Box::new(finalizer))
                            }
                            Err(error) => {
                                // What there is stays.
                                self.state = PipelineState::Polish(factors, Vec::new());
                                return Err(error);
                            }
                        }
                    }
                    _ => {
                        let rounds = finalize_steps(&self.problem, settings) / 2;
                        PipelineState::Polish(factors, [Factor::B, Factor::A].repeat(rounds))
                    }
                }
            }
            state => state,
        };
        Ok(())
    }

    /// The factors for the problem as it was given.
    fn restored(&self, factors: Factors) -> Factors {
        let mut replacement = Replacement::Factors(factors);
        self.restore.apply(&mut replacement);
        let Replacement::Factors(factors) = replacement else { unreachable!("what was put in") };
        factors
    }

    fn layer_error(&self, factors: &Factors, statistics: &Calibration) -> f64 {
        measure::layer_error(&self.original.weight, &factors.a, &factors.b, statistics.xtx())
    }

    /// The best factors of the alternation, unscaled.
    fn masked(&mut self, solver: Solver) -> Result<Factors, Error> {
        self.fell_back = solver.falls_back();
        // It may have been lost on the way.
        self.device = solver.device().clone();
        let mut factors = solver.finish();
        if let Some(calibration) = self.scaled_by() {
            calibration.unscale_inputs(&mut factors.b)?;
        }
        Ok(factors)
    }

    /// The inputs whose norms W is scaled by.
    fn scaled_by(&self) -> Option<&Calibration> {
        self.problem.calibration.as_deref().filter(|_| self.settings.objective.scales())
    }

    /// The device in use.
    pub fn device(&self) -> &Device {
        match &self.state {
            PipelineState::Factorize(solver) => solver.device(),
            _ => &self.device,
        }
    }

    /// Whether an outer iteration has ended with the whole budget, so that there are factors worth keeping.
    pub fn has_result(&self) -> bool {
        match &self.state {
            PipelineState::Search(_) | PipelineState::Between => false,
            PipelineState::Factorize(solver) => solver.has_result(),
            PipelineState::Finalize(_) | PipelineState::Polish(..) => true,
        }
    }

    /// The factors as they are now; `None` while a search goes on.
    pub fn snapshot(&self) -> Option<PackedSnapshot> {
        let mut factors = match &self.state {
            PipelineState::Search(_) | PipelineState::Between => return None,
            PipelineState::Factorize(solver) => solver.factors(),
            PipelineState::Finalize(finalizer) => finalizer.factors(),
            PipelineState::Polish(factors, _) => factors.clone(),
        };
        if let (PipelineState::Factorize(_), Some(calibration)) = (&self.state, self.scaled_by()) {
            calibration.unscale_inputs(&mut factors.b).ok()?;
        }
        Some(PackedSnapshot::new(self.step.saturating_sub(self.searched), &self.restored(factors)))
    }

    /// Ends the run: the best factors, measured against W.
    pub fn finish(mut self, end: End, seconds: f64) -> Result<Outcome, Error> {
        let factors = match std::mem::replace(&mut self.state, PipelineState::Between) {
            // Cancelled before there was anything: the start, as for a run cancelled in its first iteration.
            PipelineState::Search(_) | PipelineState::Between => {
                let solver = Solver::new(&self.target, &self.settings)?;
                self.masked(solver)?
            }
            PipelineState::Factorize(solver) => self.masked(*solver)?,
            PipelineState::Finalize(finalizer) => finalizer.finish(),
            PipelineState::Polish(factors, _) => factors,
        };
        let factors = self.restored(factors);
        let (w, held_out) = (&self.original.weight, self.problem.held_out.as_deref());
        let on = |statistics: &Calibration| self.layer_error(&factors, statistics);
        let layer = self.problem.calibration.as_deref().map(|calibration| {
            let in_the_end = on(calibration);
            LayerErrors {
                before_finalize: self.before_finalize.unwrap_or(in_the_end),
                calibration: in_the_end,
                held_out: held_out.map(on),
            }
        });
        let relative_error = measure::relative_error(w, &factors.a, &factors.b);
        let notes = self.notes(end, factors.nnz(), relative_error);
        let (place, Self { settings, fell_back, history, .. }) = (DeviceInfo::of(&self.device), self);
        let (problem, replacement) = (None, Arc::new(Replacement::Factors(factors)));
        Ok(Outcome {
            end,
            problem,
            settings,
            replacement,
            fell_back,
            relative_error,
            layer,
            notes,
            history,
            seconds,
            place,
        })
    }

    fn notes(&self, end: End, nonzeros: usize, error: f64) -> Vec<Note> {
        let mut notes = Note::of_inputs(&self.original);
        notes.extend(self.fell_back.then_some(Note::FellBack));
        // The fallback spends some of the nonzeros on an identity, and who cancels a run knows that it is not done.
        if !self.fell_back && end != End::Cancelled {
            notes.extend(Note::of_magnitude(
                &self.original.weight,
                nonzeros,
                error,
                self.problem.calibration.as_deref(),
            ));
        }
        notes
    }
}

/// Number of steps of the finalization.
fn finalize_steps(problem: &Problem, settings: &Settings) -> usize {
    match (&problem.calibration, settings.finalize) {
        (Some(_), true) => settings.rounds * if settings.finalize_both { 2 } else { 1 },
        // Against the plain error only an exact solve has something to gain, once for each factor.
        (None, _) if settings.exact => 2,
        _ => 0,
    }
}

/// Returns the work of preparing a layer-wise finalisation, in half-steps.
fn setup_work(problem: &Problem, settings: &Settings) -> f64 {
    match problem.calibration.is_some() && settings.finalize {
        true => finalize_size(problem, settings).setup(&size(problem, settings)),
        false => 0.0,
    }
}

/// Returns the work of one step of solving for the values again, in half-steps; `step` counts from 0.
fn finalize_work(problem: &Problem, settings: &Settings, step: usize) -> f64 {
    finalize_size(problem, settings).step(&size(problem, settings), step)
}

/// What the cost of a run depends on.
fn size(problem: &Problem, settings: &Settings) -> RunSize {
    let (rows, cols) = problem.weight.shape();
    settings.effective(problem.calibration.is_some()).size(rows, cols)
}

fn finalize_size(problem: &Problem, settings: &Settings) -> FinalizeSize {
    let layerwise = problem.calibration.is_some();
    let exact = if layerwise { is_exact(settings) } else { settings.exact };
    FinalizeSize { layerwise, both: settings.finalize_both, exact }
}

/// Whether a layer-wise finalisation is exact.
fn is_exact(settings: &Settings) -> bool {
    settings.exact || settings.objective == Objective::Outputs
}

fn finalize(settings: &Settings) -> Finalize {
    Finalize {
        sides: if settings.finalize_both { Sides::Both } else { Sides::Output },
        rounds: settings.rounds,
        // With a metric the exact solve is also the faster one.
        solve: if is_exact(settings) { Solve::Exact } else { Solve::Admm },
        shrinkage: settings.shrinkage,
        ..Finalize::default()
    }
}
