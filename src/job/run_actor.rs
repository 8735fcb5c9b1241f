//! A run as an actor: between its steps it takes commands and emits events.

use super::compute_config::{DeviceRequest, OpenedDevice};
use super::{Command, ComputeConfig, End, Error, Event, Outcome, Pipeline, Progress, Warmup};
use crate::compute::ThreadPool;
use crate::factorize::{self, Settings};
use crate::matrix::Problem;
use crate::tasks::{Actor, Flow, Queue};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::task::Poll;
use web_time::Instant;

/// A run to start.
#[derive(Clone, Serialize, Deserialize)]
pub struct Job {
    /// Problem that the run solves.
    pub problem: Problem,
    /// Settings of the run.
    pub settings: Settings,
    /// Device and threads of the run.
    pub compute: ComputeConfig,
    /// Whether to emit a snapshot after each outer iteration.
    pub recorded: bool,
}

impl Job {
    /// A run on the CPU with all processors, not recorded.
    pub fn new(problem: Problem, settings: Settings) -> Self {
        Self { problem, settings, compute: ComputeConfig::default(), recorded: false }
    }
}

impl Actor for Job {
    const NAME: &'static str = "job";
    const QUEUE: Queue = Queue::Run;
    type Command = Command;
    type Event = Event;
    type State = RunActor;

    fn begin(self) -> RunActor {
        RunActor::new(self)
    }

    fn command(going: &mut RunActor, command: Command) {
        going.command(command);
    }

    fn step(going: &mut RunActor, emit: &mut dyn FnMut(Event)) -> Flow {
        going.step(emit)
    }

    fn crashed() -> Event {
        Event::Failed(Error::Broken.into())
    }
}

/// A run in progress.
pub struct RunActor {
    stage: ActorStage,
    threads: Option<ThreadPool>,
    recorded: bool,
    seconds: f64,
    /// Time at which waiting for the device began.
    waiting: Option<Instant>,
    warmup: Warmup,
    paused: bool,
    /// Steps to take although the run is paused.
    steps_left: usize,
    to_iteration_end: bool,
    snapshot_wanted: bool,
    cancelled: bool,
}

enum ActorStage {
    /// Waiting for the device; this counts as work.
    Waiting(Box<(DeviceRequest, Job)>),
    Working(Box<Pipeline>),
    Over,
}

impl RunActor {
    /// The run before its first step. It emits a snapshot of the start first.
    pub fn new(job: Job) -> Self {
        Self {
            recorded: job.recorded,
            stage: ActorStage::Waiting(Box::new((DeviceRequest::new(job.compute.backend), job))),
            threads: None,
            seconds: 0.0,
            waiting: None,
            warmup: Warmup::default(),
            paused: false,
            steps_left: 0,
            to_iteration_end: false,
            snapshot_wanted: true,
            cancelled: false,
        }
    }

    /// The run before its first step, without snapshots unless asked for.
    pub fn unseen(job: Job) -> Self {
        Self { snapshot_wanted: false, ..Self::new(job) }
    }

    /// Handles a command, before the next step.
    pub fn command(&mut self, command: Command) {
        match command {
            Command::Pause => {
                // A paused run shows its current factors.
                self.snapshot_wanted |= !self.is_held() || self.to_iteration_end;
                (self.paused, self.steps_left, self.to_iteration_end) = (true, 0, false);
            }
            Command::Step => {
                (self.paused, self.to_iteration_end) = (true, false);
                self.steps_left += 1;
            }
            Command::Iteration => (self.paused, self.steps_left, self.to_iteration_end) = (true, 0, true),
            Command::Resume => (self.paused, self.steps_left, self.to_iteration_end) = (false, 0, false),
            Command::Snapshot => self.snapshot_wanted = true,
            Command::Cancel => self.cancelled = true,
        }
    }

    fn is_held(&self) -> bool {
        self.paused && self.steps_left == 0 && !self.to_iteration_end
    }

    /// Takes one step, or whatever is due instead, and emits its events.
    pub fn step(&mut self, emit: &mut dyn FnMut(Event)) -> Flow {
        self.try_step(emit).unwrap_or_else(|why| {
            self.stage = ActorStage::Over;
            emit(Event::Failed(why.into()));
            Flow::Done
        })
    }

    fn try_step(&mut self, emit: &mut dyn FnMut(Event)) -> Result<Flow, Error> {
        if let ActorStage::Waiting(waiting) = &mut self.stage {
            let (opening, job) = &mut **waiting;
            let count = job.compute.thread_count();
            let shape = job.problem.weight.shape();
            let (device, note) = match opening.poll(shape, &job.settings, count) {
                Poll::Ready(opened) => opened,
                // Nobody waits for a snapshot any more.
                Poll::Pending if self.cancelled => OpenedDevice::default(),
                Poll::Pending => return Ok(Flow::Pending),
            };
            note.into_iter().for_each(|note| emit(Event::Note(note)));
            let ActorStage::Waiting(waiting) = std::mem::replace(&mut self.stage, ActorStage::Over) else {
                return Ok(Flow::Done);
            };
            let Job { problem, settings, compute, .. } = waiting.1;
            let threads = self.threads.insert(ThreadPool::new(compute.threads)?);
            let begun = Instant::now();
            let pipeline = threads.run(|| Pipeline::on_device(problem, &settings, &device))?;
            self.seconds = begun.elapsed().as_secs_f64();
            self.stage = ActorStage::Working(Box::new(pipeline));
        }
        let (ActorStage::Working(pipeline), Some(threads)) = (&mut self.stage, &self.threads) else {
            return Ok(Flow::Done);
        };
        if self.cancelled {
            return self.end(End::Cancelled, None, emit);
        }
        if self.snapshot_wanted
            && let Some(snapshot) = pipeline.snapshot()
        {
            self.snapshot_wanted = false;
            emit(Event::Snapshot(Arc::new(snapshot)));
        }
        if self.paused && self.steps_left == 0 && !self.to_iteration_end {
            self.waiting = None;
            return Ok(Flow::Idle);
        }
        let begun = self.waiting.take().unwrap_or_else(Instant::now);
        let stepped = threads.run(|| pipeline.poll());
        self.seconds += begun.elapsed().as_secs_f64();
        let progress = match stepped {
            Ok(Poll::Ready(Some(progress))) => progress,
            Ok(Poll::Ready(None)) => return self.end(End::Finished, None, emit),
            Ok(Poll::Pending) => {
                self.waiting = Some(Instant::now());
                return Ok(Flow::Pending);
            }
            Err(error) if pipeline.has_result() => return self.end(End::Diverged, Some(error), emit),
            Err(error) => return Err(error.into()),
        };
        self.steps_left = self.steps_left.saturating_sub(1);
        let last = progress.step == progress.steps;
        let report = progress.report.as_ref();
        progress.note.iter().for_each(|note| emit(Event::Note(note.clone())));
        let iteration_ended = report.is_none_or(|report| report.step.is_multiple_of(2));
        if progress.step <= 2 {
            self.warmup = Warmup { done: progress.done, seconds: self.seconds };
        }
        emit(Event::Stepped(Progress { seconds: self.seconds, warmup: self.warmup, ..progress }));
        if last {
            return self.end(End::Finished, None, emit);
        }
        self.to_iteration_end &= !iteration_ended;
        if self.paused || iteration_ended && self.recorded {
            pipeline.snapshot().into_iter().for_each(|snapshot| emit(Event::Snapshot(Arc::new(snapshot))));
        }
        Ok(Flow::Continue)
    }

    fn end(&mut self, end: End, problem: Option<factorize::Error>, emit: &mut dyn FnMut(Event)) -> Result<Flow, Error> {
        let driving = std::mem::replace(&mut self.stage, ActorStage::Over);
        let (ActorStage::Working(pipeline), Some(threads)) = (driving, &self.threads) else { return Ok(Flow::Done) };
        let outcome = threads.run(|| pipeline.finish(end, self.seconds))?;
        let problem = problem.map(|error| error.into());
        emit(Event::Ended(Box::new(Outcome { problem, ..outcome })));
        Ok(Flow::Done)
    }
}

/// Runs a job to its end on this thread, without snapshots.
pub fn run(job: Job, mut on_event: impl FnMut(Event)) {
    let mut session = RunActor::unseen(job);
    while matches!(session.step(&mut on_event), Flow::Continue | Flow::Pending) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::PackedSnapshot;
    use crate::matrix::Matrix;
    use crate::tasks::{ActorHandle, spawn_actor};
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    fn problem() -> Problem {
        let weight = Matrix::from_fn(48, 64, |i, j| ((i * 31 + j * 17 + i * j) % 29) as f32 - 14.0);
        Problem::plain(Arc::new(weight))
    }

    fn spawn(settings: Settings) -> (ActorHandle<Job>, Receiver<Event>) {
        let (events, received) = channel();
        let job = Job { compute: ComputeConfig::on_threads(1), ..Job::new(problem(), settings) };
        (spawn_actor(job, move |event| drop(events.send(event))), received)
    }

    /// Rows of A and columns of B.
    fn shape(snapshot: &PackedSnapshot) -> (usize, usize) {
        let [a, b] = snapshot.masks();
        (a.rows(), b.cols())
    }

    fn next_but_snapshots(events: &Receiver<Event>) -> Event {
        loop {
            match events.recv_timeout(Duration::from_secs(60)).expect("an event") {
                Event::Snapshot(_) => {}
                event => return event,
            }
        }
    }

    #[test]
    fn a_run_reports_every_half_step_and_ends() {
        let (_job, events) = spawn(Settings { outer: 6, ..Settings::default() });
        for step in 1..=12 {
            let Event::Stepped(progress) = next_but_snapshots(&events) else { panic!("half-step {step}") };
            assert_eq!((progress.step, progress.steps), (step, 12));
        }
        let Event::Ended(outcome) = next_but_snapshots(&events) else { panic!("the end") };
        assert_eq!((outcome.end, outcome.history.len()), (End::Finished, 6));
        assert!((outcome.relative_error - outcome.history.last().unwrap()).abs() < 1e-4);
    }

    #[test]
    fn paused_it_waits_stepped_it_takes_one_cancelled_it_keeps_what_it_has() {
        let (job, events) = spawn(Settings { outer: 1_000_000, ..Settings::default() });
        let Event::Stepped(first) = next_but_snapshots(&events) else { panic!("a half-step") };
        job.send(Command::Pause);
        let mut last = first.step;
        while let Ok(event) = events.recv_timeout(Duration::from_millis(500)) {
            if let Event::Stepped(progress) = event {
                last = progress.step;
            }
        }
        for _ in 0..3 {
            job.send(Command::Step);
            let Event::Stepped(progress) = next_but_snapshots(&events) else { panic!("a half-step") };
            last += 1;
            assert_eq!(progress.step, last);
        }
        job.send(Command::Cancel);
        let Event::Ended(outcome) = next_but_snapshots(&events) else { panic!("the end") };
        assert_eq!(outcome.end, End::Cancelled);
        assert_eq!(outcome.replacement.nnz(), 48 * 64 / 4);
    }

    #[test]
    fn a_cancel_overtakes_waiting_steps() {
        let (job, events) = spawn(Settings { outer: 1_000_000, ..Settings::default() });
        job.send(Command::Pause);
        (0..10_000).for_each(|_| job.send(Command::Step));
        job.send(Command::Cancel);
        let mut steps = 0;
        while let Event::Stepped(_) = next_but_snapshots(&events) {
            steps += 1;
        }
        assert!(steps < 10_000, "{steps} half-steps before the cancel took effect");
    }

    #[test]
    fn a_snapshot_is_sent_when_asked_for() {
        let (job, events) = spawn(Settings { outer: 1_000_000, ..Settings::default() });
        let mut seen = 0;
        while seen < 3 {
            if let Event::Snapshot(snapshot) = events.recv_timeout(Duration::from_secs(60)).expect("an event") {
                assert_eq!(shape(&snapshot), (48, 64));
                seen += 1;
                job.send(Command::Snapshot);
            }
        }
    }

    #[test]
    fn a_snapshot_asked_for_during_a_search_comes_after_it() {
        let split = crate::factorize::Split::Auto;
        let (_job, events) = spawn(Settings { split, outer: 1_000_000, ..Settings::default() });
        let mut searched = 0;
        loop {
            match events.recv_timeout(Duration::from_secs(60)).expect("an event") {
                Event::Stepped(progress) => searched += usize::from(progress.stage == crate::job::RunStage::Search),
                Event::Snapshot(snapshot) => break assert_eq!(shape(&snapshot), (48, 64)),
                event => panic!("{event:?}"),
            }
        }
        assert!(searched > 0);
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let (_job, events) = spawn(Settings { density: 1e-9, ..Settings::default() });
        let Event::Failed(why) = next_but_snapshots(&events) else { panic!("a failure") };
        assert!(why.message.contains("two factors need at least one each"), "{why:?}");
        assert_eq!(why.hint, Some(crate::hint::Hint::RaiseDensity));
    }
}
