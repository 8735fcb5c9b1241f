//! One run as the window knows it.

use super::loaded_layer::LoadedLayer;
use super::method_result::MethodResult;
use super::snapshot_history::SnapshotHistory;
use crate::app::state::hints::sentence;
use crate::export::RunReport;
use crate::factorize::{Report, Settings};
use crate::job::{Command, ComputeConfig, End, Event, Job, LayerErrors, Outcome, PackedSnapshot, Progress};
use crate::matrix::{Problem, ReplacementKind};
use crate::methods::{Method, ThresholdScope};
use crate::tasks::{self, ActorHandle};
use eframe::egui::Context;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use web_time::Instant;

/// Memory of the iterations of one run, in bytes.
const HISTORY_BYTES: usize = 96 << 20;

/// Time that a cancelled run may take for the step in work, where it can be ended in the middle.
const PATIENCE: Duration = Duration::from_millis(700);

/// State of a run: going on, paused, or the way it ended.
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
}

/// A run: what was asked for, what has come of it, and the thread that works on it.
pub struct Run {
    /// Counts up over the session.
    pub number: usize,
    /// Name of the run, `run 3` unless it was renamed.
    pub name: String,
    /// The layer, or the file that opened factors are from.
    pub title: String,
    /// Name of the factorization, for opened factors; without `.weight`.
    pub stem: Option<String>,
    /// Layer of the run; for opened factors the layer they are compared with, if any.
    pub subject: Option<LoadedLayer>,
    /// Problem of the run; `None` for opened factors.
    pub problem: Option<Problem>,
    /// Method that replaces W.
    pub method: Method,
    /// Over what entries compete, where the method leaves that open.
    pub threshold: ThresholdScope,
    /// Settings of the run; methods other than DSF use the density only.
    pub settings: Option<Settings>,
    /// State of the run.
    pub state: RunState,
    /// Progress after the last step.
    pub progress: Option<Progress>,
    /// Reports of the half-steps.
    pub reports: Vec<Report>,
    /// Outcome, once the run has ended.
    pub ended: Option<Box<Outcome>>,
    /// Report of a method in a comparison, which keeps no iterations.
    pub report: Option<Box<RunReport>>,
    /// Snapshots of its iterations.
    pub snapshots: SnapshotHistory,
    /// The factors as they were last seen while it went on.
    pub latest: Option<Arc<PackedSnapshot>>,
    /// Whether nobody asked for it by itself: it was started by moving a slider, and goes when it is overtaken unfinished.
    pub live: bool,
    /// Whether someone wants to find it again.
    pub starred: bool,
    /// Whether its factors have been saved, or came from a file.
    pub exported: bool,
    /// Whether it will end with the step in work.
    pub cancelling: bool,
    line: Option<(ActorHandle<Job>, Receiver<Event>)>,
    /// Notes of the run that are not shown yet.
    pub notes: Vec<String>,
    cancelled_at: Option<Instant>,
    /// Shortest time between two pictures.
    pace: Duration,
    /// Time at which a picture may be asked for again; infinite while one is awaited.
    next_snapshot: f64,
}

impl Run {
    /// Starts a run, in the background.
    pub fn start(
        number: usize,
        subject: LoadedLayer,
        problem: Problem,
        settings: Settings,
        how: RunOptions,
        ctx: &Context,
    ) -> Self {
        let (sender, events) = channel();
        let ctx = ctx.clone();
        let RunOptions { compute, pace, live } = how;
        let job = Job { compute, recorded: true, ..Job::new(problem.clone(), settings.clone()) };
        let line = tasks::spawn_actor(job, move |event| {
            let over = matches!(event, Event::Ended(_) | Event::Failed(_));
            // The window may have dropped the run; then nobody needs to know.
            if sender.send(event).is_ok() {
                ctx.request_repaint_after(if over { Duration::ZERO } else { pace });
            }
        });
        let title = subject.layer.name.clone();
        let new = Self::empty(number, title, Some(subject), RunState::Running);
        Self { problem: Some(problem), settings: Some(settings), live, pace, line: Some((line, events)), ..new }
    }

    /// Factors that were opened, and where W is known, their error.
    pub fn opened(
        number: usize,
        stem: String,
        title: String,
        subject: Option<LoadedLayer>,
        ended: Box<Outcome>,
    ) -> Self {
        Self {
            stem: Some(stem),
            ended: Some(ended),
            exported: true,
            ..Self::empty(number, title, subject, RunState::Opened)
        }
    }

    /// A run that shows a method's result in a comparison.
    pub fn replaced(number: usize, name: String, subject: LoadedLayer, problem: Problem, made: &MethodResult) -> Self {
        let MethodResult { candidate, report, settings, replacement } = made;
        let layer = report.layer_error.map(|calibration| LayerErrors {
            before_finalize: report.layer_error_before_finalize.unwrap_or(calibration),
            calibration,
            held_out: report.layer_error_held_out,
        });
        let outcome = Outcome {
            settings: settings.clone(),
            layer,
            history: report.history.clone(),
            seconds: report.seconds,
            ..Outcome::opened(replacement.clone(), report.relative_error)
        };
        let title = subject.layer.name.clone();
        Self {
            name,
            problem: Some(problem),
            method: candidate.method,
            threshold: candidate.threshold,
            settings: Some(settings.clone()),
            ended: Some(Box::new(outcome)),
            report: Some(Box::new(report.clone())),
            ..Self::empty(number, title, Some(subject), RunState::Finished)
        }
    }

    fn empty(number: usize, title: String, subject: Option<LoadedLayer>, state: RunState) -> Self {
        Self {
            number,
            name: format!("run {number}"),
            title,
            stem: None,
            subject,
            problem: None,
            method: Method::Dsf,
            threshold: ThresholdScope::default(),
            settings: None,
            state,
            progress: None,
            reports: Vec::new(),
            ended: None,
            report: None,
            snapshots: SnapshotHistory::new(HISTORY_BYTES),
            latest: None,
            live: false,
            starred: false,
            exported: false,
            cancelling: false,
            line: None,
            notes: Vec::new(),
            cancelled_at: None,
            pace: Duration::ZERO,
            next_snapshot: 0.0,
        }
    }

    /// Takes in what has happened since; `now` in seconds. While it is `watched`, snapshots are asked for at its pace, beside
    /// those of the iterations' ends.
    pub fn poll(&mut self, now: f64, watched: bool) {
        let Some((line, events)) = &self.line else { return };
        while let Ok(event) = events.try_recv() {
            match event {
                Event::Stepped(progress) => {
                    self.reports.extend(progress.report.clone());
                    self.progress = Some(progress);
                }
                Event::Snapshot(snapshot) => {
                    if snapshot.step.is_multiple_of(2)
                        && self.snapshots.all().last().is_none_or(|last| last.step < snapshot.step)
                    {
                        self.snapshots.add(&snapshot);
                    }
                    self.latest = Some(snapshot);
                    self.next_snapshot = now + self.pace.as_secs_f64();
                }
                Event::Ended(ended) => {
                    self.state = match ended.end {
                        End::Finished => RunState::Finished,
                        End::Cancelled => RunState::Cancelled,
                        End::Diverged => RunState::Failed(match &ended.problem {
                            Some(why) => format!("{}; the best factors before that are kept", sentence(why)),
                            None => "The numbers ran away; the best factors before that are kept".into(),
                        }),
                    };
                    self.latest = None;
                    self.ended = Some(ended);
                }
                Event::Note(note) => self.notes.push(note),
                Event::Failed(why) => self.state = RunState::Failed(sentence(&why)),
            }
        }
        if self.is_active() && self.cancelled_at.is_some_and(|since| since.elapsed() > PATIENCE) && line.terminate() {
            // Its last step is given up, and with it what came of the run; the iterations that were kept are still there.
            (self.state, self.line) = (RunState::Cancelled, None);
            return;
        }
        if self.is_active() && watched && self.latest.is_some() && now >= self.next_snapshot {
            self.next_snapshot = f64::INFINITY;
            line.send(Command::Snapshot);
        }
    }

    /// Whether it still works or waits.
    pub fn is_active(&self) -> bool {
        matches!(self.state, RunState::Running | RunState::Paused)
    }

    /// Tells the run; its state follows at once where the command is sure to take effect.
    pub fn send(&mut self, command: Command) {
        if !self.is_active() {
            return;
        }
        let Some((line, _)) = &self.line else { return };
        line.send(command);
        match command {
            Command::Pause | Command::Step | Command::Iteration => self.state = RunState::Paused,
            Command::Resume => self.state = RunState::Running,
            Command::Cancel => {
                self.cancelling = true;
                self.cancelled_at.get_or_insert_with(Instant::now);
            }
            Command::Snapshot => {}
        }
    }

    /// The error to show: the outcome's exact one, or the last reported.
    pub fn error(&self) -> Option<f64> {
        match &self.ended {
            Some(ended) => self.subject.is_some().then_some(ended.relative_error),
            None => self.reports.last().map(|report| report.error),
        }
    }

    /// Nonzeros of A and B in the end.
    pub fn nnz(&self) -> Option<usize> {
        self.ended.as_ref().map(|ended| ended.replacement.nnz())
    }

    /// Whether there is something to lose: factors, or what will become of them.
    pub fn is_unsaved(&self) -> bool {
        (self.ended.is_some() || self.is_active()) && !self.exported && (!self.live || self.starred)
    }

    /// Whether it has factors that did not come out of a file.
    pub fn is_exportable(&self) -> bool {
        self.ended.is_some() && self.settings.is_some()
    }

    /// Returns the kind of replacement that the run leaves.
    pub fn kind(&self) -> ReplacementKind {
        self.ended.as_ref().map_or(ReplacementKind::Factors, |ended| ended.replacement.kind())
    }

    /// Whether its curve is of W scaled by its inputs.
    pub fn has_scaled_curve(&self) -> bool {
        self.is_layerwise() && self.method == Method::Dsf
    }

    /// Whether its errors are those of W scaled by its inputs.
    pub fn is_layerwise(&self) -> bool {
        self.problem.as_ref().is_some_and(|problem| problem.calibration.is_some())
    }
}
