//! How long the window takes to draw itself.

use std::collections::VecDeque;

/// Number of frames kept.
const FRAMES: usize = 600;

/// The times of the last frames, in seconds.
#[derive(Clone, Debug)]
pub struct FrameTimes {
    times: VecDeque<f32>,
    most: usize,
}

impl Default for FrameTimes {
    fn default() -> Self {
        Self::of_at_most(FRAMES)
    }
}

impl FrameTimes {
    /// Keeps the times of at most `most` frames.
    pub fn of_at_most(most: usize) -> Self {
        Self { times: VecDeque::new(), most: most.max(1) }
    }

    /// Adds the last frame's, if it is known.
    pub fn extend(&mut self, seconds: Option<f32>) {
        let Some(seconds) = seconds else { return };
        if self.times.len() == self.most {
            self.times.pop_front();
        }
        self.times.push_back(seconds);
    }

    /// Number of frames kept so far.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The time that a share of the frames does not exceed.
    pub fn percentile(&self, share: f64) -> f32 {
        let mut sorted: Vec<f32> = self.times.iter().copied().collect();
        sorted.sort_unstable_by(f32::total_cmp);
        let at = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(at.saturating_sub(1)).copied().unwrap_or(0.0)
    }

    /// Median, 99th percentile and longest, in milliseconds.
    pub fn summary(&self) -> String {
        let ms = |share| 1e3 * self.percentile(share);
        format!("frame {:.1} ms, 99 % {:.1} ms, longest {:.1} ms", ms(0.5), ms(0.99), ms(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_by_hand() {
        let mut times = FrameTimes::default();
        assert_eq!(times.percentile(0.5), 0.0);
        (1..=1000).for_each(|ms| times.extend(Some(ms as f32 * 1e-3)));
        // The last 600: 401 to 1000.
        let ms = |share| (1e3 * times.percentile(share)).round();
        assert_eq!((times.len(), ms(0.5), ms(0.99), ms(1.0)), (600, 700.0, 994.0, 1000.0));
    }
}
