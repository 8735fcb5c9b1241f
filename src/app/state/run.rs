//! One run as the window knows it.

use super::method_result::MethodResult;
use super::run_spec::RunSpec;
use super::run_worker::RunWorker;
use super::snapshot_history::SnapshotHistory;
use crate::app::state::hints::sentence;
use crate::export::RunReport;
use crate::factorize::Report;
use crate::job::{Command, ComputeConfig, End, Event, Job, Outcome, PackedSnapshot, Progress};
use crate::matrix::ReplacementKind;
use crate::measure::Note;
use crate::methods::Method;
use eframe::egui::Context;
use std::sync::Arc;
use std::time::Duration;

/// Memory of the iterations of one run, in bytes.
const HISTORY_BYTES: usize = 96 << 20;

/// State of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum RunState {
    /// Half-steps follow each other.
    Running,
    /// Paused until a command comes.
    Paused,
    /// All iterations are done.
    Finished,
    /// Stopped early; the best factors are kept.
    Cancelled,
    /// Failed, with this message.
    Failed(String),
    /// Not a run of this program: factors from a file.
    Opened,
}

/// Options of a run's start.
#[derive(Clone, Copy)]
pub struct RunOptions {
    /// Device and threads of the run.
    pub compute: ComputeConfig,
    /// Shortest time between two pictures.
    pub pace: Duration,
    /// Whether a slider starts it.
    pub live: bool,
    /// Time of the press that moves the slider, in seconds: one drag leaves one run.
    pub pressed_at: Option<f64>,
}

/// A run: what was asked for, what has come of it, and the thread that works on it.
pub struct Run {
    /// Number of the run, counted over the session.
    pub number: usize,
    /// Name of the run, `run 3` unless it was renamed.
    pub name: String,
    /// Layer, method and settings.
    pub spec: RunSpec,
    /// State of the run.
    pub state: RunState,
    /// Progress after the last step.
    pub progress: Option<Progress>,
    /// Reports of the half-steps.
    pub reports: Vec<Report>,
    /// Outcome, once the run has ended.
    pub outcome: Option<Box<Outcome>>,
    /// Report of a method in a comparison, which keeps no iterations; or of the run that made opened factors.
    pub report: Option<Box<RunReport>>,
    /// Snapshots of its iterations.
    pub snapshots: SnapshotHistory,
    /// The factors as they were last seen while it went on.
    pub latest: Option<Arc<PackedSnapshot>>,
    /// Whether it was started by moving a slider: it goes when it is overtaken unfinished.
    pub live: bool,
    /// Time of the press that moved the slider, in seconds.
    pub pressed_at: Option<f64>,
    /// Whether someone wants to find it again.
    pub starred: bool,
    /// Whether its factors have been saved, or came from a file.
    pub exported: bool,
    /// Notes of the run that are not shown yet.
    pub notes: Vec<String>,
    worker: Option<RunWorker>,
}

impl Run {
    /// Starts a run, in the background; nothing where the specification has no problem or settings.
    pub fn start(number: usize, spec: RunSpec, options: RunOptions, ctx: &Context) -> Option<Self> {
        let RunOptions { compute, pace, live, pressed_at } = options;
        let (problem, settings) = spec.problem.clone().zip(spec.settings.clone())?;
        let job = Job { compute, recorded: true, ..Job::new(problem, settings) };
        let worker = Some(RunWorker::start(job, pace, ctx));
        Some(Self { live, pressed_at, worker, ..Self::new(number, spec, RunState::Running) })
    }

    /// Factors that were opened, with the report of the run that made them where their file holds it.
    pub fn opened(number: usize, spec: RunSpec, report: Option<Box<RunReport>>, outcome: Box<Outcome>) -> Self {
        Self { outcome: Some(outcome), report, exported: true, ..Self::new(number, spec, RunState::Opened) }
    }

    /// A run that shows a method's result in a comparison.
    pub fn replaced(number: usize, name: String, spec: RunSpec, made: &MethodResult) -> Self {
        let MethodResult { candidate, report, settings, replacement } = made;
        let outcome = Outcome {
            settings: settings.clone(),
            layer: report.layer_errors(),
            history: report.history.clone(),
            seconds: report.seconds,
            ..Outcome::opened(replacement.clone(), report.relative_error)
        };
        let spec = RunSpec {
            method: candidate.method,
            threshold: candidate.threshold,
            settings: Some(settings.clone()),
            ..spec
        };
        Self {
            name,
            outcome: Some(Box::new(outcome)),
            report: Some(Box::new(report.clone())),
            ..Self::new(number, spec, RunState::Finished)
        }
    }

    fn new(number: usize, spec: RunSpec, state: RunState) -> Self {
        Self {
            number,
            name: format!("run {number}"),
            spec,
            state,
            progress: None,
            reports: Vec::new(),
            outcome: None,
            report: None,
            snapshots: SnapshotHistory::new(HISTORY_BYTES),
            latest: None,
            live: false,
            pressed_at: None,
            starred: false,
            exported: false,
            notes: Vec::new(),
            worker: None,
        }
    }

    /// Takes in what has happened since; `now` in seconds. While it is `watched`, snapshots are asked for at its pace,
    /// beside those of the iterations' ends.
    pub fn poll(&mut self, now: f64, watched: bool) {
        while let Some(event) = self.worker.as_ref().and_then(RunWorker::next) {
            self.take(event, now);
        }
        if !self.is_active() {
            return;
        }
        let Some(worker) = &mut self.worker else { return };
        if worker.give_up() {
            // With its last step goes what came of the run; the iterations that were kept are still there.
            (self.state, self.worker) = (RunState::Cancelled, None);
        } else if watched && self.latest.is_some() {
            worker.want_snapshot(now);
        }
    }

    fn take(&mut self, event: Event, now: f64) {
        match event {
            Event::Stepped(progress) => {
                self.reports.extend(progress.report.clone());
                self.progress = Some(progress);
            }
            Event::Snapshot(snapshot) => {
                let is_new = self.snapshots.all().last().is_none_or(|last| last.step < snapshot.step);
                if snapshot.step.is_multiple_of(2) && is_new {
                    self.snapshots.add(&snapshot);
                }
                self.latest = Some(snapshot);
                self.worker.iter_mut().for_each(|worker| worker.snapshot_came(now));
            }
            Event::Ended(outcome) => {
                self.state = match outcome.end {
                    End::Finished => RunState::Finished,
                    End::Cancelled => RunState::Cancelled,
                    End::Diverged => RunState::Failed(match &outcome.problem {
                        Some(why) => format!("{}; the best factors before that are kept", sentence(why)),
                        None => "The numbers ran away; the best factors before that are kept".into(),
                    }),
                };
                self.latest = None;
                self.outcome = Some(outcome);
            }
            Event::Note(note) => self.notes.push(note),
            Event::Failed(why) => self.state = RunState::Failed(sentence(&why)),
        }
    }

    /// Sends a command to the run; its state follows at once where the command is sure to take effect.
    pub fn send(&mut self, command: Command) {
        if !self.is_active() {
            return;
        }
        let Some(worker) = &mut self.worker else { return };
        worker.send(command);
        match command {
            Command::Pause | Command::Step | Command::Iteration => self.state = RunState::Paused,
            Command::Resume => self.state = RunState::Running,
            Command::Cancel | Command::Snapshot => {}
        }
    }
}

/// Questions about a run.
impl Run {
    /// Whether it still works or waits.
    pub fn is_active(&self) -> bool {
        matches!(self.state, RunState::Running | RunState::Paused)
    }

    /// Whether it will end with the step in work.
    pub fn is_cancelling(&self) -> bool {
        self.is_active() && self.worker.as_ref().is_some_and(RunWorker::is_cancelling)
    }

    /// The relative error to show: the outcome's exact one, or the last reported. A half-step of a layer-wise run
    /// reports another error, that of W scaled by its inputs.
    pub fn error(&self) -> Option<f64> {
        match &self.outcome {
            Some(outcome) => (self.spec.layer.is_some() || self.report.is_some()).then_some(outcome.relative_error),
            None => self.reports.last().filter(|_| !self.has_scaled_curve()).map(|report| report.error),
        }
    }

    /// The error that half-step `step` reported.
    pub fn error_at(&self, step: usize) -> Option<f64> {
        self.reports.iter().find(|report| report.step == step).map(|report| report.error)
    }

    /// The factors after half-step `step`, if it was kept, as the outcome of a run that ended there.
    pub fn outcome_at(&self, step: usize) -> Option<Outcome> {
        let snapshot = self.snapshots.all().iter().find(|snapshot| snapshot.step == step)?;
        let ends = self.reports.iter().filter(|report| report.step.is_multiple_of(2) && report.step <= step);
        let settings = self.outcome.as_ref().map(|outcome| &outcome.settings).or(self.spec.settings.as_ref())?;
        let share = step as f64 / self.progress.as_ref().map_or(step.max(1), |progress| progress.step.max(1)) as f64;
        let seconds = self.progress.as_ref().map_or(0.0, |progress| progress.seconds);
        Some(Outcome {
            end: End::Cancelled,
            settings: settings.clone(),
            history: ends.map(|report| report.error).collect(),
            seconds: seconds * share.min(1.0),
            place: self.outcome.as_ref().map(|outcome| outcome.place.clone()).unwrap_or_default(),
            // Measured by whoever writes them.
            ..Outcome::opened(Arc::new(snapshot.factors().into()), f64::NAN)
        })
    }

    /// What there is to know of the result beside its errors.
    pub fn notes(&self) -> Vec<String> {
        match (&self.report, &self.outcome) {
            (Some(report), _) => report.notes.clone(),
            (None, Some(outcome)) => outcome.notes.iter().map(Note::to_string).collect(),
            (None, None) => Vec::new(),
        }
    }

    /// Nonzeros of A and B in the end.
    pub fn nnz(&self) -> Option<usize> {
        self.outcome.as_ref().map(|outcome| outcome.replacement.nnz())
    }

    /// Whether there is something to lose: factors, or what will become of them.
    pub fn is_unsaved(&self) -> bool {
        (self.outcome.is_some() || self.is_active()) && !self.exported && (!self.live || self.starred)
    }

    /// Whether it has factors that did not come out of a file.
    pub fn is_exportable(&self) -> bool {
        self.outcome.is_some() && !self.spec.is_opened()
    }

    /// Kind of replacement that it leaves.
    pub fn kind(&self) -> ReplacementKind {
        self.outcome.as_ref().map_or(ReplacementKind::Factors, |outcome| outcome.replacement.kind())
    }

    /// Whether its curve is of W scaled by its inputs.
    pub fn has_scaled_curve(&self) -> bool {
        self.spec.is_layerwise() && self.spec.method == Method::Dsf
    }
}
