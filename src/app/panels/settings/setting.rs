//! Each setting's control: what it is called, what is said of it, and where it stands in the panel.

use crate::Named;
use crate::app::panels::settings::annealing::preview_ui;
use crate::app::state::setting_words::texts;
use crate::app::widgets::fields::{choice, labelled, percent, slider, tick};
use crate::factorize::{Budget, Objective, Schedule, Setting, Settings, Start};
use eframe::egui::{DragValue, Slider, Ui};
use std::ops::RangeInclusive;

/// The panel's sections from above: the budget, iterations, annealing, the start, and the values on the final masks.
pub const SECTIONS: [&[Setting]; 5] = [
    &[Setting::Density, Setting::Expansion, Setting::FactorDensity, Setting::Split],
    &[Setting::Outer, Setting::Inner, Setting::MaskIterations, Setting::WarmStart],
    &[
        Setting::Schedule,
        Setting::Rho0Start,
        Setting::Rho0End,
        Setting::Rho,
        Setting::Rho1,
        Setting::Ridge,
        Setting::RidgeStart,
        Setting::RampFrom,
        Setting::RampUntil,
        Setting::Relaxation,
        Setting::Objective,
        Setting::Power,
        Setting::PowerGrowth,
        Setting::OutputPower,
    ],
    &[Setting::Start, Setting::Orientation, Setting::FixedMask, Setting::Seed],
    &[Setting::Exact, Setting::Fallback, Setting::Finalize, Setting::FinalizeBoth, Setting::Rounds, Setting::Shrinkage],
];

// A setting without a place, or with two, does not compile.
const _: () = {
    let mut places = [0; Setting::ALL.len()];
    let mut section = 0;
    while section < SECTIONS.len() {
        let mut at = 0;
        while at < SECTIONS[section].len() {
            places[SECTIONS[section][at] as usize] += 1;
            at += 1;
        }
        section += 1;
    }
    let mut setting = 0;
    while setting < places.len() {
        assert!(places[setting] == 1, "every setting has one place in SECTIONS");
        setting += 1;
    }
};

/// What ticks the first factor's own density.
const OWN_SPLIT: &str = "Own split";

/// The layer that is set up for.
#[derive(Clone, Copy, PartialEq)]
pub struct LayerFacts {
    /// Rows and columns of W.
    pub shape: (usize, usize),
    /// Whether its inputs are known.
    pub layerwise: bool,
}

/// Label of the control that is there for a setting.
pub fn control_label(setting: Setting, settings: &Settings) -> &'static str {
    match setting {
        Setting::FactorDensity if settings.factor_density.is_none() => OWN_SPLIT,
        _ => texts(setting).0,
    }
}

/// Why a setting has no control now.
pub fn why_absent(setting: Setting, settings: &Settings, layer: LayerFacts) -> Option<&'static str> {
    let unless = |has_meaning: bool, why: &'static str| (!has_meaning).then_some(why);
    match setting {
        Setting::Split => unless(settings.factor_density.is_none(), "not with an own split"),
        Setting::Rho0Start | Setting::Rho0End => {
            unless(settings.schedule == Schedule::Geometric, "of the geometric schedule only")
        }
        Setting::RampUntil => unless(settings.ramp_from.is_some(), "only where the budget grows"),
        Setting::Seed => unless(settings.start == Start::Random || settings.fixed_mask, "only where dice are thrown"),
        Setting::Objective | Setting::Finalize | Setting::FinalizeBoth | Setting::Rounds => {
            unless(layer.layerwise, "needs the layer's inputs")
        }
        Setting::Power | Setting::PowerGrowth => match layer.layerwise {
            true => unless(settings.objective == Objective::Outputs, "of the objective outputs only"),
            false => Some("needs the layer's inputs"),
        },
        Setting::Shrinkage => match layer.layerwise {
            true => unless(settings.objective == Objective::Norms, "of the objective norms only"),
            false => Some("needs the layer's inputs"),
        },
        _ => None,
    }
}

/// The control, where the setting has a meaning.
pub fn setting_ui(ui: &mut Ui, setting: Setting, settings: &mut Settings, layer: LayerFacts) {
    if why_absent(setting, settings, layer).is_some() {
        return;
    }
    let (label, why) = texts(setting);
    let number = |ui: &mut Ui, control: Slider<'_>| slider(ui, label, why, |ui| ui.add(control));
    match setting {
        Setting::Density => number(ui, percent(&mut settings.density)),
        Setting::Expansion => number(ui, Slider::new(&mut settings.expansion, 0.5..=4.0)),
        Setting::FactorDensity => own_split_ui(ui, settings, layer.shape),
        Setting::Split => choice(ui, label, why, &mut settings.split),
        Setting::Outer => number(ui, Slider::new(&mut settings.outer, 1..=400).logarithmic(true)),
        Setting::Inner => number(ui, Slider::new(&mut settings.inner, 1..=20)),
        Setting::MaskIterations => number(ui, Slider::new(&mut settings.mask_iterations, 1..=20)),
        Setting::WarmStart => _ = tick(ui, &mut settings.warm_start, label, why),
        Setting::Schedule => {
            choice(ui, label, why, &mut settings.schedule);
            preview_ui(ui, &settings.effective(layer.layerwise));
        }
        Setting::Rho0Start => number(ui, Slider::new(&mut settings.rho0_start, 0.001..=1.0).logarithmic(true)),
        Setting::Rho0End => {
            let by_itself = settings.effective(layer.layerwise).rho0_end();
            following(ui, setting, &mut settings.rho0_end, by_itself, 0.01..=4.0);
        }
        Setting::Rho => number(ui, Slider::new(&mut settings.rho, 0.01..=100.0).logarithmic(true)),
        Setting::Rho1 => {
            let by_itself = settings.rho1();
            following(ui, setting, &mut settings.rho1, by_itself, 0.01..=4.0);
        }
        Setting::Ridge => {
            number(ui, Slider::new(&mut settings.ridge, 0.0..=1.0).logarithmic(true).smallest_positive(1e-5))
        }
        Setting::RidgeStart => {
            let default = settings.ridge.max(0.15);
            optional(ui, setting, &mut settings.ridge_start, default, |x| Slider::new(x, 1e-4..=10.0).logarithmic(true))
        }
        Setting::RampFrom => optional(ui, setting, &mut settings.ramp_from, 0.18, percent),
        Setting::RampUntil => number(ui, percent(&mut settings.ramp_until)),
        Setting::Relaxation => number(ui, Slider::new(&mut settings.relaxation, 0.5..=1.9)),
        Setting::Objective => choice(ui, label, why, &mut settings.objective),
        Setting::Power => number(ui, Slider::new(&mut settings.power, 0.0..=1.0)),
        Setting::PowerGrowth => {
            let by_itself = settings.power_growth();
            following(ui, setting, &mut settings.power_growth, by_itself, 0.1..=10.0);
        }
        Setting::OutputPower => number(ui, Slider::new(&mut settings.output_power, 0.0..=1.0)),
        Setting::Start => choice(ui, label, why, &mut settings.start),
        Setting::Orientation => choice(ui, label, why, &mut settings.orientation),
        Setting::FixedMask => _ = tick(ui, &mut settings.fixed_mask, label, why),
        Setting::Seed => labelled(ui, label, why, |ui| ui.add(DragValue::new(&mut settings.seed))),
        Setting::Exact => _ = tick(ui, &mut settings.exact, label, why),
        Setting::Fallback => _ = tick(ui, &mut settings.fallback, label, why),
        Setting::Finalize => _ = tick(ui, &mut settings.finalize, label, why),
        Setting::FinalizeBoth => {
            finalized(ui, settings.finalize, |ui| _ = tick(ui, &mut settings.finalize_both, label, why))
        }
        Setting::Rounds => finalized(ui, settings.finalize, |ui| number(ui, Slider::new(&mut settings.rounds, 1..=20))),
        Setting::Shrinkage => {
            finalized(ui, settings.finalize, |ui| number(ui, Slider::new(&mut settings.shrinkage, 0.0..=1.0)))
        }
    }
}

/// The first factor's own density, where it is to have one.
fn own_split_ui(ui: &mut Ui, settings: &mut Settings, (rows, cols): (usize, usize)) {
    let (label, why) = texts(Setting::FactorDensity);
    let mut own = settings.factor_density.is_some();
    tick(ui, &mut own, OWN_SPLIT, why);
    if own != settings.factor_density.is_some() {
        let square = (rows.min(cols) * rows.min(cols)) as f64;
        let automatic = Budget::new(rows, cols, &Settings { factor_density: None, ..settings.clone() });
        let share = automatic.map_or(0.16, |budget| budget.first as f64 / square);
        settings.factor_density = own.then_some(share);
    }
    if let Some(share) = &mut settings.factor_density {
        slider(ui, label, why, |ui| ui.add(percent(share)));
    }
}

/// A setting that by itself follows the density, until it is moved.
fn following(ui: &mut Ui, setting: Setting, value: &mut Option<f64>, by_itself: f64, range: RangeInclusive<f64>) {
    let (label, why) = texts(setting);
    let mut shown = value.unwrap_or(by_itself);
    slider(ui, label, why, |ui| {
        let response = ui.add(Slider::new(&mut shown, range).logarithmic(true));
        if response.changed() {
            *value = Some(shown);
        }
        response
    });
}

/// A setting that can be left out.
fn optional(
    ui: &mut Ui,
    setting: Setting,
    value: &mut Option<f64>,
    default: f64,
    control: impl FnOnce(&mut f64) -> Slider<'_>,
) {
    let (label, why) = texts(setting);
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

/// A control that has no effect where nothing is finalized.
fn finalized(ui: &mut Ui, finalize: bool, add: impl FnOnce(&mut Ui)) {
    let response = ui.add_enabled_ui(finalize, add).response;
    if !finalize {
        response.on_hover_text("Only with Finalize");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::widgets::words::why;

    #[test]
    fn every_setting_has_words_of_a_teacher() {
        for &setting in Setting::ALL {
            assert!(why(texts(setting).0).is_some(), "{} has no 'why' in assets/teaching/en.md", setting.name());
        }
    }
}
