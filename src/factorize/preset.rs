//! Settings under a name, and those between two names. Why they are as they are stands in `SCHEDULES.md`.

use super::{Objective, Orientation, Schedule, Setting, Settings, Split, Start};
use crate::Named;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// Settings under a name.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Preset {
    /// The settings of the authors' code: 40 outer, 5 inner iterations.
    #[default]
    Published,
    /// The lowest error at the same number of nonzeros, in a few times the published time.
    Best,
    /// Below the published error in less than half its time.
    Fast,
    /// The lowest error in the same number of bytes, with 16-bit values and a bit for each position.
    Compact,
    /// The settings of the authors' code for convolutions: 200 outer, 5 inner iterations, both factors finalised.
    Vision,
}

impl Preset {
    /// Returns its purpose, in a sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::Published => "The settings of the authors' code: 40 outer, 5 inner iterations",
            Self::Best => "The lowest error at the same number of nonzeros, in a few times the published time",
            Self::Fast => "Below the published error in about half its time",
            Self::Compact => "The lowest error in the same bytes, with 16-bit values and a bit for each position",
            Self::Vision => {
                "The settings of the authors' code for convolutions: 200 outer iterations, both factors finalised"
            }
        }
    }

    /// Returns its settings at density 0.25; see [`Settings::with_preset`] for others.
    pub fn settings(self) -> Settings {
        let published = Settings {
            density: 0.25,
            factor_density: None,
            split: Split::Paper,
            expansion: 1.0,
            orientation: Orientation::Paper,
            outer: 40,
            inner: 5,
            rho: 1.0,
            rho1: None,
            schedule: Schedule::Cubic,
            rho0_start: 0.05,
            rho0_end: None,
            ridge: 0.01,
            ridge_start: None,
            ramp_from: None,
            ramp_until: 0.9,
            relaxation: 1.0,
            start: Start::Identity,
            mask_iterations: 2,
            warm_start: true,
            fixed_mask: false,
            fallback: false,
            objective: Objective::Norms,
            power: 0.65,
            power_growth: None,
            output_power: 0.0,
            finalize: true,
            finalize_both: false,
            rounds: 1,
            exact: false,
            shrinkage: 0.0,
            seed: 0,
        };
        let annealed = Settings {
            split: Split::Balanced,
            inner: 2,
            schedule: Schedule::Geometric,
            ridge: 3e-4,
            ridge_start: Some(0.15),
            ramp_from: Some(0.18),
            relaxation: 1.3,
            fallback: true,
            finalize_both: true,
            rounds: 5,
            exact: true,
            shrinkage: 0.1,
            ..published.clone()
        };
        let square = Settings {
            rho0_start: 0.03,
            ridge: 1e-3,
            ramp_from: Some(0.14),
            ramp_until: 0.8,
            relaxation: 1.0,
            ..annealed.clone()
        };
        match self {
            Self::Published => published,
            Self::Best => Settings {
                expansion: 2.0,
                outer: 180,
                objective: Objective::Outputs,
                output_power: 0.5,
                rounds: 2,
                ..annealed
            },
            Self::Fast => Settings {
                expansion: 1.5,
                outer: 20,
                objective: Objective::Outputs,
                exact: false,
                rounds: 1,
                ..annealed
            },
            Self::Vision => Settings {
                outer: 200,
                split: Split::Vision,
                objective: Objective::Weights,
                finalize_both: true,
                ..published
            },
            Self::Compact => Settings { expansion: 0.8, outer: 200, rho1: Some(1.0), ..square },
        }
    }
}

impl Settings {
    /// Returns the effort of the annealed presets' search, from 0 for [`Preset::Fast`] to 1 for [`Preset::Best`]: more
    /// takes longer and finds a lower error.
    pub fn effort(&self) -> f64 {
        let (fast, best) = (Preset::Fast.settings().outer as f64, Preset::Best.settings().outer as f64);
        ((self.outer as f64 / fast).ln() / (best / fast).ln()).clamp(0.0, 1.0)
    }

    /// Settings between the two presets, with what [`Settings::with_preset`] keeps.
    pub fn with_effort(&self, effort: f64) -> Self {
        let (fast, best) = (Preset::Fast.settings(), Preset::Best.settings());
        let effort = effort.clamp(0.0, 1.0);
        let growth = (best.outer as f64 / fast.outer as f64).powf(effort);
        let expansion = fast.expansion + (best.expansion - fast.expansion) * effort;
        let preset = if effort == 0.0 { Preset::Fast } else { Preset::Best };
        Self { outer: (fast.outer as f64 * growth).round() as usize, expansion, ..self.with_preset(preset) }
    }

    /// The preset, keeping the settings that say what is wanted: density, a split that was given, and seed.
    pub fn with_preset(&self, preset: Preset) -> Self {
        let mut settings = preset.settings();
        if preset == Preset::Compact {
            // Fewer positions to encode weigh the more the fewer of them are kept (by experiment).
            settings.expansion = (settings.expansion + 0.8 * (self.density - settings.density)).clamp(0.7, 1.2);
        }
        for &setting in Setting::ALL.iter().filter(|setting| setting.is_kept_by_presets()) {
            settings.take(setting, self);
        }
        settings
    }

    /// The preset these settings are, but for what [`Settings::with_preset`] keeps.
    pub fn preset(&self) -> Option<Preset> {
        Preset::ALL.iter().copied().find(|&preset| self.with_preset(preset) == *self)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Preset::Published.settings()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effort_goes_from_fast_to_best() {
        let settings = Settings { density: 0.4, seed: 7, ..Preset::Published.settings() };
        assert_eq!(settings.with_effort(0.0), settings.with_preset(Preset::Fast));
        assert_eq!(settings.with_effort(1.0), settings.with_preset(Preset::Best));
        for effort in [0.0f64, 0.3, 0.8, 1.0] {
            assert!((settings.with_effort(effort).effort() - effort).abs() < 0.01);
        }
    }

    /// A ridge from 0.15 to 3e-4, ρ₀ from 0.05 to 0.6, at density 0.25 from 0.18 / 0.25 of the budget.
    #[test]
    fn the_course_of_the_annealed_presets() {
        let best = Preset::Best.settings().effective(false);
        let (first, last) = (best.iteration_params(0), best.iteration_params(best.outer - 1));
        let close = |x: f64, y: f64| (x - y).abs() < 1e-12;
        assert!(close(first.rho0, 0.05) && close(first.ridge, 0.15) && close(first.budget, 0.72), "{first:?}");
        assert!(close(last.rho0, 0.6) && close(last.ridge, 3e-4) && close(last.budget, 1.0), "{last:?}");
        assert!(first.power == 0.0 && last.power == 0.0 && last.rho == 1.0);
        // Halfway both are the geometric mean of their ends: 0.05·0.6 = 0.03, 0.15·3e-4 = 4.5e-5.
        let middle = Settings { outer: 201, ..best }.iteration_params(100);
        assert!(close(middle.rho0, 0.03f64.sqrt()) && close(middle.ridge, 4.5e-5f64.sqrt()), "{middle:?}");
    }

    /// With inputs: the power to 0.65 with t^½ at 25 % and t³ at 50 %, ρ₀ to 0.3 and 0.2, ρ later 1 and 0.7.
    #[test]
    fn the_course_with_inputs() {
        let at = |density, t| {
            let best = Settings { density, ..Settings::default() }.with_preset(Preset::Best);
            Settings { outer: 201, ..best }.iteration_params((200.0 * t) as usize)
        };
        let close = |x: f64, y: f64| (x - y).abs() < 1e-12;
        assert!(close(at(0.25, 0.0).power, 0.0) && close(at(0.25, 1.0).power, 0.65));
        assert!(close(at(0.25, 0.25).power, 0.325) && close(at(0.5, 0.5).power, 0.65 / 8.0));
        assert!(close(at(0.25, 1.0).rho0, 0.3) && close(at(0.5, 1.0).rho0, 0.2) && close(at(0.1, 1.0).rho0, 0.7));
        assert!(close(at(0.25, 1.0).rho, 1.0) && close(at(0.5, 1.0).rho, 0.7));
    }
}
