//! The description of a model.

use super::names::Names;
use super::parts::{Activation, Biases, BlockKind, BlockOrder, Experts, NormKind, QueryKeyNorm, Rotary};
use crate::language::layers::LayerId;
use serde::{Deserialize, Serialize};

/// Description of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Architecture, as transformers calls it: `Qwen2ForCausalLM`.
    pub architecture: String,
    /// Names of its tensors.
    pub names: Names,
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
    /// Norm of the stream.
    pub norm: NormKind,
    /// Constant ε that norms add to the mean square or to the variance.
    pub norm_eps: f32,
    /// Where norms stand in a block.
    pub order: BlockOrder,
    /// Norm of queries and keys, if any.
    pub query_key_norm: Option<QueryKeyNorm>,
    /// Rotary positions, if the model has them.
    pub rotary: Option<Rotary>,
    /// Offset of the learned positions' first row, if the model has those: 2 in OPT.
    pub learned_positions: Option<usize>,
    /// What differs from block to block, one for each.
    pub block_kinds: Vec<BlockKind>,
    /// Bound c of the scores s of attention, c·tanh(s/c), if they are capped.
    pub score_cap: Option<f32>,
    /// Whether the feed-forward's inner values are gated.
    pub gated: bool,
    /// Activation of the gates, or of the inner values where there are no gates.
    pub activation: Activation,
    /// Experts of the blocks that have some.
    pub experts: Option<Experts>,
    /// Which layers have biases.
    pub biases: Biases,
    /// Width of the embedding where it differs from the stream's (OPT-350m): projected in and out.
    pub embedding_width: usize,
    /// Factor of the embedding.
    pub embedding_scale: f32,
    /// Factor of what a block's two parts add to the stream.
    pub residual_scale: f32,
    /// Factor of the logits.
    pub logit_scale: f32,
    /// Bound c of the logits l, c·tanh(l/c), if they are capped.
    pub logit_cap: Option<f32>,
    /// Whether there is a norm after the last block.
    pub final_norm: bool,
    /// Whether the embedding is also the output layer, unless the file holds another.
    pub tied: bool,
    /// Token before a text.
    pub bos: Option<u32>,
    /// Tokens that end a text.
    pub eos: Vec<u32>,
}

impl Config {
    /// Experts of a block, if it has some.
    pub fn experts_of(&self, block: usize) -> Option<Experts> {
        self.experts.filter(|_| self.block_kinds[block].has_experts)
    }

    /// Common start of the names of a layer's tensors: `model.layers.0.self_attn.q_proj`. The parts of a layer that is
    /// stored as one tensor have names of their own: `transformer.h.0.attn.c_attn.q`.
    pub fn stem(&self, id: LayerId) -> String {
        self.names.stem(id)
    }

    /// Name of a layer's weight; of a part, its stem and `.weight`.
    pub fn tensor(&self, id: LayerId) -> String {
        format!("{}.weight", self.stem(id))
    }

    /// Longest text that can be computed, if it is bounded: learned positions end somewhere.
    pub fn most_positions(&self) -> Option<usize> {
        self.learned_positions.map(|_| self.positions)
    }
}
