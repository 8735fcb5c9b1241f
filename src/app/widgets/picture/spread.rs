//! How large the values of a matrix are: percentiles and a histogram, from a sample where it is large.

use crate::export::{automatic_range, short};
use crate::matrix::Matrix;
use serde::{Deserialize, Serialize};

/// So many values are looked at; of a larger matrix every n-th.
const SAMPLE: usize = 1 << 18;
/// The largest magnitudes are known one by one, also where the others are sampled.
const LARGEST: usize = 1024;
/// The share for which [`Spread::range`] looks for the range itself.
pub const AUTOMATIC: f64 = 0.995;

/// The sizes of a matrix's nonzeros.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Spread {
    /// Nonzeros of the sample, by value.
    #[serde(with = "crate::tasks::raw")]
    sorted: Vec<f32>,
    /// Their magnitudes, the same way.
    #[serde(with = "crate::tasks::raw")]
    magnitudes: Vec<f32>,
    /// The largest magnitudes of the whole matrix, largest first.
    #[serde(with = "crate::tasks::raw")]
    largest: Vec<f32>,
    /// What [`automatic_range`] finds for the sample.
    automatic: f32,
    /// Entries of the matrix for one of the sample.
    every: usize,
}

/// Entries that are larger than the end of the colours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beyond {
    /// Their number.
    pub count: usize,
    /// Whether it is exact, and not from a sample.
    pub is_exact: bool,
    /// The largest magnitude.
    pub largest: f32,
}

impl Beyond {
    /// Their number, and whether it is about that.
    pub fn how_many(&self) -> String {
        format!("{}{}", if self.is_exact { "" } else { "≈" }, self.count)
    }

    /// Of what range, and how far they go.
    pub fn told(&self, range: f32) -> String {
        format!("beyond ±{}, up to {}", short(range), short(self.largest))
    }
}

/// The counts of nonzeros in equal bins over ±`range`; what is beyond is in the outermost.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Outer edge of the bins, ±`range`.
    pub range: f32,
    /// Estimates where the matrix was sampled.
    pub counts: Vec<f64>,
}

impl Spread {
    /// Of all entries; zeros and what is not finite do not count.
    pub fn of(matrix: &Matrix) -> Self {
        let values = matrix.as_slice();
        // No divisor in common with the columns, or the step would see only some of them.
        let least = values.len().div_ceil(SAMPLE).max(1);
        let mut every = (least..).find(|&every| gcd(every, matrix.cols()) == 1).unwrap_or(least);
        let mut sorted: Vec<f32> =
            values.iter().step_by(every).copied().filter(|&x| x != 0.0 && x.is_finite()).collect();
        if sorted.is_empty() {
            // So few nonzeros that the sample missed them.
            every = 1;
            sorted = values.iter().copied().filter(|&x| x != 0.0 && x.is_finite()).take(SAMPLE).collect();
        }
        sorted.sort_unstable_by(f32::total_cmp);
        let mut magnitudes: Vec<f32> = sorted.iter().map(|x| x.abs()).collect();
        let automatic = automatic_range(&mut magnitudes, (sorted.len() * every) as f64 / values.len().max(1) as f64);
        magnitudes.sort_unstable_by(f32::total_cmp);
        Self { sorted, magnitudes, largest: largest(values), automatic, every }
    }

    /// The magnitude that a share of the nonzeros does not exceed; 1 where there are none.
    pub fn percentile(&self, share: f64) -> f32 {
        let last = match self.magnitudes.len() {
            0 => return 1.0,
            len => len - 1,
        };
        let at = (share * self.magnitudes.len() as f64).ceil() as usize;
        self.magnitudes[at.saturating_sub(1).min(last)]
    }

    /// The magnitude at which colours are full: all for a share of 1, what `automatic_range` finds for [`AUTOMATIC`], else
    /// a percentile.
    pub fn range(&self, share: f64) -> f32 {
        match share {
            1.0.. => self.largest.first().copied().unwrap_or(1.0),
            AUTOMATIC if self.automatic > 0.0 => self.automatic,
            _ => self.percentile(share),
        }
    }

    /// What is larger than `range`.
    pub fn beyond(&self, range: f32) -> Option<Beyond> {
        let largest = *self.largest.first().filter(|&&largest| largest > range)?;
        let known = self.largest.partition_point(|&x| x > range);
        let in_sample = self.magnitudes.len() - self.magnitudes.partition_point(|&x| x <= range);
        let is_exact = known < self.largest.len() || self.every == 1;
        let count = if known < self.largest.len() { known } else { (in_sample * self.every).max(known) };
        Some(Beyond { count, is_exact, largest })
    }

    /// The smallest magnitude that is not zero: where a mask was cut, of the sample.
    pub fn smallest(&self) -> Option<f32> {
        self.magnitudes.first().copied()
    }

    /// Counts in `bins` bins over ±`range`.
    pub fn histogram(&self, range: f32, bins: usize) -> Histogram {
        let mut counts = vec![0.0; bins.max(1)];
        let range = if range > 0.0 { range } else { 1.0 };
        let last = counts.len() - 1;
        for &x in &self.sorted {
            let at = (f64::from(x) / f64::from(range) + 1.0) / 2.0 * counts.len() as f64;
            counts[(at.max(0.0) as usize).min(last)] += self.every as f64;
        }
        Histogram { range, counts }
    }
}

/// The largest finite magnitudes, largest first.
fn largest(values: &[f32]) -> Vec<f32> {
    let mut found: Vec<f32> = Vec::with_capacity(2 * LARGEST);
    let mut least = 0.0;
    for x in values.iter().map(|x| x.abs()).filter(|x| x.is_finite()) {
        if x > least {
            found.push(x);
            if found.len() == 2 * LARGEST {
                found.select_nth_unstable_by(LARGEST, |a, b| b.total_cmp(a));
                found.truncate(LARGEST);
                least = found.iter().copied().fold(f32::INFINITY, f32::min);
            }
        }
    }
    found.sort_unstable_by(|a, b| b.total_cmp(a));
    found.truncate(LARGEST);
    found
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: Vec<f32>) -> Spread {
        Spread::of(&Matrix::from_vec(1, values.len(), values))
    }

    #[test]
    fn by_hand() {
        let values: Vec<f32> = (-1000..=1000).map(|x| x as f32).collect();
        let spread = of(values);
        assert_eq!(spread.percentile(0.995), 995.0);
        assert_eq!((spread.percentile(1.0), spread.percentile(0.0), spread.smallest()), (1000.0, 1.0, Some(1.0)));
        let histogram = spread.histogram(1000.0, 4);
        // -1000..=-501, -500..=-1, 1..=499, 500..=1000: a bin holds its left edge.
        assert_eq!(histogram.counts, [500.0, 500.0, 499.0, 501.0]);
        assert_eq!(spread.histogram(10.0, 2).counts, [1000.0, 1000.0]);
    }

    #[test]
    fn what_is_beyond_the_colours() {
        let mut values: Vec<f32> = (1..=2000).map(|x| x as f32 / 1e6).collect();
        values[77] = -1e30;
        let spread = of(values);
        assert!((0.0019..0.0021).contains(&spread.range(AUTOMATIC)), "{}", spread.range(AUTOMATIC));
        let beyond = spread.beyond(0.0020).unwrap();
        assert_eq!(beyond, Beyond { count: 1, is_exact: true, largest: 1e30 });
        assert_eq!((beyond.how_many(), beyond.told(0.0020)), ("1".into(), "beyond ±0.0020, up to 1.0e30".into()));
        assert_eq!((spread.range(1.0), spread.beyond(1e30)), (1e30, None));
        assert_eq!(spread.beyond(0.0010).unwrap().count, 1001);
    }

    /// A sample of every eleventh misses a lone outlier; the list of the largest does not.
    #[test]
    fn one_outlier_of_three_million_is_known() {
        let mut values: Vec<f32> = (0..3_000_000).map(|i| (i % 1009) as f32 / 1009.0).collect();
        values[1_234_567] = 5.0;
        let spread = of(values);
        assert_eq!(spread.beyond(1.0), Some(Beyond { count: 1, is_exact: true, largest: 5.0 }));
        let many = spread.beyond(0.5).unwrap();
        assert!(!many.is_exact && (many.count as f64 / 1.5e6 - 1.0).abs() < 0.02, "{many:?}");
        assert!(many.how_many().starts_with('≈'));
    }

    #[test]
    fn samples_and_empty_ones() {
        let values: Vec<f32> = (0..3_000_000).map(|i| ((i % 1009) as f32 - 504.0) / 504.0).collect();
        let spread = of(values);
        assert!((spread.percentile(0.5) - 0.5).abs() < 0.01);
        let all: f64 = spread.histogram(1.0, 10).counts.iter().sum();
        assert!((all / 3e6 - 1.0).abs() < 0.01, "{all}");
        assert_eq!(of(vec![0.0, f32::NAN, f32::INFINITY]).percentile(0.9), 1.0);
        let mut lone = vec![0.0; 1 << 20];
        lone[777_777] = -0.5;
        let lone = of(lone);
        assert_eq!((lone.percentile(0.995), lone.histogram(1.0, 1).counts[0]), (0.5, 1.0));
    }
}
