//! What can be set: one struct for the command line's flags, saved runs and the window.

use super::{Error, Schedule, Start};
use serde::{Deserialize, Serialize};

/// The settings of a run. The defaults are the published code's.
///
/// Each field's first line is its help text on the command line and in the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(default)]
pub struct Settings {
    /// Kept nonzeros of both factors together, as a share of W's entries
    #[arg(long, value_name = "SHARE", default_value = "0.25")]
    pub density: f64,

    /// Nonzeros of the first (square) factor, as a share of its entries
    /// [default: 0.16 for a square W, else 0.25; at most half of all nonzeros]
    #[arg(long, value_name = "SHARE")]
    pub factor_density: Option<f64>,

    /// Outer iterations: each solves for one factor, then for the other
    #[arg(long, value_name = "N", default_value = "40")]
    pub outer: usize,

    /// Inner (ADMM) iterations of each half-step
    #[arg(long, value_name = "N", default_value = "5")]
    pub inner: usize,

    /// ADMM penalty ρ, against a Gram matrix of unit diagonal
    #[arg(long, value_name = "RHO", default_value = "1")]
    pub rho: f64,

    /// How the first inner iteration's penalty ρ₀ grows to ρ over the outer iterations
    #[arg(long, value_enum, default_value = "cubic")]
    pub schedule: Schedule,

    /// Added to the Gram matrix's diagonal, as a share of its mean
    #[arg(long, value_name = "SHARE", default_value = "0.01")]
    pub ridge: f64,

    /// Which factors the run starts from
    #[arg(long, value_enum, default_value = "identity")]
    pub start: Start,

    /// Inner iterations of each half-step that choose the mask anew; the others keep it
    #[arg(long, value_name = "N", default_value = "2")]
    pub mask_iterations: usize,

    /// Start each half-step from nothing instead of from the last factor and its dual variables
    #[arg(long = "no-warm-start", action = clap::ArgAction::SetFalse)]
    pub warm_start: bool,

    /// Of the random start
    #[arg(long, value_name = "N", default_value = "0")]
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Preset::Published.settings()
    }
}

/// Settings under a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// The settings of the authors' code: 40 outer, 5 inner iterations.
    #[default]
    Published,
}

impl Preset {
    /// All of them, in the order they are offered.
    pub const ALL: [Self; 1] = [Self::Published];

    /// As it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
        }
    }

    /// What the name stands for.
    pub fn settings(self) -> Settings {
        match self {
            Self::Published => Settings {
                density: 0.25,
                factor_density: None,
                outer: 40,
                inner: 5,
                rho: 1.0,
                schedule: Schedule::Cubic,
                ridge: 0.01,
                start: Start::Identity,
                mask_iterations: 2,
                warm_start: true,
                seed: 0,
            },
        }
    }
}

impl Settings {
    /// Checks every range; says which setting is outside its own.
    pub fn check(&self) -> Result<(), Error> {
        let share = |x: f64| x > 0.0 && x <= 1.0;
        let setting = |name, value: String, range| Err(Error::Setting { name, value, range });
        if !share(self.density) {
            return setting("density", self.density.to_string(), "above 0 and at most 1");
        }
        if let Some(factor_density) = self.factor_density.filter(|&x| !share(x)) {
            return setting("factor density", factor_density.to_string(), "above 0 and at most 1");
        }
        for (name, count) in [("outer", self.outer), ("inner", self.inner), ("mask iterations", self.mask_iterations)] {
            if count == 0 || count > 1_000_000 {
                return setting(name, count.to_string(), "from 1 to 1000000");
            }
        }
        if !(self.rho >= 1e-6 && self.rho <= 1e6) {
            return setting("rho", self.rho.to_string(), "from 1e-6 to 1e6");
        }
        if !(self.ridge >= 0.0 && self.ridge <= 1e6) {
            return setting("ridge", self.ridge.to_string(), "from 0 to 1e6");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_range_is_checked() {
        let with = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            settings.check().map_err(|error| error.to_string())
        };
        assert_eq!(with(|_| ()), Ok(()));
        assert_eq!(with(|s| s.density = 1.5), Err("density is 1.5: it must be above 0 and at most 1".into()));
        assert!(with(|s| s.density = f64::NAN).is_err());
        assert!(with(|s| s.density = 0.0).is_err());
        assert!(with(|s| s.factor_density = Some(-1.0)).is_err());
        assert!(with(|s| s.outer = 0).is_err());
        assert!(with(|s| s.inner = 0).is_err());
        assert!(with(|s| s.mask_iterations = 0).is_err());
        assert!(with(|s| s.rho = f64::INFINITY).is_err());
        assert!(with(|s| s.ridge = -0.1).is_err());
    }

    /// The flags' defaults are for the help text; the presets are what counts. They must agree.
    #[test]
    fn the_flags_defaults_are_the_published_preset() {
        use clap::{Args, FromArgMatches};
        let matches = Settings::augment_args(clap::Command::new("x")).get_matches_from(["x"]);
        assert_eq!(Settings::from_arg_matches(&matches).unwrap(), Preset::Published.settings());
    }
}
