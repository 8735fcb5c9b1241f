//! Steps of gradient descent on a whole network.

use dsf_explorer::finetune::{Moments, Optimizer};
use dsf_explorer::matrix::Matrix;
use dsf_explorer::vision::{Gradients, Network, Pictures, Wanted};

use crate::Result;

/// Steps in which the learning rate rises.
const WARM_UP: usize = 200;
/// Memory of the gradients.
const OPTIMIZER: Optimizer = Optimizer::Sgd { momentum: 0.9 };
/// Share of a batch's means and variances in the running ones.
const NORM_MOMENTUM: f32 = 0.1;

/// A network in training.
pub struct Trainer {
    network: Network,
    /// The layers' weights, `[out, in·kh·kw]`; the network has them in another order.
    weights: Vec<(Matrix, Moments)>,
    /// Moments of the norms' scales and shifts.
    norms: Vec<[Moments; 2]>,
    bias: Moments,
    step: usize,
    steps: usize,
    rate: f64,
    decay: f64,
}

impl Trainer {
    /// `steps` steps of this network, at a learning rate that rises to `rate` and falls linearly to 0, with weights decaying
    /// by `decay`.
    pub fn new(network: Network, steps: usize, rate: f64, decay: f64) -> Self {
        let classifier = network.architecture().classifier();
        let weights = (0..=classifier).map(|layer| (network.weight(layer), Moments::default())).collect();
        let norms = (0..classifier).map(|_| Default::default()).collect();
        Self { network, weights, norms, bias: Moments::default(), step: 0, steps, rate, decay }
    }

    /// The network so far.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// A step on a batch; returns its mean loss.
    pub fn step(&mut self, pictures: &Pictures) -> Result<f64> {
        let wanted = Wanted { batch_statistics: true, output_squares: false };
        let Gradients { loss, weights, scales, shifts, bias, batch, .. } = self.network.gradients(pictures, wanted)?;
        let warm = ((self.step + 1) as f64 / WARM_UP as f64).min(1.0);
        let rate = self.rate * warm * (1.0 - self.step as f64 / self.steps as f64);
        let step = self.step;
        let change = |values: &mut [f32], moments: &mut Moments, gradient: &[f32], decay| {
            OPTIMIZER.step(values, moments, (gradient, 1.0), (rate, decay), step);
        };
        for (layer, ((weight, moments), gradient)) in self.weights.iter_mut().zip(&weights).enumerate() {
            change(weight.as_mut_slice(), moments, gradient.as_slice(), self.decay);
            self.network.replace(layer, weight);
        }
        for (layer, [of_scale, of_shift]) in self.norms.iter_mut().enumerate() {
            let norm = self.network.norm(layer).expect("every convolution has one");
            let (mut scale, mut shift) = (norm.scale.clone(), norm.shift.clone());
            change(&mut scale, of_scale, &scales[layer], 0.0);
            change(&mut shift, of_shift, &shifts[layer], 0.0);
            self.network.set_norm(layer, scale, shift);
        }
        let mut values = self.network.bias().to_vec();
        change(&mut values, &mut self.bias, &bias, 0.0);
        self.network.set_bias(values);
        self.network.follow(&batch, NORM_MOMENTUM);
        self.step += 1;
        Ok(loss)
    }
}
