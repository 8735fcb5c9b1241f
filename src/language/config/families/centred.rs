//! Families with centred norms and rotary positions.

use super::common::{Defaults, EVERY_BIAS, common};
use crate::language::Error;
use crate::language::config::description::Config;
use crate::language::config::fields::Fields;
use crate::language::config::names::Style;
use crate::language::config::parts::{Activation, Biases, BlockOrder, NormKind, NormSpan, QueryKeyNorm};
use crate::language::config::rope::RopeDefaults;

pub(super) fn phi(fields: &Fields, architecture: &str) -> Result<Config, Error> {
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

pub(super) fn stablelm(fields: &Fields, architecture: &str) -> Result<Config, Error> {
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

pub(super) fn cohere(fields: &Fields, architecture: &str) -> Result<Config, Error> {
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

pub(super) fn gpt_neox(fields: &Fields, architecture: &str) -> Result<Config, Error> {
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
