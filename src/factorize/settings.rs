//! What can be set: one struct for the command line's flags, saved runs and the window.

use super::{Schedule, Start};
use crate::matrix::{Calibration, CalibrationError, Matrix};
use crate::measure::cost::RunSize;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use strum::{IntoStaticStr, VariantArray};

/// The settings of a run. The defaults are the published code's.
///
/// Each field's first line is its help text on the command line; [`Setting`](super::Setting) lists the fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(default)]
pub struct Settings {
    /// Kept nonzeros of both factors together, as a share of W's entries
    #[arg(long, value_name = "SHARE", default_value = "0.25")]
    pub density: f64,

    /// Nonzeros of the factor on W's smaller side n, as a share of n²
    /// [default: 0.16 for a square W, else 0.25; at most half of all nonzeros]
    #[arg(long, value_name = "SHARE")]
    pub factor_density: Option<f64>,

    /// Without a factor density: how the nonzeros are divided
    #[arg(long, value_enum, default_value = "paper")]
    pub split: Split,

    /// Inner dimension k of A (out×k) and B (k×in), in units of the smaller side of W
    #[arg(long, value_name = "K/N", default_value = "1")]
    pub expansion: f64,

    /// Which of W and its transpose is factorized
    #[arg(long, value_enum, default_value = "paper")]
    pub orientation: Orientation,

    /// Outer iterations: each solves for one factor, then for the other
    #[arg(long, value_name = "N", default_value = "40")]
    pub outer: usize,

    /// Inner (ADMM) iterations of each half-step
    #[arg(long, value_name = "N", default_value = "5")]
    pub inner: usize,

    /// ADMM penalty ρ, against a Gram matrix of unit diagonal
    #[arg(long, value_name = "RHO", default_value = "1")]
    pub rho: f64,

    /// Penalty of the later inner iterations, as a share of ρ [default: 1; of the geometric schedule 0.7 to 1, from the density]
    #[arg(long, value_name = "SHARE")]
    pub rho1: Option<f64>,

    /// How the first inner iteration's penalty ρ₀ grows to ρ over the outer iterations
    #[arg(long, value_enum, default_value = "cubic")]
    pub schedule: Schedule,

    /// Where the geometric schedule begins, as a share of ρ
    #[arg(long, value_name = "SHARE", default_value = "0.05")]
    pub rho0_start: f64,

    /// Where the geometric schedule ends, as a share of ρ [default: from the density, 0.4 to 1]
    #[arg(long, value_name = "SHARE")]
    pub rho0_end: Option<f64>,

    /// Added to the Gram matrix's diagonal, as a share of its mean
    #[arg(long, value_name = "SHARE", default_value = "0.01")]
    pub ridge: f64,

    /// The ridge of the first outer iteration, from where it falls geometrically [default: no change]
    #[arg(long, value_name = "SHARE")]
    pub ridge_start: Option<f64>,

    /// The density of the first outer iteration, from where the budget grows [default: all of it at once]
    #[arg(long, value_name = "SHARE")]
    pub ramp_from: Option<f64>,

    /// When the budget has grown to its full size, as a share of the outer iterations
    #[arg(long, value_name = "SHARE", default_value = "0.9")]
    pub ramp_until: f64,

    /// Over-relaxation λ of all but the first inner iteration
    #[arg(long, value_name = "LAMBDA", default_value = "1")]
    pub relaxation: f64,

    /// Which factors the run starts from
    #[arg(long, value_enum, default_value = "identity")]
    pub start: Start,

    /// Inner iterations of each half-step that choose the mask anew; the others keep it
    #[arg(long, value_name = "N", default_value = "2")]
    pub mask_iterations: usize,

    /// Start each half-step from nothing instead of from the last factor and its dual variables
    #[arg(long = "no-warm-start", action = clap::ArgAction::SetFalse)]
    pub warm_start: bool,

    /// The first factor keeps one mask, drawn from the seed; only the other is chosen
    #[arg(long)]
    pub fixed_mask: bool,

    /// Magnitude pruning (an identity times the largest entries) is the result where it is better
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    pub fallback: bool,

    /// With calibration: what the masks are chosen by
    #[arg(long, value_enum, default_value = "norms")]
    pub objective: Objective,

    /// With calibration and objective outputs: the power of XᵀX's eigenvalues at the end of the run
    #[arg(long, value_name = "POWER", default_value = "0.65")]
    pub power: f64,

    /// How the power grows over the run: with this power of the time [default: from the density, 0.5 to 3]
    #[arg(long, value_name = "POWER")]
    pub power_growth: Option<f64>,

    /// Of a language model with calibration: the power of the loss's mean squared gradients that weighs each output; 0 weighs
    /// all alike
    #[arg(long, value_name = "POWER", default_value = "0")]
    pub output_power: f64,

    /// With calibration: leave the values as they are when the masks are final
    #[arg(long = "no-finalize", action = clap::ArgAction::SetFalse)]
    pub finalize: bool,

    /// With calibration: finalize the input-side factor B too, not only A
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    pub finalize_both: bool,

    /// With calibration: how often the factors are finalized, in turn
    #[arg(long, value_name = "N", default_value = "1")]
    pub rounds: usize,

    /// Solve for the values on the final masks exactly; without calibration too, with objective outputs always
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    pub exact: bool,

    /// With calibration: how much of its diagonal is added to XᵀX, against learning the samples by heart
    #[arg(long, value_name = "SHARE", default_value = "0")]
    pub shrinkage: f64,

    /// Of the random start and the fixed mask
    #[arg(long, value_name = "N", default_value = "0")]
    pub seed: u64,
}

/// Division of the nonzeros between the factors.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Split {
    /// The paper's: the first factor 16 % of n² for a square W, else 25 %, at most half of all.
    #[default]
    Paper,
    /// Half each for a square W, less for the first factor the longer W is.
    Balanced,
    /// The best of a few short runs.
    Auto,
    /// The published one for convolutions: the first factor half of the density of n², at least 16 %.
    Vision,
}

/// What a layer-wise run chooses its masks by.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Objective {
    /// The plain error of W scaled by the inputs' norms: the published way.
    #[default]
    Norms,
    /// The layer's outputs: XᵀX takes part in every half-step.
    Outputs,
    /// The plain error of W as it is: the published way for convolutions. Inputs count in the finalisation only.
    Weights,
}

impl Objective {
    /// What is factorized in W's place: W scaled by its inputs' norms, or W as it is but for inputs that never come.
    pub fn target(self, weight: &Arc<Matrix>, inputs: Option<&Calibration>) -> Result<Arc<Matrix>, CalibrationError> {
        let Some(inputs) = inputs else { return Ok(weight.clone()) };
        if self.scales() {
            return inputs.scale_inputs(weight).map(Arc::new);
        }
        inputs.check_inputs(weight.cols())?;
        let norms = inputs.norms();
        if inputs.is_zero() || norms.iter().all(|&norm| norm > 0.0) {
            return Ok(weight.clone());
        }
        let kept = |i, j| if norms[j] > 0.0 { weight.get(i, j) } else { 0.0 };
        Ok(Arc::new(Matrix::from_fn(weight.rows(), weight.cols(), kept)))
    }

    /// Whether W is scaled by its inputs' norms, where they are known.
    pub fn scales(self) -> bool {
        self != Self::Weights
    }
}

/// Matrix that the solver works on, W or Wᵀ; its rows are the side of the first factor.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Orientation {
    /// The published code's: W when it has fewer rows than columns, else Wᵀ; with the objective outputs also a square W.
    #[default]
    Paper,
    /// The better one of a square W, as two short runs show it; the paper's of others.
    Auto,
    /// W.
    AsIs,
    /// Wᵀ.
    Transposed,
}

/// Parameters that change from one outer iteration to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IterationParams {
    /// ρ, the penalty of the later inner iterations.
    pub rho: f64,
    /// ρ₀, the penalty of the first inner iteration.
    pub rho0: f64,
    /// Ridge, as a share of the Gram matrix's mean diagonal.
    pub ridge: f64,
    /// The share of the budget that is used.
    pub budget: f64,
    /// The power s of the inputs' metric.
    pub power: f64,
}

impl Settings {
    /// Returns the parameters of outer iteration `outer`, from 0.
    pub fn iteration_params(&self, outer: usize) -> IterationParams {
        let t = if self.outer > 1 { outer as f64 / (self.outer - 1) as f64 } else { 1.0 };
        let between = |start: f64, end: f64| start * (end / start).powf(t);
        let rho0 = match self.schedule {
            Schedule::Geometric => between(self.rho0_start, self.rho0_end()),
            schedule => schedule.rho0(outer, self.outer),
        };
        let ridge = match self.ridge_start {
            Some(start) if start > 0.0 && self.ridge > 0.0 => between(start, self.ridge),
            _ => self.ridge,
        };
        // Fewer than a third of the entries make a start that more iterations do not heal.
        let from = self.ramp_from.map_or(1.0, |density| (density / self.density).clamp(0.35, 1.0));
        let budget = (from + (1.0 - from) * t / self.ramp_until).min(1.0);
        let power = match self.objective {
            Objective::Norms | Objective::Weights => 0.0,
            Objective::Outputs => self.power * t.powf(self.power_growth()),
        };
        IterationParams { rho: self.rho * self.rho1(), rho0: self.rho * rho0, ridge, budget, power }
    }

    /// Returns the penalty of the later inner iterations, as a share of ρ, unless it is set: of a long run with the geometric
    /// schedule less the more is kept above 25 %, of a short one all of it (by experiment).
    pub fn rho1(&self) -> f64 {
        self.rho1.unwrap_or(match self.schedule {
            Schedule::Geometric => 1.0 - self.effort() * (1.2 * (self.density - 0.25)).clamp(0.0, 0.3),
            _ => 1.0,
        })
    }

    /// Returns the exponent with which the power of the inputs' metric grows over a run: early where little is kept, late
    /// where much is (by experiment), unless it is set.
    pub fn power_growth(&self) -> f64 {
        self.power_growth.unwrap_or((0.5 * 6f64.powf((self.density - 0.25) / 0.25)).clamp(0.5, 3.0))
    }

    /// Returns the settings as a run with or without known inputs takes them: without, the objective is the plain error.
    pub fn effective(&self, knows_inputs: bool) -> Self {
        Self { objective: if knows_inputs { self.objective } else { Objective::Norms }, ..self.clone() }
    }

    /// Returns the end of the geometric schedule, as a share of ρ: all of it at 10 %, and less the more is kept (by
    /// experiment), unless it is set.
    pub fn rho0_end(&self) -> f64 {
        let from_25 = self.density - 0.25;
        self.rho0_end.unwrap_or(match self.objective {
            Objective::Norms | Objective::Weights => {
                (0.6 - if from_25 < 0.0 { 8.0 / 3.0 } else { 0.8 } * from_25).clamp(0.4, 1.0)
            }
            Objective::Outputs => (0.3 - if from_25 < 0.0 { 8.0 / 3.0 } else { 0.4 } * from_25).clamp(0.2, 0.7),
        })
    }

    /// Returns the quantities that the cost of a run on a W `rows`×`cols` depends on; without inputs, of the settings that are
    /// [effective](Self::effective).
    pub fn size(&self, rows: usize, cols: usize) -> RunSize {
        RunSize {
            rows,
            cols,
            inner_dim: self.inner_dim(rows, cols),
            outer: self.outer,
            inner: self.inner,
            in_metric: self.objective == Objective::Outputs,
        }
    }

    /// k for a W `rows`×`cols`.
    pub fn inner_dim(&self, rows: usize, cols: usize) -> usize {
        ((self.expansion * rows.min(cols) as f64).round() as usize).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Preset;
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
