//! Numbers beside the axes of an `egui_plot`, linear or logarithmic.

use crate::export::{ticks, written};
use egui_plot::{GridInput, GridMark, Plot};
use std::num::NonZero;

/// Room for one number in points, along the x and the y axis.
const ROOM: [f64; 2] = [60.0, 26.0];
/// How far apart numbers are said to be, in points: `egui_plot` hides or fades what is nearer, and they were chosen to fit.
const DISTANCE: [f64; 2] = [90.0, 60.0];
/// What is free of numbers at the high end of an axis, in points: half of one would stand beyond the plot, and be cut off.
const FREE: [f64; 2] = [0.0, 5.0];
/// Points of the step size that `egui_plot` proposes.
const PROPOSED: f64 = 8.0;
/// A logarithm is exact to about so many digits of its number.
const DIGITS: NonZero<usize> = NonZero::new(10).unwrap();

/// Gives both axes three numbers or more at any size and zoom. The values on a logarithmic axis are decimal logarithms.
pub fn numbered(plot: Plot<'_>, log_x: bool, log_y: bool) -> Plot<'_> {
    plot.grid_spacing(PROPOSED as f32..=300.0)
        .x_grid_spacer(move |input| marks(&input, log_x, 0))
        .y_grid_spacer(move |input| marks(&input, log_y, 1))
        .x_axis_formatter(move |mark, _| label(mark.value, log_x))
        .y_axis_formatter(move |mark, _| label(mark.value, log_y))
}

fn marks(input: &GridInput, log: bool, axis: usize) -> Vec<GridMark> {
    let point = input.base_step_size / PROPOSED;
    let (low, high) = (input.bounds.0, input.bounds.1 - FREE[axis] * point);
    let most = (high - low) / point / ROOM[axis];
    let mark = |(value, _): (f64, String)| GridMark {
        value: if log { value.log10() } else { value },
        step_size: DISTANCE[axis] * point,
    };
    ticks((low, high), log, most as usize).into_iter().map(mark).collect()
}

/// The number at a place of an axis.
fn label(at: f64, log: bool) -> String {
    let value = if log { 10f64.powf(at) } else { at };
    let rounded = format!("{value:.*e}", DIGITS.get() - 1);
    written(rounded.parse().unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use eframe::egui::{Shape, Vec2, vec2};
    use egui_kittest::Harness;
    use egui_plot::{Line, PlotPoints};

    /// What is written on screen beside the axes: all texts that are numbers, at their places.
    fn numbers(size: Vec2, log: bool, [low, high]: [f64; 2]) -> Vec<(f32, f32, String)> {
        let place = move |value: f64| if log { value.log10() } else { value };
        let mut harness = Harness::builder().with_size([1200.0, 700.0]).build_ui(move |ui| {
            let plot = numbered(Plot::new("plot").width(size.x).height(size.y), false, log).x_axis_label("x");
            let points = PlotPoints::from(vec![[0.0, place(low)], [30.0, place(high)]]);
            plot.show(ui, |plot| plot.line(Line::new("", points)));
        });
        harness.run_steps(3);
        let texts = harness.output().shapes.iter().filter_map(|clipped| match &clipped.shape {
            Shape::Text(text) => Some((text.pos.x, text.pos.y, text.galley.text().to_owned())),
            _ => None,
        });
        texts.filter(|(_, _, text)| text.parse::<f64>().is_ok()).collect()
    }

    /// The numbers of the x axis stand on one line, those of the y axis end at one.
    #[test]
    fn three_numbers_at_every_size() {
        let ranges = [[4.0, 74.0], [1.7, 2.7], [0.11, 0.13], [1e-9, 1.0], [0.2, 0.3], [900.0, 12_000.0]];
        for (range, log) in ranges.into_iter().flat_map(|range| [(range, false), (range, true)]) {
            for size in
                [vec2(250.0, 84.0), vec2(260.0, 110.0), vec2(300.0, 150.0), vec2(500.0, 260.0), vec2(1100.0, 640.0)]
            {
                let found = numbers(size, log, range);
                let bottom = found.iter().map(|(_, y, _)| *y).fold(0.0, f32::max);
                let (x, y): (Vec<_>, Vec<_>) = found.iter().partition(|(_, y, _)| *y == bottom);
                assert!(x.len() >= 3 && y.len() >= 3, "{range:?}, log {log}, {size}: {found:?}");
            }
        }
    }

    #[test]
    fn an_axis_shows_numbers_not_logarithms() {
        assert_eq!([0.0, 0.2f64.log10(), -5.0, 3.5f64.log10()].map(|at| label(at, true)), ["1", "0.2", "1e-5", "3.5"]);
        assert_eq!([0.1 + 0.2, -250.0, 0.0].map(|at| label(at, false)), ["0.3", "-250", "0"]);
        // 200 points high: 4 to 74.
        let bounds = (4f64.log10(), 74f64.log10());
        let input = GridInput { bounds, base_step_size: (bounds.1 - bounds.0) / 200.0 * PROPOSED };
        let found: Vec<String> = marks(&input, true, 1).iter().map(|mark| label(mark.value, true)).collect();
        assert_eq!(found, ["5", "7", "10", "20", "30", "50"]);
    }
}
