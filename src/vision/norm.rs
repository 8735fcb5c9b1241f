//! Batch normalization.

use super::Activations;
use serde::{Deserialize, Serialize};

/// Mean and variance of each channel, `[channels]` both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NormValues {
    /// Means.
    pub mean: Vec<f32>,
    /// Variances.
    pub variance: Vec<f32>,
}

/// Batch normalization y = scale·(x − mean)/√(variance + ε) + shift, channel by channel.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNorm {
    /// What normalized values are multiplied by.
    pub scale: Vec<f32>,
    /// What is added.
    pub shift: Vec<f32>,
    /// Mean and variance of training's batches, which stand for those of a batch.
    pub running: NormValues,
}

/// ε, which all known networks of this kind have.
pub(super) const EPSILON: f64 = 1e-5;

impl BatchNorm {
    /// Normalizes with these means and variances.
    pub fn apply(&self, x: &mut Activations, values: &NormValues) {
        let scale = |(scale, variance): (&f32, &f32)| f64::from(*scale) / (f64::from(*variance) + EPSILON).sqrt();
        let scales: Vec<f64> = self.scale.iter().zip(&values.variance).map(scale).collect();
        let shifts = self.shift.iter().zip(&values.mean).zip(&scales);
        let shifts: Vec<f32> =
            shifts.map(|((shift, mean), scale)| (f64::from(*shift) - f64::from(*mean) * scale) as f32).collect();
        let scales: Vec<f32> = scales.into_iter().map(|scale| scale as f32).collect();
        x.affine(&scales, &shifts);
    }
}

impl NormValues {
    /// Of a batch, with the variance that normalizes it (divided by the number of values).
    pub fn of(x: &Activations) -> Self {
        let (rows, channels) = x.values.shape();
        let count = rows.max(1) as f64;
        let sums = |value: &dyn Fn(usize, f32) -> f64| {
            let mut sums = vec![0.0f64; channels];
            for row in x.values.as_slice().chunks_exact(channels.max(1)) {
                sums.iter_mut().zip(row).enumerate().for_each(|(channel, (sum, &x))| *sum += value(channel, x));
            }
            sums
        };
        let mean: Vec<f64> = sums(&|_, x| f64::from(x)).into_iter().map(|sum| sum / count).collect();
        let squares = sums(&|channel, x| (f64::from(x) - mean[channel]).powi(2));
        Self {
            mean: mean.iter().map(|&mean| mean as f32).collect(),
            variance: squares.into_iter().map(|sum| (sum / count) as f32).collect(),
        }
    }

    /// The population's, as those of a batch with `count` values in each channel let them be estimated.
    pub(super) fn population(&self, count: usize) -> Self {
        let mut average = NormAverage::default();
        average.add(self, count);
        average.finish()
    }
}

/// Plain averages of the means and variances of batches.
#[derive(Clone, Debug, Default)]
pub(super) struct NormAverage {
    batches: usize,
    mean: Vec<f64>,
    variance: Vec<f64>,
}

impl NormAverage {
    /// Adds those of a batch in which each channel has `count` values. Variances are averaged as those of the population are
    /// estimated, divided by one less than the count.
    pub fn add(&mut self, values: &NormValues, count: usize) {
        let unbiased = count as f64 / (count as f64 - 1.0).max(1.0);
        let add = |sums: &mut Vec<f64>, values: &[f32], factor: f64| {
            sums.resize(values.len(), 0.0);
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += factor * f64::from(*value));
        };
        add(&mut self.mean, &values.mean, 1.0);
        add(&mut self.variance, &values.variance, unbiased);
        self.batches += 1;
    }

    /// The averages.
    pub fn finish(self) -> NormValues {
        let mean = |sums: Vec<f64>| sums.into_iter().map(|sum| (sum / self.batches.max(1) as f64) as f32).collect();
        NormValues { mean: mean(self.mean), variance: mean(self.variance) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;

    #[test]
    fn by_hand() {
        let values = Matrix::from_vec(4, 2, vec![1.0, 10.0, 3.0, 10.0, 5.0, 10.0, 7.0, 14.0]);
        let mut x = Activations { images: 2, height: 1, width: 2, values };
        let of_batch = NormValues::of(&x);
        assert_eq!(of_batch, NormValues { mean: vec![4.0, 11.0], variance: vec![5.0, 3.0] });
        let norm = BatchNorm { scale: vec![2.0, 1.0], shift: vec![0.5, 0.0], running: NormValues::default() };
        let mut average = NormAverage::default();
        average.add(&of_batch, 4);
        average.add(&NormValues { mean: vec![6.0, 11.0], variance: vec![0.0, 3.0] }, 4);
        let NormValues { mean, variance } = average.finish();
        assert_eq!(mean, [5.0, 11.0]);
        // 5·4/3 and 0, 3·4/3 twice.
        assert!((variance[0] - 10.0 / 3.0).abs() < 1e-6 && (variance[1] - 4.0).abs() < 1e-6);
        norm.apply(&mut x, &of_batch);
        let expected = [(2.0 * -3.0) / 5.0f32.sqrt() + 0.5, -1.0 / 3.0f32.sqrt()];
        x.values.row(0).iter().zip(expected).for_each(|(x, y)| assert!((x - y).abs() < 1e-5, "{x} is not {y}"));
    }
}
