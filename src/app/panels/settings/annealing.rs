//! What changes over a run: ρ₀, the ridge, the budget, the power of the inputs' metric.

use crate::app::widgets::colors;
use crate::app::widgets::plot_axes::numbered;
use crate::factorize::{IterationParams, Objective, Settings};
use eframe::egui::Ui;
use egui_plot::{Legend, Line, Plot, PlotPoints};

/// Preview of the schedules over the outer iterations.
pub fn preview_ui(ui: &mut Ui, settings: &Settings) {
    let outer = settings.outer;
    let course = |of: fn(IterationParams) -> f64| -> PlotPoints<'static> {
        (0..outer).map(|at| [at as f64 + 1.0, of(settings.iteration_params(at))]).collect()
    };
    let plot = Plot::new("schedule preview")
        .height(84.0)
        .show_axes([true, true])
        .y_axis_min_width(24.0)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .include_y(0.0)
        .include_y(settings.rho)
        .legend(Legend::default());
    numbered(plot, false, false).show(ui, |plot| {
        plot.line(Line::new("ρ₀", course(|course| course.rho0)).color(colors::DSF));
        if settings.ridge_start.is_some() {
            plot.line(Line::new("ridge", course(|course| course.ridge)).color(colors::SECOND));
        }
        if settings.ramp_from.is_some() {
            plot.line(Line::new("budget", course(|course| course.budget)).color(colors::BUDGET));
        }
        if settings.objective == Objective::Outputs {
            plot.line(Line::new("power s", course(|course| course.power)).color(colors::POWER));
        }
    });
}
