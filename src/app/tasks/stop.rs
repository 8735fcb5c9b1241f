//! A way to stop what nobody waits for any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells what is being worked out to stop.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Nobody waits for it any more.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns the callback that is asked after each part of the work whether to go on.
    pub fn asked(&self) -> impl Fn(usize, usize) -> bool + Send + Sync + use<> {
        let stop = self.0.clone();
        move |_, _| !stop.load(Ordering::Relaxed)
    }
}
