//! How the numbers of a tensor stand in its file.

use super::Dtype;
use super::float8::Float8;
use super::ggml::BlockFormat;
use serde::{Deserialize, Serialize};

/// How the numbers of a tensor stand in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Encoding {
    /// Plain floats.
    Float(Dtype),
    /// Floats of eight bits, to be multiplied by the scale that another tensor holds, if there is one.
    Float8(Float8),
    /// Blocks of a `.gguf`.
    Blocks(BlockFormat),
    /// Values that are not read as weights, of so many bytes each; 0 where that is unknown.
    Other(usize),
}

impl Encoding {
    /// The format of plain floats that fits the values: what weights are exported in by default. `None` if they are not
    /// read.
    pub(super) fn format(self) -> Option<Dtype> {
        match self {
            Self::Float(dtype) => Some(dtype),
            // Models are quantized to these from bf16; scales of blocks are f16 themselves.
            Self::Float8(Float8::E4M3 | Float8::E5M2) => Some(Dtype::BF16),
            Self::Blocks(_) => Some(Dtype::F16),
            Self::Float8(Float8::E8M0) | Self::Other(_) => None,
        }
    }

    /// Values of the smallest part that can be decoded.
    pub(super) fn unit_values(self) -> usize {
        if let Self::Blocks(blocks) = self { blocks.values() } else { 1 }
    }

    /// Bytes of the smallest part that can be decoded; 0 where that is unknown.
    pub(super) fn unit_bytes(self) -> usize {
        match self {
            Self::Float(dtype) => dtype.size(),
            Self::Float8(_) => 1,
            Self::Blocks(blocks) => blocks.bytes(),
            Self::Other(bytes) => bytes,
        }
    }

    /// Appends the values of little-endian bytes, whole units. Nothing for what is not read.
    pub(super) fn decode(self, bytes: &[u8], values: &mut Vec<f32>) {
        match self {
            Self::Float(dtype) => dtype.decode_into(bytes, values),
            Self::Float8(float8) => {
                let table = float8.table();
                values.extend(bytes.iter().map(|&byte| table[usize::from(byte)]));
            }
            Self::Blocks(blocks) => blocks.decode(bytes, values),
            Self::Other(_) => {}
        }
    }
}
