//! `config.json` of the Llama family: sizes and constants.

use super::Error;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Supported architectures; Mistral's is Llama's where no window slides.
const ARCHITECTURES: [&str; 2] = ["LlamaForCausalLM", "MistralForCausalLM"];

/// Sizes and constants of a Llama-family model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Width of the residual stream.
    pub hidden: usize,
    /// Inner width of the feed-forward part.
    pub feed_forward: usize,
    /// Number of transformer blocks.
    pub blocks: usize,
    /// Heads of the queries.
    pub heads: usize,
    /// Heads of keys and values, each shared by `heads / kv_heads` heads of queries (grouped-query attention).
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Number of tokens in the vocabulary.
    pub vocabulary: usize,
    /// Longest text the model was trained for, in tokens.
    pub positions: usize,
    /// Number of earlier tokens that attention sees, if not all; longer texts are not supported.
    pub sliding_window: Option<usize>,
    /// Constant ε that norms add to the mean square.
    pub norm_eps: f32,
    /// Frequencies of the rotary position embedding.
    pub rope: Rope,
    /// Whether the embedding is also the output layer.
    pub tied: bool,
    /// Whether the attention's linear layers have biases.
    pub attention_bias: bool,
    /// Whether the feed-forward's linear layers have biases.
    pub mlp_bias: bool,
    /// Token before a text.
    pub bos: Option<u32>,
    /// Tokens that end a text.
    pub eos: Vec<u32>,
}

/// Frequencies of the rotary position embedding.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rope {
    /// Base θ: frequency j of d/2 is θ^(−2j/d).
    pub theta: f64,
    /// Scaling of the frequencies for longer texts.
    pub scaling: Scaling,
}

/// Scaling of rotary frequencies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Scaling {
    /// Frequencies as given by θ.
    None,
    /// All frequencies divided by a factor.
    Linear {
        /// Divisor of the frequencies.
        factor: f64,
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

impl Config {
    /// Parses a `config.json`; fails with the name of a feature that is not supported.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let json: Json = serde_json::from_slice(bytes).map_err(|error| Error::Config { problem: error.to_string() })?;
        let bad = |problem: String| Error::Config { problem };
        let unsupported = |what: String| Error::Unsupported { what };

        let architecture = json.architectures.first().cloned().or(json.model_type.clone()).unwrap_or_default();
        let known = ARCHITECTURES.contains(&architecture.as_str()) || architecture == "llama";
        if !known {
            return Err(Error::Architecture { architecture, known: ARCHITECTURES.join(" and ") });
        }
        if json.hidden_act != "silu" {
            return Err(unsupported(format!("the activation {:?} (only silu is)", json.hidden_act)));
        }
        if json.quantization_config.is_some() {
            return Err(Error::Quantized);
        }
        let sizes = [
            ("hidden_size", json.hidden_size),
            ("intermediate_size", json.intermediate_size),
            ("num_hidden_layers", json.num_hidden_layers),
            ("num_attention_heads", json.num_attention_heads),
            ("vocab_size", json.vocab_size),
        ];
        /// Larger than any model, and small enough that a product of two does not overflow.
        const SIZE_LIMIT: usize = 1 << 24;
        if let Some((name, size)) = sizes.into_iter().find(|&(_, size)| size == 0 || size > SIZE_LIMIT) {
            return Err(bad(format!("{name} is {size}")));
        }
        let heads = json.num_attention_heads;
        let kv_heads = json.num_key_value_heads.unwrap_or(heads);
        if kv_heads == 0 || !heads.is_multiple_of(kv_heads) {
            return Err(bad(format!("{heads} heads of queries cannot share {kv_heads} of keys and values")));
        }
        let head_dim = match json.head_dim {
            Some(width) => width,
            None if json.hidden_size.is_multiple_of(heads) => json.hidden_size / heads,
            None => return Err(bad(format!("a width of {} cannot be shared by {heads} heads", json.hidden_size))),
        };
        if head_dim == 0 || head_dim > SIZE_LIMIT || !head_dim.is_multiple_of(2) {
            return Err(bad(format!("head_dim is {head_dim}, and positions need an even number")));
        }
        let rope = rope(&json)?;
        Ok(Self {
            hidden: json.hidden_size,
            feed_forward: json.intermediate_size,
            blocks: json.num_hidden_layers,
            heads,
            kv_heads,
            head_dim,
            vocabulary: json.vocab_size,
            positions: json.max_position_embeddings,
            sliding_window: json.sliding_window,
            norm_eps: json.rms_norm_eps as f32,
            rope,
            tied: json.tie_word_embeddings,
            attention_bias: json.attention_bias,
            mlp_bias: json.mlp_bias,
            bos: tokens(&json.bos_token_id).first().copied(),
            eos: tokens(&json.eos_token_id),
        })
    }
}

/// Rotary constants in the keys of any version of transformers: in `rope_scaling` or in `rope_parameters`.
fn rope(json: &Json) -> Result<Rope, Error> {
    let bad = |problem: String| Error::Config { problem };
    let parameters = json.rope_parameters.as_ref().or(json.rope_scaling.as_ref());
    let get = |key: &str| parameters.and_then(|parameters| parameters.get(key));
    let theta = get("rope_theta").and_then(Value::as_f64).or(json.rope_theta).unwrap_or(10_000.0);
    let number = |key: &str| {
        let value = get(key).and_then(Value::as_f64).filter(|x| x.is_finite() && *x > 0.0);
        value.ok_or_else(|| bad(format!("rope_scaling has no positive {key}")))
    };
    let kind = get("rope_type").or_else(|| get("type")).and_then(Value::as_str).unwrap_or("default");
    let scaling = match kind {
        "default" => Scaling::None,
        "linear" => Scaling::Linear { factor: number("factor")? },
        "llama3" => Scaling::Llama3 {
            factor: number("factor")?,
            low: number("low_freq_factor")?,
            high: number("high_freq_factor")?,
            original: number("original_max_position_embeddings")?,
        },
        other => return Err(Error::Unsupported { what: format!("rope scaling of type {other:?}") }),
    };
    if !(theta.is_finite() && theta > 0.0) {
        return Err(bad(format!("rope_theta is {theta}")));
    }
    if let Scaling::Llama3 { low, high, .. } = scaling
        && high <= low
    {
        return Err(bad(format!("high_freq_factor {high} is not above low_freq_factor {low}")));
    }
    Ok(Rope { theta, scaling })
}

/// A token, or a list of tokens.
fn tokens(value: &Option<Value>) -> Vec<u32> {
    let token = |value: &Value| value.as_u64().and_then(|token| u32::try_from(token).ok());
    match value {
        Some(Value::Array(list)) => list.iter().filter_map(token).collect(),
        Some(value) => token(value).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The keys of `config.json` in use, with the defaults of transformers' `LlamaConfig`.
#[derive(Deserialize)]
struct Json {
    #[serde(default)]
    architectures: Vec<String>,
    model_type: Option<String>,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    vocab_size: usize,
    #[serde(default = "positions")]
    max_position_embeddings: usize,
    #[serde(default = "eps")]
    rms_norm_eps: f64,
    rope_theta: Option<f64>,
    rope_scaling: Option<Value>,
    rope_parameters: Option<Value>,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
    #[serde(default = "silu")]
    hidden_act: String,
    sliding_window: Option<usize>,
    quantization_config: Option<Value>,
    bos_token_id: Option<Value>,
    eos_token_id: Option<Value>,
}

fn positions() -> usize {
    2048
}

fn eps() -> f64 {
    1e-6
}

fn silu() -> String {
    "silu".into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The built-in model's sizes, with some keys set to something else.
    fn read(changes: Value) -> Result<Config, Error> {
        let mut config = json!({
            "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 172,
            "num_hidden_layers": 2, "num_attention_heads": 8, "vocab_size": 512,
        });
        for (key, value) in changes.as_object().unwrap() {
            config[key] = value.clone();
        }
        Config::read(config.to_string().as_bytes())
    }

    #[test]
    fn what_is_not_said_is_as_in_transformers() {
        let config = read(json!({})).unwrap();
        assert_eq!((config.kv_heads, config.head_dim, config.positions), (8, 8, 2048));
        assert_eq!((config.norm_eps, config.rope), (1e-6, Rope { theta: 10_000.0, scaling: Scaling::None }));
        assert!(!config.tied && !config.attention_bias && !config.mlp_bias);
    }

    #[test]
    fn llama_3_in_both_spellings() {
        let old = json!({
            "rope_theta": 5e5,
            "rope_scaling": { "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                "original_max_position_embeddings": 8192 },
            "eos_token_id": [128001, 128009],
        });
        let new = json!({
            "rope_parameters": { "rope_theta": 5e5, "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 8192 },
            "eos_token_id": [128001, 128009],
        });
        let config = read(old).unwrap();
        assert_eq!(config, read(new).unwrap());
        let scaling = Scaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, original: 8192.0 };
        assert_eq!((config.rope, config.eos), (Rope { theta: 5e5, scaling }, vec![128001, 128009]));
    }

    #[test]
    fn what_is_not_computed_is_named() {
        let error = |changes| read(changes).unwrap_err().to_string();
        for (changes, named) in [
            (json!({ "architectures": ["GPT2LMHeadModel"] }), "GPT2LMHeadModel"),
            (json!({ "hidden_act": "gelu" }), "gelu"),
            (json!({ "rope_scaling": { "type": "yarn", "factor": 2.0 } }), "yarn"),
            (json!({ "quantization_config": { "bits": 4 } }), "quantized"),
            (json!({ "num_key_value_heads": 3 }), "cannot share 3"),
            (json!({ "hidden_size": 0 }), "hidden_size is 0"),
            (json!({ "hidden_size": 60 }), "60 cannot be shared by 8"),
            (json!({ "head_dim": 7 }), "head_dim is 7"),
            (json!({ "hidden_size": "many" }), "invalid type"),
            (json!({ "rope_scaling": { "rope_type": "linear" } }), "no positive factor"),
        ] {
            let message = error(changes);
            assert!(message.contains(named), "{message}");
        }
    }
}
