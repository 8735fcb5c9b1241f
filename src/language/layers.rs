//! The linear layers of a block, which are the layers that are compressed.

use super::Config;
use crate::Named;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// A linear layer's role in its block.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, IntoStaticStr, VariantArray,
)]
pub enum Linear {
    /// Projection of the stream to queries.
    #[strum(serialize = "self_attn.q_proj")]
    Query,
    /// Projection of the stream to keys.
    #[strum(serialize = "self_attn.k_proj")]
    Key,
    /// Projection of the stream to values.
    #[strum(serialize = "self_attn.v_proj")]
    Value,
    /// Output layer of the attention.
    #[strum(serialize = "self_attn.o_proj")]
    Output,
    /// Projection to the feed-forward's gates.
    #[strum(serialize = "mlp.gate_proj")]
    Gate,
    /// Projection to the values that are gated.
    #[strum(serialize = "mlp.up_proj")]
    Up,
    /// Output layer of the feed-forward part.
    #[strum(serialize = "mlp.down_proj")]
    Down,
}

impl Linear {
    /// Last part of the name: `q_proj`.
    pub fn short_name(self) -> &'static str {
        self.name().rsplit('.').next().unwrap_or_default()
    }

    /// The layer with this short name.
    pub fn from_short_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|linear| linear.short_name() == name)
    }

    /// The stage that computes it.
    pub fn stage(self) -> BlockStage {
        match self {
            Self::Query | Self::Key | Self::Value => BlockStage::Attention,
            Self::Output => BlockStage::AttentionOutput,
            Self::Gate | Self::Up => BlockStage::FeedForward,
            Self::Down => BlockStage::FeedForwardOutput,
        }
    }

    /// Shape `(out, in)` of its weight.
    pub fn shape(self, config: &Config) -> (usize, usize) {
        let Config { hidden, feed_forward, heads, kv_heads, head_dim, .. } = *config;
        match self {
            Self::Query => (heads * head_dim, hidden),
            Self::Key | Self::Value => (kv_heads * head_dim, hidden),
            Self::Output => (hidden, heads * head_dim),
            Self::Gate | Self::Up => (feed_forward, hidden),
            Self::Down => (hidden, feed_forward),
        }
    }

    /// Whether it has a bias in models of this configuration.
    pub fn has_bias(self, config: &Config) -> bool {
        match self.stage() {
            BlockStage::Attention | BlockStage::AttentionOutput => config.attention_bias,
            BlockStage::FeedForward | BlockStage::FeedForwardOutput => config.mlp_bias,
        }
    }
}

/// The stages of a block: linear layers of one stage read the same inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr, VariantArray)]
pub enum BlockStage {
    /// Queries, keys and values, which read the normed residual stream.
    Attention,
    /// The attention's output layer, which reads the heads' mixtures.
    AttentionOutput,
    /// Gate and up projections, which read the normed residual stream.
    FeedForward,
    /// The feed-forward's output layer, which reads the gated values.
    FeedForwardOutput,
}

impl BlockStage {
    /// Its linear layers, in order of computation.
    pub fn layers(self) -> &'static [Linear] {
        match self {
            Self::Attention => &[Linear::Query, Linear::Key, Linear::Value],
            Self::AttentionOutput => &[Linear::Output],
            Self::FeedForward => &[Linear::Gate, Linear::Up],
            Self::FeedForwardOutput => &[Linear::Down],
        }
    }

    /// Its first layer, whose name stands for the shared inputs.
    pub fn first(self) -> Linear {
        self.layers()[0]
    }
}

/// Identifies a linear layer of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LayerId {
    /// Index of the block.
    pub block: usize,
    /// Layer within the block.
    pub linear: Linear,
}

impl LayerId {
    /// Common start of its tensors' names: `model.layers.0.self_attn.q_proj`.
    pub fn stem(self) -> String {
        format!("model.layers.{}.{}", self.block, self.linear.name())
    }

    /// Name of its weight tensor.
    pub fn tensor(self) -> String {
        format!("{}.weight", self.stem())
    }

    /// The layer whose weight tensor has this name.
    pub fn from_tensor(name: &str) -> Option<Self> {
        let (block, rest) = name.strip_prefix("model.layers.")?.split_once('.')?;
        let linear = rest.strip_suffix(".weight")?;
        let linear = Linear::named(linear)?;
        Some(Self { block: block.parse().ok()?, linear })
    }
}

impl Config {
    /// All linear layers of all blocks, in order of computation.
    pub fn layers(&self) -> impl Iterator<Item = LayerId> + use<> {
        (0..self.blocks).flat_map(|block| Linear::ALL.iter().map(move |&linear| LayerId { block, linear }))
    }

    /// Shape `(out, in)` of a layer's weight.
    pub fn shape(&self, id: LayerId) -> (usize, usize) {
        id.linear.shape(self)
    }

    /// Number of weights of all linear layers together.
    pub fn layer_weights(&self) -> usize {
        self.layers().map(|id| self.shape(id)).map(|(rows, cols)| rows * cols).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for &linear in Linear::ALL {
            let id = LayerId { block: 12, linear };
            assert_eq!(LayerId::from_tensor(&id.tensor()), Some(id));
            assert_eq!(Linear::from_short_name(linear.short_name()), Some(linear));
            assert!(linear.stage().layers().contains(&linear));
        }
        assert_eq!(LayerId { block: 0, linear: Linear::Down }.tensor(), "model.layers.0.mlp.down_proj.weight");
        for other in ["model.norm.weight", "model.layers.x.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.bias"] {
            assert_eq!(LayerId::from_tensor(other), None);
        }
    }
}
