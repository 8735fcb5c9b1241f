//! Where a tuning stands, and what comes of it.

use super::state::{HeldOut, Moment, Stop};
use crate::language::LayerId;
use crate::matrix::Replacement;
use std::collections::BTreeMap;

/// Where a tuning stands after a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps that are done; 0 after the first held-out loss.
    pub step: usize,
    /// Number of all steps.
    pub steps: usize,
    /// Loss on the step's batch before it, in nats a token or an image; of a distillation the divergence from the teacher.
    /// `None` at step 0.
    pub loss: Option<f64>,
    /// Norm of all gradients together before it was clipped. `None` at step 0.
    pub gradient_norm: Option<f64>,
    /// Mean held-out loss after the step, in nats a token or an image, where it was measured.
    pub held_out: Option<f64>,
    /// Share of right answers on held-out images, where it was measured.
    pub accuracy: Option<f64>,
    /// Best held-out loss so far.
    pub best: f64,
    /// Whether it went back to the untuned values, and goes on at a quarter of the rate.
    pub restarted: bool,
    /// Why this was the last step, if before all were done.
    pub stopped: Option<Stop>,
}

impl Progress {
    /// Of a tuning of so many steps, before anything is known.
    pub(super) fn new(steps: usize) -> Self {
        let (loss, gradient_norm, held_out, accuracy, stopped) = Default::default();
        Self { step: 0, steps, loss, gradient_norm, held_out, accuracy, best: f64::INFINITY, restarted: false, stopped }
    }

    /// Notes what was measured.
    pub(super) fn measured(&mut self, held_out: HeldOut) {
        (self.held_out, self.accuracy) = (Some(held_out.loss), held_out.accuracy);
    }
}

/// The result of a tuning: the values with the best held-out loss. `K` identifies a layer.
#[derive(Clone, Debug)]
pub struct Tuned<K = LayerId> {
    /// What stands in the layers' places, on the same masks.
    pub layers: BTreeMap<K, Replacement>,
    /// Values of other tensors that were trained, by name, as the file has them.
    pub tensors: BTreeMap<String, Vec<f32>>,
    /// Losses step by step.
    pub history: Vec<Moment>,
    /// Steps that were taken.
    pub steps: usize,
    /// The step after which the held-out loss was lowest.
    pub best_step: usize,
    /// Why it ended, if before the last step.
    pub stopped: Option<Stop>,
    /// Loss on the first batch before the tuning.
    pub loss_before: f64,
    /// Loss on the same batch with the result.
    pub loss_after: f64,
    /// Held-out loss before the tuning.
    pub held_out_before: f64,
    /// Held-out loss of the result.
    pub held_out_after: f64,
    /// Share of right answers on held-out images before the tuning.
    pub accuracy_before: Option<f64>,
    /// Share of right answers on held-out images of the result.
    pub accuracy_after: Option<f64>,
    /// Numbers in the layers before the tuning.
    pub nnz_before: usize,
    /// Numbers in the layers of the result.
    pub nnz_after: usize,
}

impl<K> Tuned<K> {
    /// Nothing was better than what was there: `layers`, with their loss on a first batch and their held-out loss.
    pub fn unchanged(layers: BTreeMap<K, Replacement>, [loss, held_out]: [f64; 2]) -> Self {
        let entries = layers.values().map(Replacement::entries).sum();
        Self {
            layers,
            tensors: BTreeMap::new(),
            history: vec![Moment::first(HeldOut { loss: held_out, accuracy: None })],
            steps: 0,
            best_step: 0,
            stopped: None,
            loss_before: loss,
            loss_after: loss,
            held_out_before: held_out,
            held_out_after: held_out,
            accuracy_before: None,
            accuracy_after: None,
            nnz_before: entries,
            nnz_after: entries,
        }
    }
}
