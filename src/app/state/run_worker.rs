//! The background work of a run, and how its pictures are asked for.

use crate::job::{Command, Event, Job};
use crate::tasks::{self, ActorHandle};
use eframe::egui::Context;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use web_time::Instant;

/// Time that a cancelled run may take for the step in work, where it can be ended in the middle.
const PATIENCE: Duration = Duration::from_millis(700);

/// The actor that works on a run.
pub struct RunWorker {
    actor: ActorHandle<Job>,
    events: Receiver<Event>,
    /// Shortest time between two snapshots.
    pace: Duration,
    /// Time in seconds from which a snapshot may be asked for; infinite while one is awaited.
    next_snapshot: f64,
    cancelled_at: Option<Instant>,
}

impl RunWorker {
    /// Starts a job in the background; the window is redrawn at `pace` while it reports.
    pub fn start(job: Job, pace: Duration, ctx: &Context) -> Self {
        let (sender, events) = channel();
        let ctx = ctx.clone();
        let actor = tasks::spawn_actor(job, move |event| {
            let over = matches!(event, Event::Ended(_) | Event::Failed(_));
            // The window may have dropped the run; then nobody needs to know.
            if sender.send(event).is_ok() {
                ctx.request_repaint_after(if over { Duration::ZERO } else { pace });
            }
        });
        Self { actor, events, pace, next_snapshot: 0.0, cancelled_at: None }
    }

    /// The next event that has arrived.
    pub fn next(&self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Sends a command to the run.
    pub fn send(&mut self, command: Command) {
        self.actor.send(command);
        if let Command::Cancel = command {
            self.cancelled_at.get_or_insert_with(Instant::now);
        }
    }

    /// Whether the run will end with the step in work.
    pub fn is_cancelling(&self) -> bool {
        self.cancelled_at.is_some()
    }

    /// Gives up the step in work of a run that was cancelled a while ago, where that is possible; true when it did.
    pub fn give_up(&self) -> bool {
        self.cancelled_at.is_some_and(|since| since.elapsed() > PATIENCE) && self.actor.terminate()
    }

    /// A snapshot has come, at `now` in seconds.
    pub fn snapshot_came(&mut self, now: f64) {
        self.next_snapshot = now + self.pace.as_secs_f64();
    }

    /// Asks for a snapshot if one is due at `now`, in seconds.
    pub fn want_snapshot(&mut self, now: f64) {
        if now >= self.next_snapshot {
            self.next_snapshot = f64::INFINITY;
            self.actor.send(Command::Snapshot);
        }
    }
}
