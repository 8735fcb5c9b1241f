//! Layers being compressed, one after the other.

use crate::app::panels::language::LanguageModelState;
use crate::app::tasks::language::eval_set::ModelInfo;
use crate::app::tasks::language::work::Compress;
use crate::app::tasks::pending_task::PendingTask;
use crate::compress::{Densities, Plan};
use crate::export::Layout;
use crate::factorize::Settings;
use crate::job::{ComputeConfig, Stage};
use crate::language::LayerId;
use eframe::egui::Context;
use std::collections::BTreeSet;
use std::time::Duration;

/// Layers being compressed. Dropping it cancels.
pub struct Work {
    pub errand: PendingTask<Compress>,
    /// The layer in work: the share of it that is done, and of a run its stage.
    pub current: Option<(LayerId, f64, Option<Stage>)>,
    /// Not finished yet.
    pub waiting: BTreeSet<LayerId>,
    costs: Vec<(LayerId, f64)>,
    cancelled: bool,
}

impl Work {
    /// Finished layers stay.
    pub fn cancel(&mut self) {
        self.cancelled = true;
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled
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
        (done, self.errand.seconds(done).1)
    }
}

impl LanguageModelState {
    /// The plan for these layers with these settings: others stay as they are.
    pub(super) fn plan(&self, settings: &Settings, layers: &BTreeSet<LayerId>, threads: usize) -> Plan {
        let mut densities = self.densities.clone();
        let all: Vec<LayerId> = self.facts().map(|facts| facts.config.layers().collect()).unwrap_or_default();
        for id in all {
            let density = match (layers.contains(&id), self.layers.get(&id)) {
                (true, _) => self.densities.of(id),
                (false, Some(kept)) => kept.settings.density,
                (false, None) => 1.0,
            };
            densities.by_layer.insert(id, density);
        }
        let mut settings = Settings { density: densities.all, ..settings.clone() };
        // A split that was given for one layer does not suit all.
        settings.factor_density = None;
        let (method, layout) = (self.method, Layout::Merged);
        Plan { method, settings, densities, threads, layout, ..Plan::new(Default::default(), 0.25) }
    }

    /// Compresses `layers` with `settings`; the compressed ones among the others stay, and are seen by those after them.
    pub(super) fn compress(
        &mut self,
        ctx: &Context,
        settings: &Settings,
        layers: BTreeSet<LayerId>,
        compute: ComputeConfig,
    ) {
        let (Some(facts), Some(model)) = (self.facts().cloned(), self.opened.clone()) else { return };
        let ModelInfo { config, .. } = &facts;
        let mut plan = self.plan(settings, &layers, compute.thread_count());
        plan.preset = Settings { density: settings.density, factor_density: None, ..settings.clone() }.preset();
        let kept = self.layers.values().filter(|layer| !layers.contains(&layer.id)).cloned().collect();
        // Layers that keep all their weights are dense again.
        let (done, dense): (BTreeSet<LayerId>, Vec<LayerId>) = (
            layers.iter().copied().filter(|&id| self.densities.of(id) < 1.0).collect(),
            layers.iter().copied().filter(|&id| self.densities.of(id) >= 1.0).collect(),
        );
        self.restore(&dense);
        let costs = plan.costs(config).into_iter().filter(|cost| done.contains(&cost.0)).collect();
        let errand = PendingTask::new(ctx, Compress { model, plan, kept, compute }, Duration::from_millis(50));
        self.work = Some(Work { errand, current: None, costs, waiting: done, cancelled: false });
        self.problem = None;
    }
}

/// Densities of single layers count only as long as nobody sets others.
pub fn without_layers(densities: &Densities) -> Densities {
    Densities { by_layer: Default::default(), ..densities.clone() }
}
