//! What a network consists of.

use super::Augment;
use serde::{Deserialize, Serialize};

/// Layers of a network and how they are joined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Architecture {
    /// All layers in order of computation: the stem, the blocks' convolutions, the classifier.
    pub layers: Vec<LayerShape>,
    /// Whether the largest of 3×3 values is taken at every second position after the stem.
    pub pools: bool,
    /// The residual blocks.
    pub blocks: Vec<BlockShape>,
}

/// A convolution with its batch normalization, or the classifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerShape {
    /// Name of its weight's tensor without `.weight`.
    pub stem: String,
    /// Start of the names of its batch normalization's tensors; `None` of the classifier.
    pub norm: Option<String>,
    /// Number of output channels, or of classes.
    pub outputs: usize,
    /// Number of input channels.
    pub inputs: usize,
    /// Height and width of the kernel.
    pub kernel: (usize, usize),
    /// Positions from one patch to the next.
    pub stride: usize,
    /// Zeros around the image on each side.
    pub padding: usize,
}

/// A residual block: y = relu(main(x) + shortcut(x)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockShape {
    /// Indices of its convolutions; each but the last is followed by a relu.
    pub main: Vec<usize>,
    /// The way around them.
    pub shortcut: Shortcut,
}

/// A block's way around its convolutions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shortcut {
    /// The block's input itself.
    Identity,
    /// A convolution of it, by index.
    Convolution(usize),
    /// Every `stride`-th position of it, with zeros for the channels it lacks (option A of He et al. 2015).
    Padded {
        /// Positions from one taken to the next.
        stride: usize,
        /// Number of output channels.
        channels: usize,
    },
}

impl LayerShape {
    /// Shape `(out, in·kh·kw)` of its weight as a matrix.
    pub fn shape(&self) -> (usize, usize) {
        (self.outputs, self.inputs * self.taps())
    }

    /// Dimensions of its weight in a file: `[out, in, kh, kw]`, of the classifier `[out, in]`.
    pub fn dimensions(&self) -> Vec<usize> {
        match self.norm {
            Some(_) => vec![self.outputs, self.inputs, self.kernel.0, self.kernel.1],
            None => vec![self.outputs, self.inputs],
        }
    }

    /// Positions of the kernel.
    pub fn taps(&self) -> usize {
        self.kernel.0 * self.kernel.1
    }

    /// Name of its weight's tensor.
    pub fn tensor(&self) -> String {
        format!("{}.weight", self.stem)
    }

    /// Names of the tensors of its batch normalization: scale, shift, running mean, running variance. `None` of the classifier.
    pub fn norm_tensors(&self) -> Option<[String; 4]> {
        let norm = self.norm.as_ref()?;
        Some(["weight", "bias", "running_mean", "running_var"].map(|part| format!("{norm}.{part}")))
    }

    /// Height and width of its output for those of its input.
    pub fn output_size(&self, (height, width): (usize, usize)) -> (usize, usize) {
        let size = |size: usize, kernel: usize| (size + 2 * self.padding).saturating_sub(kernel) / self.stride + 1;
        (size(height, self.kernel.0), size(width, self.kernel.1))
    }

    /// Smallest height or width of an image that it can read.
    pub(super) fn least_size(&self) -> usize {
        self.kernel.0.max(self.kernel.1).saturating_sub(2 * self.padding).max(1)
    }
}

impl Architecture {
    /// How images of this size were changed in training, as far as the kind of network tells: those for small images read them
    /// shifted by up to an eighth, with black where nothing is, and mirrored. The means and variances of batch normalization
    /// are those of such images. Networks for large ones read parts of images, which have no black.
    pub fn augment(&self, (height, width): (usize, usize)) -> Augment {
        Augment { shift: if self.pools { 0 } else { height.min(width) / 8 }, mirror: true }
    }

    /// Index of the classifier.
    pub fn classifier(&self) -> usize {
        self.layers.len() - 1
    }

    /// Name of the tensor of the classifier's bias.
    pub fn bias_tensor(&self) -> String {
        format!("{}.bias", self.layers[self.classifier()].stem)
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.outputs)
    }

    /// Layers that are replaced unless something else is asked for: all but the first convolution and the classifier.
    pub fn inner_layers(&self) -> std::ops::Range<usize> {
        1..self.classifier()
    }

    /// All layers with the shapes `(out, in·kh·kw)` of their weights, in order of computation.
    pub fn shapes(&self) -> impl Iterator<Item = (usize, (usize, usize))> {
        self.layers.iter().map(LayerShape::shape).enumerate()
    }

    /// Height and width of each layer's output, for images of this size.
    pub fn output_sizes(&self, size: (usize, usize)) -> Vec<(usize, usize)> {
        let mut sizes = vec![(1, 1); self.layers.len()];
        sizes[0] = self.layers[0].output_size(size);
        let mut at = sizes[0];
        if self.pools {
            at = (at.0.div_ceil(2), at.1.div_ceil(2));
        }
        for block in &self.blocks {
            let before = at;
            for &layer in &block.main {
                at = self.layers[layer].output_size(at);
                sizes[layer] = at;
            }
            if let Shortcut::Convolution(layer) = block.shortcut {
                sizes[layer] = self.layers[layer].output_size(before);
            }
        }
        sizes
    }

    /// Multiplications of each layer for one image of this size.
    pub fn multiplications(&self, size: (usize, usize)) -> Vec<usize> {
        let sizes = self.output_sizes(size);
        let of_layer = |(layer, (height, width)): (&LayerShape, (usize, usize))| {
            let (outputs, inputs) = layer.shape();
            height * width * outputs * inputs
        };
        self.layers.iter().zip(sizes).map(of_layer).collect()
    }
}
