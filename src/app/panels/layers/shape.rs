//! Shapes in words.

use crate::model::TensorInfo;

/// As `256 × 688`.
pub fn shape(layer: &TensorInfo) -> String {
    layer.shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ")
}

/// As `256 × 688 F16`.
pub fn kind(layer: &TensorInfo) -> String {
    format!("{} {}", shape(layer), layer.dtype)
}
