//! What families share: fields of the same names, with defaults of their own.

use crate::language::Error;
use crate::language::config::description::Config;
use crate::language::config::fields::{Fields, bad};
use crate::language::config::names::{Names, Style};
use crate::language::config::parts::{
    Activation, Biases, BlockKind, BlockOrder, NormKind, NormSpan, QueryKeyNorm, Rotary,
};
use crate::language::config::rope::{self, RopeDefaults};

/// Names and defaults in which families with Llama's fields differ.
pub(super) struct Defaults {
    pub style: Style,
    pub norm: NormKind,
    pub eps_key: &'static str,
    pub eps: f64,
    pub positions: usize,
    /// Heads of the queries, where configurations leave them out.
    pub heads: Option<usize>,
    /// Heads of keys and values where the field is absent, not null.
    pub kv_heads: Option<usize>,
    pub head_dim: Option<usize>,
    pub vocabulary: Option<usize>,
    pub tied: bool,
    pub rope: RopeDefaults,
    pub activation_key: &'static str,
    pub activation: Activation,
    pub gated: bool,
    pub bos: Option<u32>,
    pub eos: Option<u32>,
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
pub(super) fn common(fields: &Fields, architecture: &str, defaults: Defaults) -> Result<Config, Error> {
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
pub(super) struct Sizes {
    pub blocks: usize,
    pub hidden: usize,
    pub heads: usize,
    pub head_dim: usize,
    pub feed_forward: usize,
}

/// A model of these sizes with norms before each part and nothing that only some families have. `defaults` are whether the
/// embedding is the output layer, and the tokens before and after a text.
pub(super) fn plain(
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
pub(super) fn shared(hidden: usize, heads: usize) -> Result<usize, Error> {
    match hidden.is_multiple_of(heads) {
        true => Ok(hidden / heads),
        false => Err(bad(format!("a width of {hidden} cannot be shared by {heads} heads"))),
    }
}

pub(super) fn activation(fields: &Fields, key: &str, default: Activation) -> Result<Activation, Error> {
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
pub(super) fn layer_types<'a>(fields: &Fields<'a>, blocks: usize) -> Result<Option<Vec<&'a str>>, Error> {
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
pub(super) fn slide(
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

/// Every block's attention slides its window; `layer_types` does not count in such families.
pub(super) fn slide_everywhere(config: &mut Config, window: Option<usize>) {
    config.block_kinds.iter_mut().for_each(|kind| kind.window = window);
}

/// The field `sliding_window`; null is none, absent is `default`.
pub(super) fn window(fields: &Fields, default: Option<usize>) -> Result<Option<usize>, Error> {
    let window = fields.size("sliding_window")?;
    Ok(if fields.mentions("sliding_window") { window } else { default })
}

pub(super) fn llama_biases(fields: &Fields) -> Result<Biases, Error> {
    let attention = fields.flag("attention_bias")?.unwrap_or(false);
    let feed_forward = fields.flag("mlp_bias")?.unwrap_or(false);
    Ok(Biases { attention, attention_output: attention, feed_forward, head: false })
}

pub(super) const NORM_OF_HEADS: QueryKeyNorm = QueryKeyNorm { kind: NormKind::Rms, span: NormSpan::Head };

pub(super) const EVERY_BIAS: Biases =
    Biases { attention: true, attention_output: true, feed_forward: true, head: false };
