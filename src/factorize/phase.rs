//! Where a run's time goes.

use crate::Named;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// Seconds since some moment. The solver has no clock of its own: who wants to know brings one.
pub type Clock = fn() -> f64;

/// A part of a half-step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Phase {
    /// The fixed factor's Gram matrix.
    Gram,
    /// Cholesky factorizations.
    Factorize,
    /// Products and solves with all columns.
    Products,
    /// The choice of the mask.
    TopK,
    /// Right-hand sides, V, and the sparse factor from it.
    Update,
    /// The error, and the best factors kept.
    Report,
}

/// Seconds by phase, in the order of [`Phase::ALL`].
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub clock: Clock,
    pub seconds: [f64; Phase::ALL.len()],
    since: f64,
}

impl Default for Times {
    fn default() -> Self {
        Self::new(|| 0.0)
    }
}

impl Times {
    pub fn new(clock: Clock) -> Self {
        Self { clock, seconds: [0.0; Phase::ALL.len()], since: 0.0 }
    }

    /// From now on.
    pub fn start(&mut self) {
        self.since = (self.clock)();
    }

    /// What has passed since the last call was `phase`.
    pub fn took(&mut self, phase: Phase) {
        let now = (self.clock)();
        self.seconds[phase as usize] += now - self.since;
        self.since = now;
    }

    /// What has passed since the last call was spent in `parts` side by side: shared out as they have it.
    pub fn took_parts<'a>(&mut self, parts: impl Iterator<Item = &'a Times>) {
        let now = (self.clock)();
        let mut shares = [0.0; Phase::ALL.len()];
        parts.for_each(|part| shares.iter_mut().zip(part.seconds).for_each(|(share, seconds)| *share += seconds));
        let all: f64 = shares.iter().sum();
        if all > 0.0 {
            let scale = (now - self.since) / all;
            self.seconds.iter_mut().zip(shares).for_each(|(seconds, share)| *seconds += share * scale);
        }
        self.since = now;
    }
}
