//! What changes in a tuning from step to step.

use super::parameters::Parameters;
use serde::{Deserialize, Serialize};

/// What changes from step to step.
#[derive(Default)]
pub(super) struct State {
    /// Steps that are done.
    pub step: usize,
    pub parameters: Parameters,
    /// `None` before the first held-out loss.
    pub best: Option<Best>,
    pub history: Vec<Moment>,
    pub stop: Option<Stop>,
}

/// The best values so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Best {
    pub step: usize,
    pub held_out: f64,
    /// Held-out losses since, none of which was better.
    pub since: usize,
}

/// Losses of a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Steps that were done after it; 0 before the first.
    pub step: usize,
    /// Loss on the step's batch before it, in nats a token.
    pub loss: Option<f64>,
    /// Learning rate of the step.
    pub rate: f64,
    /// Held-out loss after it, where it was measured, in nats a token.
    pub held_out: Option<f64>,
}

/// Why a tuning ends before its last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stop {
    /// The loss or a gradient was infinite or not a number.
    NotFinite {
        /// Steps that were done.
        step: usize,
    },
    /// The held-out loss had not become better for as long as the settings allow.
    NoBetter {
        /// Steps that were done.
        step: usize,
    },
}
