//! Steps of gradient descent on values in memory.

use super::settings::{OptimizerKind, Settings};
use crate::compute::{chunks, chunks_mut, prelude::*};
use serde::{Deserialize, Serialize};

/// What an optimizer remembers of one parameter's gradients, entry by entry; empty before the first step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// Mean of the gradients (AdamW), or their momentum (SGD).
    #[serde(with = "crate::tasks::raw")]
    first: Vec<f32>,
    /// Mean of their squares (AdamW).
    #[serde(with = "crate::tasks::raw")]
    second: Vec<f32>,
}

impl Moments {
    /// Whether they are of a parameter with so many values.
    pub(super) fn fits(&self, values: usize) -> bool {
        [&self.first, &self.second].iter().all(|moment| moment.is_empty() || moment.len() == values)
    }
}

/// An optimizer with its constants.
///
/// AdamW, at the step number t from 1, with the gradient g, the rate η and the weight decay λ:
///
/// ```text
/// m ← β₁m + (1 − β₁)g    v ← β₂v + (1 − β₂)g²    x ← x − ηλx − η · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)
/// ```
///
/// SGD with Nesterov momentum μ, as PyTorch has it:
///
/// ```text
/// g ← g + λx    m ← μm + g (at first g)    x ← x − η(g + μm)
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019), ε = 10⁻⁸.
    AdamW {
        /// β₁, the memory of the gradients' mean.
        beta1: f64,
        /// β₂, the memory of the squares' mean.
        beta2: f64,
    },
    /// Gradient descent with Nesterov momentum μ.
    Sgd {
        /// μ, the memory of the gradients.
        momentum: f64,
    },
}

/// ε of AdamW.
const EPSILON: f64 = 1e-8;

impl Optimizer {
    /// The optimizer of these settings.
    pub fn new(settings: &Settings) -> Self {
        match settings.optimizer {
            OptimizerKind::AdamW => Self::AdamW { beta1: settings.beta1, beta2: settings.beta2 },
            OptimizerKind::Sgd => Self::Sgd { momentum: settings.momentum },
        }
    }

    /// Bytes that it remembers for each entry of a parameter.
    pub fn bytes_an_entry(&self) -> usize {
        match self {
            Self::AdamW { .. } => 8,
            Self::Sgd { .. } => 4,
        }
    }

    /// Changes the values `x` by the gradient `scale`·`gradient` at the rate `rate`, in step number `step` from 0.
    ///
    /// # Panics
    /// Panics if the lengths differ.
    pub fn step(
        &self,
        x: &mut [f32],
        moments: &mut Moments,
        (gradient, scale): (&[f32], f64),
        (rate, decay): (f64, f64),
        step: usize,
    ) {
        assert_eq!(x.len(), gradient.len(), "a gradient for each value");
        let scale = scale as f32;
        moments.first.resize(x.len(), 0.0);
        match *self {
            Self::AdamW { beta1, beta2 } => {
                moments.second.resize(x.len(), 0.0);
                let t = step as i32 + 1;
                let (shrink, beta1_t) = ((1.0 - rate * decay) as f32, 1.0 - beta1.powi(t));
                let (eta, root) = ((rate / beta1_t) as f32, (1.0 / (1.0 - beta2.powi(t))) as f32);
                let [b1, b2] = [beta1 as f32, beta2 as f32];
                let epsilon = EPSILON as f32;
                chunks_mut(x)
                    .zip(chunks(gradient))
                    .zip(chunks_mut(&mut moments.first).zip(chunks_mut(&mut moments.second)))
                    .for_each(|((x, g), (m, v))| {
                        for (((x, &g), m), v) in x.iter_mut().zip(g).zip(m).zip(v) {
                            let g = scale * g;
                            *m = b1 * *m + (1.0 - b1) * g;
                            *v = b2 * *v + (1.0 - b2) * g * g;
                            *x = *x * shrink - eta * *m / ((*v * root).sqrt() + epsilon);
                        }
                    });
            }
            Self::Sgd { momentum } => {
                let [mu, eta, decay] = [momentum as f32, rate as f32, decay as f32];
                chunks_mut(x).zip(chunks(gradient)).zip(chunks_mut(&mut moments.first)).for_each(|((x, g), m)| {
                    for ((x, &g), m) in x.iter_mut().zip(g).zip(m) {
                        let g = scale * g + decay * *x;
                        *m = mu * *m + g;
                        *x -= eta * (g + mu * *m);
                    }
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(x: &[f32], expected: &[f64]) {
        let same = x.iter().zip(expected).all(|(&x, expected)| (f64::from(x) - expected).abs() < 1e-6);
        assert!(same && x.len() == expected.len(), "{x:?} is not {expected:?}");
    }

    #[test]
    fn adamw_by_hand() {
        let optimizer = Optimizer::AdamW { beta1: 0.5, beta2: 0.75 };
        let (mut x, mut moments) = (vec![1.0, -2.0], Moments::default());
        // First step: m/(1 − β₁) = g and v/(1 − β₂) = g², so each entry moves by the rate, after 1 − 0.1·0.5 of it is kept.
        optimizer.step(&mut x, &mut moments, (&[3.0, -0.25], 1.0), (0.1, 0.5), 0);
        close(&x, &[0.95 - 0.1, -1.9 + 0.1]);
        // Second: m = 0.5·1.5 + 0.5·1 = 1.25 of 1 − 0.25, v = 0.75·2.25 + 0.25·1 = 1.9375 of 1 − 0.5625.
        let mut one = vec![x[0]];
        let mut of_one = Moments { first: vec![moments.first[0]], second: vec![moments.second[0]] };
        optimizer.step(&mut one, &mut of_one, (&[0.5], 2.0), (0.1, 0.0), 1);
        close(&one, &[0.85 - 0.1 * (1.25 / 0.75) / (1.9375f64 / 0.4375).sqrt()]);
    }

    #[test]
    fn nesterov_by_hand() {
        let optimizer = Optimizer::Sgd { momentum: 0.5 };
        let (mut x, mut moments) = (vec![2.0], Moments::default());
        // g = 1 + 0.5·2 = 2, m = 2, x = 2 − 0.1·(2 + 1).
        optimizer.step(&mut x, &mut moments, (&[1.0], 1.0), (0.1, 0.5), 0);
        close(&x, &[1.7]);
        // g = 1, m = 1 + 1 = 2, x = 1.7 − 0.1·(1 + 1).
        optimizer.step(&mut x, &mut moments, (&[1.0], 1.0), (0.1, 0.0), 1);
        close(&x, &[1.5]);
    }

    #[test]
    fn a_rate_of_nothing_changes_nothing() {
        for optimizer in [Optimizer::AdamW { beta1: 0.9, beta2: 0.999 }, Optimizer::Sgd { momentum: 0.9 }] {
            let (mut x, mut moments) = (vec![0.3, -1e-30, 7e20], Moments::default());
            optimizer.step(&mut x, &mut moments, (&[1.0, 2.0, -3.0], 1.0), (0.0, 0.1), 0);
            assert_eq!(x, [0.3, -1e-30, 7e20]);
        }
    }
}
