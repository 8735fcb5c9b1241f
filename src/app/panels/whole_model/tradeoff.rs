//! What compressions of a model cost and bring.

use crate::app::widgets::plot_axes::numbered;
use eframe::egui::{Color32, Ui};
use egui_plot::{Plot, PlotPoints, Points};

/// A compression that was tried, or the dense model.
pub struct Point {
    /// Description of it.
    pub label: String,
    /// What it costs by either measure, as far as that is known.
    pub costs: [Option<f64>; 2],
    /// What the model is worth with it.
    pub value: f64,
    /// Colour of the point.
    pub color: Color32,
}

/// A measure of what a compression costs.
pub struct Cost<'a> {
    /// Name of the choice.
    pub title: &'a str,
    /// What it is.
    pub about: &'a str,
    /// Label of the axis, with the unit.
    pub axis: &'a str,
}

/// A chart of all compressions that were tried.
pub struct Tradeoff<'a> {
    /// Its heading.
    pub title: &'a str,
    /// What is measured of the model.
    pub value: &'a str,
    /// The two measures of cost.
    pub costs: [Cost<'a>; 2],
}

impl Tradeoff<'_> {
    /// Draws the chart over the first measure, or over the second one.
    pub fn ui(&self, ui: &mut Ui, points: &[Point], over_second: &mut bool) {
        let shown = ui.collapsing(self.title, |ui| {
            ui.horizontal(|ui| {
                for (second, cost) in [false, true].into_iter().zip(&self.costs) {
                    ui.selectable_value(over_second, second, cost.title).on_hover_text(cost.about);
                }
            });
            let chosen = usize::from(*over_second);
            let plot = Plot::new((self.title, chosen))
                .height(140.0)
                .allow_scroll(false)
                .x_axis_label(self.costs[chosen].axis)
                .y_axis_label(self.value);
            numbered(plot, false, false).show(ui, |plot| {
                for point in points {
                    let Some(cost) = point.costs[chosen] else { continue };
                    let at = PlotPoints::from(vec![[cost, point.value]]);
                    plot.points(Points::new(&point.label, at).radius(4.0).color(point.color));
                }
            });
        });
        shown.header_response.on_hover_text("Every compression that was tried on this model");
    }
}
