//! A tensor as a weight matrix.

use super::Dtype;
use crate::matrix::Matrix;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A tensor of a checkpoint, as the weight W `[out, in]` of y = Wx.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// Name of the tensor in its file.
    pub name: String,
    /// Name of the file, without a folder.
    pub file: String,
    /// Shape in the file: 2-D, or a convolution's `[out, in, kh, kw]`.
    pub shape: Vec<usize>,
    /// Number format in the file.
    pub dtype: Dtype,
    /// Whether the file holds `[in, out]` (GPT-2's Conv1D), so that `weight` is its transpose.
    pub transposed: bool,
    /// W, `[out, in]`; of a convolution `[out, in·kh·kw]`. Shared, because it may be large.
    #[serde(with = "crate::tasks::shared")]
    pub weight: Arc<Matrix>,
}

impl Layer {
    /// The name without a trailing `.weight`, from which names of exported factors are made.
    pub fn stem(&self) -> &str {
        self.name.strip_suffix(".weight").unwrap_or(&self.name)
    }
}
