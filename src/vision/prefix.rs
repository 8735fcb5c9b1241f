//! A network evaluated from one layer on.

use super::architecture::Shortcut;
use super::classify::{BATCH, ClassifyProgress};
use super::{Activations, Architecture, Error, Evaluation, ImageSet, Network, NormValues};
use std::ops::Range;

/// What images give before the block that holds a layer. It is kept, so that changes of that layer are evaluated from there on,
/// with the same bits as from the beginning.
pub struct Prefix {
    /// Number of the next block, or of all of them before the classifier; `None` before the stem.
    block: Option<usize>,
    /// The values before it, and the images' labels, batch by batch.
    batches: Vec<(Activations, Vec<usize>)>,
}

/// Number of the block that holds a layer.
fn block_of(architecture: &Architecture, layer: usize) -> Option<usize> {
    if layer == architecture.classifier() {
        return Some(architecture.blocks.len());
    }
    let holds = |shortcut| shortcut == Shortcut::Convolution(layer);
    architecture.blocks.iter().position(|block| block.main.contains(&layer) || holds(block.shortcut))
}

impl Prefix {
    /// Computes what is before `layer`.
    pub fn new(
        network: &Network,
        layer: usize,
        images: &ImageSet,
        progress: ClassifyProgress<'_>,
    ) -> Result<Self, Error> {
        let (block, all) = (block_of(network.architecture(), layer), images.len());
        let mut running = |layer: usize, _: &Activations| -> NormValues { network.norms[layer].running.clone() };
        let mut batches = Vec::new();
        for from in (0..all).step_by(BATCH) {
            if !progress(from, all) {
                return Err(Error::Cancelled);
            }
            let pictures = images.read(from..(from + BATCH).min(all))?.pictures;
            if pictures.is_empty() {
                continue;
            }
            let mut x = network.input(&pictures)?;
            if let Some(block) = block {
                x = network.stem(&x, &mut running);
                for before in 0..block {
                    x = network.block(before, &x, &mut running);
                }
            }
            batches.push((x, pictures.labels));
        }
        match batches.is_empty() {
            true => Err(Error::NoImages),
            false => Ok(Self { block, batches }),
        }
    }

    /// Evaluates `network`, which differs from the first one in that layer alone.
    pub fn evaluate(&self, network: &Network, progress: ClassifyProgress<'_>) -> Result<Evaluation, Error> {
        self.evaluate_some(0..usize::MAX, network, progress)
    }

    /// The same on some of the images: those of the batches that begin in this range.
    pub fn evaluate_some(
        &self,
        images: Range<usize>,
        network: &Network,
        progress: ClassifyProgress<'_>,
    ) -> Result<Evaluation, Error> {
        let blocks = network.architecture().blocks.len();
        let mut running = |layer: usize, _: &Activations| -> NormValues { network.norms[layer].running.clone() };
        let mut evaluation = Evaluation::default();
        let mut begins = 0;
        for (at, (before, labels)) in self.batches.iter().enumerate() {
            let is_wanted = images.contains(&begins);
            begins += before.images;
            if !is_wanted {
                continue;
            }
            if !progress(at, self.batches.len()) {
                return Err(Error::Cancelled);
            }
            let stem = self.block.is_none().then(|| network.stem(before, &mut running));
            let mut x = None;
            for block in self.block.unwrap_or(0)..blocks {
                let next = network.block(block, x.as_ref().or(stem.as_ref()).unwrap_or(before), &mut running);
                x = Some(next);
            }
            let last = x.as_ref().or(stem.as_ref()).unwrap_or(before);
            evaluation.add(&network.logits(last)?, labels)?;
        }
        Ok(evaluation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::keep_largest;
    use crate::vision;

    #[test]
    fn a_change_is_evaluated_as_from_the_beginning() {
        let model = vision::example();
        let dense = model.network().unwrap();
        let images = ImageSet::of(vision::example_held_out(150));
        let always = |_: usize, _: usize| true;
        for layer in [0, 1, 2, 7, model.architecture().classifier()] {
            let weight = model.layer(layer).unwrap().weight;
            let mut changed = dense.clone();
            changed.replace(layer, &keep_largest(&weight, weight.len() / 4));
            let prefix = Prefix::new(&dense, layer, &images, &always).unwrap();
            let whole = changed.classify(&images, &always).unwrap().evaluation;
            assert_eq!(prefix.evaluate(&changed, &always).unwrap(), whole, "layer {layer}");
            let mut parts = prefix.evaluate_some(0..BATCH, &changed, &always).unwrap();
            assert_eq!(parts.answers, whole.answers[..BATCH], "layer {layer}");
            parts.append(&prefix.evaluate_some(BATCH..150, &changed, &always).unwrap());
            assert_eq!((&parts.answers, &parts.labels), (&whole.answers, &whole.labels), "layer {layer}");
            let (loss, sum) = (whole.loss().unwrap(), parts.loss().unwrap());
            assert!((loss - sum).abs() < 1e-12 * loss && parts.per_class() == whole.per_class(), "{loss} and {sum}");
        }
        let stopped = Prefix::new(&dense, 3, &images, &|done, _| done == 0);
        assert!(matches!(stopped, Err(Error::Cancelled)));
        assert!(matches!(Prefix::new(&dense, 3, &images.first(0), &always), Err(Error::NoImages)));
    }
}
