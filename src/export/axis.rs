//! An axis of a chart: where a number stands on it.

use super::ticks::ticks;

/// A linear or logarithmic scale. Its ends are the numbers themselves, or their decimal logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    log: bool,
}

impl Axis {
    /// Over all of `values` that can be drawn, and the share `room` of their range more at both ends. Also of none at
    /// all, and of one, there is an axis.
    pub fn over(values: impl Iterator<Item = f64>, log: bool, room: f64) -> Self {
        let values = values.filter(|&value| drawn(value, log)).map(|value| if log { value.log10() } else { value });
        let ends = |(low, high): (f64, f64), t: f64| (low.min(t), high.max(t));
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), ends);
        let size = low.abs().max(high.abs());
        let (low, high) = match (low <= high, log) {
            (false, false) => (0.0, 1.0),
            (false, true) => (-1.0, 0.0),
            // All the same, but for the last digits.
            (true, true) if high - low < 1e-9 => (low - 0.1, high + 0.1),
            (true, false) if high - low <= (1e-9 * size).max(SMALLEST) => {
                let half = if size > SMALLEST { 0.1 * size } else { 1.0 };
                (low - half, high + half)
            }
            (true, _) => (low, high),
        };
        let room = room * (high - low);
        Self { low: low - room, high: high + room, log }
    }

    /// From 0, the low end, to 1, the high one.
    ///
    /// `None` for what has no place: what is not finite, and on a logarithmic axis zero and below.
    pub fn place(&self, value: f64) -> Option<f64> {
        let t = if self.log { value.log10() } else { value };
        drawn(value, self.log).then(|| (t - self.low) / (self.high - self.low))
    }

    /// Numbers to write beside it, see [`ticks`](super::ticks::ticks).
    pub fn ticks(&self, most: usize) -> Vec<(f64, String)> {
        ticks((self.low, self.high), self.log, most)
    }
}

/// The shortest linear axis: divided into steps it is not zero.
const SMALLEST: f64 = 1e-300;

/// Whether a number has a place on an axis.
fn drawn(value: f64, log: bool) -> bool {
    // Twice the largest number is infinite.
    value.abs() < 1e300 && (value > 0.0 || !log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let log = Axis::over([0.01, 1.0].into_iter(), true, 0.0);
        assert_eq!([0.01, 0.1, 1.0].map(|x| log.place(x)), [Some(0.0), Some(0.5), Some(1.0)]);
        assert_eq!([0.0, -1.0, f64::NAN, f64::INFINITY].map(|x| log.place(x)), [None; 4]);
        let linear = Axis::over([f64::NAN, 2.0, 4.0].into_iter(), false, 0.5);
        assert_eq!([1.0, 3.0, 5.0].map(|x| linear.place(x)), [Some(0.0), Some(0.5), Some(1.0)]);
    }

    #[test]
    fn there_is_always_an_axis() {
        let odd = [
            &[][..],
            &[0.0],
            &[1.0],
            &[-5.0],
            &[7.0, 7.0 + 1e-14],
            &[f64::NAN],
            &[1e-320, 1e299],
            &[-1e299, 1e299],
            &[1e-310],
            &[0.3, 0.3000001],
        ];
        for values in odd {
            for log in [false, true] {
                let axis = Axis::over(values.iter().copied(), log, 0.05);
                let ticks = axis.ticks(6);
                assert!((3..=7).contains(&ticks.len()), "{values:?} {axis:?}: {ticks:?}");
                let shown = values.iter().copied().chain(ticks.iter().map(|(value, _)| *value));
                for place in shown.filter_map(|value| axis.place(value)) {
                    assert!((-1e-6..=1.0 + 1e-6).contains(&place), "{values:?}: {ticks:?}");
                }
            }
        }
    }
}
