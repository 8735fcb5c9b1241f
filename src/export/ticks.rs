//! Which numbers stand beside an axis.

/// Fewer numbers do not say what an axis measures.
const FEWEST: usize = 3;
/// The least distance of two numbers, against the one they would have if the most that fit stood evenly.
const CLOSEST: f64 = 0.6;
/// Powers of ten beyond those that f64 has, on both sides of 1.
const EXPONENTS: f64 = 330.0;

/// Round numbers from one end of an axis to the other, rising, and how they are written. The ends of a logarithmic axis are
/// decimal logarithms.
///
/// At most `most`, more only where that would leave fewer than three. None where f64 cannot tell the ends apart.
pub(crate) fn ticks((low, high): (f64, f64), log: bool, most: usize) -> Vec<(f64, String)> {
    if !(low.is_finite() && high.is_finite() && low < high) {
        return Vec::new();
    }
    let most = most.max(FEWEST);
    let values = if log { log_ticks(low, high, most) } else { linear_ticks(low, high, most) };
    values.into_iter().map(|value| (value, written(value))).collect()
}

/// As short as it can be.
pub(crate) fn written(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        1e-4..1e6 => value.to_string(),
        _ => format!("{value:e}"),
    }
}

/// All digits of each power of ten, or some of them, or the powers alone, or only some of those; where too few of these fall
/// on the axis, round numbers as on a linear one.
fn log_ticks(low: f64, high: f64, most: usize) -> Vec<f64> {
    const DIGITS: [&[i64]; 5] = [&[1, 2, 3, 4, 5, 6, 7, 8, 9], &[1, 2, 3, 5, 7], &[1, 2, 5], &[1, 3], &[1]];
    let (first, last) = (low.floor().max(-EXPONENTS) as i32, high.ceil().min(EXPONENTS) as i32);
    let on_axis = |value: &f64| (low..=high).contains(&value.log10());
    let ticks = |(digits, every): (&[i64], i32)| -> Vec<f64> {
        let exponents = (first..=last).filter(|exponent| exponent.rem_euclid(every) == 0);
        let all = exponents.flat_map(|exponent| digits.iter().map(move |&digit| decimal(digit, exponent)));
        all.filter(on_axis).collect()
    };
    let powers = [2, 5, 10, 20, 50, 100, 200, 500].map(|every| (DIGITS[4], every));
    let sparser = DIGITS.map(|digits| (digits, 1)).into_iter().chain(powers);
    // What is far too dense is not written out.
    let possible = sparser.filter(|(digits, every)| {
        let expected = f64::from(last - first) * digits.len() as f64 / f64::from(*every);
        expected < 9.0 * (most as f64 + 3.0)
    });
    let linear =
        multiples(10f64.powf(low), 10f64.powf(high), most).map(|ticks| ticks.into_iter().filter(on_axis).collect());
    fitting(possible.map(ticks).chain(linear), most, |value| (value.log10() - low) / (high - low))
}

fn linear_ticks(low: f64, high: f64, most: usize) -> Vec<f64> {
    fitting(multiples(low, high, most), most, |value| (value - low) / (high - low))
}

/// Multiples of 1, 2 or 5 times a power of ten, ever sparser; and then, for where three of these are too close, of 2.5 and 4.
fn multiples(low: f64, high: f64, most: usize) -> impl Iterator<Item = Vec<f64>> {
    let exponent = ((high - low) / most as f64).log10().floor().clamp(-EXPONENTS, EXPONENTS) as i32;
    let told_apart = high.is_finite() && high - low > 1e-12 * low.abs().max(high.abs());
    let steps = |digits: &'static [(i64, i32)]| {
        (exponent - 1..=exponent + 1).flat_map(move |exponent| digits.iter().map(move |&(d, e)| (d, e + exponent)))
    };
    steps(&[(1, 0), (2, 0), (5, 0)]).chain(steps(&[(25, -1), (4, 0)])).filter(move |_| told_apart).map(
        move |(digits, exponent)| {
            let step = decimal(digits, exponent);
            // A number at the very end is on the axis, whatever the division's last digit.
            let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
            (first..=last).map(|times| decimal(times * digits, exponent)).collect()
        },
    )
}

/// Of the choices the first of which at most `most` stand far enough apart, or of those that are three at least the ones
/// that stand farthest apart. `place` is 0 at one end of the axis and 1 at the other.
fn fitting(choices: impl Iterator<Item = Vec<f64>>, most: usize, place: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut widest = (0.0, Vec::new());
    for ticks in choices.filter(|ticks| ticks.len() >= FEWEST) {
        let gap = ticks.windows(2).map(|pair| place(pair[1]) - place(pair[0])).fold(f64::INFINITY, f64::min);
        // Both ends of an axis can have a number.
        let fits = ticks.len() <= most + usize::from(gap * most as f64 > 1.0 - 1e-9);
        if fits && gap * most as f64 > CLOSEST {
            return ticks;
        }
        if gap > widest.0 {
            widest = (gap, ticks);
        }
    }
    widest.1
}

/// `digits`·10^`exponent`, as near as f64 comes; powers multiplied up would not be.
fn decimal(digits: i64, exponent: i32) -> f64 {
    format!("{digits}e{exponent}").parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels([low, high]: [f64; 2], log: bool, most: usize) -> Vec<String> {
        let end = |value: f64| if log { value.log10() } else { value };
        ticks((end(low), end(high)), log, most).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn round_numbers() {
        assert_eq!(labels([0.0, 40.0], false, 8), ["0", "5", "10", "15", "20", "25", "30", "35", "40"]);
        assert_eq!(labels([-0.3, 0.31], false, 8), ["-0.3", "-0.2", "-0.1", "0", "0.1", "0.2", "0.3"]);
        assert_eq!(labels([1e9, 3e9], false, 8), ["1e9", "1.5e9", "2e9", "2.5e9", "3e9"]);
        assert_eq!(labels([0.1, 0.7], true, 8), ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7"]);
        assert_eq!(labels([0.012, 1.0], true, 8), ["0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
        assert_eq!(labels([1e-5, 1.0], true, 8), ["1e-5", "0.0001", "0.001", "0.01", "0.1", "1"]);
        assert_eq!(labels([1e-30, 1.0], true, 8), ["1e-30", "1e-25", "1e-20", "1e-15", "1e-10", "1e-5", "1"]);
        assert_eq!(labels([0.31, 0.33], true, 8), ["0.31", "0.315", "0.32", "0.325", "0.33"]);
        assert_eq!(labels([0.36, 0.53], true, 8), ["0.4", "0.45", "0.5"]);
        assert_eq!(labels([0.06, 0.75], true, 8), ["0.07", "0.1", "0.2", "0.3", "0.5", "0.7"]);
        assert_eq!(labels([1.0, 40.0], false, 8), ["5", "10", "15", "20", "25", "30", "35", "40"]);
    }

    #[test]
    fn perplexities_in_a_low_plot() {
        assert_eq!(labels([4.0, 74.0], true, 3), ["5", "10", "20", "50"]);
        assert_eq!(labels([4.0, 74.0], false, 3), ["20", "40", "60"]);
        assert_eq!(labels([1.7, 2.7], true, 3), ["1.75", "2", "2.25", "2.5"]);
        assert_eq!(labels([1.7, 2.7], false, 3), ["1.75", "2", "2.25", "2.5"]);
    }

    /// Three numbers at least, no crowd, rising, on the axis, none twice: on axes of any place, length and room.
    #[test]
    fn three_numbers_at_least_on_any_axis() {
        let mut closest = f64::INFINITY;
        for step in 0..4000 {
            let (low, ratio) = (10f64.powf(f64::from(step % 100) / 37.0 - 2.0), 1.0 + 1e-4 * f64::from(step).powi(2));
            for (most, log) in [2, 3, 5, 8, 12].into_iter().flat_map(|most| [(most, false), (most, true)]) {
                let end = |value: f64| if log { value.log10() } else { value };
                let (low, high) = (end(low), end(low * ratio + 1e-7));
                let found = ticks((low, high), log, most);
                let places: Vec<f64> = found.iter().map(|(value, _)| (end(*value) - low) / (high - low)).collect();
                assert!((3..=most.max(6) + 1).contains(&found.len()), "{low} to {high}, {most}, {log}: {found:?}");
                assert!(places.iter().all(|place| (-1e-6..=1.0 + 1e-6).contains(place)), "{low} to {high}: {found:?}");
                assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1), "{found:?}");
                let gap = places.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
                closest = closest.min(gap * most.max(3) as f64);
            }
        }
        assert!(closest > 0.3, "{closest}");
    }

    #[test]
    fn odd_axes() {
        assert!(ticks((1.0, 1.0), false, 5).is_empty() && ticks((0.0, f64::INFINITY), true, 5).is_empty());
        assert!(ticks((f64::NAN, 1.0), false, 5).is_empty());
        assert!(ticks((-1e5, 1e5), true, 5).len() <= 7);
        assert!(ticks((0.3, 0.3 + 1e-13), true, 5).is_empty());
    }
}
