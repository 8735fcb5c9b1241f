//! The linear layers of a block, which are the layers that are compressed.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// A linear layer's role in its block, by the names that most models give it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, IntoStaticStr, VariantArray,
)]
pub enum Linear {
    /// Projection of the stream to queries.
    #[strum(serialize = "q_proj")]
    Query,
    /// Projection of the stream to keys.
    #[strum(serialize = "k_proj")]
    Key,
    /// Projection of the stream to values.
    #[strum(serialize = "v_proj")]
    Value,
    /// Output layer of the attention.
    #[strum(serialize = "o_proj")]
    Output,
    /// Projection to the feed-forward's gates; models without gates have none.
    #[strum(serialize = "gate_proj")]
    Gate,
    /// Projection to the feed-forward's inner values.
    #[strum(serialize = "up_proj")]
    Up,
    /// Output layer of the feed-forward part.
    #[strum(serialize = "down_proj")]
    Down,
}

impl Linear {
    /// The stage that computes it.
    pub fn stage(self) -> BlockStage {
        match self {
            Self::Query | Self::Key | Self::Value => BlockStage::Attention,
            Self::Output => BlockStage::AttentionOutput,
            Self::Gate | Self::Up => BlockStage::FeedForward,
            Self::Down => BlockStage::FeedForwardOutput,
        }
    }

    /// Whether it belongs to the feed-forward part, and so to an expert where there are experts.
    pub fn is_feed_forward(self) -> bool {
        matches!(self, Self::Gate | Self::Up | Self::Down)
    }
}

/// The stages of a block: linear layers of one stage, and of one expert, read the same inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr, VariantArray)]
pub enum BlockStage {
    /// Queries, keys and values, which read the stream, normed in most models.
    Attention,
    /// The attention's output layer, which reads the heads' mixtures.
    AttentionOutput,
    /// Gate and up projections, which read the stream, normed in most models.
    FeedForward,
    /// The feed-forward's output layer, which reads the inner values.
    FeedForwardOutput,
}

/// Identifies a linear layer of a model. In order of computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LayerId {
    /// Index of the block.
    pub block: usize,
    /// Index of the expert it belongs to, if to one.
    pub expert: Option<usize>,
    /// Layer within the block, or within the expert.
    pub linear: Linear,
}

impl LayerId {
    /// A layer of a block, of no expert.
    pub fn new(block: usize, linear: Linear) -> Self {
        Self { block, expert: None, linear }
    }

    /// The stage that computes it.
    pub fn stage(self) -> BlockStage {
        self.linear.stage()
    }

    /// Whether both read the same inputs.
    pub fn shares_inputs(self, other: Self) -> bool {
        (self.block, self.expert, self.stage()) == (other.block, other.expert, other.stage())
    }
}
