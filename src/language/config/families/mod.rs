//! What each family computes: its fields of `config.json`, with the defaults of transformers.

mod centred;
mod common;
mod gemma;
mod learned;
mod llama;
mod qwen;

use crate::language::Error;
use crate::language::config::description::Config;
use crate::language::config::fields::{Fields, bad};
use crate::language::config::rope::Scaling;
use serde_json::Value;

type Reader = fn(&Fields, &str) -> Result<Config, Error>;

/// Architecture, `model_type`, and what reads the fields.
const FAMILIES: [(&str, &str, Reader); 20] = [
    ("LlamaForCausalLM", "llama", llama::llama),
    ("MistralForCausalLM", "mistral", llama::mistral),
    ("MixtralForCausalLM", "mixtral", llama::mixtral),
    ("Qwen2ForCausalLM", "qwen2", qwen::qwen2),
    ("Qwen3ForCausalLM", "qwen3", qwen::qwen3),
    ("Qwen3MoeForCausalLM", "qwen3_moe", qwen::qwen3_moe),
    ("GemmaForCausalLM", "gemma", gemma::gemma),
    ("Gemma2ForCausalLM", "gemma2", gemma::gemma2),
    ("Gemma3ForCausalLM", "gemma3_text", gemma::gemma3),
    ("Gemma3ForConditionalGeneration", "gemma3", gemma::gemma3),
    ("PhiForCausalLM", "phi", centred::phi),
    ("Phi3ForCausalLM", "phi3", llama::phi3),
    ("Olmo2ForCausalLM", "olmo2", llama::olmo2),
    ("GraniteForCausalLM", "granite", llama::granite),
    ("SmolLM3ForCausalLM", "smollm3", llama::smollm3),
    ("StableLmForCausalLM", "stablelm", centred::stablelm),
    ("CohereForCausalLM", "cohere", centred::cohere),
    ("OPTForCausalLM", "opt", learned::opt),
    ("GPT2LMHeadModel", "gpt2", learned::gpt2),
    ("GPTNeoXForCausalLM", "gpt_neox", centred::gpt_neox),
];

/// Names of the supported architectures, as transformers calls them.
pub const ARCHITECTURES: [&str; FAMILIES.len()] = {
    let mut names = [""; FAMILIES.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = FAMILIES[at].0;
        at += 1;
    }
    names
};

/// Reads a `config.json`. The architecture is looked at before any other field.
pub fn read(bytes: &[u8]) -> Result<Config, Error> {
    let json: Value = serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()))?;
    let Value::Object(object) = &json else { return Err(bad("it is not an object".into())) };
    let fields = Fields::new(object, "");
    let named = fields.texts("architectures")?.and_then(|names| names.first().copied());
    let kind = fields.text("model_type")?;
    let family = match (named, kind) {
        (Some(named), _) => FAMILIES.iter().find(|family| family.0 == named),
        (None, Some(kind)) => FAMILIES.iter().find(|family| family.1 == kind),
        (None, None) => {
            return Err(bad("it names no architecture: neither architectures nor model_type is there".into()));
        }
    };
    let Some((architecture, _, reader)) = family else {
        let architecture = named.or(kind).unwrap_or_default().to_owned();
        return Err(Error::Architecture { architecture, known: ARCHITECTURES.join(", ") });
    };
    let text = fields.object("text_config")?;
    let inner = text.unwrap_or(fields);
    if [fields, inner].iter().any(|fields| fields.get("quantization_config").is_some()) {
        return Err(Error::Quantized);
    }
    let mut config = reader(&inner, architecture)?;
    if text.is_some() {
        // What is said beside the text model's part counts for all of it.
        config.tied = fields.flag("tie_word_embeddings")?.unwrap_or(config.tied);
        config.bos = fields.tokens("bos_token_id")?.first().copied().or(config.bos);
        let eos = fields.tokens("eos_token_id")?;
        config.eos = if eos.is_empty() { config.eos } else { eos };
    }
    check(&config)?;
    Ok(config)
}

/// What no later step could make sense of.
fn check(config: &Config) -> Result<(), Error> {
    let Config { heads, kv_heads, head_dim, .. } = *config;
    if config.vocabulary == 0 {
        return Err(bad("vocab_size is missing".into()));
    }
    if !heads.is_multiple_of(kv_heads) {
        return Err(bad(format!("{heads} heads of queries cannot share {kv_heads} of keys and values")));
    }
    if let Some(rotary) = &config.rotary {
        if rotary.width == 0 || rotary.width > head_dim || !rotary.width.is_multiple_of(2) {
            let width = rotary.width;
            return Err(bad(format!("{width} entries of a head of {head_dim} cannot be rotated in pairs")));
        }
        for rope in &rotary.ropes {
            if let Scaling::LongRope { short, long, .. } = &rope.scaling
                && (short.len() != rotary.width / 2 || long.len() != rotary.width / 2)
            {
                let (short, long, wanted) = (short.len(), long.len(), rotary.width / 2);
                return Err(bad(format!("short_factor has {short} numbers and long_factor {long}, not {wanted}")));
            }
        }
    }
    if let Some(experts) = config.experts
        && experts.per_token > experts.count
    {
        return Err(bad(format!("a token cannot use {} of {} experts", experts.per_token, experts.count)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::config::parts::{Activation, Biases};
    use crate::language::config::rope::Rope;
    use serde_json::json;

    /// The built-in model's sizes, with some keys set to something else.
    fn changed(changes: Value) -> Result<Config, Error> {
        let mut config = json!({
            "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 172,
            "num_hidden_layers": 2, "num_attention_heads": 8, "vocab_size": 512,
        });
        for (key, value) in changes.as_object().unwrap() {
            config[key] = value.clone();
        }
        Config::read(config.to_string().as_bytes())
    }

    fn rope_of(config: &Config) -> Rope {
        config.rotary.clone().unwrap().ropes[0].clone()
    }

    #[test]
    fn what_is_not_said_is_as_in_transformers() {
        let config = changed(json!({})).unwrap();
        assert_eq!((config.kv_heads, config.head_dim, config.positions), (8, 8, 2048));
        assert_eq!((config.norm_eps, rope_of(&config)), (1e-6, Rope { theta: 10_000.0, scaling: Scaling::None }));
        assert!(!config.tied && config.biases == Biases::default());
        // transformers 5.24's defaults of other families, null not being absent.
        let of = |architecture: &str, more: Value| {
            let mut all = json!({ "architectures": [architecture] });
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            changed(all).unwrap()
        };
        let mistral = of("MistralForCausalLM", json!({}));
        assert_eq!((mistral.kv_heads, mistral.block_kinds[1].window), (8, Some(4096)));
        let mistral = of("MistralForCausalLM", json!({ "sliding_window": null, "num_key_value_heads": null }));
        assert_eq!((mistral.kv_heads, mistral.block_kinds[1].window), (8, None));
        let phi = of("PhiForCausalLM", json!({}));
        assert_eq!((phi.rotary.unwrap().width, phi.activation), (4, Activation::GeluTanh));
        let cohere = of("CohereForCausalLM", json!({}));
        assert_eq!((cohere.logit_scale, cohere.tied, rope_of(&cohere).theta), (0.0625, true, 500_000.0));
        let gemma = of(
            "Gemma3ForCausalLM",
            json!({ "num_hidden_layers": 7, "head_dim": 8, "rope_scaling": { "rope_type": "linear", "factor": 8.0 } }),
        );
        let windows: Vec<_> = gemma.block_kinds.iter().map(|kind| (kind.window.is_some(), kind.rope)).collect();
        assert_eq!(windows, [[(true, Some(1)); 5].to_vec(), vec![(false, Some(0)), (true, Some(1))]].concat());
        let ropes = gemma.rotary.unwrap().ropes;
        assert_eq!(ropes[0], Rope { theta: 1e6, scaling: Scaling::Linear { factor: 8.0 } });
        assert_eq!(ropes[1], Rope { theta: 1e4, scaling: Scaling::None });
        let smol = of("SmolLM3ForCausalLM", json!({ "num_hidden_layers": 5, "num_key_value_heads": 2 }));
        let ropes: Vec<_> = smol.block_kinds.iter().map(|kind| kind.rope).collect();
        assert_eq!(ropes, [Some(0), Some(0), Some(0), None, Some(0)]);
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
        let config = changed(old).unwrap();
        assert_eq!(config, changed(new).unwrap());
        let scaling = Scaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, original: 8192.0 };
        assert_eq!((rope_of(&config), config.eos), (Rope { theta: 5e5, scaling }, vec![128001, 128009]));
    }

    #[test]
    fn rope_scaling_counts_before_rope_parameters_unless_it_is_empty() {
        let linear = json!({ "rope_type": "linear", "factor": 2.0 });
        let both = |scaling: Value| {
            let config = changed(
                json!({ "rope_scaling": scaling, "rope_parameters": { "rope_theta": 7.0, "rope_type": "default" } }),
            );
            rope_of(&config.unwrap())
        };
        assert_eq!(both(linear), Rope { theta: 10_000.0, scaling: Scaling::Linear { factor: 2.0 } });
        assert_eq!(both(json!({})), Rope { theta: 7.0, scaling: Scaling::None });
        assert_eq!(both(Value::Null), Rope { theta: 7.0, scaling: Scaling::None });
    }

    #[test]
    fn the_architecture_is_looked_at_first_and_may_be_named_by_model_type() {
        let error = |config: Value| Config::read(config.to_string().as_bytes()).unwrap_err().to_string();
        let wrapped = json!({ "architectures": ["Mistral3ForConditionalGeneration"], "text_config": { "model_type": "mistral" } });
        assert!(error(wrapped.clone()).contains("\"Mistral3ForConditionalGeneration\""));
        assert!(error(wrapped).contains("MistralForCausalLM, MixtralForCausalLM"));
        assert!(error(json!({ "hidden_size": "many" })).contains("no architecture"));
        assert_eq!(
            changed(json!({ "architectures": null, "model_type": "gpt_neox" })).unwrap().architecture,
            "GPTNeoXForCausalLM"
        );
        let nested = json!({
            "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "tie_word_embeddings": false,
            "text_config": { "hidden_size": 64, "intermediate_size": 172, "num_hidden_layers": 2, "num_attention_heads": 8, "vocab_size": 512 },
        });
        let config = Config::read(nested.to_string().as_bytes()).unwrap();
        assert_eq!((config.hidden, config.tied), (64, false));
        // As the Hub's are: what is as usual is left out, and how a text ends stands outside.
        let short = json!({
            "architectures": ["Gemma3ForConditionalGeneration"], "eos_token_id": [1, 106],
            "text_config": { "hidden_size": 2560, "intermediate_size": 10_240, "num_hidden_layers": 34, "sliding_window": 1024 },
        });
        let config = Config::read(short.to_string().as_bytes()).unwrap();
        assert_eq!((config.heads, config.kv_heads, config.vocabulary, config.eos), (8, 4, 262_208, vec![1, 106]));
    }

    #[test]
    fn what_is_not_computed_and_what_is_wrong_is_named() {
        let error = |changes| changed(changes).unwrap_err().to_string();
        for (changes, named) in [
            (json!({ "architectures": ["BertForMaskedLM"] }), "BertForMaskedLM"),
            (json!({ "hidden_act": "mish" }), "mish"),
            (json!({ "rope_scaling": { "type": "mrope", "factor": 2.0 } }), "mrope"),
            (json!({ "quantization_config": { "bits": 4 } }), "quantized"),
            (json!({ "num_key_value_heads": 3 }), "cannot share 3"),
            (json!({ "hidden_size": 0 }), "hidden_size is 0"),
            (json!({ "hidden_size": 60 }), "60 cannot be shared by 8"),
            (json!({ "head_dim": 7 }), "7 entries of a head of 7"),
            (json!({ "hidden_size": "many" }), "hidden_size is \"many\", and a number"),
            (json!({ "hidden_size": null }), "hidden_size is missing"),
            (json!({ "rope_theta": "10000" }), "rope_theta is \"10000\""),
            (json!({ "rms_norm_eps": "1e-6" }), "rms_norm_eps"),
            (json!({ "tie_word_embeddings": "yes" }), "tie_word_embeddings is \"yes\", and true or false"),
            (json!({ "rope_scaling": { "rope_type": "linear" } }), "rope_scaling.factor is missing"),
            (json!({ "rope_parameters": { "rope_type": "linear", "factor": true } }), "rope_parameters.factor is true"),
            (json!({ "rope_scaling": 3 }), "rope_scaling is 3, and an object"),
            (json!({ "eos_token_id": "</s>" }), "eos_token_id"),
            (json!({ "rms_norm_eps": -1.0 }), "rms_norm_eps is -1"),
            (json!({ "rms_norm_eps": 1e300 }), "rms_norm_eps"),
            (json!({ "num_hidden_layers": 16_000_000 }), "num_hidden_layers is 16000000"),
            (json!({ "vocab_size": null }), "vocab_size is missing"),
            (
                json!({ "rope_parameters": { "sliding_attention": { "rope_theta": 5.0 } } }),
                "nothing for full_attention",
            ),
            (json!({ "rope_scaling": { "type": "yarn", "factor": 2.0 }, "rope_theta": 1.0 }), "yarn frequencies"),
        ] {
            let message = error(changes);
            assert!(message.contains(named), "{message}, not {named}");
        }
    }
}
