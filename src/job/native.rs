//! Runs on the desktop: on a thread of their own, each with its own pool of workers.

use super::{Command, Drive, End, Event, Outcome, Problem, Progress, Settled};
use crate::factorize::Settings;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Instant;

/// A run on its own thread. Dropping it cancels the run without waiting for it.
pub struct Job {
    commands: Sender<Command>,
    flags: Arc<Flags>,
}

/// What a run looks at before each half-step, however many commands are waiting.
#[derive(Default)]
struct Flags {
    snapshot_wanted: AtomicBool,
    cancelled: AtomicBool,
    /// Whether every outer iteration ends with a snapshot.
    recorded: AtomicBool,
}

impl Drop for Job {
    fn drop(&mut self) {
        self.send(Command::Cancel);
    }
}

impl Job {
    /// Starts the run; `recorded`, each of its outer iterations ends with a snapshot. `on_event` is called on the run's thread, where heavy work (pictures of a large matrix) does
    /// not hold up a window.
    pub fn spawn(
        problem: Problem,
        settings: Settings,
        threads: Option<usize>,
        recorded: bool,
        on_event: impl FnMut(Event) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (commands, received) = channel();
        let flags = Flags { snapshot_wanted: true.into(), recorded: recorded.into(), ..Flags::default() };
        let flags = Arc::new(flags);
        let seen = flags.clone();
        std::thread::Builder::new().name("factorize".into()).spawn(move || {
            drive(problem, &settings, threads, received, &seen, on_event);
        })?;
        Ok(Self { commands, flags })
    }

    /// Takes effect within one half-step.
    pub fn send(&self, command: Command) {
        if command == Command::Cancel {
            self.flags.cancelled.store(true, Ordering::Relaxed);
        }
        // A run that is over no longer listens, and has nothing left to be told.
        let _ = self.commands.send(command);
    }

    /// Asks for one [`Event::Snapshot`] after the step in work. Whoever shows the factors asks again when the last
    /// snapshot is on screen, so that no more are made than can be seen.
    pub fn want_snapshot(&self) {
        self.flags.snapshot_wanted.store(true, Ordering::Relaxed);
    }
}

/// The run on this thread, to its end, without snapshots.
pub fn run(problem: Problem, settings: &Settings, threads: Option<usize>, on_event: impl FnMut(Event) + Send) {
    let (_commands, received) = channel();
    drive(problem, settings, threads, received, &Flags::default(), on_event);
}

fn drive(
    problem: Problem,
    settings: &Settings,
    threads: Option<usize>,
    commands: Receiver<Command>,
    flags: &Flags,
    mut on_event: impl FnMut(Event) + Send,
) {
    let pool = match rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build() {
        Ok(pool) => pool,
        Err(error) => return on_event(Event::Failed(format!("the worker threads could not be started: {error}"))),
    };
    let events = &mut on_event;
    let all = AssertUnwindSafe(|| pool.install(move || steps(problem, settings, commands, flags, events)));
    let failure = match catch_unwind(all) {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the solver broke off (a bug; please report it with the settings and the matrix)".into(),
    };
    on_event(Event::Failed(failure));
}

fn steps(
    problem: Problem,
    settings: &Settings,
    commands: Receiver<Command>,
    flags: &Flags,
    on_event: &mut (impl FnMut(Event) + Send),
) -> Result<(), crate::factorize::Error> {
    let mut timed = Instant::now();
    let mut run = Drive::new(problem, settings)?;
    let mut seconds = timed.elapsed().as_secs_f64();
    let mut settled = Settled::default();
    let mut paused = false;
    let mut to_iteration_end = false;
    let mut problem = None;
    let end = loop {
        if flags.cancelled.load(Ordering::Relaxed) {
            break End::Cancelled;
        }
        if flags.snapshot_wanted.load(Ordering::Relaxed)
            && let Some(snapshot) = run.snapshot()
        {
            flags.snapshot_wanted.store(false, Ordering::Relaxed);
            on_event(Event::Snapshot(snapshot));
        }
        match next_command(&commands, paused && !to_iteration_end) {
            Some(Command::Pause) => {
                // What stands still is shown as it stands.
                if !paused || to_iteration_end {
                    run.snapshot().into_iter().for_each(|snapshot| on_event(Event::Snapshot(snapshot)));
                }
                (paused, to_iteration_end) = (true, false);
                continue;
            }
            Some(Command::Step) => (paused, to_iteration_end) = (true, false),
            Some(Command::Iteration) => (paused, to_iteration_end) = (true, true),
            Some(Command::Resume) => (paused, to_iteration_end) = (false, false),
            Some(Command::Cancel) => break End::Cancelled,
            None => {}
        }
        timed = Instant::now();
        let stepped = run.step();
        seconds += timed.elapsed().as_secs_f64();
        match stepped {
            Ok(Some(progress)) => {
                let last = progress.step == progress.steps;
                let report = progress.report.as_ref();
                let iteration_ended = report.is_none_or(|report| report.step.is_multiple_of(2));
                if progress.step <= 2 {
                    settled = Settled { done: progress.done, seconds };
                }
                on_event(Event::Stepped(Progress { seconds, settled, ..progress }));
                if last {
                    break End::Finished;
                }
                to_iteration_end &= !iteration_ended;
                if !paused && iteration_ended && flags.recorded.load(Ordering::Relaxed) {
                    run.snapshot().into_iter().for_each(|snapshot| on_event(Event::Snapshot(snapshot)));
                }
            }
            Ok(None) => break End::Finished,
            Err(error) if run.has_result() => {
                problem = Some(error);
                break End::Diverged;
            }
            Err(error) => return Err(error),
        }
        if paused {
            run.snapshot().into_iter().for_each(|snapshot| on_event(Event::Snapshot(snapshot)));
        }
    };
    on_event(Event::Ended(Box::new(Outcome { problem, ..run.finish(end, seconds)? })));
    Ok(())
}

/// What to do next: paused, it waits for a command. A run that nobody listens to any more is cancelled.
fn next_command(commands: &Receiver<Command>, paused: bool) -> Option<Command> {
    let gone = Err(TryRecvError::Disconnected);
    match if paused { commands.recv().or(gone) } else { commands.try_recv() } {
        Ok(command) => Some(command),
        Err(TryRecvError::Empty) => None,
        Err(TryRecvError::Disconnected) => Some(Command::Cancel),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;
    use std::time::Duration;

    fn problem() -> Problem {
        let weight = Matrix::from_fn(48, 64, |i, j| ((i * 31 + j * 17 + i * j) % 29) as f32 - 14.0);
        Problem::plain(Arc::new(weight))
    }

    fn spawn(settings: Settings) -> (Job, Receiver<Event>) {
        let (events, received) = channel();
        let job = Job::spawn(problem(), settings, Some(1), false, move |event| drop(events.send(event))).unwrap();
        (job, received)
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
        assert_eq!(outcome.factors.nnz(), 48 * 64 / 4);
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
                assert_eq!(snapshot.factors.product().shape(), (48, 64));
                seen += 1;
                job.want_snapshot();
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
                Event::Stepped(progress) => searched += usize::from(progress.stage == crate::job::Stage::Search),
                Event::Snapshot(snapshot) => break assert_eq!(snapshot.factors.product().shape(), (48, 64)),
                event => panic!("{event:?}"),
            }
        }
        assert!(searched > 0);
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let (_job, events) = spawn(Settings { density: 1e-9, ..Settings::default() });
        let Event::Failed(why) = next_but_snapshots(&events) else { panic!("a failure") };
        assert!(why.contains("two factors need at least one each"), "{why}");
    }
}
