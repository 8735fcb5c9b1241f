//! The error of runs over their half-steps, on a log axis.

use super::colors;
use super::run::Run;
use eframe::egui::Ui;
use egui_plot::{GridInput, GridMark, HLine, Legend, Line, LineStyle, Plot, PlotPoints};

/// Draws the curve of `runs[selected]` over those of the others on the same layer, and magnitude pruning's error as a
/// line.
pub fn curve_ui(ui: &mut Ui, runs: &[Run], selected: Option<usize>, magnitude: Option<f64>) {
    let shown = selected.and_then(|at| runs.get(at));
    Plot::new("error curve")
        .legend(Legend::default())
        .x_axis_label("outer iteration")
        .y_axis_label("relative error")
        .y_axis_min_width(44.0)
        .y_axis_formatter(|mark, _| power(mark.value))
        .y_grid_spacer(decades)
        .label_formatter(|hover| Some(hover_text(hover)))
        .include_x(1.0)
        .show(ui, |plot| {
            for run in runs {
                if shown.is_some_and(|shown| shown.number != run.number && shown.title == run.title) {
                    plot.line(
                        Line::new(format!("run {}", run.number), points(run)).color(colors::OTHER_RUN).width(1.0),
                    );
                }
            }
            if let Some(run) = shown {
                let layerwise = run.problem.as_ref().is_some_and(|problem| problem.calibration.is_some());
                // Then it is the error of W scaled by its inputs, and not to be read against magnitude pruning's.
                let of = if layerwise { " (inputs scaled)" } else { "" };
                let name = format!("DSF, run {}{of}", run.number);
                plot.line(Line::new(name, points(run)).color(colors::DSF).width(2.0));
            }
            if let Some(error) = magnitude.filter(|&error| error > 0.0) {
                let line = HLine::new("magnitude pruning", error.log10());
                plot.hline(line.color(colors::MAGNITUDE).style(LineStyle::dashed_loose()));
            }
        });
}

/// One point per half-step; the axis counts outer iterations.
fn points(run: &Run) -> PlotPoints<'static> {
    let positive = run.errors.iter().enumerate().filter(|(_, error)| **error > 0.0);
    positive.map(|(at, error)| [(at + 1) as f64 / 2.0, error.log10()]).collect()
}

fn power(log10: f64) -> String {
    let value = 10f64.powf(log10);
    if value >= 0.001 {
        format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').into()
    } else {
        format!("{value:.0e}")
    }
}

fn hover_text(hover: &egui_plot::HoverPosition<'_>) -> String {
    let (name, at) = match hover {
        egui_plot::HoverPosition::NearDataPoint { plot_name, position, .. } => (*plot_name, position),
        egui_plot::HoverPosition::Elsewhere { position } => ("", position),
    };
    format!("{name}\niteration {:.1}\nerror {:.4}", at.x, 10f64.powf(at.y))
}

/// Lines at 1, 2, 3, 5, 7 of each decade, the decades themselves strongest; at each digit where less than one is seen.
fn decades(input: GridInput) -> Vec<GridMark> {
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
