//! The settings of the next run.

use crate::factorize::{Budget, Preset, Schedule, Settings, Start};
use eframe::egui::{self, ComboBox, DragValue, Grid, Slider, Ui};
use egui_plot::{Line, Plot, PlotPoints};

/// Shows the settings for a W `rows`×`cols`; true when one was changed.
pub fn settings_ui(ui: &mut Ui, settings: &mut Settings, (rows, cols): (usize, usize)) -> bool {
    let before = settings.clone();
    preset_ui(ui, settings);
    ui.separator();
    budget_ui(ui, settings, rows, cols);
    ui.separator();
    iterations_ui(ui, settings);
    ui.separator();
    annealing_ui(ui, settings);
    ui.separator();
    start_ui(ui, settings);
    *settings != before
}

fn preset_ui(ui: &mut Ui, settings: &mut Settings) {
    let same = |preset: Preset| Settings { density: settings.density, seed: settings.seed, ..preset.settings() };
    let current = Preset::ALL.into_iter().find(|&preset| same(preset) == *settings);
    let mut chosen = None;
    labelled(ui, "Preset", "All settings but density and seed at once", |ui| {
        ComboBox::from_id_salt("preset")
            .selected_text(current.map_or("custom", Preset::name))
            .show_ui(ui, |ui| {
                for preset in Preset::ALL {
                    if ui.selectable_label(current == Some(preset), preset.name()).clicked() {
                        chosen = Some(preset);
                    }
                }
            })
            .response
    });
    if let Some(preset) = chosen {
        *settings = Settings { density: settings.density, seed: settings.seed, ..preset.settings() };
    }
}

fn budget_ui(ui: &mut Ui, settings: &mut Settings, rows: usize, cols: usize) {
    slider(ui, "Density", "Kept nonzeros of A and B together, as a share of W's entries", |ui| {
        ui.add(percent(&mut settings.density))
    });
    let automatic = Budget::new(rows, cols, &Settings { factor_density: None, ..settings.clone() });
    let square = (rows.min(cols) * rows.min(cols)) as f64;
    let mut own = settings.factor_density.is_some();
    let why = "How many of the nonzeros go to the square first factor, as a share of its entries. The paper's rule is \
               16 % for a square W and 25 % for others, here never more than half of the budget";
    ui.checkbox(&mut own, "Own split").on_hover_text(why);
    if own != settings.factor_density.is_some() {
        let share = automatic.as_ref().map_or(0.16, |budget| budget.first as f64 / square);
        settings.factor_density = own.then_some(share);
    }
    if let Some(share) = &mut settings.factor_density {
        slider(ui, "First factor's density", why, |ui| ui.add(percent(share)));
    }
    match Budget::new(rows, cols, settings) {
        Ok(budget) => {
            let cut = if budget.split_was_cut(rows, cols, settings) { " (cut to half)" } else { "" };
            ui.weak(format!("z = {}: {}{cut} + {}", budget.total(), budget.first, budget.second))
                .on_hover_text("Nonzeros in all: of the square first factor (z_a) and of the second (z_b)");
        }
        Err(error) => {
            ui.colored_label(ui.visuals().warn_fg_color, error.to_string());
        }
    }
}

fn iterations_ui(ui: &mut Ui, settings: &mut Settings) {
    slider(ui, "Outer iterations", "Each solves for one factor, then for the other", |ui| {
        ui.add(Slider::new(&mut settings.outer, 1..=400).logarithmic(true))
    });
    slider(ui, "Inner iterations", "ADMM iterations of each half-step", |ui| {
        ui.add(Slider::new(&mut settings.inner, 1..=20))
    });
    slider(ui, "Mask iterations", "Inner iterations that choose the mask anew; the others keep it", |ui| {
        ui.add(Slider::new(&mut settings.mask_iterations, 1..=20))
    });
    ui.checkbox(&mut settings.warm_start, "Warm start")
        .on_hover_text("Each half-step starts from the last factor and its dual variables, not from nothing");
}

fn annealing_ui(ui: &mut Ui, settings: &mut Settings) {
    labelled(ui, "ρ₀ schedule", "How the penalty of a half-step's first inner iteration grows to ρ", |ui| {
        ComboBox::from_id_salt("schedule")
            .selected_text(settings.schedule.name())
            .show_ui(ui, |ui| {
                for schedule in Schedule::ALL {
                    ui.selectable_value(&mut settings.schedule, schedule, schedule.name());
                }
            })
            .response
    });
    let outer = settings.outer;
    let course: PlotPoints<'_> = (0..outer).map(|k| [k as f64 + 1.0, settings.course(k).rho0]).collect();
    Plot::new("schedule preview")
        .height(64.0)
        .show_axes([true, true])
        .y_axis_min_width(24.0)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .include_y(0.0)
        .include_y(settings.rho)
        .show(ui, |plot| plot.line(Line::new("ρ₀ in outer iteration", course)));
    slider(ui, "ρ", "ADMM penalty, against a Gram matrix of unit diagonal", |ui| {
        ui.add(Slider::new(&mut settings.rho, 0.01..=100.0).logarithmic(true))
    });
    slider(ui, "Ridge", "Added to the Gram matrix's diagonal, as a share of its mean", |ui| {
        ui.add(Slider::new(&mut settings.ridge, 0.0..=1.0).logarithmic(true).smallest_positive(1e-5))
    });
}

fn start_ui(ui: &mut Ui, settings: &mut Settings) {
    labelled(ui, "Start", "The factors before the first half-step", |ui| {
        ComboBox::from_id_salt("start")
            .selected_text(settings.start.name())
            .show_ui(ui, |ui| {
                for start in Start::ALL {
                    ui.selectable_value(&mut settings.start, start, start.name());
                }
            })
            .response
    });
    if settings.start == Start::Random {
        labelled(ui, "Seed", "The same seed gives the same run", |ui| ui.add(DragValue::new(&mut settings.seed)));
    }
}

fn percent(share: &mut f64) -> Slider<'_> {
    Slider::new(share, 0.001..=1.0)
        .custom_formatter(|share, _| format!("{:.1}", 100.0 * share))
        .custom_parser(|text| text.trim_end_matches('%').trim().parse().ok().map(|percent: f64| percent / 100.0))
        .suffix(" %")
}

/// A slider under its label, over the panel's whole width.
fn slider(ui: &mut Ui, label: &str, why: &str, add: impl FnOnce(&mut Ui) -> egui::Response) {
    let name = ui.label(label).on_hover_text(why);
    ui.spacing_mut().slider_width = ui.available_width() - 70.0;
    add(ui).labelled_by(name.id).on_hover_text(why);
}

/// A control beside its label.
fn labelled(ui: &mut Ui, label: &str, why: &str, add: impl FnOnce(&mut Ui) -> egui::Response) {
    Grid::new(label).num_columns(2).min_col_width(92.0).show(ui, |ui| {
        let name = ui.label(label).on_hover_text(why);
        add(ui).labelled_by(name.id).on_hover_text(why);
    });
}
