//! A tensor seen as a weight matrix.

use super::Dtype;
use crate::matrix::Matrix;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One tensor of a checkpoint, seen as W `[out, in]`, y = Wx.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// The tensor's name in its file.
    pub name: String,
    /// The file's name, without a folder.
    pub file: String,
    /// The tensor's shape in its file: 2-D, or a convolution's `[out, in, kh, kw]`.
    pub shape: Vec<usize>,
    /// The tensor's format in its file.
    pub dtype: Dtype,
    /// Whether the file holds `[in, out]` (GPT-2's Conv1D), so that `weight` is its transpose.
    pub transposed: bool,
    /// W, `[out, in]`; a convolution is `[out, in·kh·kw]`. Shared by what shows it, which may be large.
    #[serde(with = "crate::tasks::shared")]
    pub weight: Arc<Matrix>,
}

impl Layer {
    /// The tensor's name without a trailing `.weight`: what exported factors are named after.
    pub fn stem(&self) -> &str {
        self.name.strip_suffix(".weight").unwrap_or(&self.name)
    }
}
