//! What changes in a tuning from step to step.

use super::parameters::{Key, Parameters};
use serde::{Deserialize, Serialize};

/// What changes from step to step.
pub(super) struct State<K> {
    /// Steps that are done.
    pub step: usize,
    pub parameters: Parameters<K>,
    /// `None` before the first held-out loss.
    pub best: Option<Best>,
    pub history: Vec<Moment>,
    pub stop: Option<Stop>,
    pub restart: Restart,
}

/// What becomes of a learning rate that nobody has given, where it is too high.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Restart {
    /// How often the values went back to the untuned ones, each time on at [a quarter](Self::SHARE) of the rate.
    pub count: u32,
    /// The step at which the optimizer began the last time.
    pub step: usize,
}

impl Restart {
    /// What is left of the rate after each.
    const SHARE: f64 = 0.25;

    /// What is left of the rate after all of them.
    pub fn share(self) -> f64 {
        Self::SHARE.powf(f64::from(self.count))
    }
}

impl<K: Key> State<K> {
    /// Before the first step.
    pub fn new(parameters: Parameters<K>) -> Self {
        Self { step: 0, parameters, best: None, history: Vec::new(), stop: None, restart: Restart::default() }
    }
}

/// How good the values are on what is held out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Mean loss, in nats.
    pub loss: f64,
    /// Share of right answers, of images.
    pub accuracy: Option<f64>,
}

/// The best values so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Best {
    pub step: usize,
    pub held_out: HeldOut,
    /// Held-out losses since, none of which was better.
    pub since: usize,
}

/// Losses of a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Steps that were done after it; 0 before the first.
    pub step: usize,
    /// Loss on the step's batch before it, in nats a token or an image.
    pub loss: Option<f64>,
    /// Learning rate of the step.
    pub rate: f64,
    /// Held-out loss after it, where it was measured, in nats a token or an image.
    pub held_out: Option<f64>,
    /// Share of right answers on held-out images after it, where it was measured.
    pub accuracy: Option<f64>,
}

impl Moment {
    /// Before the first step.
    pub(super) fn first(HeldOut { loss, accuracy }: HeldOut) -> Self {
        Self { step: 0, loss: None, rate: 0.0, held_out: Some(loss), accuracy }
    }
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
