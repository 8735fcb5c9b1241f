//! Something that takes a while to make, made on a thread: the last one stays until the next is there.

use eframe::egui::Context;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// The value made from the key that was wanted last, one at a time.
pub struct Background<K, V> {
    made: Option<(K, Arc<V>)>,
    busy: Option<K>,
    begun: Option<Instant>,
    /// How long the last one took.
    took: Duration,
    /// What could not be made (a bug): not tried again.
    failed: Option<K>,
    sender: Sender<(Option<V>, Duration)>,
    receiver: Receiver<(Option<V>, Duration)>,
}

impl<K, V> Default for Background<K, V> {
    fn default() -> Self {
        let (sender, receiver) = channel();
        Self { made: None, busy: None, begun: None, took: Duration::ZERO, failed: None, sender, receiver }
    }
}

impl<K: Clone + PartialEq + Send + 'static, V: Send + Sync + 'static> Background<K, V> {
    /// Sees that the value for `key` is made; wakes the window when it is there.
    pub fn want(&mut self, ctx: &Context, key: K, make: impl FnOnce(&K) -> V + Send + 'static) {
        self.want_slowly(ctx, key, Duration::ZERO, make);
    }

    /// The same for a key that keeps changing: not more often than every `pause`, and so that four fifths of the time are
    /// left to others.
    pub fn want_slowly(&mut self, ctx: &Context, key: K, pause: Duration, make: impl FnOnce(&K) -> V + Send + 'static) {
        if let Ok((value, took)) = self.receiver.try_recv() {
            self.took = took;
            match (self.busy.take(), value) {
                (Some(key), Some(value)) => {
                    let old = self.made.replace((key, Arc::new(value)));
                    // Giving back the memory of large matrices takes longer than a frame may.
                    std::thread::spawn(move || drop(old));
                }
                (key, _) => self.failed = key,
            }
        }
        let known = self.made.as_ref().is_some_and(|(made, _)| *made == key) || self.failed.as_ref() == Some(&key);
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
        self.begun = Some(Instant::now());
        self.busy = Some(key.clone());
        let (sender, ctx) = (self.sender.clone(), ctx.clone());
        std::thread::spawn(move || {
            let begun = Instant::now();
            let value = catch_unwind(AssertUnwindSafe(|| make(&key))).ok();
            // A window that has been closed needs nothing.
            if sender.send((value, begun.elapsed())).is_ok() {
                ctx.request_repaint();
            }
        });
    }

    /// The last one that was made, for whichever key.
    pub fn latest(&self) -> Option<&Arc<V>> {
        self.made.as_ref().map(|(_, value)| value)
    }

    /// The last one that was made, and for which key.
    pub fn entry(&self) -> Option<(&K, &Arc<V>)> {
        self.made.as_ref().map(|(key, value)| (key, value))
    }

    /// The one for this key, if that is the last.
    pub fn of(&self, key: &K) -> Option<&Arc<V>> {
        self.made.as_ref().filter(|(made, _)| made == key).map(|(_, value)| value)
    }

    /// Whether the last one is what was wanted last.
    pub fn is_settled(&self) -> bool {
        self.busy.is_none() && self.made.is_some()
    }
}
