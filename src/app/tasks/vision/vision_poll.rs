//! What happens to the open vision model from frame to frame: what was measured and compressed comes in.

use super::accuracies::Measured;
use super::vision_state::VisionModelState;
use crate::app::state::factors_at::FactorsAt;
use crate::app::state::tried::TriedNetwork;
use crate::app::tasks::whole_model::replaced_layers::SingleLayer;
use eframe::egui::Context;

impl VisionModelState {
    /// Everything that has happened since the last frame, and what is wanted now. `on_screen` is the layer on screen and the
    /// factors in its place, `kept` how many entries magnitude pruning would leave of it.
    pub fn poll(
        &mut self,
        ctx: &Context,
        threads: Option<usize>,
        on_screen: Option<(usize, FactorsAt)>,
        kept: Option<usize>,
    ) {
        self.poll_work(ctx);
        self.measures.samples.poll();
        let (Some(info), Some(network)) = (self.info(), self.open.lazy().cloned()) else { return };
        let images = info.images.map_or(0, |[count, ..]| count);
        let (number, has_images) = (self.open.number(), images > 0);
        let estimates = self.estimates_norms();
        let of = Measured { number, images, network: &network, threads };
        let on_screen = on_screen.filter(|(_, factors)| has_images && *factors != FactorsAt::Nothing);
        self.measures.accuracies.set_on_screen(on_screen.map(|(id, factors)| SingleLayer {
            model: number,
            id,
            factors,
        }));
        if !has_images || self.waits_for_request() {
            return;
        }
        self.measures.accuracies.want_dense(ctx, of);
        if self.dense().is_none() {
            return;
        }
        let (live, working) = (self.is_live(), self.is_working());
        if live {
            self.measures.accuracies.want_single(ctx, of);
            kept.into_iter().for_each(|kept| self.measures.accuracies.want_pruned(ctx, of, kept));
        }
        // A large network keeps the processors for its layers, and is measured when they are done.
        if self.layers.is_empty() {
            self.measures.accuracies.forget_compressed();
        } else if live || !working {
            self.measures.accuracies.want_all(ctx, of, &self.layers, estimates && !working);
        }
        self.note_trail();
        self.note_tried(estimates);
    }

    /// Notes what the compressed layers came to, layer after layer.
    fn note_trail(&mut self) {
        let latest = self.measures.accuracies.latest(self.open.number());
        let noted = latest.and_then(|(count, made)| Some((count, self.score(made)?)));
        if let Some((count, score)) = noted.filter(|_| !self.layers.is_empty()) {
            self.layers.note(count, score);
        }
    }

    /// Notes what the compressed layers came to, once it is known.
    fn note_tried(&mut self, estimates: bool) {
        let version = self.layers.version();
        if self.is_working()
            || self.layers.is_empty()
            || self.measures.tried.iter().any(|tried| tried.version == version)
        {
            return;
        }
        let Some((made, true)) = self.compressed() else { return };
        let estimated = self.estimated();
        let shares = self.share_of_weights().zip(self.share_of_multiplications());
        let (Some(score), Some((weights, multiplications))) = (self.score(made), shares) else { return };
        if estimates && estimated.is_none() {
            return;
        }
        let estimated = estimated.and_then(Result::ok).and_then(|made| self.score(made));
        let label = self.layers.summary();
        self.measures.tried.push(TriedNetwork { version, label, score, estimated, weights, multiplications });
    }

    /// Returns the state of the network, for a program that drives the window.
    pub fn state(&self) -> serde_json::Value {
        let score = |made| self.score(made);
        serde_json::json!({
            "dense": self.dense().and_then(score),
            "alone": self.alone().and_then(|(made, _)| self.score(made)),
            "alone_is_current": self.alone().is_some_and(|(_, current)| current),
            "compressed": self.compressed().and_then(|(made, _)| self.score(made)),
            "compressed_is_current": self.compressed().is_some_and(|(_, current)| current),
            "estimated": self.estimated().and_then(Result::ok).and_then(score),
            "images": self.info().and_then(|info| info.images).map(|[count, ..]| count),
            "replaced": self.replaced(),
            "tried": self.measures.tried.len(),
            "layers": self.info().map(|info| info.layers().len()),
            "tuning": self.tuning().state(),
            "tuned": self.layers.is_tuned(),
            "tuning_step": self.tuning().curve().step(),
            "tuning_steps": self.tuning().curve().steps,
            "held_out": self.tuning().curve().held_out(),
            "working": self.is_working(),
            "problem": self.problem(),
        })
    }
}
