//! Gradients of the cross entropy with respect to all that a network is made of: backpropagation.
//!
//! The way forward keeps what each convolution read and gave ([`record`]); the way back goes through it from the end. The
//! gradient of a convolution's weight is dense, `[out, in·kh·kw]`, where the layer is stored as factors as well: with
//! W = A·B theirs follow from it, ∂L/∂A = ∂L/∂W·Bᵀ and ∂L/∂B = Aᵀ·∂L/∂W.
//!
//! A batch is normalized as in use, by the running means and variances, which are constants then; or as in training, by
//! its own, which depend on every image of it, and gradients flow through them.
//!
//! All sums are cut into parts of a fixed size and added up in order: the same bits on any number of threads.

mod convolution;
mod loss;
mod norm;
mod places;
mod record;

use super::architecture::Shortcut;
use super::network::Network;
use super::norm::NormValues;
use super::{Activations, Error, Pictures};
use crate::compute::{Par, matmul_with};
use crate::matrix::Matrix;
use loss::Loss;
use record::Record;

/// What is computed, and of which network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Whether the batch is normalized by its own means and variances, as in training.
    pub batch_statistics: bool,
    /// Whether squares of the gradients of the convolutions' outputs are summed up.
    pub output_squares: bool,
}

/// Gradients of the mean loss of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gradients {
    /// Mean over the images of −ln p(label), in nats.
    pub loss: f64,
    /// Images whose label had the largest logit.
    pub correct: usize,
    /// With respect to the layers' weights, each `[out, in·kh·kw]` in the order of its file; the classifier's at the end.
    pub weights: Vec<Matrix>,
    /// With respect to the norms' scales, each `[channels]`, by layer.
    pub scales: Vec<Vec<f32>>,
    /// With respect to the norms' shifts, each `[channels]`, by layer.
    pub shifts: Vec<Vec<f32>>,
    /// With respect to the classifier's bias, `[classes]`.
    pub bias: Vec<f32>,
    /// Means of the batch and the population's variances as estimated from it, by layer; empty without batch statistics.
    pub batch: Vec<NormValues>,
    /// For each convolution's output channels the sum of the squares over all images and positions of the gradients of an
    /// image's loss (not divided by the number of images), `[out]`; empty unless wanted. Its shape is the diagonal of the
    /// output factor of K-FAC (Grosse and Martens, arXiv 1602.01407).
    pub output_squares: Vec<Vec<f64>>,
}

impl Network {
    /// Gradients of the mean cross entropy of labelled pictures.
    pub fn gradients(&self, pictures: &Pictures, wanted: Wanted) -> Result<Gradients, Error> {
        let record = Record::new(self, self.input(pictures)?, wanted.batch_statistics);
        let features = record.features().mean();
        let logits = self.logits(record.features())?;
        let Loss { loss, correct, gradient } = Loss::of(&logits, &pictures.labels)?;

        let convolutions = self.convolutions.len();
        let mut weight = Matrix::zeros(gradient.cols(), features.cols());
        matmul_with(&mut weight, gradient.view().transpose(), features.view(), Par::Seq);
        let mut weights = vec![Matrix::zeros(0, 0); convolutions];
        weights.push(weight);
        let sums = Gradients {
            loss,
            correct,
            weights,
            scales: vec![Vec::new(); convolutions],
            shifts: vec![Vec::new(); convolutions],
            bias: loss::column_sums(&gradient),
            batch: if wanted.batch_statistics { record.population() } else { Vec::new() },
            output_squares: vec![Vec::new(); if wanted.output_squares { convolutions } else { 0 }],
        };

        let mut back = Back { network: self, record: &record, wanted, sums };
        let mut g = record.features().spread(&self.classifier.backward(&gradient, Par::Seq));
        for block in (0..self.architecture.blocks.len()).rev() {
            g = back.block(block, g);
        }
        back.stem(g);
        Ok(back.sums)
    }

    /// Moves the running means and variances towards those of a batch, which `gradients` has found: `momentum` of the new
    /// ones, 1 − `momentum` of the old.
    ///
    /// # Panics
    /// Panics if they are not those of this network's layers.
    pub fn follow(&mut self, batch: &[NormValues], momentum: f32) {
        assert_eq!(batch.len(), self.norms.len(), "values of each layer");
        let mix = |old: &mut [f32], new: &[f32]| {
            old.iter_mut().zip(new).for_each(|(old, new)| *old += momentum * (new - *old));
        };
        for (norm, batch) in self.norms.iter_mut().zip(batch) {
            mix(&mut norm.running.mean, &batch.mean);
            mix(&mut norm.running.variance, &batch.variance);
        }
    }
}

/// The way back.
struct Back<'a> {
    network: &'a Network,
    record: &'a Record,
    wanted: Wanted,
    sums: Gradients,
}

impl Back<'_> {
    /// Through a convolution and its norm, from gradients of what they gave to those of what they read, if those are needed.
    fn layer(&mut self, layer: usize, mut g: Activations, reads: bool) -> Option<Activations> {
        let (network, kept) = (self.network, self.record.layer(layer));
        let of_norm = network.norms[layer].backward(&kept.output, &kept.values, &mut g, self.wanted.batch_statistics);
        (self.sums.scales[layer], self.sums.shifts[layer]) = of_norm;
        if let Some(squares) = self.sums.output_squares.get_mut(layer) {
            // The loss is a mean: an image's own gradient is as many times as large.
            let images = g.images as f64;
            *squares = g.column_squares().into_iter().map(|sum| sum * images * images).collect();
        }
        let (weight, back) = network.convolutions[layer].backward(&kept.input, &g, reads);
        self.sums.weights[layer] = weight;
        back
    }

    /// Through a residual block.
    fn block(&mut self, block: usize, mut g: Activations) -> Activations {
        let (network, record) = (self.network, self.record);
        let shape = &network.architecture.blocks[block];
        g.mask(record.after(block));
        let mut back = match shape.shortcut {
            Shortcut::Identity => g.clone(),
            Shortcut::Convolution(layer) => self.layer(layer, g.clone(), true).expect("it is asked for"),
            Shortcut::Padded { stride, .. } => g.taken_from(record.before(block), stride),
        };
        for (at, &layer) in shape.main.iter().enumerate().rev() {
            g = self.layer(layer, g, true).expect("it is asked for");
            if at > 0 {
                g.mask(&record.layer(layer).input);
            }
        }
        back.add(&g);
        back
    }

    /// Through what comes before the blocks.
    fn stem(&mut self, mut g: Activations) {
        if self.network.architecture.pools {
            g = g.unpooled(&self.record.stem);
        }
        g.mask(&self.record.stem);
        self.layer(0, g, false);
    }
}
