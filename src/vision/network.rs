//! A network in memory, computed batch by batch.

use super::architecture::{Architecture, LayerShape, Shortcut};
use super::convolution::Convolution;
use super::norm::{BatchNorm, NormAverage, NormValues};
use super::{Activations, Augment, Error, ImageSet, Pictures, Preprocess};
use crate::compute::{Par, Weight};
use crate::matrix::Matrix;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A network in memory. Clones share all that is not replaced.
#[derive(Clone, Debug)]
pub struct Network {
    pub(super) architecture: Arc<Architecture>,
    pub(super) preprocess: Preprocess,
    /// All layers but the classifier.
    pub(super) convolutions: Vec<Arc<Convolution>>,
    /// Of the convolutions.
    pub(super) norms: Vec<BatchNorm>,
    pub(super) classifier: Weight,
    pub(super) bias: Vec<f32>,
}

/// Images of a batch that batch normalization is estimated on.
const NORM_BATCH: usize = 128;
/// Batches that are averaged over, where there are so many images.
const NORM_BATCHES: usize = 40;
/// Bytes of all of their images at most.
const NORM_BYTES: usize = 512 << 20;

/// What normalizes a batch: called with the layer's index and its output, returns means and variances.
pub(super) type Normalizer<'a> = &'a mut dyn FnMut(usize, &Activations) -> NormValues;

impl Network {
    /// What it consists of.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// How pixels become its input.
    pub fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// A layer's convolution; `None` for the classifier.
    pub fn convolution(&self, layer: usize) -> Option<&Convolution> {
        self.convolutions.get(layer).map(|convolution| &**convolution)
    }

    /// Replaces the weight `[out, in·kh·kw]` of a layer, in the order of its file.
    ///
    /// # Panics
    /// Panics if the shape differs, or there is no such layer.
    pub fn replace(&mut self, layer: usize, weight: &Matrix) {
        let shape = self.architecture.layers[layer].clone();
        match self.convolutions.get_mut(layer) {
            Some(convolution) => *convolution = Arc::new(Convolution::new(shape, weight)),
            None => {
                assert_eq!(weight.shape(), shape.shape(), "the weight of the classifier");
                self.classifier = Weight::Dense(Arc::new(weight.clone()));
            }
        }
    }

    /// Refuses images that the network cannot read.
    pub fn check_size(&self, height: usize, width: usize) -> Result<(), Error> {
        let least = self.architecture.layers[0].least_size();
        match height.min(width) >= least {
            true => Ok(()),
            false => Err(Error::TooSmall { height, width, least }),
        }
    }

    /// The pictures as it reads them.
    pub fn input(&self, pictures: &Pictures) -> Result<Activations, Error> {
        self.check_size(pictures.height, pictures.width)?;
        Ok(Activations::of(pictures, &self.preprocess))
    }

    /// Logits `[n, classes]` of pictures.
    pub fn forward(&self, pictures: &Pictures) -> Result<Matrix, Error> {
        self.forward_with(&self.input(pictures)?, &mut |layer, _| self.norms[layer].running.clone())
    }

    /// Logits of a batch that is normalized by `normalizer`.
    pub(super) fn forward_with(&self, x: &Activations, normalizer: Normalizer<'_>) -> Result<Matrix, Error> {
        let mut x = self.stem(x, normalizer);
        for block in 0..self.architecture.blocks.len() {
            x = self.block(block, &x, normalizer);
        }
        self.logits(&x)
    }

    /// A convolution and its norm.
    fn layer(&self, layer: usize, x: &Activations, normalizer: Normalizer<'_>) -> Activations {
        let mut y = self.convolutions[layer].apply(x);
        let values = normalizer(layer, &y);
        self.norms[layer].apply(&mut y, &values);
        y
    }

    /// All before the blocks.
    pub(super) fn stem(&self, x: &Activations, normalizer: Normalizer<'_>) -> Activations {
        let mut y = self.layer(0, x, normalizer);
        y.relu();
        if self.architecture.pools { y.max_pool() } else { y }
    }

    /// What convolution number `at` of a block's own reads, from the block's input.
    pub(super) fn inside(&self, block: usize, at: usize, x: &Activations, normalizer: Normalizer<'_>) -> Activations {
        let mut y = x.clone();
        for &layer in &self.architecture.blocks[block].main[..at] {
            y = self.layer(layer, &y, normalizer);
            y.relu();
        }
        y
    }

    /// A residual block.
    pub(super) fn block(&self, block: usize, x: &Activations, normalizer: Normalizer<'_>) -> Activations {
        let shape = &self.architecture.blocks[block];
        let (last, before) = shape.main.split_last().expect("a block has convolutions");
        let mut y = None;
        for &layer in before {
            let mut next = self.layer(layer, y.as_ref().unwrap_or(x), normalizer);
            next.relu();
            y = Some(next);
        }
        let mut y = self.layer(*last, y.as_ref().unwrap_or(x), normalizer);
        match shape.shortcut {
            Shortcut::Identity => y.add(x),
            Shortcut::Convolution(layer) => y.add(&self.layer(layer, x, normalizer)),
            Shortcut::Padded { stride, channels } => y.add(&x.padded(stride, channels)),
        }
        y.relu();
        y
    }

    /// Logits from what the last block gives.
    pub(super) fn logits(&self, x: &Activations) -> Result<Matrix, Error> {
        let mut logits = self.classifier.apply(&x.mean(), Par::Seq);
        for row in 0..logits.rows() {
            logits.row_mut(row).iter_mut().zip(&self.bias).for_each(|(x, bias)| *x += bias);
        }
        match logits.first_not_finite() {
            None => Ok(logits),
            Some(_) => {
                Err(Error::NotFinite { tensor: self.architecture.layers[self.architecture.classifier()].tensor() })
            }
        }
    }

    /// Estimates all running means and variances anew on some 5000 images spread evenly over a set and changed at random, see
    /// [`Network::estimate_norms`].
    pub fn estimate_norms_on(&mut self, images: &ImageSet, augment: Augment) -> Result<(), Error> {
        let (height, width) = images.size();
        let count = (NORM_BATCH * NORM_BATCHES).min(NORM_BYTES / (3 * height * width).max(1)).max(1);
        self.estimate_norms(&images.spread(count)?.pictures, NORM_BATCH, Some(augment))
    }

    /// All running means and variances, by the names of their tensors.
    pub fn running_values(&self) -> BTreeMap<String, Vec<f32>> {
        let layers = self.architecture.layers.iter().zip(&self.norms);
        let of_layer = |(layer, norm): (&LayerShape, &BatchNorm)| {
            let start = layer.norm.clone().unwrap_or_default();
            let NormValues { mean, variance } = &norm.running;
            [(format!("{start}.running_mean"), mean.clone()), (format!("{start}.running_var"), variance.clone())]
        };
        layers.flat_map(of_layer).collect()
    }

    /// Estimates all running means and variances anew: plain averages over batches of `batch` pictures, changed at random where
    /// that is asked for, each normalized by its own. Pictures that fill no batch are left out.
    pub fn estimate_norms(&mut self, pictures: &Pictures, batch: usize, augment: Option<Augment>) -> Result<(), Error> {
        let batch = batch.min(pictures.len());
        if batch == 0 {
            return Err(Error::NoImages);
        }
        let mut averages = vec![NormAverage::default(); self.norms.len()];
        for at in 0..pictures.len() / batch {
            let part = pictures.range(at * batch..(at + 1) * batch);
            let part = augment.map_or_else(|| part.clone(), |augment| part.augmented(augment, at as u64));
            self.forward_with(&self.input(&part)?, &mut |layer, y| {
                let values = NormValues::of(y);
                averages[layer].add(&values, y.values.rows());
                values
            })?;
        }
        for (norm, average) in self.norms.iter_mut().zip(averages) {
            norm.running = average.finish();
        }
        Ok(())
    }
}
