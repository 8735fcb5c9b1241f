//! Constants of rotary positions, in the spelling of any version of transformers.

use super::fields::{Fields, bad};
use crate::language::Error;
use serde::{Deserialize, Serialize};

/// Frequencies of the rotary positions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rope {
    /// Base θ: frequency j of d/2 is θ^(−2j/d).
    pub theta: f64,
    /// Scaling of the frequencies for longer texts.
    pub scaling: Scaling,
}

/// Scaling of rotary frequencies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Scaling {
    /// Frequencies as given by θ.
    None,
    /// All frequencies divided by a factor.
    Linear {
        /// Divisor of the frequencies.
        factor: f64,
    },
    /// A base that grows with the text, beyond the longest of training.
    Dynamic {
        /// Growth of the base.
        factor: f64,
        /// Longest text of training, in tokens.
        original: f64,
    },
    /// YaRN (arXiv 2309.00071): waves longer than those that fit into the training's texts are stretched, shorter ones are
    /// kept, those between blended.
    Yarn {
        /// Divisor of the frequencies of long waves.
        factor: f64,
        /// Turns in a text of training above which a wave is kept.
        fast: f64,
        /// Turns below which it is stretched.
        slow: f64,
        /// Context length of the first training, in tokens.
        original: f64,
        /// Whether the range between is rounded to whole frequencies.
        truncate: bool,
        /// Factor of the rotated queries and keys.
        attention: f64,
    },
    /// LongRoPE (arXiv 2402.13753): a divisor for each frequency, of two lists by the length of the text.
    LongRope {
        /// Divisors for texts as long as in training.
        short: Vec<f64>,
        /// Divisors for longer ones.
        long: Vec<f64>,
        /// Context length of the first training, in tokens.
        original: f64,
        /// Factor of the rotated queries and keys.
        attention: f64,
    },
    /// Llama 3's scaling: long waves divided by a factor, short ones kept, those between blended.
    Llama3 {
        /// Divisor of the frequencies of long waves.
        factor: f64,
        /// Waves longer than `original / low` are long.
        low: f64,
        /// Waves shorter than `original / high` are short.
        high: f64,
        /// Context length of the first training, in tokens.
        original: f64,
    },
}

/// What a family has where `config.json` is silent.
pub struct RopeDefaults {
    pub theta: f64,
    /// Share of a head that is rotated.
    pub partial: f64,
    /// Other names of the base and of the share.
    pub theta_key: &'static str,
    pub partial_key: &'static str,
}

impl Default for RopeDefaults {
    fn default() -> Self {
        Self { theta: 10_000.0, partial: 1.0, theta_key: "rope_theta", partial_key: "partial_rotary_factor" }
    }
}

/// Frequencies by the type of a block's attention, and the share of a head that is rotated.
pub struct Ropes {
    /// Type and frequencies; one without a type is for all.
    pub by_type: Vec<(Option<&'static str>, Rope)>,
    pub partial: f64,
}

/// Types of attention for which frequencies may differ.
pub const TYPES: [&str; 2] = ["full_attention", "sliding_attention"];

/// Reads them: `rope_scaling` counts before `rope_parameters` unless it is empty, and each before a field of the same name
/// beside it.
pub fn read(fields: &Fields, defaults: &RopeDefaults, positions: usize) -> Result<Ropes, Error> {
    let scaling = fields.object("rope_scaling")?.filter(|scaling| !scaling.is_empty());
    let parameters = scaling.or(fields.object("rope_parameters")?);
    let theta = fields.positive(defaults.theta_key)?.unwrap_or(defaults.theta);
    let partial = fields.number(defaults.partial_key)?.unwrap_or(defaults.partial);
    let original = fields.positive("original_max_position_embeddings")?;
    let Some(parameters) = parameters else {
        return Ok(Ropes { by_type: vec![(None, Rope { theta, scaling: Scaling::None })], partial });
    };
    let nested: Vec<&'static str> = TYPES.into_iter().filter(|kind| parameters.get(kind).is_some()).collect();
    if nested.is_empty() {
        let partial = parameters.number("partial_rotary_factor")?.unwrap_or(partial);
        return Ok(Ropes { by_type: vec![(None, rope(&parameters, theta, original, positions)?)], partial });
    }
    let mut by_type = Vec::new();
    for kind in nested {
        let Some(own) = parameters.object(kind)? else { continue };
        by_type.push((Some(kind), rope(&own, theta, original, positions)?));
    }
    Ok(Ropes { by_type, partial })
}

/// Frequencies of one object; `theta` and `original` are those of the fields beside it.
pub fn rope(fields: &Fields, theta: f64, original: Option<f64>, positions: usize) -> Result<Rope, Error> {
    let theta = fields.positive("rope_theta")?.unwrap_or(theta);
    let kind = fields.text("rope_type")?.or(fields.text("type")?).unwrap_or("default");
    let factor = || fields.needed_positive("factor");
    let longest = positions as f64;
    // Phi 3 has the field beside the object, and then it counts.
    let original = || -> Result<f64, Error> {
        let inside = fields.positive("original_max_position_embeddings")?;
        Ok(original.or(inside).unwrap_or(longest))
    };
    let attention = || fields.positive("attention_factor");
    let scaling = match kind {
        "default" => Scaling::None,
        "linear" => Scaling::Linear { factor: factor()? },
        "dynamic" => Scaling::Dynamic { factor: factor()?, original: longest },
        // Phi 3's first names of it.
        "longrope" | "su" | "yarn" if kind != "yarn" || fields.get("short_factor").is_some() => {
            let original = original()?;
            let list = |key: &str| -> Result<Vec<f64>, Error> {
                let list = fields.numbers(key)?.filter(|list| list.iter().all(|&x| x.is_finite() && x > 0.0));
                list.ok_or_else(|| bad(format!("longrope needs {key}, a list of numbers above 0")))
            };
            let factor = fields.positive("factor")?.unwrap_or(longest / original);
            let inferred = if factor <= 1.0 { 1.0 } else { (1.0 + factor.ln() / original.ln()).sqrt() };
            let attention = attention()?.unwrap_or(inferred);
            Scaling::LongRope { short: list("short_factor")?, long: list("long_factor")?, original, attention }
        }
        "yarn" => {
            let original = original()?;
            let factor = fields.positive("factor")?.unwrap_or(longest / original);
            let grown = |scale: f64| if factor <= 1.0 { 1.0 } else { 0.1 * scale * factor.ln() + 1.0 };
            let scales = (fields.positive("mscale")?, fields.positive("mscale_all_dim")?);
            let inferred = match scales {
                (Some(scale), Some(all)) => grown(scale) / grown(all),
                _ => grown(1.0),
            };
            Scaling::Yarn {
                factor,
                fast: fields.positive("beta_fast")?.unwrap_or(32.0),
                slow: fields.positive("beta_slow")?.unwrap_or(1.0),
                original,
                truncate: fields.flag("truncate")?.unwrap_or(true),
                attention: attention()?.unwrap_or(inferred),
            }
        }
        "llama3" => {
            let (low, high) = (fields.needed_positive("low_freq_factor")?, fields.needed_positive("high_freq_factor")?);
            if high <= low {
                return Err(bad(format!("high_freq_factor {high} is not above low_freq_factor {low}")));
            }
            Scaling::Llama3 { factor: factor()?, low, high, original: original()? }
        }
        other => return Err(Error::Unsupported { what: format!("rotary positions of type {other:?}") }),
    };
    let attention = match &scaling {
        Scaling::Yarn { attention, .. } | Scaling::LongRope { attention, .. } => *attention,
        _ => 1.0,
    };
    let turns = if let Scaling::Yarn { .. } = &scaling { theta.ln() } else { 1.0 };
    if !(attention as f32).is_normal() || !turns.is_normal() {
        return Err(bad(format!("{kind} frequencies cannot be made of these numbers")));
    }
    Ok(Rope { theta, scaling })
}
