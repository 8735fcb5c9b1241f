//! The paper's figures and some others, as sweeps over layers.

use super::{Candidate, Choice, Quantity, Subject, Sweep, View};
use crate::Named;
use crate::factorize::{Preset, Settings, Start};
use crate::measure::percent;
use crate::methods::Method;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::json;
use strum::{IntoStaticStr, VariantArray};

/// Sweeps with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum, IntoStaticStr, VariantArray)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Figure {
    /// The paper's Fig. 3: error against magnitude pruning's, by matrix size, for all methods
    #[value(alias = "3")]
    Sizes,
    /// Fig. 4: 40×5 and 20×10 iterations, no annealing, no warm start
    #[value(alias = "4")]
    Ablation,
    /// Fig. 5: by the density of the first factor
    #[value(alias = "5")]
    Split,
    /// Fig. 6: by the start
    #[value(alias = "6")]
    Starts,
    /// Error by total density, for all methods
    Density,
    /// Error by bytes, for all methods
    Pareto,
}

impl Figure {
    /// The figure whose measured points it shows.
    pub fn numbers(self) -> &'static str {
        if self == Self::Pareto { Self::Density.name() } else { self.name() }
    }

    /// Title shown to people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Sizes => "Methods by matrix size (Fig. 3)",
            Self::Ablation => "What the settings are worth (Fig. 4)",
            Self::Split => "Density of the first factor (Fig. 5)",
            Self::Starts => "Starts (Fig. 6)",
            Self::Density => "Methods by density",
            Self::Pareto => "Error by bytes",
        }
    }

    /// The sweep over these layers, with `base` for everything that is not varied.
    pub fn sweep(self, subjects: &[Subject], base: &Candidate) -> Sweep {
        let calibrated = !subjects.is_empty() && subjects.iter().all(|subject| subject.problem.calibration.is_some());
        let by_size = View { x: None, y: Quantity::Ratio, log_x: true };
        let error = if calibrated { Quantity::LayerError } else { Quantity::Error };
        let sweep = |x_label: &str, x: Vec<Choice>, series: Vec<Choice>, view: View| Sweep {
            title: match self {
                Self::Density | Self::Pareto | Self::Split => self.title().to_owned(),
                _ => format!("{}, {}", self.title(), percent(base.settings.density)),
            },
            x_label: x_label.into(),
            x,
            series,
            base: base.clone(),
            given: serde_json::Map::new(),
            view,
            quick: true,
        };
        match self {
            Self::Sizes => {
                let methods = Method::ALL.iter().copied().filter(|method| calibrated || !method.needs_inputs());
                sweep("rows and columns", sizes(subjects), methods.map(Choice::method).collect(), by_size)
            }
            Self::Ablation => sweep("rows and columns", sizes(subjects), ablations(&base.settings), by_size),
            Self::Starts => {
                let start = |start: Start| Choice::settings(start.name(), None, json!({ "start": start.name() }));
                sweep("rows and columns", sizes(subjects), Start::ALL.iter().copied().map(start).collect(), by_size)
            }
            Self::Split => {
                let shares = [0.02, 0.04, 0.06, 0.08, 0.1, 0.125, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8];
                let densities = [0.25, 0.4, 0.5];
                let x = shares
                    .map(|share| Choice::settings(&share.to_string(), Some(share), json!({ "factor_density": share })));
                let view = View { x: None, y: Quantity::Error, log_x: false };
                sweep("density of the first factor", x.to_vec(), densities.map(total).to_vec(), view)
            }
            Self::Density | Self::Pareto => {
                let densities = [0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6];
                let dsf = Preset::ALL.iter().copied().filter(|preset| *preset != Preset::Fast);
                let mut series: Vec<Choice> = dsf
                    .map(|preset| Choice {
                        method: Some(Method::Dsf),
                        ..Choice::settings(&format!("DSF, {}", preset.name()), None, json!({ "preset": preset.name() }))
                    })
                    .collect();
                let others = Method::ALL.iter().copied().filter(|method| *method != Method::Dsf);
                series.extend(others.filter(|method| calibrated || !method.needs_inputs()).map(Choice::method));
                let x = if self == Self::Pareto { Some(Quantity::Bytes) } else { None };
                let view = View { x, y: error, log_x: false };
                sweep("density", densities.map(total).to_vec(), series, view)
            }
        }
    }
}

fn total(density: f64) -> Choice {
    Choice::settings(&percent(density), Some(density), json!({ "density": density }))
}

/// Powers of two from 64 to 1024, and the largest square of each layer up to there; a smaller layer is left out of
/// larger sizes.
fn sizes(subjects: &[Subject]) -> Vec<Choice> {
    const MOST: usize = 1024;
    let sides = subjects.iter().map(|subject| subject.layer.weight.rows().min(subject.layer.weight.cols()).min(MOST));
    let mut sizes: Vec<usize> = sides.filter(|&side| side > 0).collect();
    let most = sizes.iter().copied().max().unwrap_or(0);
    sizes.extend((6..=10).map(|power| 1 << power).filter(|&size| size < most));
    sizes.sort_unstable();
    sizes.dedup();
    sizes.into_iter().map(Choice::size).collect()
}

/// The paper's ablations by their names; each changes one thing of the base.
fn ablations(base: &Settings) -> Vec<Choice> {
    let (outer, inner) = (base.outer, base.inner);
    let name = format!("{outer}×{inner}");
    let other = format!("{}×{}", (outer / 2).max(1), 2 * inner);
    vec![
        Choice::settings(&name, None, json!({})),
        Choice::settings(&other, None, json!({ "outer": (outer / 2).max(1), "inner": 2 * inner })),
        Choice::settings("no annealing", None, json!({ "schedule": "none" })),
        Choice::settings("no warm start", None, json!({ "warm_start": false })),
    ]
}
