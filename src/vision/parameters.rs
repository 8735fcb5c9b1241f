//! What a network has learned, to read and to replace.

use super::network::Network;
use super::norm::BatchNorm;
use crate::matrix::Matrix;

/// Where a tensor's values are.
enum Place {
    /// A layer's weight.
    Weight(usize),
    /// A part of the norm after a layer, in the order of their names.
    Norm(usize, usize),
    Bias,
}

impl BatchNorm {
    /// Scale, shift, running mean and running variance.
    fn parts(&self) -> [&Vec<f32>; 4] {
        [&self.scale, &self.shift, &self.running.mean, &self.running.variance]
    }

    fn parts_mut(&mut self) -> [&mut Vec<f32>; 4] {
        [&mut self.scale, &mut self.shift, &mut self.running.mean, &mut self.running.variance]
    }
}

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

    /// Values of the tensor of this name, in the order of its file; `None` if the network has none.
    pub fn tensor_values(&self, name: &str) -> Option<Vec<f32>> {
        Some(match self.place(name)? {
            Place::Weight(layer) => self.weight(layer).into_vec(),
            Place::Norm(layer, part) => self.norms[layer].parts()[part].clone(),
            Place::Bias => self.bias.clone(),
        })
    }

    /// Replaces the values of a tensor; what the network has none of is left alone.
    ///
    /// # Panics
    /// Panics if the tensor has another number of values.
    pub fn replace_values(&mut self, name: &str, values: &[f32]) {
        match self.place(name) {
            Some(Place::Weight(layer)) => {
                let (rows, cols) = self.architecture.layers[layer].shape();
                self.replace(layer, &Matrix::from_vec(rows, cols, values.to_vec()));
            }
            Some(Place::Norm(layer, part)) => self.norms[layer].parts_mut()[part].copy_from_slice(values),
            Some(Place::Bias) => self.bias.copy_from_slice(values),
            None => {}
        }
    }

    fn place(&self, name: &str) -> Option<Place> {
        if name == self.architecture.bias_tensor() {
            return Some(Place::Bias);
        }
        self.architecture.layers.iter().enumerate().find_map(|(layer, shape)| {
            if name == shape.tensor() {
                return Some(Place::Weight(layer));
            }
            let part = shape.norm_tensors()?.iter().position(|own| own == name)?;
            Some(Place::Norm(layer, part))
        })
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
