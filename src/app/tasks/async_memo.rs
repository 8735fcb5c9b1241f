//! Something that takes a while to make, made in the background: the last one stays until the next is there.

use crate::tasks::{self, Message, Task, TaskHandle};
use eframe::egui::Context;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use web_time::Instant;

/// The latest output of a background task by key; one task runs at a time.
pub struct AsyncMemo<K, T: Task> {
    made: Option<(K, Arc<T::Output>)>,
    busy: Option<(K, TaskHandle)>,
    /// The last word of the task in work.
    news: Option<T::Progress>,
    begun: Option<Instant>,
    /// Duration of the last task, without the time until the window polled it.
    took: Duration,
    /// Key whose value could not be made, by a bug or because its Worker was lost, and how often: it is tried once
    /// more.
    failed: Option<(K, u32)>,
    sender: Sender<(Message<T>, Duration)>,
    receiver: Receiver<(Message<T>, Duration)>,
}

impl<K, T: Task> Default for AsyncMemo<K, T> {
    fn default() -> Self {
        let (sender, receiver) = channel();
        Self { made: None, busy: None, news: None, begun: None, took: Duration::ZERO, failed: None, sender, receiver }
    }
}

impl<K: Clone + PartialEq, T: Task<Output: Sync>> AsyncMemo<K, T> {
    /// Sees that the value for `key` is made; wakes the window when it is there.
    pub fn want(&mut self, ctx: &Context, key: K, task: impl FnOnce(&K) -> T) {
        self.want_slowly(ctx, key, Duration::ZERO, task);
    }

    /// The same for a key that keeps changing: not more often than every `pause`, and so that four fifths of the time are
    /// left to others.
    pub fn want_slowly(&mut self, ctx: &Context, key: K, pause: Duration, task: impl FnOnce(&K) -> T) {
        self.poll();
        let given_up = self.failed.as_ref().is_some_and(|(failed, times)| *failed == key && *times > 1);
        let known = self.made.as_ref().is_some_and(|(made, _)| *made == key) || given_up;
        if self.busy.is_some() || known {
            return;
        }
        if !pause.is_zero()
            && let Some(begun) = self.begun
        {
            let wait = pause.max(4 * self.took).saturating_sub(begun.elapsed());
            if !wait.is_zero() {
                return ctx.request_repaint_after(wait);
            }
        }
        let begun = Instant::now();
        self.begun = Some(begun);
        let (sender, ctx) = (self.sender.clone(), ctx.clone());
        let handle = tasks::spawn(task(&key), move |message| {
            // A window that has been closed needs nothing.
            if sender.send((message, begun.elapsed())).is_ok() {
                ctx.request_repaint();
            }
        });
        self.busy = Some((key, handle));
    }

    /// Takes in what the task in work has told.
    pub fn poll(&mut self) {
        while let Ok((message, took)) = self.receiver.try_recv() {
            match message {
                Message::Progress(news) => self.news = Some(news),
                Message::Done(value) => {
                    let Some((key, _)) = self.busy.take() else { continue };
                    self.took = took;
                    self.news = None;
                    self.made
                        .replace((key, Arc::new(value)))
                        .into_iter()
                        .for_each(|(_, old)| tasks::drop_in_background(old));
                }
                Message::Crashed => {
                    self.news = None;
                    let Some((key, _)) = self.busy.take() else { continue };
                    let before = self.failed.take().filter(|(failed, _)| *failed == key).map_or(0, |(_, times)| times);
                    self.failed = Some((key, before + 1));
                }
            }
        }
    }

    /// Last progress of the running task.
    pub fn news(&self) -> Option<&T::Progress> {
        self.news.as_ref()
    }

    /// The last one that was made, for whichever key.
    pub fn latest(&self) -> Option<&Arc<T::Output>> {
        self.made.as_ref().map(|(_, value)| value)
    }

    /// The last one that was made, and for which key.
    pub fn entry(&self) -> Option<(&K, &Arc<T::Output>)> {
        self.made.as_ref().map(|(key, value)| (key, value))
    }

    /// The one for this key, if that is the last.
    pub fn of(&self, key: &K) -> Option<&Arc<T::Output>> {
        self.made.as_ref().filter(|(made, _)| made == key).map(|(_, value)| value)
    }

    /// Whether what was wanted last cannot be made.
    pub fn has_given_up(&self) -> bool {
        self.busy.is_none() && self.failed.as_ref().is_some_and(|(_, times)| *times > 1)
    }

    /// Whether the last one is what was wanted last.
    pub fn is_settled(&self) -> bool {
        self.busy.is_none() && self.made.is_some()
    }
}
