//! One task in the background: what it has told, and what came of it.

use crate::app::state::error::Error;
use crate::hint::Failure;
use crate::measure::cost::{TELLING_SHARE, remaining_secs};
use crate::tasks::{self, Message, Task, TaskHandle};
use eframe::egui::Context;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use web_time::Instant;

/// Between two looks at how far something is.
pub const PACE: Duration = Duration::from_millis(250);

/// A task that goes on. Dropping it cancels.
pub struct PendingTask<T: Task> {
    begun: Instant,
    messages: Receiver<Message<T>>,
    _handle: TaskHandle,
}

impl<V: Send, T: Task<Output = Result<V, Failure>>> PendingTask<T> {
    /// Begins at once; what it tells wakes the window after `pace`, its end at once.
    pub fn new(ctx: &Context, task: T, pace: Duration) -> Self {
        let (sender, messages) = channel();
        let ctx = ctx.clone();
        let handle = tasks::spawn(task, move |message| {
            let pause = if matches!(message, Message::Progress(_)) { pace } else { Duration::ZERO };
            // A window that has been closed, or no longer wants it, needs nothing.
            if sender.send(message).is_ok() {
                ctx.request_repaint_after(pause);
            }
        });
        Self { begun: Instant::now(), messages, _handle: handle }
    }

    /// Hands over what it has told since the last time; what came of it, when it is over.
    pub fn poll(&self, mut told: impl FnMut(T::Progress)) -> Option<T::Output> {
        let mut over = None;
        while let Ok(message) = self.messages.try_recv() {
            match message {
                Message::Progress(news) => told(news),
                Message::Done(made) => over = Some(made),
                Message::Crashed => over = Some(Err(Error::Crashed.into())),
            }
        }
        over
    }
}

impl<T: Task> PendingTask<T> {
    /// Seconds so far, and those that are left where that can be said, when this share is done.
    pub fn seconds(&self, share: f64) -> (f64, Option<f64>) {
        let so_far = self.begun.elapsed().as_secs_f64();
        (so_far, (share > TELLING_SHARE).then(|| remaining_secs(so_far, share, 1.0 - share)))
    }
}
