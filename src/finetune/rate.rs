//! The learning rate at each step.

use super::settings::{Decay, Settings};

/// The course of the learning rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    peak: f64,
    warm_up: usize,
    steps: usize,
    decay: Decay,
}

impl Rate {
    /// Of a tuning of `steps` steps.
    pub fn new(settings: &Settings, steps: usize) -> Self {
        Self { peak: settings.peak(), warm_up: settings.warm_up_of(steps), steps, decay: settings.decay }
    }

    /// The rate of step `step`, counted from 0: in a line up to the peak at the end of the warm-up, from there down to what
    /// would be 0 one step after the last.
    pub fn at(&self, step: usize) -> f64 {
        if step < self.warm_up {
            return self.peak * (step + 1) as f64 / self.warm_up as f64;
        }
        let left = self.steps.saturating_sub(self.warm_up).max(1) as f64;
        let done = ((step - self.warm_up) as f64 / left).min(1.0);
        self.peak
            * match self.decay {
                Decay::Constant => 1.0,
                Decay::Linear => 1.0 - done,
                Decay::Cosine => (1.0 + libm::cos(std::f64::consts::PI * done)) / 2.0,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(decay: Decay) -> Vec<f64> {
        let settings = Settings { learning_rate: Some(8.0), warm_up: Some(2), decay, ..Settings::default() };
        let rate = Rate::new(&settings, 6);
        (0..6).map(|step| rate.at(step)).collect()
    }

    #[test]
    fn by_hand() {
        assert_eq!(rate(Decay::Linear), [4.0, 8.0, 8.0, 6.0, 4.0, 2.0]);
        assert_eq!(rate(Decay::Constant), [4.0, 8.0, 8.0, 8.0, 8.0, 8.0]);
        // (1 + cos 45°)/2 of 8 is 4 + 2√2.
        let eighth = 2.0 * 2f64.sqrt();
        let cosine = [4.0, 8.0, 8.0, 4.0 + eighth, 4.0, 4.0 - eighth];
        assert!(rate(Decay::Cosine).iter().zip(cosine).all(|(rate, expected)| (rate - expected).abs() < 1e-12));
    }

    #[test]
    fn no_step_is_needed_after_the_warm_up() {
        let settings = Settings { learning_rate: Some(1.0), warm_up: Some(5), ..Settings::default() };
        assert_eq!(Rate::new(&settings, 2).at(1), 0.4);
    }
}
