//! What became of the losses during a tuning.

use crate::finetune::{Moment, Stop};

/// How much of the smoothed loss of a batch is that of the batches before it.
const SMOOTHING: f64 = 0.9;

/// The losses of a tuning, step by step.
#[derive(Clone, Debug, Default)]
pub struct TuningCurve {
    /// Number of all steps.
    pub steps: usize,
    /// Losses so far; the first is the held-out loss before the first step.
    pub moments: Vec<Moment>,
    /// Why it ended before the last step.
    pub stopped: Option<Stop>,
    /// What the values before any tuning came to, where it is known.
    pub untuned: Option<Moment>,
}

impl TuningCurve {
    /// Number of steps that are done.
    pub fn step(&self) -> usize {
        self.moments.last().map_or(0, |moment| moment.step)
    }

    /// Held-out losses, in nats a token or an image, by the steps that were done.
    pub fn held_out(&self) -> Vec<(usize, f64)> {
        self.moments.iter().filter_map(|moment| Some((moment.step, moment.held_out?))).collect()
    }

    /// Where the held-out loss is lowest: with the values that are kept.
    pub fn best(&self) -> Option<&Moment> {
        let loss = |moment: &&Moment| moment.held_out.unwrap_or(f64::INFINITY);
        self.moments.iter().filter(|moment| moment.held_out.is_some()).min_by(|a, b| loss(a).total_cmp(&loss(b)))
    }

    /// Losses on the batches, in nats a token or an image: an exponential mean, divided by what the weights so far add up to.
    pub fn smoothed(&self) -> Vec<(usize, f64)> {
        let (mut sum, mut weight) = (0.0, 0.0);
        let losses = self.moments.iter().filter_map(|moment| Some((moment.step, moment.loss?)));
        let mean = |(step, loss): (usize, f64)| {
            sum = SMOOTHING * sum + (1.0 - SMOOTHING) * loss;
            weight = SMOOTHING * weight + (1.0 - SMOOTHING);
            (step, sum / weight)
        };
        losses.map(mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_smoothed_from_the_first_on() {
        let moment = |step, loss, held_out| Moment { step, loss, rate: 0.0, held_out, accuracy: None };
        let moments = vec![
            moment(0, None, Some(3.0)),
            moment(1, Some(2.0), None),
            moment(2, Some(4.0), Some(2.5)),
            moment(3, None, Some(2.75)),
        ];
        let curve = TuningCurve { moments, ..TuningCurve::default() };
        // 2; then (0.9·0.1·2 + 0.1·4) / (0.9·0.1 + 0.1) = 0.58 / 0.19.
        let smoothed = curve.smoothed();
        assert_eq!(smoothed.len(), 2);
        assert!((smoothed[0].1 - 2.0).abs() < 1e-12 && (smoothed[1].1 - 0.58 / 0.19).abs() < 1e-12, "{smoothed:?}");
        assert_eq!((curve.step(), curve.best()), (3, Some(&curve.moments[2])));
    }
}
