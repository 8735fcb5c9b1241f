//! The ways to write W ≈ A·B into a safetensors file.

use crate::matrix::ReplacementKind;
use crate::methods::Method;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// Layout of the factors in a file; a file has one layout, named in its metadata.
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
    /// Default layout for a method: one merged matrix where it does not make two, and without positions for Monarch's
    /// blocks, whose zeros outnumber W's entries.
    pub fn usual(method: Method) -> Self {
        match method.kind() {
            ReplacementKind::Sparse | ReplacementKind::Chain => Self::Merged,
            ReplacementKind::Blocks => Self::Csr,
            ReplacementKind::Factors | ReplacementKind::LowRank => Self::Dense,
        }
    }
}
