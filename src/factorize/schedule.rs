//! Annealing: how the penalty ρ₀ of a half-step's first inner iteration grows over a run.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// The course of ρ₀ from 0 to ρ over the outer iterations (the paper's section 4.2, *Annealing*).
///
/// A small ρ₀ lets the first inner iteration move far from the last sparse factor, so the mask can still change.
///
/// ```
/// use dsf_explorer::factorize::Settings;
/// let settings = Settings { outer: 7, ..Settings::default() };
/// let course: Vec<f64> = (0..7).map(|k| settings.iteration_params(k).rho0).collect();
/// assert_eq!(course, [0.0, 1.0 / 64.0, 1.0 / 8.0, 27.0 / 64.0, 1.0, 1.0, 1.0]);
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Schedule {
    /// ρ₀/ρ = (k / (outer − 3))³, at most 1: the paper's.
    #[default]
    Cubic,
    /// ρ₀/ρ = k / (outer − 3), at most 1.
    Linear,
    /// ρ₀/ρ = 0.1 throughout: always a little loose.
    Constant,
    /// ρ₀ grows by the same factor each time, between two ends that are set.
    Geometric,
    /// ρ₀ = ρ throughout: no annealing.
    None,
}

impl Schedule {
    /// ρ₀/ρ in outer iteration `k` (from 0) of `outer`.
    ///
    /// The paper divides by outer − 3; with three or fewer outer iterations the last one still reaches ρ₀ = ρ.
    pub(super) fn rho0(self, k: usize, outer: usize) -> f64 {
        let t = (k as f64 / outer.saturating_sub(3).max(1) as f64).min(1.0);
        match self {
            Self::Cubic => t.powi(3),
            Self::Linear => t,
            Self::Constant => 0.1,
            // With ends of its own: see `Settings::iteration_params`.
            Self::Geometric | Self::None => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_outer_iterations_divide_by_one() {
        for outer in 1..=4 {
            let course: Vec<f64> = (0..outer).map(|k| Schedule::Cubic.rho0(k, outer)).collect();
            assert_eq!(course, [0.0, 1.0, 1.0, 1.0][..outer]);
        }
    }
}
