//! Settings in words: their labels, what they are for, and their values.

use crate::Named;
use crate::factorize::{Setting, Settings};

/// Most settings that are named in a line.
const MOST_NAMED: usize = 3;

/// Label and hover text.
#[rustfmt::skip]
pub fn texts(setting: Setting) -> (&'static str, &'static str) {
    match setting {
        Setting::Density => ("Density", "Kept nonzeros of A and B together, as a share of W's entries"),
        Setting::Expansion => (
            "Expansion k/n",
            "The inner dimension k, the columns of A and rows of B, in units of W's smaller side n. A larger k gives a \
             lower error for the same nonzeros, and needs more bits to say where they are",
        ),
        Setting::FactorDensity => ("First factor's density", "Say how many of the nonzeros go to the first factor, as a share of n²"),
        Setting::Split => (
            "Split",
            "How the nonzeros are divided. paper: 16 % of n² to the first factor for a square W, 25 % for others, at most \
             half. balanced: half each, less for the first the longer W is. auto: the best of a few short runs. vision: \
             half of the density of n², at least 16 %, as published for convolutions",
        ),
        Setting::Outer => ("Outer iterations", "Each solves for one factor, then for the other"),
        Setting::Inner => ("Inner iterations", "ADMM iterations of each half-step"),
        Setting::MaskIterations => ("Mask iterations", "Inner iterations that choose the mask anew; the others keep it"),
        Setting::WarmStart => ("Warm start", "Each half-step starts from the last factor and its dual variables, not from nothing"),
        Setting::Schedule => ("ρ₀ schedule", "How the penalty of a half-step's first inner iteration grows to ρ"),
        Setting::Rho0Start => ("ρ₀ at the start", "As a share of ρ"),
        Setting::Rho0End => ("ρ₀ at the end", "As a share of ρ; by itself it follows the density"),
        Setting::Rho => ("ρ", "ADMM penalty, against a Gram matrix of unit diagonal"),
        Setting::Rho1 => ("ρ later", "Penalty of all but the first inner iteration, as a share of ρ; by itself it follows the density"),
        Setting::Ridge => ("Ridge", "Added to the Gram matrix's diagonal, as a share of its mean; at the end of the run"),
        Setting::RidgeStart => ("Ridge falls from", "The ridge of the first outer iteration"),
        Setting::RampFrom => (
            "Budget grows from",
            "The density of the first outer iteration: a budget below its final size leaves the masks free to move",
        ),
        Setting::RampUntil => ("Full budget at", "When all of it may be used, as a share of the run"),
        Setting::Relaxation => ("Relaxation λ", "Over-relaxation of all but the first inner iteration"),
        Setting::Objective => (
            "Objective",
            "What the masks are chosen by. norms: the plain error of W scaled by its inputs' norms, as published. outputs: \
             the error of the layer's outputs, with XᵀX in every half-step. weights: the plain error of W, as published for \
             convolutions",
        ),
        Setting::Power => ("Power at the end", "Power s of XᵀX's eigenvalues in the last iteration; 0 is objective norms, 1 is XᵀX itself"),
        Setting::PowerGrowth => (
            "Power grows with t^",
            "Above 1 the inputs come late in the run, below 1 early; by itself it follows the density",
        ),
        Setting::OutputPower => (
            "Output power",
            "Of a language model: how much more the outputs count that its loss feels more, as a power of the loss's mean \
             squared gradients; 0 weighs all alike",
        ),
        Setting::Start => ("Start", "The factors before the first half-step"),
        Setting::Orientation => (
            "Orientation",
            "Which of W and its transpose is factorized; its rows are the side of the first factor. auto: the better \
             one, as two short runs show it",
        ),
        Setting::FixedMask => ("One mask fixed", "The first factor keeps a mask drawn from the seed, which layers of one shape can share"),
        Setting::Seed => ("Seed", "The same seed gives the same run"),
        Setting::Exact => ("Exact values", "Solve for the values on the final masks exactly, not only by ADMM; with the objective outputs always"),
        Setting::Fallback => (
            "Magnitude pruning if better",
            "Where W is nearly sparse, an identity times its largest entries can beat any product",
        ),
        Setting::Finalize => ("Finalize", "Solve for A's values again on its final mask, so that the layer's outputs come out right"),
        Setting::FinalizeBoth => ("Both factors", "Finalize B too"),
        Setting::Rounds => ("Rounds", "How often the factors are finalized, in turn"),
        Setting::Shrinkage => ("Shrinkage", "How much of its diagonal is added to XᵀX, so that the values do not learn the samples by heart"),
    }
}

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
        Setting::Rho1 => or(settings.rho1.map(trimmed), "by the density"),
        Setting::Ridge => trimmed(settings.ridge),
        Setting::RidgeStart => or(settings.ridge_start.map(trimmed), "constant"),
        Setting::RampFrom => or(settings.ramp_from.map(percent), "whole from the start"),
        Setting::RampUntil => percent(settings.ramp_until),
        Setting::Relaxation => trimmed(settings.relaxation),
        Setting::Objective => settings.objective.name().to_owned(),
        Setting::Power => trimmed(settings.power),
        Setting::PowerGrowth => or(settings.power_growth.map(trimmed), "by the density"),
        Setting::OutputPower => trimmed(settings.output_power),
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

/// What the next run's settings have that the shown run's do not, in words; empty when they are the same.
pub fn differing(shown: &Settings, next: &Settings) -> String {
    let differ = Setting::ALL.iter().filter(|&&setting| value(setting, shown) != value(setting, next));
    let words: Vec<String> =
        differ.map(|&setting| format!("{} {}", texts(setting).0.to_lowercase(), value(setting, next))).collect();
    match words.len() {
        0 => String::new(),
        count if count <= MOST_NAMED => words.join(", "),
        count => format!("{} and {} more", words[..MOST_NAMED].join(", "), count - MOST_NAMED),
    }
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

    #[test]
    fn only_what_differs_is_named() {
        let shown = Settings::default();
        assert_eq!(differing(&shown, &shown), "");
        let next = Settings { density: 0.3, seed: 7, ..shown.clone() };
        assert_eq!(differing(&shown, &next), "density 30 %, seed 7");
        let many = Settings { outer: 3, inner: 4, ..next };
        assert_eq!(differing(&shown, &many), "density 30 %, outer iterations 3, inner iterations 4 and 1 more");
    }
}
