//! What changes over a run: ρ₀, the ridge, the budget.

use crate::Named;
use crate::app::widgets::colors;
use crate::app::widgets::fields::{choice, slider, tick};
use crate::factorize::{IterationParams, Schedule, Settings};
use eframe::egui::{Slider, Ui};
use egui_plot::{Legend, Line, Plot, PlotPoints};

/// The schedules, with a preview of their course.
pub fn annealing_ui(ui: &mut Ui, settings: &mut Settings) {
    let why = "How the penalty of a half-step's first inner iteration grows to ρ";
    choice(ui, "ρ₀ schedule", why, &mut settings.schedule, Schedule::ALL, Schedule::name);
    preview_ui(ui, settings);
    if settings.schedule == Schedule::Geometric {
        slider(ui, "ρ₀ at the start", "As a share of ρ", |ui| {
            ui.add(Slider::new(&mut settings.rho0_start, 0.001..=1.0).logarithmic(true))
        });
        let mut end = settings.rho0_end();
        slider(ui, "ρ₀ at the end", "As a share of ρ; by itself it follows the density", |ui| {
            let response = ui.add(Slider::new(&mut end, 0.01..=4.0).logarithmic(true));
            if response.changed() {
                settings.rho0_end = Some(end);
            }
            response
        });
    }
    slider(ui, "ρ", "ADMM penalty, against a Gram matrix of unit diagonal", |ui| {
        ui.add(Slider::new(&mut settings.rho, 0.01..=100.0).logarithmic(true))
    });
    slider(ui, "Ridge", "Added to the Gram matrix's diagonal, as a share of its mean; at the end of the run", |ui| {
        ui.add(Slider::new(&mut settings.ridge, 0.0..=1.0).logarithmic(true).smallest_positive(1e-5))
    });
    let default = settings.ridge.max(0.15);
    optional(
        ui,
        "Ridge falls from",
        "The ridge of the first outer iteration",
        &mut settings.ridge_start,
        default,
        |x| Slider::new(x, 1e-4..=10.0).logarithmic(true),
    );
    let why = "The density of the first outer iteration: a budget below its final size leaves the masks free to move";
    optional(ui, "Budget grows from", why, &mut settings.ramp_from, 0.18, crate::app::widgets::fields::percent);
    if settings.ramp_from.is_some() {
        slider(ui, "Full budget at", "When all of it may be used, as a share of the run", |ui| {
            ui.add(crate::app::widgets::fields::percent(&mut settings.ramp_until))
        });
    }
    slider(ui, "Relaxation λ", "Over-relaxation of all but the first inner iteration", |ui| {
        ui.add(Slider::new(&mut settings.relaxation, 0.5..=1.9))
    });
}

/// A setting that can be left out.
fn optional(
    ui: &mut Ui,
    label: &str,
    why: &str,
    value: &mut Option<f64>,
    default: f64,
    control: impl FnOnce(&mut f64) -> Slider<'_>,
) {
    let mut on = value.is_some();
    let name = tick(ui, &mut on, label, why);
    if on != value.is_some() {
        *value = on.then_some(default);
    }
    if let Some(value) = value {
        ui.spacing_mut().slider_width = ui.available_width() - 70.0;
        ui.add(control(value)).labelled_by(name.id).on_hover_text(why);
    }
}

fn preview_ui(ui: &mut Ui, settings: &Settings) {
    let outer = settings.outer;
    let course = |of: fn(IterationParams) -> f64| -> PlotPoints<'static> {
        (0..outer).map(|at| [at as f64 + 1.0, of(settings.course(at))]).collect()
    };
    Plot::new("schedule preview")
        .height(84.0)
        .show_axes([true, true])
        .y_axis_min_width(24.0)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .include_y(0.0)
        .include_y(settings.rho)
        .legend(Legend::default())
        .show(ui, |plot| {
            plot.line(Line::new("ρ₀", course(|course| course.rho0)).color(colors::DSF));
            if settings.ridge_start.is_some() {
                plot.line(Line::new("ridge", course(|course| course.ridge)).color(colors::SECOND));
            }
            if settings.ramp_from.is_some() {
                plot.line(Line::new("budget", course(|course| course.budget)).color(colors::BUDGET));
            }
        });
}
