//! What a network has learned, to read and to replace.

use super::network::Network;
use super::norm::BatchNorm;
use crate::matrix::Matrix;

impl Network {
    /// The weight `[out, in·kh·kw]` of a layer, dense, in the order of its file.
    ///
    /// # Panics
    /// Panics if there is no such layer.
    pub fn weight(&self, layer: usize) -> Matrix {
        let shape = &self.architecture.layers[layer];
        match self.convolutions.get(layer) {
            Some(convolution) => in_file_order(&convolution.weight().to_dense(), shape.taps()),
            None => (*self.classifier.to_dense()).clone(),
        }
    }

    /// The norm after a layer; `None` for the classifier.
    pub fn norm(&self, layer: usize) -> Option<&BatchNorm> {
        self.norms.get(layer)
    }

    /// Replaces scale and shift of the norm after a layer.
    ///
    /// # Panics
    /// Panics if the layer has no norm, or another number of channels.
    pub fn set_norm(&mut self, layer: usize, scale: Vec<f32>, shift: Vec<f32>) {
        let norm = &mut self.norms[layer];
        assert_eq!((scale.len(), shift.len()), (norm.scale.len(), norm.shift.len()), "channels");
        (norm.scale, norm.shift) = (scale, shift);
    }

    /// The classifier's bias, `[classes]`.
    pub fn bias(&self) -> &[f32] {
        &self.bias
    }

    /// Replaces the classifier's bias.
    ///
    /// # Panics
    /// Panics if there is not one for each class.
    pub fn set_bias(&mut self, bias: Vec<f32>) {
        assert_eq!(bias.len(), self.bias.len(), "classes");
        self.bias = bias;
    }
}

/// Columns `[kh·kw·in]` in the order `[in·kh·kw]` of a file.
pub(super) fn in_file_order(weight: &Matrix, taps: usize) -> Matrix {
    let inputs = weight.cols() / taps;
    Matrix::from_fn(weight.rows(), weight.cols(), |i, j| weight.get(i, (j % taps) * inputs + j / taps))
}
