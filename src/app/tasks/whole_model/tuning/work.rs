//! The handle of a tuning in the background.

use super::tune::{KeyOf, Tune, TuneCommand, TuneEvent, TunedSource};
use crate::measure::cost::{TELLING_SHARE, remaining_secs};
use crate::tasks::{self, ActorHandle};
use eframe::egui::Context;
use std::sync::mpsc::{Receiver, channel};
use web_time::{Duration, Instant};

/// A tuning that goes on. Dropping it ends it; values that have come stay where they are.
pub struct TuningWork<S: TunedSource> {
    actor: ActorHandle<Tune<S>>,
    events: Receiver<TuneEvent<KeyOf<S>>>,
    /// Time since it began or was resumed; `None` while it is paused.
    since: Option<Instant>,
    /// Time before that.
    spent: Duration,
}

impl<S: TunedSource> TuningWork<S> {
    /// Starts it; the window is drawn again when it tells something.
    pub fn start(ctx: &Context, tune: Tune<S>) -> Self {
        let (sender, events) = channel();
        let ctx = ctx.clone();
        let actor = tasks::spawn_actor(tune, move |event| {
            // The window may have dropped it; then nobody needs to know.
            if sender.send(event).is_ok() {
                ctx.request_repaint();
            }
        });
        Self { actor, events, since: Some(Instant::now()), spent: Duration::ZERO }
    }

    /// The next event that has arrived.
    pub fn next(&self) -> Option<TuneEvent<KeyOf<S>>> {
        self.events.try_recv().ok()
    }

    /// Pauses it after the step in work.
    pub fn pause(&mut self) {
        self.actor.send(TuneCommand::Pause);
        self.spent = self.time();
        self.since = None;
    }

    /// Goes on.
    pub fn resume(&mut self) {
        self.actor.send(TuneCommand::Resume);
        self.since.get_or_insert_with(Instant::now);
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.since.is_none()
    }

    fn time(&self) -> Duration {
        self.spent + self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Seconds that are left where that can be said, when this share is done.
    pub fn seconds_left(&self, share: f64) -> Option<f64> {
        (share > TELLING_SHARE).then(|| remaining_secs(self.time().as_secs_f64(), share, 1.0 - share))
    }
}
