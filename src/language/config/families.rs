//! What each family computes: its fields of `config.json`, with the defaults of transformers.

use super::description::Config;
use super::fields::Fields;
use super::parts::{Activation, Biases, BlockKind, BlockOrder, Experts, NormKind, NormSpan, QueryKeyNorm, Rotary};
use super::rope::{self, Rope, RopeDefaults, Scaling};
use crate::language::Error;
use crate::language::names::{Names, Style};
use serde_json::Value;

type Reader = fn(&Fields, &str) -> Result<Config, Error>;

/// Architecture, `model_type`, and what reads the fields.
const FAMILIES: [(&str, &str, Reader); 20] = [
    ("LlamaForCausalLM", "llama", llama),
    ("MistralForCausalLM", "mistral", mistral),
    ("MixtralForCausalLM", "mixtral", mixtral),
    ("Qwen2ForCausalLM", "qwen2", qwen2),
    ("Qwen3ForCausalLM", "qwen3", qwen3),
    ("Qwen3MoeForCausalLM", "qwen3_moe", qwen3_moe),
    ("GemmaForCausalLM", "gemma", gemma),
    ("Gemma2ForCausalLM", "gemma2", gemma2),
    ("Gemma3ForCausalLM", "gemma3_text", gemma3),
    ("Gemma3ForConditionalGeneration", "gemma3", gemma3),
    ("PhiForCausalLM", "phi", phi),
    ("Phi3ForCausalLM", "phi3", phi3),
    ("Olmo2ForCausalLM", "olmo2", olmo2),
    ("GraniteForCausalLM", "granite", granite),
    ("SmolLM3ForCausalLM", "smollm3", smollm3),
    ("StableLmForCausalLM", "stablelm", stablelm),
    ("CohereForCausalLM", "cohere", cohere),
    ("OPTForCausalLM", "opt", opt),
    ("GPT2LMHeadModel", "gpt2", gpt2),
    ("GPTNeoXForCausalLM", "gpt_neox", gpt_neox),
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

fn bad(problem: String) -> Error {
    Error::Config { problem }
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

/// Names and defaults in which families with Llama's fields differ.
struct Defaults {
    style: Style,
    norm: NormKind,
    eps_key: &'static str,
    eps: f64,
    positions: usize,
    /// Heads of the queries, where configurations leave them out.
    heads: Option<usize>,
    /// Heads of keys and values where the field is absent, not null.
    kv_heads: Option<usize>,
    head_dim: Option<usize>,
    vocabulary: Option<usize>,
    tied: bool,
    rope: RopeDefaults,
    activation_key: &'static str,
    activation: Activation,
    gated: bool,
    bos: Option<u32>,
    eos: Option<u32>,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            style: Style::Llama,
            norm: NormKind::Rms,
            eps_key: "rms_norm_eps",
            eps: 1e-6,
            positions: 2048,
            heads: None,
            kv_heads: None,
            head_dim: None,
            vocabulary: None,
            tied: false,
            rope: RopeDefaults::default(),
            activation_key: "hidden_act",
            activation: Activation::Silu,
            gated: true,
            bos: None,
            eos: None,
        }
    }
}

/// A model with Llama's fields: norms before each part, rotary positions, no biases.
fn common(fields: &Fields, architecture: &str, defaults: Defaults) -> Result<Config, Error> {
    let hidden = fields.needed_size("hidden_size")?;
    let heads = match defaults.heads {
        Some(default) => fields.count_of_parts("num_attention_heads")?.unwrap_or(default),
        None => fields.needed_parts("num_attention_heads")?,
    };
    let kv_heads = match fields.count_of_parts("num_key_value_heads")? {
        Some(heads) => heads,
        None if fields.mentions("num_key_value_heads") => heads,
        None => defaults.kv_heads.unwrap_or(heads),
    };
    let head_dim = match fields.size("head_dim")?.or(defaults.head_dim) {
        Some(width) => width,
        None => shared(hidden, heads)?,
    };
    let positions = fields.size("max_position_embeddings")?.unwrap_or(defaults.positions);
    let ropes = rope::read(fields, &defaults.rope, positions)?;
    let blocks = fields.needed_parts("num_hidden_layers")?;
    let rotary = Rotary {
        width: (head_dim as f64 * ropes.partial) as usize,
        interleaved: false,
        ropes: ropes.by_type.iter().map(|(_, rope)| rope.clone()).collect(),
    };
    let sizes = Sizes { blocks, hidden, heads, head_dim, feed_forward: fields.needed_size("intermediate_size")? };
    let mut config = Config {
        kv_heads,
        positions,
        norm: defaults.norm,
        norm_eps: fields.not_negative(defaults.eps_key)?.unwrap_or(defaults.eps) as f32,
        rotary: Some(rotary),
        gated: defaults.gated,
        activation: activation(fields, defaults.activation_key, defaults.activation)?,
        ..plain(fields, architecture, defaults.style, sizes, (defaults.tied, defaults.bos, defaults.eos))?
    };
    if let Some(vocabulary) = defaults.vocabulary.filter(|_| fields.get("vocab_size").is_none()) {
        config.vocabulary = vocabulary;
    }
    // Frequencies by the type of a block's attention.
    let types = layer_types(fields, blocks)?;
    for (block, kind) in config.block_kinds.iter_mut().enumerate() {
        let wanted = types.as_ref().map_or(rope::TYPES[0], |types| types[block]);
        let found = ropes.by_type.iter().position(|(of, _)| of.is_none_or(|of| of == wanted));
        kind.rope = Some(found.ok_or_else(|| bad(format!("rope_parameters has nothing for {wanted}")))?);
    }
    Ok(config)
}

/// Sizes of a model.
struct Sizes {
    blocks: usize,
    hidden: usize,
    heads: usize,
    head_dim: usize,
    feed_forward: usize,
}

/// A model of these sizes with norms before each part and nothing that only some families have. `defaults` are whether the
/// embedding is the output layer, and the tokens before and after a text.
fn plain(
    fields: &Fields,
    architecture: &str,
    style: Style,
    sizes: Sizes,
    defaults: (bool, Option<u32>, Option<u32>),
) -> Result<Config, Error> {
    let Sizes { blocks, hidden, heads, head_dim, feed_forward } = sizes;
    let token = |key: &str, default: Option<u32>| -> Result<Vec<u32>, Error> {
        Ok(if fields.mentions(key) { fields.tokens(key)? } else { default.into_iter().collect() })
    };
    let score_scale = (head_dim as f32).sqrt().recip();
    Ok(Config {
        architecture: architecture.to_owned(),
        names: Names::new(style),
        hidden,
        feed_forward,
        blocks,
        heads,
        kv_heads: heads,
        head_dim,
        vocabulary: fields.size("vocab_size")?.unwrap_or(0),
        positions: 2048,
        norm: NormKind::Rms,
        norm_eps: 1e-6,
        order: BlockOrder::NormBefore,
        query_key_norm: None,
        rotary: None,
        learned_positions: None,
        block_kinds: vec![BlockKind { window: None, rope: None, score_scale, has_experts: false }; blocks],
        score_cap: None,
        gated: true,
        activation: Activation::Silu,
        experts: None,
        biases: Biases::default(),
        embedding_width: hidden,
        embedding_scale: 1.0,
        residual_scale: 1.0,
        logit_scale: 1.0,
        logit_cap: None,
        final_norm: true,
        tied: fields.flag("tie_word_embeddings")?.unwrap_or(defaults.0),
        bos: token("bos_token_id", defaults.1)?.first().copied(),
        eos: token("eos_token_id", defaults.2)?,
    })
}

/// Width of a head.
fn shared(hidden: usize, heads: usize) -> Result<usize, Error> {
    match hidden.is_multiple_of(heads) {
        true => Ok(hidden / heads),
        false => Err(bad(format!("a width of {hidden} cannot be shared by {heads} heads"))),
    }
}

fn activation(fields: &Fields, key: &str, default: Activation) -> Result<Activation, Error> {
    Ok(match fields.text(key)? {
        None => default,
        Some("silu" | "swish") => Activation::Silu,
        Some("gelu") => Activation::Gelu,
        Some("gelu_new" | "gelu_fast" | "gelu_pytorch_tanh") => Activation::GeluTanh,
        Some("quick_gelu") => Activation::QuickGelu,
        Some("relu") => Activation::Relu,
        Some("relu2") => Activation::ReluSquared,
        Some(other) => return Err(Error::Unsupported { what: format!("the activation {other:?}") }),
    })
}

/// The type of each block's attention, where the file says it.
fn layer_types<'a>(fields: &Fields<'a>, blocks: usize) -> Result<Option<Vec<&'a str>>, Error> {
    let Some(types) = fields.texts("layer_types")? else { return Ok(None) };
    if types.len() < blocks {
        return Err(bad(format!("layer_types has {} entries for {blocks} blocks", types.len())));
    }
    if let Some(other) = types.iter().find(|kind| !rope::TYPES.contains(kind)) {
        return Err(Error::Unsupported { what: format!("a layer of type {other:?}") });
    }
    Ok(Some(types))
}

/// Gives the blocks whose attention slides their window: by `layer_types` if it is there, else by `slides`.
fn slide(
    config: &mut Config,
    fields: &Fields,
    window: Option<usize>,
    slides: impl Fn(usize) -> bool,
) -> Result<(), Error> {
    let types = layer_types(fields, config.blocks)?;
    for (block, kind) in config.block_kinds.iter_mut().enumerate() {
        let slides = types.as_ref().map_or_else(|| slides(block), |types| types[block] == "sliding_attention");
        kind.window = window.filter(|_| slides);
    }
    Ok(())
}

fn llama(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let defaults = Defaults { bos: Some(1), eos: Some(2), ..Defaults::default() };
    let mut config = common(fields, architecture, defaults)?;
    config.biases = llama_biases(fields)?;
    Ok(config)
}

fn llama_biases(fields: &Fields) -> Result<Biases, Error> {
    let attention = fields.flag("attention_bias")?.unwrap_or(false);
    let feed_forward = fields.flag("mlp_bias")?.unwrap_or(false);
    Ok(Biases { attention, attention_output: attention, feed_forward, head: false })
}

fn mistral(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let defaults =
        Defaults { positions: 131_072, kv_heads: Some(8), bos: Some(1), eos: Some(2), ..Defaults::default() };
    let mut config = common(fields, architecture, defaults)?;
    slide_everywhere(&mut config, window(fields, Some(4096))?);
    Ok(config)
}

/// Every block's attention slides its window; `layer_types` does not count in such families.
fn slide_everywhere(config: &mut Config, window: Option<usize>) {
    config.block_kinds.iter_mut().for_each(|kind| kind.window = window);
}

/// The field `sliding_window`; null is none, absent is `default`.
fn window(fields: &Fields, default: Option<usize>) -> Result<Option<usize>, Error> {
    let window = fields.size("sliding_window")?;
    Ok(if fields.mentions("sliding_window") { window } else { default })
}

fn mixtral(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let defaults = Defaults {
        style: Style::Mixtral,
        eps: 1e-5,
        positions: 131_072,
        kv_heads: Some(8),
        rope: RopeDefaults { theta: 1e6, ..RopeDefaults::default() },
        bos: Some(1),
        eos: Some(2),
        ..Defaults::default()
    };
    let mut config = common(fields, architecture, defaults)?;
    slide_everywhere(&mut config, window(fields, None)?);
    config.experts = Some(Experts {
        count: fields.count_of_parts("num_local_experts")?.or(fields.count_of_parts("num_experts")?).unwrap_or(8),
        per_token: fields.size("num_experts_per_tok")?.unwrap_or(2),
        feed_forward: config.feed_forward,
        normalized: true,
    });
    config.block_kinds.iter_mut().for_each(|kind| kind.has_experts = true);
    Ok(config)
}

fn qwen2(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let defaults = Defaults { positions: 32_768, kv_heads: Some(32), ..Defaults::default() };
    let mut config = common(fields, architecture, defaults)?;
    config.biases.attention = true;
    qwen_window(&mut config, fields)?;
    Ok(config)
}

/// Qwen's windows: only if they are switched on, and from some block on.
fn qwen_window(config: &mut Config, fields: &Fields) -> Result<(), Error> {
    let slides = fields.flag("use_sliding_window")?.unwrap_or(false);
    let window = window(fields, Some(4096))?.filter(|_| slides);
    let from = fields.count("max_window_layers")?.unwrap_or(28);
    slide(config, fields, window, |block| block >= from)
}

const NORM_OF_HEADS: QueryKeyNorm = QueryKeyNorm { kind: NormKind::Rms, span: NormSpan::Head };

fn qwen3(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let head_dim = (!fields.mentions("head_dim")).then_some(128);
    let defaults = Defaults { positions: 32_768, kv_heads: Some(32), head_dim, ..Defaults::default() };
    let mut config = common(fields, architecture, defaults)?;
    config.biases = Biases { feed_forward: false, ..llama_biases(fields)? };
    config.query_key_norm = Some(NORM_OF_HEADS);
    qwen_window(&mut config, fields)?;
    Ok(config)
}

fn qwen3_moe(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let defaults = Defaults { positions: 32_768, kv_heads: Some(4), ..Defaults::default() };
    let mut config = common(fields, architecture, defaults)?;
    config.biases = Biases { feed_forward: false, ..llama_biases(fields)? };
    config.query_key_norm = Some(NORM_OF_HEADS);
    let slides = fields.flag("use_sliding_window")?.unwrap_or(false);
    slide_everywhere(&mut config, window(fields, Some(4096))?.filter(|_| slides));
    config.experts = Some(Experts {
        count: fields.count_of_parts("num_experts")?.or(fields.count_of_parts("num_local_experts")?).unwrap_or(128),
        per_token: fields.size("num_experts_per_tok")?.unwrap_or(8),
        feed_forward: fields.size("moe_intermediate_size")?.unwrap_or(768),
        normalized: fields.flag("norm_topk_prob")?.unwrap_or(false),
    });
    let dense = fields.numbers("mlp_only_layers")?.unwrap_or_default();
    let dense: std::collections::HashSet<u64> = dense.into_iter().map(|block| block as u64).collect();
    let step = fields.size("decoder_sparse_step")?.unwrap_or(1);
    for (block, kind) in config.block_kinds.iter_mut().enumerate() {
        kind.has_experts = !dense.contains(&(block as u64)) && (block + 1).is_multiple_of(step);
    }
    Ok(config)
}

/// What Gemma's versions share: norms by one plus the weight, an embedding scaled by the root of its width.
fn any_gemma(fields: &Fields, architecture: &str, defaults: Defaults) -> Result<Config, Error> {
    let head_dim = (!fields.mentions("head_dim")).then_some(256);
    let defaults = Defaults {
        norm: NormKind::RmsFromOne,
        activation: Activation::GeluTanh,
        head_dim,
        tied: true,
        bos: Some(2),
        eos: Some(1),
        ..defaults
    };
    let mut config = common(fields, architecture, defaults)?;
    let attention = fields.flag("attention_bias")?.unwrap_or(false);
    config.biases = Biases { attention, attention_output: attention, ..Biases::default() };
    config.embedding_scale = (config.hidden as f32).sqrt();
    if fields.flag("use_bidirectional_attention")?.unwrap_or(false) {
        return Err(Error::Unsupported { what: "attention to later tokens (use_bidirectional_attention)".into() });
    }
    Ok(config)
}

fn gemma(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let defaults = Defaults { positions: 8192, kv_heads: Some(16), ..Defaults::default() };
    let mut config = any_gemma(fields, architecture, defaults)?;
    // Its first files say gelu and mean this one.
    if config.activation == Activation::Gelu {
        config.activation = Activation::GeluTanh;
    }
    Ok(config)
}

fn gemma2(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let defaults =
        Defaults { positions: 8192, kv_heads: Some(4), activation_key: "hidden_activation", ..Defaults::default() };
    let mut config = any_gemma(fields, architecture, defaults)?;
    let caps = |key: &str, default: Option<f64>| -> Result<Option<f32>, Error> {
        let cap = fields.positive(key)?;
        Ok(if fields.mentions(key) { cap } else { default }.map(|cap| cap as f32))
    };
    config.score_cap = caps("attn_logit_softcapping", Some(50.0))?;
    config.logit_cap = caps("final_logit_softcapping", Some(30.0))?;
    around(&mut config, fields)?;
    let window = window(fields, Some(4096))?;
    slide(&mut config, fields, window, |block| block.is_multiple_of(2))?;
    Ok(config)
}

/// Norms around both parts, and queries scaled by a constant.
fn around(config: &mut Config, fields: &Fields) -> Result<(), Error> {
    config.order = BlockOrder::NormAround;
    let scale = fields.positive("query_pre_attn_scalar")?.unwrap_or(256.0).sqrt().recip() as f32;
    config.block_kinds.iter_mut().for_each(|kind| kind.score_scale = scale);
    Ok(())
}

fn gemma3(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let defaults = Defaults {
        positions: 131_072,
        heads: Some(8),
        kv_heads: Some(4),
        vocabulary: Some(262_208),
        rope: RopeDefaults { theta: 1e6, ..RopeDefaults::default() },
        activation_key: "hidden_activation",
        ..Defaults::default()
    };
    let mut config = any_gemma(fields, architecture, defaults)?;
    config.score_cap = fields.positive("attn_logit_softcapping")?.map(|cap| cap as f32);
    config.logit_cap = fields.positive("final_logit_softcapping")?.map(|cap| cap as f32);
    config.query_key_norm = Some(QueryKeyNorm { kind: NormKind::RmsFromOne, ..NORM_OF_HEADS });
    around(&mut config, fields)?;
    let pattern = match fields.size("sliding_window_pattern")? {
        Some(pattern) => pattern,
        None => fields.size("_sliding_window_pattern")?.unwrap_or(6),
    };
    let window = window(fields, Some(4096))?;
    slide(&mut config, fields, window, |block| !(block + 1).is_multiple_of(pattern))?;
    gemma3_ropes(&mut config, fields)?;
    Ok(config)
}

/// Frequencies of blocks that see all tokens, and of those with a window, which no scaling concerns.
fn gemma3_ropes(config: &mut Config, fields: &Fields) -> Result<(), Error> {
    let theta = fields.positive("rope_theta")?.unwrap_or(1e6);
    let local = fields.positive("rope_local_base_freq")?.unwrap_or(10_000.0);
    let parameters = fields.object("rope_parameters")?;
    let nested = |kind: &'static str, theta: f64| -> Result<Rope, Error> {
        match parameters.map(|parameters| parameters.object(kind)).transpose()?.flatten() {
            Some(own) => rope::rope(&own, theta, None, config.positions),
            None => Ok(Rope { theta, scaling: Scaling::None }),
        }
    };
    let mut full = nested("full_attention", theta)?;
    if let Some(scaling) = fields.object("rope_scaling")?.filter(|scaling| !scaling.is_empty()) {
        full = rope::rope(&scaling, full.theta, None, config.positions)?;
    }
    let ropes = vec![full, nested("sliding_attention", local)?];
    let slides: Vec<bool> = match layer_types(fields, config.blocks)? {
        Some(types) => types.iter().map(|&kind| kind == "sliding_attention").collect(),
        None => config.block_kinds.iter().map(|kind| kind.window.is_some()).collect(),
    };
    for (kind, slides) in config.block_kinds.iter_mut().zip(slides) {
        kind.rope = Some(usize::from(slides));
    }
    if let Some(rotary) = &mut config.rotary {
        rotary.ropes = ropes;
    }
    Ok(())
}

const EVERY_BIAS: Biases = Biases { attention: true, attention_output: true, feed_forward: true, head: false };

fn phi(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let defaults = Defaults {
        style: Style::Phi,
        norm: NormKind::Layer,
        eps_key: "layer_norm_eps",
        eps: 1e-5,
        rope: RopeDefaults { partial: 0.5, ..RopeDefaults::default() },
        activation: Activation::GeluTanh,
        gated: false,
        bos: Some(1),
        eos: Some(2),
        ..Defaults::default()
    };
    let mut config = common(fields, architecture, defaults)?;
    config.order = BlockOrder::Parallel { one_norm: true };
    config.biases = Biases { head: true, ..EVERY_BIAS };
    if fields.flag("qk_layernorm")?.unwrap_or(false) {
        config.query_key_norm = Some(QueryKeyNorm { kind: NormKind::Layer, span: NormSpan::Head });
    }
    Ok(config)
}

fn phi3(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let defaults = Defaults {
        style: Style::Phi3,
        eps: 1e-5,
        positions: 4096,
        bos: Some(1),
        eos: Some(32_000),
        ..Defaults::default()
    };
    let mut config = common(fields, architecture, defaults)?;
    slide_everywhere(&mut config, window(fields, None)?);
    Ok(config)
}

fn olmo2(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let defaults = Defaults { eps: 1e-5, eos: Some(50_279), ..Defaults::default() };
    let mut config = common(fields, architecture, defaults)?;
    config.biases = Biases { feed_forward: false, ..llama_biases(fields)? };
    config.order = BlockOrder::NormOfOutput;
    config.query_key_norm = Some(QueryKeyNorm { kind: NormKind::Rms, span: NormSpan::All });
    Ok(config)
}

fn granite(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let mut config = llama(fields, architecture)?;
    let factor = |key: &str| -> Result<f32, Error> { Ok(fields.number(key)?.unwrap_or(1.0) as f32) };
    config.embedding_scale = factor("embedding_multiplier")?;
    config.residual_scale = factor("residual_multiplier")?;
    config.logit_scale = fields.positive("logits_scaling")?.unwrap_or(1.0).recip() as f32;
    let scale = factor("attention_multiplier")?;
    config.block_kinds.iter_mut().for_each(|kind| kind.score_scale = scale);
    Ok(config)
}

fn smollm3(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let defaults = Defaults {
        positions: 32_768,
        kv_heads: Some(4),
        tied: true,
        rope: RopeDefaults { theta: 2e6, ..RopeDefaults::default() },
        bos: Some(128_000),
        eos: Some(128_001),
        ..Defaults::default()
    };
    let mut config = common(fields, architecture, defaults)?;
    config.biases = llama_biases(fields)?;
    let interval = fields.size("no_rope_layer_interval")?.unwrap_or(4);
    let listed = fields.numbers("no_rope_layers")?;
    if listed.as_ref().is_some_and(|listed| listed.len() < config.blocks) {
        return Err(bad(format!("no_rope_layers has too few entries for {} blocks", config.blocks)));
    }
    // In spite of its name the list says which blocks have positions.
    let rotated = |block: usize| match &listed {
        Some(listed) => listed[block] != 0.0,
        None => !(block + 1).is_multiple_of(interval),
    };
    for (block, kind) in config.block_kinds.iter_mut().enumerate() {
        kind.rope = kind.rope.filter(|_| rotated(block));
    }
    let slides = fields.flag("use_sliding_window")?.unwrap_or(false);
    let window = window(fields, None)?.filter(|_| slides);
    slide(&mut config, fields, window, |block| !rotated(block))?;
    Ok(config)
}

fn stablelm(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let defaults = Defaults {
        norm: NormKind::Layer,
        eps_key: "layer_norm_eps",
        eps: 1e-5,
        positions: 4096,
        kv_heads: Some(32),
        rope: RopeDefaults { partial: 0.25, ..RopeDefaults::default() },
        bos: Some(0),
        eos: Some(0),
        ..Defaults::default()
    };
    let mut config = common(fields, architecture, defaults)?;
    config.biases.attention = fields.flag("use_qkv_bias")?.unwrap_or(false);
    if fields.flag("use_parallel_residual")?.unwrap_or(false) {
        config.order = BlockOrder::Parallel { one_norm: true };
    }
    if fields.flag("qk_layernorm")?.unwrap_or(false) {
        config.query_key_norm = Some(QueryKeyNorm { kind: NormKind::LayerWithoutBias, span: NormSpan::NumberedHead });
    }
    Ok(config)
}

fn cohere(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let defaults = Defaults {
        norm: NormKind::LayerWithoutBias,
        eps_key: "layer_norm_eps",
        eps: 1e-5,
        positions: 8192,
        tied: true,
        rope: RopeDefaults { theta: 500_000.0, ..RopeDefaults::default() },
        bos: Some(5),
        eos: Some(255_001),
        ..Defaults::default()
    };
    let mut config = common(fields, architecture, defaults)?;
    let attention = fields.flag("attention_bias")?.unwrap_or(false);
    config.biases = Biases { attention, attention_output: attention, ..Biases::default() };
    config.order = BlockOrder::Parallel { one_norm: true };
    config.logit_scale = fields.number("logit_scale")?.unwrap_or(0.0625) as f32;
    if let Some(rotary) = &mut config.rotary {
        rotary.interleaved = true;
    }
    if fields.flag("use_qk_norm")?.unwrap_or(false) {
        config.query_key_norm = Some(QueryKeyNorm { kind: NormKind::LayerWithoutBias, span: NormSpan::OwnHead });
    }
    Ok(config)
}

/// A model without rotary positions and gates, with norms that are centred and biases everywhere.
fn learned(fields: &Fields, architecture: &str, style: Style, sizes: Sizes, end: u32) -> Result<Config, Error> {
    Ok(Config {
        norm: NormKind::Layer,
        norm_eps: 1e-5,
        learned_positions: Some(0),
        gated: false,
        biases: EVERY_BIAS,
        ..plain(fields, architecture, style, sizes, (true, Some(end), Some(end)))?
    })
}

fn opt(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let (hidden, heads) = (fields.needed_size("hidden_size")?, fields.needed_parts("num_attention_heads")?);
    let sizes = Sizes {
        blocks: fields.needed_parts("num_hidden_layers")?,
        hidden,
        heads,
        head_dim: shared(hidden, heads)?,
        feed_forward: fields.needed_size("ffn_dim")?,
    };
    let mut config = learned(fields, architecture, Style::Opt, sizes, 2)?;
    config.positions = fields.size("max_position_embeddings")?.unwrap_or(2048);
    // Its first two rows are for padding.
    config.learned_positions = Some(2);
    config.activation = activation(fields, "activation_function", Activation::Relu)?;
    if !fields.flag("enable_bias")?.unwrap_or(true) {
        config.biases = Biases::default();
    }
    if !fields.flag("layer_norm_elementwise_affine")?.unwrap_or(true) {
        return Err(Error::Unsupported { what: "norms without weights (layer_norm_elementwise_affine)".into() });
    }
    if !fields.flag("do_layer_norm_before")?.unwrap_or(true) {
        config.order = BlockOrder::NormAfter;
    }
    config.final_norm =
        config.order == BlockOrder::NormBefore && !fields.flag("_remove_final_layer_norm")?.unwrap_or(false);
    config.embedding_width = fields.size("word_embed_proj_dim")?.unwrap_or(config.hidden);
    Ok(config)
}

fn gpt2(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let size = |own: &str, common: &str| -> Result<usize, Error> {
        match fields.size(own)? {
            Some(size) => Ok(size),
            None if fields.mentions(common) => fields.needed_size(common),
            None => fields.needed_size(own),
        }
    };
    let parts = |own: &str, common: &str| -> Result<usize, Error> {
        fields.needed_parts(if fields.get(own).is_none() && fields.mentions(common) { common } else { own })
    };
    let (hidden, heads) = (size("n_embd", "hidden_size")?, parts("n_head", "num_attention_heads")?);
    let sizes = Sizes {
        blocks: parts("n_layer", "num_hidden_layers")?,
        hidden,
        heads,
        head_dim: shared(hidden, heads)?,
        feed_forward: fields.size("n_inner")?.unwrap_or(4 * hidden),
    };
    let mut config = learned(fields, architecture, Style::Gpt2, sizes, 50_256)?;
    config.positions = match fields.size("n_positions")? {
        Some(positions) => positions,
        None => fields.size("max_position_embeddings")?.or(fields.size("n_ctx")?).unwrap_or(1024),
    };
    config.norm_eps = fields.not_negative("layer_norm_epsilon")?.unwrap_or(1e-5) as f32;
    config.activation = activation(fields, "activation_function", Activation::GeluTanh)?;
    let scaled = fields.flag("scale_attn_weights")?.unwrap_or(true);
    let by_block = fields.flag("scale_attn_by_inverse_layer_idx")?.unwrap_or(false);
    for (block, kind) in config.block_kinds.iter_mut().enumerate() {
        kind.score_scale = if scaled { kind.score_scale } else { 1.0 } / if by_block { block + 1 } else { 1 } as f32;
    }
    Ok(config)
}

fn gpt_neox(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let defaults = Defaults {
        style: Style::GptNeox,
        norm: NormKind::Layer,
        eps_key: "layer_norm_eps",
        eps: 1e-5,
        rope: RopeDefaults {
            partial: 0.25,
            theta_key: "rotary_emb_base",
            partial_key: "rotary_pct",
            ..RopeDefaults::default()
        },
        activation: Activation::Gelu,
        gated: false,
        bos: Some(0),
        eos: Some(2),
        ..Defaults::default()
    };
    let mut config = common(fields, architecture, defaults)?;
    config.kv_heads = config.heads;
    let attention = fields.flag("attention_bias")?.unwrap_or(true);
    config.biases = Biases { attention, attention_output: attention, ..EVERY_BIAS };
    if fields.flag("use_parallel_residual")?.unwrap_or(true) {
        config.order = BlockOrder::Parallel { one_norm: false };
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
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
