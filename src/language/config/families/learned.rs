//! Families with learned positions.

use super::common::{EVERY_BIAS, Sizes, activation, plain, shared};
use crate::language::Error;
use crate::language::config::description::Config;
use crate::language::config::fields::Fields;
use crate::language::config::names::Style;
use crate::language::config::parts::{Activation, Biases, BlockOrder, NormKind};

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

pub(super) fn opt(fields: &Fields, architecture: &str) -> Result<Config, Error> {
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

pub(super) fn gpt2(fields: &Fields, architecture: &str) -> Result<Config, Error> {
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
