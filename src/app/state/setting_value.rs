//! Values of settings, as people read them.

use crate::Named;
use crate::factorize::{Setting, Settings};

/// The value of a setting in a word or number, with its unit.
pub fn value(setting: Setting, settings: &Settings) -> String {
    let percent = |share: f64| format!("{} %", trimmed(100.0 * share));
    let or = |value: Option<String>, otherwise: &str| value.unwrap_or_else(|| otherwise.to_owned());
    let yes_no = |on: bool| if on { "yes" } else { "no" }.to_owned();
    match setting {
        Setting::Density => percent(settings.density),
        Setting::FactorDensity => or(settings.factor_density.map(percent), "by the split"),
        Setting::Split => settings.split.name().to_owned(),
        Setting::Expansion => trimmed(settings.expansion),
        Setting::Orientation => settings.orientation.name().to_owned(),
        Setting::Outer => settings.outer.to_string(),
        Setting::Inner => settings.inner.to_string(),
        Setting::MaskIterations => settings.mask_iterations.to_string(),
        Setting::WarmStart => yes_no(settings.warm_start),
        Setting::Schedule => settings.schedule.name().to_owned(),
        Setting::Rho0Start => trimmed(settings.rho0_start),
        Setting::Rho0End => or(settings.rho0_end.map(trimmed), "by the density"),
        Setting::Rho => trimmed(settings.rho),
        Setting::Ridge => trimmed(settings.ridge),
        Setting::RidgeStart => or(settings.ridge_start.map(trimmed), "constant"),
        Setting::RampFrom => or(settings.ramp_from.map(percent), "whole from the start"),
        Setting::RampUntil => percent(settings.ramp_until),
        Setting::Relaxation => trimmed(settings.relaxation),
        Setting::Start => settings.start.name().to_owned(),
        Setting::FixedMask => yes_no(settings.fixed_mask),
        Setting::Seed => settings.seed.to_string(),
        Setting::Exact => yes_no(settings.exact),
        Setting::Fallback => yes_no(settings.fallback),
        Setting::Finalize => yes_no(settings.finalize),
        Setting::FinalizeBoth => yes_no(settings.finalize_both),
        Setting::Rounds => settings.rounds.to_string(),
        Setting::Shrinkage => trimmed(settings.shrinkage),
    }
}

/// A number with up to six digits, without zeros at its end.
fn trimmed(value: f64) -> String {
    if value != 0.0 && value.abs() < 1e-3 {
        return format!("{value:e}");
    }
    format!("{value:.4}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_words_and_numbers_with_units() {
        let settings = Settings { density: 0.295, rho0_start: 1e-5, ..Settings::default() };
        let of = |setting| value(setting, &settings);
        assert_eq!(of(Setting::Density), "29.5 %");
        assert_eq!(of(Setting::Rho0Start), "1e-5");
        assert_eq!(of(Setting::FactorDensity), "by the split");
        for &setting in Setting::ALL {
            let text = of(setting);
            assert!(!text.is_empty() && text != "null" && !text.contains('_'), "{}: {text}", setting.name());
        }
    }
}
