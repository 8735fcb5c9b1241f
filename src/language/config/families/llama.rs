//! Llama, and what differs from it in a few fields.

use super::common::{Defaults, common, llama_biases, slide, slide_everywhere, window};
use crate::language::Error;
use crate::language::config::description::Config;
use crate::language::config::fields::{Fields, bad};
use crate::language::config::names::Style;
use crate::language::config::parts::{Biases, BlockOrder, Experts, NormKind, NormSpan, QueryKeyNorm};
use crate::language::config::rope::RopeDefaults;

pub(super) fn llama(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let defaults = Defaults { bos: Some(1), eos: Some(2), ..Defaults::default() };
    let mut config = common(fields, architecture, defaults)?;
    config.biases = llama_biases(fields)?;
    Ok(config)
}

pub(super) fn mistral(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let defaults =
        Defaults { positions: 131_072, kv_heads: Some(8), bos: Some(1), eos: Some(2), ..Defaults::default() };
    let mut config = common(fields, architecture, defaults)?;
    slide_everywhere(&mut config, window(fields, Some(4096))?);
    Ok(config)
}

pub(super) fn mixtral(fields: &Fields, architecture: &str) -> Result<Config, Error> {
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

pub(super) fn phi3(fields: &Fields, architecture: &str) -> Result<Config, Error> {
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

pub(super) fn olmo2(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let defaults = Defaults { eps: 1e-5, eos: Some(50_279), ..Defaults::default() };
    let mut config = common(fields, architecture, defaults)?;
    config.biases = Biases { feed_forward: false, ..llama_biases(fields)? };
    config.order = BlockOrder::NormOfOutput;
    config.query_key_norm = Some(QueryKeyNorm { kind: NormKind::Rms, span: NormSpan::All });
    Ok(config)
}

pub(super) fn granite(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let mut config = llama(fields, architecture)?;
    let factor = |key: &str| -> Result<f32, Error> { Ok(fields.number(key)?.unwrap_or(1.0) as f32) };
    config.embedding_scale = factor("embedding_multiplier")?;
    config.residual_scale = factor("residual_multiplier")?;
    config.logit_scale = fields.positive("logits_scaling")?.unwrap_or(1.0).recip() as f32;
    let scale = factor("attention_multiplier")?;
    config.block_kinds.iter_mut().for_each(|kind| kind.score_scale = scale);
    Ok(config)
}

pub(super) fn smollm3(fields: &Fields, architecture: &str) -> Result<Config, Error> {
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
