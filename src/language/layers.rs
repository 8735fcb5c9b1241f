//! The linear layers of a block, which are what is compressed.

use super::Config;
use serde::{Deserialize, Serialize};

/// A linear layer's place in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Linear {
    /// Queries.
    Query,
    /// Keys.
    Key,
    /// Values.
    Value,
    /// The attention's output.
    Output,
    /// The feed-forward's gate.
    Gate,
    /// What is gated.
    Up,
    /// The feed-forward's output.
    Down,
}

impl Linear {
    /// All of a block, in the order in which they are computed.
    pub const ALL: [Self; 7] = [Self::Query, Self::Key, Self::Value, Self::Output, Self::Gate, Self::Up, Self::Down];

    /// Its name in the block, as in the tensor's: `self_attn.q_proj`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Query => "self_attn.q_proj",
            Self::Key => "self_attn.k_proj",
            Self::Value => "self_attn.v_proj",
            Self::Output => "self_attn.o_proj",
            Self::Gate => "mlp.gate_proj",
            Self::Up => "mlp.up_proj",
            Self::Down => "mlp.down_proj",
        }
    }

    /// The last part of its name: `q_proj`.
    pub fn short(self) -> &'static str {
        self.name().rsplit('.').next().unwrap_or_default()
    }

    /// The layer of this short name.
    pub fn from_short(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|linear| linear.short() == name)
    }

    /// The stage in which it is computed.
    pub fn stage(self) -> Stage {
        match self {
            Self::Query | Self::Key | Self::Value => Stage::Attention,
            Self::Output => Stage::AttentionOutput,
            Self::Gate | Self::Up => Stage::FeedForward,
            Self::Down => Stage::FeedForwardOutput,
        }
    }

    /// Outputs and inputs.
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

    /// Whether it has a bias.
    pub fn has_bias(self, config: &Config) -> bool {
        match self.stage() {
            Stage::Attention | Stage::AttentionOutput => config.attention_bias,
            Stage::FeedForward | Stage::FeedForwardOutput => config.mlp_bias,
        }
    }
}

/// The parts of a block by what they read: linear layers of one stage have the same inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Queries, keys and values, from the normed residual stream.
    Attention,
    /// The attention's output, from what the heads have mixed.
    AttentionOutput,
    /// Gate and what is gated, from the normed residual stream.
    FeedForward,
    /// The feed-forward's output, from the gated values.
    FeedForwardOutput,
}

impl Stage {
    /// All of a block, in order.
    pub const ALL: [Self; 4] = [Self::Attention, Self::AttentionOutput, Self::FeedForward, Self::FeedForwardOutput];

    /// Its linear layers.
    pub fn layers(self) -> &'static [Linear] {
        match self {
            Self::Attention => &[Linear::Query, Linear::Key, Linear::Value],
            Self::AttentionOutput => &[Linear::Output],
            Self::FeedForward => &[Linear::Gate, Linear::Up],
            Self::FeedForwardOutput => &[Linear::Down],
        }
    }

    /// The first of them, whose name stands for the inputs they share.
    pub fn first(self) -> Linear {
        self.layers()[0]
    }
}

/// A linear layer of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LayerId {
    /// Which block, from 0.
    pub block: usize,
    /// Which layer of it.
    pub linear: Linear,
}

impl LayerId {
    /// The name `<m>` of its tensors: `model.layers.0.self_attn.q_proj`.
    pub fn stem(self) -> String {
        format!("model.layers.{}.{}", self.block, self.linear.name())
    }

    /// The name of its weight.
    pub fn tensor(self) -> String {
        format!("{}.weight", self.stem())
    }

    /// The layer whose weight has this name.
    pub fn of_tensor(name: &str) -> Option<Self> {
        let (block, rest) = name.strip_prefix("model.layers.")?.split_once('.')?;
        let linear = rest.strip_suffix(".weight")?;
        let linear = Linear::ALL.into_iter().find(|candidate| candidate.name() == linear)?;
        Some(Self { block: block.parse().ok()?, linear })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for linear in Linear::ALL {
            let id = LayerId { block: 12, linear };
            assert_eq!(LayerId::of_tensor(&id.tensor()), Some(id));
            assert_eq!(Linear::from_short(linear.short()), Some(linear));
            assert!(linear.stage().layers().contains(&linear));
        }
        assert_eq!(LayerId { block: 0, linear: Linear::Down }.tensor(), "model.layers.0.mlp.down_proj.weight");
        for other in ["model.norm.weight", "model.layers.x.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.bias"] {
            assert_eq!(LayerId::of_tensor(other), None);
        }
    }
}
