//! What is measured at each half-step, as curves.

use crate::app::state::run::Run;
use crate::factorize::Report;
use crate::methods::Method;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// Quantity that a curve shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Quantity {
    /// Relative error ‖W − AB‖/‖W‖.
    #[default]
    Error,
    /// The first penalty of a half-step.
    Rho0,
    /// Ridge added to the Gram matrix's diagonal.
    Ridge,
    /// The share of the mask that changed.
    Churn,
    /// Primal and dual residual of the ADMM.
    Residuals,
}

impl Quantity {
    /// Label of its button.
    pub fn title(self) -> &'static str {
        match self {
            Self::Error => "Error",
            Self::Rho0 => "ρ₀",
            Self::Ridge => "Ridge",
            Self::Churn => "Mask churn",
            Self::Residuals => "Residuals",
        }
    }

    /// Short label of its axis, for a small plot.
    pub fn short_axis(self, scaled: bool) -> &'static str {
        match self {
            Self::Error if scaled => "error of scaled W; layer",
            Self::Error => "relative error",
            Self::Churn => "share changed",
            Self::Residuals => "residual",
            Self::Rho0 | Self::Ridge => self.axis(scaled),
        }
    }

    /// Label of its axis; `scaled` when errors are of W scaled by its inputs.
    pub fn axis(self, scaled: bool) -> &'static str {
        match self {
            Self::Error if scaled => "error of scaled W, ‖(W − AB)D‖/‖WD‖, and of the layer's outputs, squared",
            Self::Error => "relative error ‖W − AB‖/‖W‖",
            Self::Rho0 => "ρ₀",
            Self::Ridge => "ridge",
            Self::Churn => "share of the mask that changed",
            Self::Residuals => "residual, relative",
        }
    }

    /// Explanation for a tooltip.
    pub fn about(self) -> &'static str {
        match self {
            Self::Error => {
                "After each half-step; with calibration, of W scaled by its inputs' norms, and after each iteration the \
                 layer-wise error, on held-out inputs too where these are given"
            }
            Self::Rho0 => "The ADMM penalty of a half-step's first inner iteration: small values let the mask move",
            Self::Ridge => "Added to the Gram matrix's diagonal, as a share of its mean",
            Self::Churn => "Positions that entered or left a factor's mask, as a share of the kept ones",
            Self::Residuals => {
                "Primal: how far the regression is from being sparse. Dual: how much the sparse factor moved"
            }
        }
    }

    /// Its curves of a run: a suffix for the name, and (outer iteration, value).
    pub fn curves(self, run: &Run) -> Vec<(&'static str, Vec<(f64, f64)>)> {
        let curve = |of: fn(&Report) -> f64| -> Vec<(f64, f64)> {
            run.reports.iter().map(|report| (report.step as f64 / 2.0, of(report))).collect()
        };
        match self {
            Self::Error => {
                let layer = |of: fn(&Report) -> Option<f64>| -> Vec<(f64, f64)> {
                    let known = run.reports.iter().filter_map(|report| Some((report.step as f64 / 2.0, of(report)?)));
                    known.collect()
                };
                let layers = [
                    (" layer", layer(|report| report.layer_error)),
                    (" held out", layer(|report| report.held_out_error)),
                ];
                let layers = layers.into_iter().filter(|(_, points)| !points.is_empty());
                std::iter::once(("", run_errors(run))).chain(layers).collect()
            }
            Self::Rho0 => vec![("", curve(|report| report.rho0))],
            Self::Ridge => vec![("", curve(|report| report.ridge))],
            Self::Churn => vec![("", curve(|report| report.churn))],
            Self::Residuals => vec![(" primal", curve(|report| report.primal)), (" dual", curve(|report| report.dual))],
        }
    }
}

/// After each half-step, or where those are not kept, after each iteration.
fn run_errors(run: &Run) -> Vec<(f64, f64)> {
    match (&run.reports[..], &run.outcome) {
        ([], Some(ended)) => {
            let history = ended.history.iter().enumerate();
            history.map(|(at, &error)| ((at + 1) as f64, error)).collect()
        }
        (reports, _) => reports.iter().map(|report| (report.step as f64 / 2.0, report.error)).collect(),
    }
}

/// Errors of other methods with as many nonzeros, in the norm of the curve on screen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Baselines {
    /// Error of magnitude pruning.
    pub magnitude: Option<f64>,
    /// Error of pruning W scaled by its inputs, where those are known: Wanda's scores over the whole matrix.
    pub wanda: Option<f64>,
    /// The best matrix of a rank with so many numbers.
    pub svd: Option<f64>,
}

impl Baselines {
    /// Those that are known, with their names and methods.
    pub fn lines(&self) -> impl Iterator<Item = (&'static str, Method, f64)> {
        let all = [
            ("magnitude pruning", Method::Magnitude, self.magnitude),
            ("Wanda", Method::Wanda, self.wanda),
            ("SVD", Method::Svd, self.svd),
        ];
        all.into_iter().filter_map(|(name, method, error)| Some((name, method, error.filter(|&error| error > 0.0)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Named;

    #[test]
    fn serde_writes_the_names() {
        for &quantity in Quantity::ALL {
            assert_eq!(serde_json::to_value(quantity).unwrap(), quantity.name());
        }
    }
}
