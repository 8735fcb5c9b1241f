//! The settings one by one: flags, presets, sweeps and the window's controls go through this list.

use super::{Error, Settings};
use crate::Named;
use strum::{IntoStaticStr, VariantArray};

/// One field of [`Settings`]; its name is the field's, which is also the key in JSON and, with hyphens, the flag.
///
/// Whoever treats settings one by one matches on it without a wildcard: a setting that is forgotten does not compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "they are the fields of Settings")]
pub enum Setting {
    Density,
    FactorDensity,
    Split,
    Expansion,
    Orientation,
    Outer,
    Inner,
    Rho,
    Rho1,
    Schedule,
    Rho0Start,
    Rho0End,
    Ridge,
    RidgeStart,
    RampFrom,
    RampUntil,
    Relaxation,
    Start,
    MaskIterations,
    WarmStart,
    FixedMask,
    Fallback,
    Objective,
    Power,
    PowerGrowth,
    OutputPower,
    Finalize,
    FinalizeBoth,
    Rounds,
    Exact,
    Shrinkage,
    Seed,
}

impl Setting {
    /// Whether it says what is wanted, and not how it is found: a preset leaves it as it is.
    pub(super) fn is_kept_by_presets(self) -> bool {
        match self {
            Self::Density | Self::FactorDensity | Self::Seed => true,
            Self::Split | Self::Expansion | Self::Orientation | Self::Outer | Self::Inner | Self::MaskIterations => {
                false
            }
            Self::Rho | Self::Rho1 | Self::Schedule | Self::Rho0Start | Self::Rho0End | Self::Relaxation => false,
            Self::Ridge | Self::RidgeStart | Self::RampFrom | Self::RampUntil => false,
            Self::Start | Self::WarmStart | Self::FixedMask | Self::Fallback => false,
            Self::Objective | Self::Power | Self::PowerGrowth | Self::OutputPower => false,
            Self::Finalize | Self::FinalizeBoth | Self::Rounds | Self::Exact | Self::Shrinkage => false,
        }
    }
}

impl Settings {
    /// Takes one setting over from `other`.
    #[deny(unused_variables, reason = "a field that is named and not taken over")]
    pub fn take(&mut self, setting: Setting, other: &Self) {
        // Every field by its name: a new one stops the compiler here.
        let Self {
            density,
            factor_density,
            split,
            expansion,
            orientation,
            outer,
            inner,
            rho,
            rho1,
            schedule,
            rho0_start,
            rho0_end,
            ridge,
            ridge_start,
            ramp_from,
            ramp_until,
            relaxation,
            start,
            mask_iterations,
            warm_start,
            fixed_mask,
            fallback,
            objective,
            power,
            power_growth,
            output_power,
            finalize,
            finalize_both,
            rounds,
            exact,
            shrinkage,
            seed,
        } = *other;
        match setting {
            Setting::Density => self.density = density,
            Setting::FactorDensity => self.factor_density = factor_density,
            Setting::Split => self.split = split,
            Setting::Expansion => self.expansion = expansion,
            Setting::Orientation => self.orientation = orientation,
            Setting::Outer => self.outer = outer,
            Setting::Inner => self.inner = inner,
            Setting::Rho => self.rho = rho,
            Setting::Rho1 => self.rho1 = rho1,
            Setting::Schedule => self.schedule = schedule,
            Setting::Rho0Start => self.rho0_start = rho0_start,
            Setting::Rho0End => self.rho0_end = rho0_end,
            Setting::Ridge => self.ridge = ridge,
            Setting::RidgeStart => self.ridge_start = ridge_start,
            Setting::RampFrom => self.ramp_from = ramp_from,
            Setting::RampUntil => self.ramp_until = ramp_until,
            Setting::Relaxation => self.relaxation = relaxation,
            Setting::Start => self.start = start,
            Setting::MaskIterations => self.mask_iterations = mask_iterations,
            Setting::WarmStart => self.warm_start = warm_start,
            Setting::FixedMask => self.fixed_mask = fixed_mask,
            Setting::Fallback => self.fallback = fallback,
            Setting::Objective => self.objective = objective,
            Setting::Power => self.power = power,
            Setting::PowerGrowth => self.power_growth = power_growth,
            Setting::OutputPower => self.output_power = output_power,
            Setting::Finalize => self.finalize = finalize,
            Setting::FinalizeBoth => self.finalize_both = finalize_both,
            Setting::Rounds => self.rounds = rounds,
            Setting::Exact => self.exact = exact,
            Setting::Shrinkage => self.shrinkage = shrinkage,
            Setting::Seed => self.seed = seed,
        }
    }

    /// Checks every range; says which setting is outside its own.
    pub fn check(&self) -> Result<(), Error> {
        Setting::ALL.iter().try_for_each(|&setting| self.check_setting(setting))
    }

    /// Refuses a value outside its setting's range.
    fn check_setting(&self, setting: Setting) -> Result<(), Error> {
        match setting {
            Setting::Density => share("density", self.density),
            Setting::FactorDensity => self.factor_density.map_or(Ok(()), |x| share("factor density", x)),
            Setting::Expansion => {
                number("expansion", self.expansion, (0.1..=4.0).contains(&self.expansion), "from 0.1 to 4")
            }
            Setting::Outer => iterations("outer", self.outer),
            Setting::Inner => iterations("inner", self.inner),
            Setting::MaskIterations => iterations("mask iterations", self.mask_iterations),
            Setting::Rho => number("rho", self.rho, (1e-6..=1e6).contains(&self.rho), "from 1e-6 to 1e6"),
            Setting::Rho1 => self.rho1.map_or(Ok(()), |x| rho0("rho1", x)),
            Setting::Rho0Start => rho0("rho0 start", self.rho0_start),
            Setting::Rho0End => self.rho0_end.map_or(Ok(()), |x| rho0("rho0 end", x)),
            Setting::Ridge => ridge("ridge", self.ridge),
            Setting::RidgeStart => self.ridge_start.map_or(Ok(()), |x| ridge("ridge start", x)),
            Setting::RampFrom => self.ramp_from.map_or(Ok(()), |x| share("ramp from", x)),
            Setting::RampUntil => share("ramp until", self.ramp_until),
            Setting::Relaxation => {
                let inside = self.relaxation > 0.0 && self.relaxation < 2.0;
                number("relaxation", self.relaxation, inside, "above 0 and below 2")
            }
            Setting::Rounds => number("rounds", self.rounds, (1..=1000).contains(&self.rounds), "from 1 to 1000"),
            Setting::Shrinkage => ridge("shrinkage", self.shrinkage),
            Setting::Power => number("power", self.power, (0.0..=2.0).contains(&self.power), "from 0 to 2"),
            Setting::PowerGrowth => self
                .power_growth
                .map_or(Ok(()), |x| number("power growth", x, (0.01..=100.0).contains(&x), "from 0.01 to 100")),
            Setting::OutputPower => {
                number("output power", self.output_power, (0.0..=2.0).contains(&self.output_power), "from 0 to 2")
            }
            // Every value is allowed.
            Setting::Objective => Ok(()),
            Setting::Split | Setting::Orientation | Setting::Schedule | Setting::Start | Setting::Seed => Ok(()),
            Setting::WarmStart | Setting::FixedMask | Setting::Fallback => Ok(()),
            Setting::Finalize | Setting::FinalizeBoth | Setting::Exact => Ok(()),
        }
    }
}

fn number(name: &'static str, value: impl ToString, inside: bool, range: &'static str) -> Result<(), Error> {
    if inside { Ok(()) } else { Err(Error::Setting { name, value: value.to_string(), range }) }
}

fn share(name: &'static str, value: f64) -> Result<(), Error> {
    number(name, value, value > 0.0 && value <= 1.0, "above 0 and at most 1")
}

fn iterations(name: &'static str, count: usize) -> Result<(), Error> {
    number(name, count, (1..=1_000_000).contains(&count), "from 1 to 1000000")
}

fn ridge(name: &'static str, value: f64) -> Result<(), Error> {
    number(name, value, (0.0..=1e6).contains(&value), "from 0 to 1e6")
}

fn rho0(name: &'static str, value: f64) -> Result<(), Error> {
    number(name, value, (1e-6..=1e3).contains(&value), "from 1e-6 to 1000")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list, the fields as serde writes them and the flags' names are the same.
    #[test]
    fn a_setting_is_a_key_and_a_flag() {
        use clap::Args;
        let names: Vec<&str> = Setting::ALL.iter().map(|setting| setting.name()).collect();
        let command = Settings::augment_args(clap::Command::new("x"));
        assert_eq!(names, command.get_arguments().map(|flag| flag.get_id().as_str()).collect::<Vec<_>>());
        let json = serde_json::to_value(Settings::default()).unwrap();
        let mut sorted = names;
        sorted.sort_unstable();
        assert_eq!(sorted, json.as_object().unwrap().keys().collect::<Vec<_>>());
    }

    /// Taking all of them over gives the other settings, taking one changes its key and no other.
    #[test]
    fn one_is_taken_over() {
        let (one, other) = (Settings::default(), different());
        let mut all = one.clone();
        for &setting in Setting::ALL {
            let mut some = one.clone();
            some.take(setting, &other);
            let (some, one, other) = (json(&some), json(&one), json(&other));
            for key in Setting::ALL.iter().map(|setting| setting.name()) {
                let expected = if key == setting.name() { &other } else { &one };
                assert_eq!(some[key], expected[key], "{key} when {} is taken", setting.name());
            }
            assert_ne!(one[setting.name()], other[setting.name()], "{} is not tested", setting.name());
        }
        Setting::ALL.iter().for_each(|&setting| all.take(setting, &other));
        assert_eq!(all, other);
    }

    fn json(settings: &Settings) -> serde_json::Value {
        serde_json::to_value(settings).unwrap()
    }

    /// Unlike the default in every field.
    fn different() -> Settings {
        use crate::factorize::{Objective, Orientation, Schedule, Split, Start};
        Settings {
            density: 0.5,
            factor_density: Some(0.1),
            split: Split::Auto,
            expansion: 2.0,
            orientation: Orientation::AsIs,
            outer: 7,
            inner: 3,
            rho: 2.0,
            rho1: Some(0.5),
            schedule: Schedule::Linear,
            rho0_start: 0.1,
            rho0_end: Some(0.5),
            ridge: 0.5,
            ridge_start: Some(0.25),
            ramp_from: Some(0.2),
            ramp_until: 0.5,
            relaxation: 1.5,
            start: Start::Random,
            mask_iterations: 1,
            warm_start: false,
            fixed_mask: true,
            fallback: true,
            objective: Objective::Outputs,
            power: 0.5,
            power_growth: Some(1.0),
            output_power: 0.25,
            finalize: false,
            finalize_both: true,
            rounds: 2,
            exact: true,
            shrinkage: 0.5,
            seed: 1,
        }
    }
}
