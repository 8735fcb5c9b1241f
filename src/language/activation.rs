//! Activations of the feed-forward part.

use super::config::Activation;
use crate::compute::exp;

impl Activation {
    /// Applies it to each entry.
    pub(super) fn apply(self, values: &mut [f32]) {
        match self {
            Self::Silu => sigmoid_times(values, 1.0),
            Self::QuickGelu => sigmoid_times(values, 1.702),
            Self::Relu => values.iter_mut().for_each(|x| *x = x.max(0.0)),
            Self::ReluSquared => values.iter_mut().for_each(|x| *x = x.max(0.0) * x.max(0.0)),
            Self::Gelu => values.iter_mut().for_each(|x| *x *= 0.5 * (1.0 + libm::erff(*x * FRAC_1_SQRT_2))),
            // (1 + tanh y)/2 is the logistic function of 2y.
            Self::GeluTanh => {
                let mut powers: Vec<f32> = values.iter().map(|&x| -2.0 * ROOT * (x + 0.044_715 * x * x * x)).collect();
                exp(&mut powers);
                values.iter_mut().zip(powers).for_each(|(x, power)| *x /= 1.0 + power);
            }
        }
    }
}

impl Activation {
    /// Replaces each entry by the derivative there.
    pub(super) fn derivative(self, values: &mut [f32]) {
        match self {
            Self::Silu => sigmoid_times_derivative(values, 1.0),
            Self::QuickGelu => sigmoid_times_derivative(values, 1.702),
            Self::Relu => values.iter_mut().for_each(|x| *x = if *x > 0.0 { 1.0 } else { 0.0 }),
            Self::ReluSquared => values.iter_mut().for_each(|x| *x = 2.0 * x.max(0.0)),
            // Φ(x) + x·φ(x).
            Self::Gelu => {
                let mut density: Vec<f32> = values.iter().map(|&x| -0.5 * x * x).collect();
                exp(&mut density);
                let density = density.iter().map(|power| ROOT * 0.5 * power);
                values.iter_mut().zip(density).for_each(|(x, density)| {
                    *x = 0.5 * (1.0 + libm::erff(*x * FRAC_1_SQRT_2)) + *x * density;
                });
            }
            // σ(2y) + 2·x·σ(2y)·(1 − σ(2y))·y′ with y = ROOT·(x + 0.044715·x³).
            Self::GeluTanh => {
                let mut powers: Vec<f32> = values.iter().map(|&x| -2.0 * ROOT * (x + 0.044_715 * x * x * x)).collect();
                exp(&mut powers);
                for (x, power) in values.iter_mut().zip(powers) {
                    let share = 1.0 / (1.0 + power);
                    let slope = 2.0 * ROOT * (1.0 + 3.0 * 0.044_715 * *x * *x);
                    *x = share + *x * slope * share * (1.0 - share);
                }
            }
        }
    }
}

use std::f32::consts::FRAC_1_SQRT_2;

/// √(2/π).
const ROOT: f32 = 0.797_884_6;

/// x / (1 + e^(−factor·x)).
fn sigmoid_times(values: &mut [f32], factor: f32) {
    let mut powers: Vec<f32> = values.iter().map(|x| -factor * x).collect();
    exp(&mut powers);
    values.iter_mut().zip(powers).for_each(|(x, power)| *x /= 1.0 + power);
}

/// σ + factor·x·σ·(1 − σ) with σ = 1/(1 + e^(−factor·x)).
fn sigmoid_times_derivative(values: &mut [f32], factor: f32) {
    let mut powers: Vec<f32> = values.iter().map(|x| -factor * x).collect();
    exp(&mut powers);
    for (x, power) in values.iter_mut().zip(powers) {
        let share = 1.0 / (1.0 + power);
        *x = share + factor * *x * share * (1.0 - share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_are_those_of_the_functions() {
        // Central differences of steps of 2⁻⁷, whose error is a sixth of the third derivative times 2⁻¹⁴.
        let step = 1.0 / 128.0;
        use Activation::{Gelu, GeluTanh, QuickGelu, Relu, ReluSquared, Silu};
        for activation in [Silu, Gelu, GeluTanh, QuickGelu, Relu, ReluSquared] {
            for x in [-4.0f32, -1.5, -0.3, 0.2, 1.0, 2.5, 6.0] {
                let (mut around, mut slope) = ([x - step, x + step], [x]);
                activation.apply(&mut around);
                activation.derivative(&mut slope);
                let difference = (around[1] - around[0]) / (2.0 * step);
                assert!((difference - slope[0]).abs() < 2e-4, "{activation:?} at {x}: {} {difference}", slope[0]);
            }
        }
    }

    #[test]
    fn as_torch_has_them() {
        // torch.nn.functional of 2.15 at −3, −0.5, 0, 1, 4.
        let at = [-3.0, -0.5, 0.0, 1.0, 4.0];
        for (activation, wanted) in [
            (Activation::Silu, [-0.142_277_6, -0.188_770_34, 0.0, 0.731_058_6, 3.928_055]),
            (Activation::Gelu, [-0.004_049_69, -0.154_268_77, 0.0, 0.841_344_7, 3.999_873_4]),
            (Activation::GeluTanh, [-0.003_637_39, -0.154_285_95, 0.0, 0.841_192, 3.999_929_7]),
            (Activation::Relu, [0.0, 0.0, 0.0, 1.0, 4.0]),
            (Activation::ReluSquared, [0.0, 0.0, 0.0, 1.0, 16.0]),
        ] {
            let mut values = at;
            activation.apply(&mut values);
            for (got, want) in values.into_iter().zip(wanted) {
                assert!((got - want).abs() < 1e-6, "{activation:?}: {got}, not {want}");
            }
        }
        let mut far = [-200.0, 200.0];
        Activation::GeluTanh.apply(&mut far);
        assert!(far[0].abs() < 1e-30 && far[1] == 200.0, "{far:?}");
    }
}
