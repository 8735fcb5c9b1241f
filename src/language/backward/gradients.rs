//! What a backward pass computes of a block.

use crate::language::layers::LayerId;
use crate::matrix::Matrix;
use std::collections::BTreeMap;

/// What a backward pass computes beside the gradients of the streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Gradients of the layers' weights.
    pub weights: bool,
    /// Gradients of norms, biases and routers.
    pub tensors: bool,
    /// Sums of squares of the gradients of the layers' outputs and of the streams.
    pub output_squares: bool,
}

/// Gradients of a loss with respect to the parameters of a block.
#[derive(Clone, Debug, Default)]
pub struct BlockGradients {
    /// With respect to layers' weights, each `[out, in]`.
    pub weights: BTreeMap<LayerId, Matrix>,
    /// With respect to norms, biases and routers, by the name of the tensor in the file, its values in the file's order.
    pub tensors: BTreeMap<String, Vec<f32>>,
    /// For each layer's output the sum of squares over all tokens of the gradient with respect to it, `[out]`. Its shape is
    /// the diagonal of the output factor of K-FAC (Martens and Grosse, arXiv 1503.05671).
    pub output_squares: BTreeMap<LayerId, Vec<f64>>,
    /// The same of each entry of the stream after the block, `[hidden]`.
    pub stream_squares: Vec<f64>,
}
