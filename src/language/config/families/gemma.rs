//! Gemma: norms by one plus the weight, around both parts from its second version on.

use super::common::{Defaults, NORM_OF_HEADS, common, layer_types, slide, window};
use crate::language::Error;
use crate::language::config::description::Config;
use crate::language::config::fields::Fields;
use crate::language::config::parts::{Activation, Biases, BlockOrder, NormKind, QueryKeyNorm};
use crate::language::config::rope::{self, Rope, RopeDefaults, Scaling};

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

pub(super) fn gemma(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let defaults = Defaults { positions: 8192, kv_heads: Some(16), ..Defaults::default() };
    let mut config = any_gemma(fields, architecture, defaults)?;
    // Its first files say gelu and mean this one.
    if config.activation == Activation::Gelu {
        config.activation = Activation::GeluTanh;
    }
    Ok(config)
}

pub(super) fn gemma2(fields: &Fields, architecture: &str) -> Result<Config, Error> {
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

pub(super) fn gemma3(fields: &Fields, architecture: &str) -> Result<Config, Error> {
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
    // Under its old name `type` transformers does not see the kind of this scaling, and scales nothing.
    if let Some(scaling) = fields.object("rope_scaling")?.filter(|scaling| scaling.get("rope_type").is_some()) {
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
