//! The way back through batch normalization.

use crate::vision::Activations;
use crate::vision::norm::{BatchNorm, EPSILON, NormValues};

impl BatchNorm {
    /// Replaces gradients of what the norm gave, `g`, by those of what it read, `x`. Returns gradients of scale and shift.
    ///
    /// With x̂ = (x − mean)/σ they are Σ g·x̂ and Σ g, and `g` becomes scale/σ·g; where the batch was normalized by its own
    /// mean and variance, scale/σ·(g − mean(g) − x̂·mean(g·x̂)).
    pub(super) fn backward(
        &self,
        x: &Activations,
        values: &NormValues,
        g: &mut Activations,
        of_batch: bool,
    ) -> (Vec<f32>, Vec<f32>) {
        let channels = x.channels();
        let inverse: Vec<f64> = values.variance.iter().map(|&v| 1.0 / (f64::from(v) + EPSILON).sqrt()).collect();
        let mean: Vec<f64> = values.mean.iter().map(|&mean| f64::from(mean)).collect();
        // Σ g and Σ g·(x − mean).
        let [sums, products] = g.sums_with(x, |g, x, channel| [g, g * (x - mean[channel])]);
        let of_scale: Vec<f64> = products.iter().zip(&inverse).map(|(sum, inverse)| sum * inverse).collect();

        // g ← a·g + b·x + c, channel by channel.
        let count = if of_batch { x.values.rows().max(1) as f64 } else { f64::INFINITY };
        let mut factors = vec![[0.0f32; 3]; channels];
        for (channel, factors) in factors.iter_mut().enumerate() {
            let a = f64::from(self.scale[channel]) * inverse[channel];
            let b = -a * inverse[channel] * of_scale[channel] / count;
            let c = -a * sums[channel] / count - b * mean[channel];
            *factors = [a, b, c].map(|factor| factor as f32);
        }
        g.change_with(x, |g, x, channel| {
            let [a, b, c] = factors[channel];
            a * g + b * x + c
        });
        let rounded = |sums: Vec<f64>| sums.into_iter().map(|sum| sum as f32).collect();
        (rounded(of_scale), rounded(sums))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;

    fn activations(values: &[f32]) -> Activations {
        Activations { images: 2, height: 1, width: 2, values: Matrix::from_vec(4, 1, values.to_vec()) }
    }

    #[test]
    fn by_hand() {
        let norm = BatchNorm { scale: vec![3.0], shift: vec![0.5], running: NormValues::default() };
        // Mean 4, variance 5.
        let x = activations(&[1.0, 3.0, 5.0, 7.0]);
        let values = NormValues::of(&x);
        let g = [1.0, -2.0, 0.0, 5.0];
        let root = (5.0 + EPSILON).sqrt();
        // Σ g·(x − 4) = -3 + 2 + 0 + 15.
        let check = |found: &[f32], expected: &[f64]| {
            let same = found.iter().zip(expected).all(|(&x, y)| (f64::from(x) - y).abs() < 1e-5);
            assert!(same, "{found:?} is not {expected:?}");
        };
        for of_batch in [false, true] {
            let mut back = activations(&g);
            let (scale, shift) = norm.backward(&x, &values, &mut back, of_batch);
            check(&scale, &[14.0 / root]);
            check(&shift, &[4.0]);
            let slope = |g: f32, x: f32| match of_batch {
                false => 3.0 / root * f64::from(g),
                // The mean of g is 1, that of g·x̂ 14/4/root.
                true => 3.0 / root * (f64::from(g) - 1.0 - (f64::from(x) - 4.0) / root * 3.5 / root),
            };
            let expected: Vec<f64> = g.iter().zip(x.values.as_slice()).map(|(&g, &x)| slope(g, x)).collect();
            check(back.values.as_slice(), &expected);
        }
    }
}
