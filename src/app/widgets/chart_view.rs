//! A chart as files have it, on screen.

use crate::app::widgets::plot_axes::numbered;
use crate::export::{Chart, Look};
use eframe::egui::{Color32, Ui};
use egui_plot::{Corner, HLine, Legend, Line, LineStyle, Plot, PlotPoints, Points};

/// The chart, to be zoomed and read.
pub fn chart_ui(ui: &mut Ui, id: &str, chart: &Chart) {
    let (log_x, log_y) = (chart.log_x, chart.log_y);
    let plot = Plot::new(("chart", id, log_x, log_y))
        .legend(Legend::default().position(Corner::RightTop).text_style(eframe::egui::TextStyle::Small))
        .x_axis_label(chart.x_label.as_str())
        .y_axis_label(chart.y_label.as_str())
        .y_axis_min_width(44.0)
        .label_formatter(move |hover| {
            let (name, at) = match hover {
                egui_plot::HoverPosition::NearDataPoint { plot_name, position, .. } => (*plot_name, *position),
                egui_plot::HoverPosition::Elsewhere { position } => ("", *position),
            };
            let value = |log: bool, value: f64| if log { 10f64.powf(value) } else { value };
            Some(format!("{name}\n{:.4}, {:.5}", value(log_x, at.x), value(log_y, at.y)))
        });
    numbered(plot, log_x, log_y).show(ui, |plot| {
        for rule in &chart.rules {
            let y = if log_y { rule.y.log10() } else { rule.y };
            let [r, g, b] = rule.color;
            let line = HLine::new(rule.name.as_str(), y).color(Color32::from_rgb(r, g, b));
            plot.hline(line.style(LineStyle::dashed_loose()));
        }
        for series in &chart.series {
            let place = |log: bool, value: f64| if log { value.log10() } else { value };
            let points: Vec<[f64; 2]> =
                series.points.iter().map(|&(x, y)| [place(log_x, x), place(log_y, y)]).collect();
            // Zeros have no place on a log axis.
            let points: Vec<[f64; 2]> = points.into_iter().filter(|at| at.iter().all(|x| x.is_finite())).collect();
            let [r, g, b] = series.color;
            let color = Color32::from_rgb(r, g, b);
            if series.look != Look::Dots {
                let line = PlotPoints::from(points.clone());
                plot.line(Line::new(series.name.as_str(), line).color(color).width(1.8));
            }
            plot.points(Points::new(series.name.as_str(), PlotPoints::from(points)).color(color).radius(3.0));
        }
    });
}
