//! What is known of the open vision model: its answers, and what its compressed layers cost.

use super::network_set::NetworkInfo;
use super::vision_state::VisionModelState;
use crate::app::state::tried::TriedNetwork;
use crate::app::tasks::whole_model::replaced_layers::SingleLayer;
use crate::hint::Failure;
use crate::vision::Evaluation;

/// Measurements of the network.
impl VisionModelState {
    /// Share of right answers; where the images' classes are not known, of those that are the dense network's. What was
    /// measured on the first images alone is expected of all: the dense network's share, and what is lost of it on those.
    pub fn score(&self, evaluation: &Evaluation) -> Option<f64> {
        let agreement = || {
            let pairs = evaluation.answers.iter().zip(&self.dense()?.answers);
            let same = pairs.filter(|(answer, dense)| answer == dense).count();
            Some(same as f64 / evaluation.images().max(1) as f64)
        };
        let expected = |accuracy: f64| {
            let dense = self.dense().filter(|dense| dense.images() > evaluation.images());
            dense.map_or(Some(accuracy), |dense| {
                let pairs = dense.answers.iter().zip(&evaluation.labels);
                let correct = pairs.filter(|(answer, label)| answer == label).count();
                Some(dense.accuracy()? + accuracy - correct as f64 / evaluation.images().max(1) as f64)
            })
        };
        evaluation.accuracy().and_then(expected).or_else(agreement)
    }

    /// The dense network's answers.
    pub fn dense(&self) -> Option<&Evaluation> {
        self.measures.accuracies.dense(self.open.number())?.ok()
    }

    /// Why there are none.
    pub fn dense_problem(&self) -> Option<&Failure> {
        self.measures.accuracies.dense(self.open.number())?.err()
    }

    /// The answers with the compressed layers as they are, or as they were a moment ago; and whether it is as they are.
    pub fn compressed(&self) -> Option<(&Evaluation, bool)> {
        self.measures.accuracies.all(self.open.number(), self.layers.version())?.ok()
    }

    /// Why there are none.
    pub fn compressed_problem(&self) -> Option<&Failure> {
        self.measures.accuracies.all(self.open.number(), self.layers.version())?.err()
    }

    /// The answers with the compressed layers as they are and batch normalization estimated anew, or why there are none.
    pub fn estimated(&self) -> Option<Result<&Evaluation, &Failure>> {
        self.measures.accuracies.estimated(self.open.number(), &self.layers)
    }

    /// The answers with nothing but the layer on screen replaced by the factors on screen, or those a moment ago, perhaps on the
    /// first images alone; and whether they are those of the factors on screen on all images.
    pub fn alone(&self) -> Option<(&Evaluation, bool)> {
        self.measures.accuracies.single()
    }

    /// The same on all images, perhaps of the factors some moments ago.
    pub fn alone_on_all(&self) -> Option<&Evaluation> {
        self.measures.accuracies.single_on_all()
    }

    /// The answers with nothing but the layer on screen pruned to its `kept` largest entries.
    pub fn pruned_alone(&self, kept: usize) -> Option<&Evaluation> {
        self.measures.accuracies.pruned(kept)
    }

    /// The layer on screen, and the factors in its place.
    pub fn on_screen(&self) -> Option<&SingleLayer<usize>> {
        self.measures.accuracies.on_screen()
    }

    /// Multiplications of the network with its compressed layers as they are, as a share of the dense network's.
    pub fn share_of_multiplications(&self) -> Option<f64> {
        self.share(|info, layer| info.multiplications[layer])
    }

    /// Nonzeros of all layers as they are, as a share of the dense network's weights.
    pub fn share_of_weights(&self) -> Option<f64> {
        self.share(|info, layer| info.shape(layer).0 * info.shape(layer).1)
    }

    /// What is left of a number of each layer that goes with its nonzeros, all layers together.
    fn share(&self, of_layer: impl Fn(&NetworkInfo, usize) -> usize) -> Option<f64> {
        let info = self.info()?;
        let (mut left, mut all) = (0.0, 0.0);
        for layer in info.layers() {
            let whole = of_layer(info, layer) as f64;
            let kept = self.layers.get(layer).map(|layer| &layer.report);
            left += whole * kept.map_or(1.0, |kept| kept.nnz as f64 / (kept.rows * kept.cols).max(1) as f64);
            all += whole;
        }
        (all > 0.0).then(|| left / all)
    }

    /// Compressions that were tried, in order.
    pub fn tried(&self) -> &[TriedNetwork] {
        &self.measures.tried
    }
}
