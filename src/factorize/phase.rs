//! Where a run's time goes.

use crate::Named;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// Seconds since some moment. The solver has no clock of its own; the caller provides one.
pub type Clock = fn() -> f64;

/// A part of a half-step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Phase {
    /// Gram matrix of the fixed factor.
    Gram,
    /// Cholesky factorizations of the systems.
    Factorize,
    /// Products and solves with all columns.
    Products,
    /// Choice of the mask.
    TopK,
    /// Right-hand sides, V, and the sparse factor from it.
    Update,
    /// Computing the error, and keeping the best factors.
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

    /// Starts the clock of the first phase.
    pub fn start(&mut self) {
        self.since = (self.clock)();
    }

    /// Counts the time since the last call as that of `phase`.
    pub fn took(&mut self, phase: Phase) {
        let now = (self.clock)();
        self.seconds[phase as usize] += now - self.since;
        self.since = now;
    }

    /// Counts the time since the last call, spent in `parts` in parallel, in the proportions of their phases.
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
