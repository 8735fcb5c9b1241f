//! Images on their way through a network that is replaced layer by layer.

use super::architecture::Shortcut;
use super::convolution::statistics_from_taps;
use super::norm::NormAverage;
use super::{Activations, Error, Network, NormValues, Pictures};
use crate::compute::CalibrationSum;
use crate::matrix::{Calibration, Matrix};
use std::borrow::Cow;

/// A pass of calibration images through a network, which stops before each layer: to collect the statistics of the patches
/// that it reads, and to replace it.
///
/// What all images give before the current block is kept; what is inside of a block is computed again for each layer.
pub struct CalibrationPass {
    network: Network,
    /// Before the current block, batch by batch; at first what the stem reads.
    batches: Vec<Activations>,
    /// Index of the current layer.
    layer: usize,
}

/// Images of a batch.
const BATCH: usize = 32;

impl CalibrationPass {
    /// Begins before the first layer of `network`.
    pub fn new(network: Network, pictures: &Pictures) -> Result<Self, Error> {
        if pictures.is_empty() {
            return Err(Error::NoImages);
        }
        let parts = (0..pictures.len()).step_by(BATCH).map(|from| from..(from + BATCH).min(pictures.len()));
        let batches = parts.map(|part| network.input(&pictures.range(part))).collect::<Result<_, _>>()?;
        Ok(Self { network, batches, layer: 0 })
    }

    /// Replaces the weight `[out, in·kh·kw]` of the current layer.
    pub fn replace(&mut self, weight: &Matrix) {
        self.network.replace(self.layer, weight);
    }

    /// Number of the block that holds the current layer, and what the layer reads: its convolutions' own up to there, or the
    /// block's input.
    fn place(&self) -> Option<(usize, usize)> {
        let blocks = &self.network.architecture().blocks;
        blocks.iter().enumerate().find_map(|(number, block)| {
            let own = block.main.iter().position(|&layer| layer == self.layer);
            own.or((block.shortcut == Shortcut::Convolution(self.layer)).then_some(0)).map(|at| (number, at))
        })
    }

    /// Statistics XᵀX of the current layer's inputs, `[in·kh·kw, in·kh·kw]`, over all positions of all images.
    ///
    /// # Panics
    /// Panics if the pass is at its end.
    pub fn statistics(&self) -> Result<Calibration, Error> {
        let network = &self.network;
        let shape = &network.architecture().layers[self.layer];
        let not_finite = || Error::NotFinite { tensor: shape.tensor() };
        let mut sum = CalibrationSum::new(shape.shape().1);
        for batch in &self.batches {
            let x = &*self.read_by_layer(batch);
            match network.convolution(self.layer) {
                Some(convolution) => {
                    for part in convolution.parts(x) {
                        sum.add(&convolution.patches(x, part)).map_err(|_| not_finite())?;
                    }
                }
                None => sum.add(&x.mean()).map_err(|_| not_finite())?,
            }
        }
        let calibration = sum.finish().map_err(|_| not_finite())?;
        match shape.taps() {
            1 => Ok(calibration),
            taps => {
                let xtx = statistics_from_taps(calibration.xtx(), taps);
                let taken = Calibration::from_xtx(xtx).map_err(|_| not_finite())?;
                Ok(taken.times_four_to(calibration.exponent()))
            }
        }
    }

    /// What the current layer reads, from what its block does.
    fn read_by_layer<'a>(&self, batch: &'a Activations) -> Cow<'a, Activations> {
        let mut running = |layer: usize, _: &Activations| -> NormValues { self.network.norms[layer].running.clone() };
        match self.place().filter(|&(_, at)| at > 0) {
            Some((block, at)) => Cow::Owned(self.network.inside(block, at, batch, &mut running)),
            None => Cow::Borrowed(batch),
        }
    }

    /// Estimates the mean and variance after the current layer anew, on what it gives with its weight as it is now. The
    /// classifier has none.
    pub fn estimate_norm(&mut self) -> Result<(), Error> {
        let Some(convolution) = self.network.convolution(self.layer) else { return Ok(()) };
        let mut average = NormAverage::default();
        for batch in &self.batches {
            let y = convolution.apply(&self.read_by_layer(batch));
            average.add(&NormValues::of(&y), y.values.rows());
        }
        let values = average.finish();
        if values.mean.iter().chain(&values.variance).any(|x| !x.is_finite()) {
            return Err(Error::NotFinite { tensor: convolution.shape().tensor() });
        }
        self.network.norms[self.layer].running = values;
        Ok(())
    }

    /// Advances to the next layer.
    pub fn advance(&mut self) {
        let of_block = self.place().map(|(block, _)| block);
        let is_stem = self.layer == 0;
        self.layer += 1;
        let next = self.place().map(|(block, _)| block);
        if !is_stem && of_block == next {
            return;
        }
        let network = &self.network;
        let mut running = |layer: usize, _: &Activations| -> NormValues { network.norms[layer].running.clone() };
        for batch in &mut self.batches {
            match of_block {
                None if is_stem => *batch = network.stem(batch, &mut running),
                None => {}
                Some(block) => *batch = network.block(block, batch, &mut running),
            }
        }
    }
}
