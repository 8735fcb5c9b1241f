//! Layers of a model being compressed, one after the other.

use super::compressing::Compressing;
use crate::app::state::compressed_layers::CompressedLayers;
use crate::app::state::model_budget::ModelBudget;
use crate::app::tasks::pending_task::PendingTask;
use crate::compress::{CompressedLayer, LayerKey, Plan};
use crate::export::Layout;
use crate::factorize::Settings;
use crate::finetune::Blockwise;
use crate::hint::Failure;
use crate::job::{ComputeConfig, RunStage};
use crate::tasks::Task;
use eframe::egui::Context;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Layers being compressed by the task `T`. Dropping it cancels.
pub struct Compression<K: LayerKey, T: Task> {
    task: PendingTask<T>,
    /// The layer in work: the share of it that is done, and of a run its stage.
    current: Option<(K, f64, Option<RunStage>)>,
    /// Layers that are not finished yet.
    waiting: BTreeSet<K>,
    costs: Vec<(K, f64)>,
    cancelled: bool,
}

/// What a compression begins with.
pub struct Prepared<K: LayerKey> {
    /// Method, settings and densities of each layer.
    pub plan: Plan<K>,
    /// Layers that stay as they are compressed, and are seen by those after them.
    pub kept: Vec<Arc<CompressedLayer<K>>>,
    /// Layers to be compressed.
    pub waiting: BTreeSet<K>,
}

/// Prepares to compress `ids` of `all` layers of a model. Layers that keep all their weights are dense again.
pub fn prepare<K: LayerKey>(
    all: impl IntoIterator<Item = K>,
    (budget, settings, compute): (&ModelBudget<K>, &Settings, ComputeConfig),
    ids: &BTreeSet<K>,
    layers: &mut CompressedLayers<K>,
) -> Prepared<K> {
    let mut plan = plan(all, budget, settings, layers, ids);
    plan.threads = compute.thread_count();
    plan.preset = Settings { density: settings.density, factor_density: None, ..settings.clone() }.preset();
    let kept: Vec<_> = layers.iter().filter(|layer| !ids.contains(&layer.id)).cloned().collect();
    plan.blockwise = blockwise(budget, &kept);
    let is_sparse = |id: &K| budget.densities.of(*id) < 1.0;
    let (waiting, dense): (BTreeSet<K>, BTreeSet<K>) = ids.iter().partition(|id| is_sparse(id));
    layers.restore(&dense);
    Prepared { plan, kept, waiting }
}

/// The plan for the layers `ids` with these settings: others stay as they are.
pub fn plan<K: LayerKey>(
    all: impl IntoIterator<Item = K>,
    budget: &ModelBudget<K>,
    settings: &Settings,
    layers: &CompressedLayers<K>,
    ids: &BTreeSet<K>,
) -> Plan<K> {
    let mut densities = budget.densities.clone();
    for id in all {
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

/// How blocks are tuned, if they are to be: not beside layers that stay compressed as they are, which would be tuned as well.
fn blockwise<K: LayerKey>(budget: &ModelBudget<K>, kept: &[Arc<CompressedLayer<K>>]) -> Option<Blockwise> {
    (budget.blockwise && kept.is_empty()).then(Blockwise::default)
}

impl<K: LayerKey, T: Task<Progress = Compressing<K>, Output = Result<(), Failure>>> Compression<K, T> {
    /// Starts `task`, which compresses the layers `waiting`, at this cost each, relative to the others.
    pub fn start(ctx: &Context, task: T, waiting: BTreeSet<K>, cost: impl Fn(K) -> f64) -> Self {
        let costs = waiting.iter().map(|&id| (id, cost(id))).collect();
        let task = PendingTask::new(ctx, task, Duration::from_millis(50));
        Self { task, current: None, waiting, costs, cancelled: false }
    }

    /// Takes in finished layers and notes; what came of it, when it is over.
    pub fn poll(&mut self, layers: &mut CompressedLayers<K>, notes: &mut Vec<String>) -> Option<Result<(), Failure>> {
        let (current, waiting) = (&mut self.current, &mut self.waiting);
        let over = self.task.poll(|news| match news {
            Compressing::Stepped(id, done, stage) => *current = Some((id, done, stage)),
            Compressing::Note(note) => notes.push(note),
            Compressing::Finished(layer) => {
                waiting.remove(&layer.id);
                *current = None;
                layers.insert(layer);
            }
            Compressing::InBlock(id) => {
                waiting.remove(&id);
                *current = None;
            }
            Compressing::Tuned { block, layers: tuned, tensors } => {
                *current = None;
                layers.insert_block(block, tuned, tensors);
            }
        });
        // When cancelled the layer in work is given up; its thread finds out by itself.
        if self.cancelled { Some(Ok(())) } else { over }
    }

    /// Ends it; finished layers stay, or finished blocks where these are tuned.
    pub fn cancel(&mut self) {
        self.cancelled = true;
    }

    /// Whether the compression is being cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// The layer in work: the share of it that is done, and of a run its stage. One that is not waiting any more is the last of
    /// those that are tuned with their block.
    pub fn current(&self) -> Option<(K, f64, Option<RunStage>)> {
        self.current
    }

    /// Whether a layer is not finished yet.
    pub fn is_waiting(&self, id: K) -> bool {
        self.waiting.contains(&id)
    }

    /// The share that is done, and the seconds that are left where that can be said.
    pub fn progress(&self) -> (f64, Option<f64>) {
        let all: f64 = self.costs.iter().map(|cost| cost.1).sum();
        let left = |id: K| match &self.current {
            _ if !self.waiting.contains(&id) => 0.0,
            Some((current, done, _)) if *current == id => 1.0 - done,
            _ => 1.0,
        };
        let open: f64 = self.costs.iter().map(|&(id, cost)| cost * left(id)).sum();
        let done = 1.0 - open / all.max(f64::MIN_POSITIVE);
        (done, self.task.seconds(done).1)
    }
}
