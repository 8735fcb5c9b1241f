//! An axis of a chart: where a number stands on it, and which numbers are written beside it.

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

    /// Round numbers, rising, and how they are written: at most `most`, more only where that would leave fewer than three.
    pub fn ticks(&self, most: usize) -> Vec<(f64, String)> {
        let values = if self.log { self.log_ticks(most) } else { linear_ticks(self.low, self.high, most) };
        values.into_iter().map(|value| (value, written(value))).collect()
    }

    /// All digits of each power of ten, or some of them, or the powers alone, or only some of those; where not even three
    /// fall on the axis, round numbers as on a linear one.
    fn log_ticks(&self, most: usize) -> Vec<f64> {
        const DIGITS: [&[i64]; 4] = [&[1, 2, 3, 4, 5, 6, 7, 8, 9], &[1, 2, 3, 5, 7], &[1, 2, 5], &[1]];
        let (first, last) = (self.low.floor() as i32, self.high.ceil() as i32);
        let ticks = |(digits, every): (&[i64], i32)| -> Vec<f64> {
            let exponents = (first..=last).filter(|exponent| exponent.rem_euclid(every) == 0);
            let all = exponents.flat_map(|exponent| digits.iter().map(move |&digit| decimal(digit, exponent)));
            all.filter(|value| (self.low..=self.high).contains(&value.log10())).collect()
        };
        let powers = [2, 5, 10, 20, 50, 100, 200, 500].map(|every| (DIGITS[3], every));
        let sparser = DIGITS.map(|digits| (digits, 1)).into_iter().chain(powers).map(ticks);
        fitting(sparser.map(|ticks| (ticks.len() <= most, ticks)))
            .unwrap_or_else(|| linear_ticks(10f64.powf(self.low), 10f64.powf(self.high), most))
    }
}

/// Of ever sparser ticks the first that fit, or those before if these are fewer than three.
fn fitting(sparser: impl Iterator<Item = (bool, Vec<f64>)>) -> Option<Vec<f64>> {
    let mut denser = None;
    for (fits, ticks) in sparser.take_while(|(_, ticks)| ticks.len() >= 3) {
        if fits {
            return Some(ticks);
        }
        denser = Some(ticks);
    }
    denser
}

/// The shortest linear axis: divided into steps it is not zero.
const SMALLEST: f64 = 1e-300;

/// Whether a number has a place on an axis.
fn drawn(value: f64, log: bool) -> bool {
    // Twice the largest number is infinite.
    value.abs() < 1e300 && (value > 0.0 || !log)
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn linear_ticks(low: f64, high: f64, most: usize) -> Vec<f64> {
    let least = (high - low) / most.max(1) as f64;
    let exponent = least.log10().floor() as i32;
    let steps = (exponent - 1..=exponent + 1).flat_map(|exponent| [1, 2, 5].map(|digit| (digit, exponent)));
    let sparser = steps.map(|(digit, exponent)| {
        let step = decimal(digit, exponent);
        // A number at the very end is on the axis, whatever the division's last digit.
        let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
        (step >= least, (first..=last).map(|times| decimal(times * digit, exponent)).collect())
    });
    fitting(sparser).unwrap_or_default()
}

/// `digits`·10^`exponent`, as near as f64 comes; powers multiplied up would not be.
fn decimal(digits: i64, exponent: i32) -> f64 {
    format!("{digits}e{exponent}").parse().unwrap_or(f64::NAN)
}

fn written(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        1e-4..1e6 => value.to_string(),
        _ => format!("{value:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(values: &[f64], log: bool) -> Vec<String> {
        Axis::over(values.iter().copied(), log, 0.0).ticks(8).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn round_numbers() {
        assert_eq!(labels(&[0.0, 40.0], false), ["0", "5", "10", "15", "20", "25", "30", "35", "40"]);
        assert_eq!(labels(&[-0.3, 0.31], false), ["-0.3", "-0.2", "-0.1", "0", "0.1", "0.2", "0.3"]);
        assert_eq!(labels(&[1e9, 3e9], false), ["1e9", "1.5e9", "2e9", "2.5e9", "3e9"]);
        assert_eq!(labels(&[0.1, 0.7], true), ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7"]);
        assert_eq!(labels(&[0.012, 1.0], true), ["0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
        assert_eq!(labels(&[1e-5, 1.0], true), ["1e-5", "0.0001", "0.001", "0.01", "0.1", "1"]);
        assert_eq!(labels(&[1e-30, 1.0], true), ["1e-30", "1e-25", "1e-20", "1e-15", "1e-10", "1e-5", "1"]);
        assert_eq!(labels(&[0.31, 0.33], true), ["0.31", "0.315", "0.32", "0.325", "0.33"]);
    }

    #[test]
    fn three_numbers_at_least_on_any_axis() {
        assert_eq!(labels(&[0.36, 0.53], true), ["0.4", "0.45", "0.5"]);
        assert_eq!(labels(&[0.06, 0.75], true), ["0.07", "0.1", "0.2", "0.3", "0.5", "0.7"]);
        assert_eq!(labels(&[1.0, 40.0], false), ["5", "10", "15", "20", "25", "30", "35", "40"]);
        for step in 0..2000 {
            let (low, ratio) = (10f64.powf(f64::from(step % 100) / 37.0 - 2.0), 1.0 + 0.02 * f64::from(step));
            for (most, log) in [(2, true), (5, true), (12, true), (2, false), (5, false), (12, false)] {
                let ticks = Axis::over([low, low * ratio].into_iter(), log, 0.03).ticks(most);
                assert!((3..=most.max(11) + 1).contains(&ticks.len()), "{low} × {ratio}, {most}, {log}: {ticks:?}");
            }
        }
    }

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
