//! The ways to write W ≈ A·B into a safetensors file.

use crate::matrix::ReplacementKind;
use crate::methods::Method;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// How the factors are laid out in a file; a file has one layout, named in its metadata.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Layout {
    /// A and B with their zeros: opens everywhere
    #[default]
    Dense,
    /// One tensor A·B with W's name, format and shape: drops into any model
    Merged,
    /// A and B as compressed sparse rows
    Csr,
    /// A and B as nonzeros and one bit a position (compressed-tensors' sparse-bitmask, read up to its 0.14)
    Bitmask,
}

impl Layout {
    /// What is written when nobody chooses: one matrix in W's place where a method makes no two, and without their places for
    /// blocks, whose zeros are more than W has entries.
    pub fn usual(method: Method) -> Self {
        match method.kind() {
            ReplacementKind::Sparse | ReplacementKind::Chain => Self::Merged,
            ReplacementKind::Blocks => Self::Csr,
            ReplacementKind::Factors | ReplacementKind::LowRank => Self::Dense,
        }
    }
}
