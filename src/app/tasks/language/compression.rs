//! Layers being compressed, one after the other.

use super::compress::{Compress, Compressing};
use super::eval_set::ModelInfo;
use super::lazy_model::LazyModel;
use crate::app::state::compressed_layers::CompressedLayers;
use crate::app::state::model_budget::ModelBudget;
use crate::app::tasks::pending_task::PendingTask;
use crate::compress::Plan;
use crate::export::Layout;
use crate::factorize::Settings;
use crate::hint::Failure;
use crate::job::{ComputeConfig, RunStage};
use crate::language::LayerId;
use eframe::egui::Context;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Layers being compressed. Dropping it cancels.
pub struct Compression {
    task: PendingTask<Compress>,
    /// The layer in work: the share of it that is done, and of a run its stage.
    current: Option<(LayerId, f64, Option<RunStage>)>,
    /// Layers that are not finished yet.
    waiting: BTreeSet<LayerId>,
    costs: Vec<(LayerId, f64)>,
    cancelled: bool,
}

impl Compression {
    /// Compresses `ids` with `settings`; the compressed ones among the others stay, and are seen by those after them. Layers
    /// that keep all their weights are dense again.
    pub fn start(
        ctx: &Context,
        (model, info): (Arc<LazyModel>, &ModelInfo),
        (budget, settings, compute): (&ModelBudget, &Settings, ComputeConfig),
        ids: &BTreeSet<LayerId>,
        layers: &mut CompressedLayers,
    ) -> Self {
        let mut plan = plan(info, budget, settings, layers, ids);
        plan.threads = compute.thread_count();
        plan.preset = Settings { density: settings.density, factor_density: None, ..settings.clone() }.preset();
        let kept: Vec<_> = layers.iter().filter(|layer| !ids.contains(&layer.id)).cloned().collect();
        // Norms that were tuned stay as long as a tuned layer does.
        let tuned = kept.iter().any(|layer| layers.is_tuned_layer(layer.id));
        let tensors = if tuned { layers.tensors().to_vec() } else { Vec::new() };
        let is_sparse = |id: &LayerId| budget.densities.of(*id) < 1.0;
        let (waiting, dense): (BTreeSet<LayerId>, BTreeSet<LayerId>) = ids.iter().partition(|id| is_sparse(id));
        layers.restore(&dense);
        let costs = plan.costs(info.config.shapes()).into_iter().filter(|cost| waiting.contains(&cost.0)).collect();
        let task = PendingTask::new(ctx, Compress { model, plan, kept, tensors, compute }, Duration::from_millis(50));
        Self { task, current: None, waiting, costs, cancelled: false }
    }

    /// Takes in finished layers and notes; what came of it, when it is over.
    pub fn poll(&mut self, layers: &mut CompressedLayers, notes: &mut Vec<String>) -> Option<Result<(), Failure>> {
        let (current, waiting) = (&mut self.current, &mut self.waiting);
        let over = self.task.poll(|news| match news {
            Compressing::Stepped(id, done, stage) => *current = Some((id, done, stage)),
            Compressing::Note(note) => notes.push(note),
            Compressing::Finished(layer) => {
                waiting.remove(&layer.id);
                *current = None;
                layers.insert(layer);
            }
        });
        // When cancelled the layer in work is given up; its thread finds out by itself.
        if self.cancelled { Some(Ok(())) } else { over }
    }

    /// Ends it; finished layers stay.
    pub fn cancel(&mut self) {
        self.cancelled = true;
    }

    /// Whether the compression is being cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// The layer in work: the share of it that is done, and of a run its stage.
    pub fn current(&self) -> Option<(LayerId, f64, Option<RunStage>)> {
        self.current
    }

    /// Whether a layer is not finished yet.
    pub fn is_waiting(&self, id: LayerId) -> bool {
        self.waiting.contains(&id)
    }

    /// The share that is done, and the seconds that are left where that can be said.
    pub fn progress(&self) -> (f64, Option<f64>) {
        let all: f64 = self.costs.iter().map(|cost| cost.1).sum();
        let left = |id: LayerId| match &self.current {
            Some((current, done, _)) if *current == id => 1.0 - done,
            _ if self.waiting.contains(&id) => 1.0,
            _ => 0.0,
        };
        let open: f64 = self.costs.iter().map(|&(id, cost)| cost * left(id)).sum();
        let done = 1.0 - open / all.max(f64::MIN_POSITIVE);
        (done, self.task.seconds(done).1)
    }
}

/// The plan for the layers `ids` with these settings: others stay as they are.
pub fn plan(
    info: &ModelInfo,
    budget: &ModelBudget,
    settings: &Settings,
    layers: &CompressedLayers,
    ids: &BTreeSet<LayerId>,
) -> Plan {
    let mut densities = budget.densities.clone();
    for id in info.config.layers() {
        let density = match (ids.contains(&id), layers.get(id)) {
            (true, _) => budget.densities.of(id),
            (false, Some(kept)) => kept.settings.density,
            (false, None) => 1.0,
        };
        densities.by_layer.insert(id, density);
    }
    // A split that was given for one layer does not suit all.
    let settings = Settings { density: densities.all, factor_density: None, ..settings.clone() };
    let (method, layout) = (budget.method, Layout::Merged);
    Plan { method, settings, densities, threads: 1, layout, ..Plan::new(Default::default(), 0.25) }
}
