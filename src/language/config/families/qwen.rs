//! Qwen: biases, norms of queries and keys, experts.

use super::common::{Defaults, NORM_OF_HEADS, common, llama_biases, slide, slide_everywhere, window};
use crate::language::Error;
use crate::language::config::description::Config;
use crate::language::config::fields::Fields;
use crate::language::config::parts::{Biases, Experts};

pub(super) fn qwen2(fields: &Fields, architecture: &str) -> Result<Config, Error> {
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

pub(super) fn qwen3(fields: &Fields, architecture: &str) -> Result<Config, Error> {
    let head_dim = (!fields.mentions("head_dim")).then_some(128);
    let defaults = Defaults { positions: 32_768, kv_heads: Some(32), head_dim, ..Defaults::default() };
    let mut config = common(fields, architecture, defaults)?;
    config.biases = Biases { feed_forward: false, ..llama_biases(fields)? };
    config.query_key_norm = Some(NORM_OF_HEADS);
    qwen_window(&mut config, fields)?;
    Ok(config)
}

pub(super) fn qwen3_moe(fields: &Fields, architecture: &str) -> Result<Config, Error> {
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
