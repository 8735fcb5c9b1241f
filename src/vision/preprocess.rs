//! How pixels become a network's input.

use serde::{Deserialize, Serialize};

/// How pixels become a network's input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// What a pixel's 0 to 255 are multiplied by.
    pub scale: f32,
    /// What is taken off each colour after that.
    pub mean: [f32; 3],
    /// What each colour is divided by after that.
    pub std: [f32; 3],
}

impl Default for Preprocess {
    /// Mean and standard deviation of ImageNet's colours, as most networks take them.
    fn default() -> Self {
        Self { scale: 1.0 / 255.0, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
    }
}

impl Preprocess {
    /// The input of each colour for each of the 256 pixel values.
    pub(super) fn table(&self) -> [[f32; 256]; 3] {
        let value = |colour: usize, pixel: usize| (pixel as f32 * self.scale - self.mean[colour]) / self.std[colour];
        std::array::from_fn(|colour| std::array::from_fn(|pixel| value(colour, pixel)))
    }
}
