//! A logarithmic axis for `egui_plot`: its grid and its labels.

use egui_plot::{GridInput, GridMark};

/// The number that a logarithm stands for.
pub fn power(log10: f64) -> String {
    let value = 10f64.powf(log10);
    if value >= 0.001 {
        format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').into()
    } else {
        format!("{value:.0e}")
    }
}

/// Lines at 1, 2, 3, 5, 7 of each decade, the decades themselves strongest; at each digit where less than one is seen.
pub fn decades(input: GridInput) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    let range = low.floor().max(-40.0) as i32..=high.ceil().min(40.0) as i32;
    let marks = |decade: i32| {
        let inside = |&(mantissa, _): &(f64, f64)| {
            let value = f64::from(decade) + mantissa.log10();
            value >= low && value <= high
        };
        let steps = [(1.0f64, 1.0), (2.0, 0.3), (3.0, 0.3), (5.0, 0.3), (7.0, 0.15)];
        let steps = steps
            .into_iter()
            .chain([4.0, 6.0, 8.0, 9.0].map(|digit| (digit, 0.15)).into_iter().filter(|_| high - low < 0.9));
        let mark = move |(mantissa, step_size): (f64, f64)| GridMark {
            value: f64::from(decade) + mantissa.log10(),
            step_size,
        };
        steps.filter(inside).map(mark).collect::<Vec<_>>()
    };
    range.flat_map(marks).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_shows_errors_not_logarithms() {
        assert_eq!(power(0.0), "1");
        assert_eq!(power(0.2f64.log10()), "0.2");
        assert_eq!(power(-5.0), "1e-5");
        let marks: Vec<f64> = decades(GridInput { bounds: (-1.0, 0.0), base_step_size: 0.1 })
            .iter()
            .map(|mark| (10f64.powf(mark.value) * 100.0).round() / 100.0)
            .collect();
        assert_eq!(marks, [0.1, 0.2, 0.3, 0.5, 0.7, 1.0]);
    }
}
