//! Layers compressed on a thread, one after the other.

use super::LanguageRoom;
use crate::compress::{CompressedLayer, Compression, Densities, Inputs, Memory, Plan, Step};
use crate::export::Layout;
use crate::factorize::Settings;
use crate::job::Progress;
use crate::language::{LayerId, Llama};
use eframe::egui::Context;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// What the thread tells.
pub enum News {
    /// A step of a layer's run.
    Stepped(LayerId, Progress),
    /// A layer is finished.
    Finished(Arc<CompressedLayer>),
    /// All are, or it was cancelled, or why it could not go on.
    Ended(Result<(), String>),
}

/// Layers being compressed. Dropping it cancels.
pub struct Work {
    pub news: Receiver<News>,
    /// The layer in work.
    pub current: Option<(LayerId, Progress)>,
    /// Not finished yet.
    pub waiting: BTreeSet<LayerId>,
    costs: Vec<(LayerId, f64)>,
    cancelled: Arc<AtomicBool>,
    begun: Instant,
}

impl Drop for Work {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Work {
    /// Takes effect within one half-step.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    pub fn finished(&mut self, id: LayerId) {
        self.waiting.remove(&id);
        self.current = None;
    }

    /// The share that is done, and the seconds that are left.
    pub fn progress(&self) -> (f64, f64) {
        let all: f64 = self.costs.iter().map(|cost| cost.1).sum();
        let left = |id: LayerId| match &self.current {
            Some((current, progress)) if *current == id => 1.0 - progress.done,
            _ if self.waiting.contains(&id) => 1.0,
            _ => 0.0,
        };
        let open: f64 = self.costs.iter().map(|&(id, cost)| cost * left(id)).sum();
        let done = 1.0 - open / all.max(f64::MIN_POSITIVE);
        (done, self.begun.elapsed().as_secs_f64() * (1.0 - done) / done.max(1e-3))
    }
}

impl LanguageRoom {
    /// The plan for these layers with these settings: others stay as they are.
    pub(super) fn plan(&self, settings: &Settings, layers: &BTreeSet<LayerId>, threads: usize) -> Plan {
        let mut densities = self.densities.clone();
        let all: Vec<LayerId> = self.study().map(|study| study.model.layers().collect()).unwrap_or_default();
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
        Plan { settings, densities, threads, layout: Layout::Merged, ..Plan::new(Default::default(), 0.25) }
    }

    /// Compresses `layers` with `settings`; the compressed ones among the others stay, and are seen by those after them.
    pub(super) fn compress(
        &mut self,
        ctx: &Context,
        settings: &Settings,
        layers: BTreeSet<LayerId>,
        threads: Option<usize>,
    ) {
        let Some(study) = self.study().cloned() else { return };
        let count = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get()));
        let mut plan = self.plan(settings, &layers, count);
        plan.preset = Settings { density: settings.density, factor_density: None, ..settings.clone() }.preset();
        let kept = self.layers.values().filter(|layer| !layers.contains(&layer.id));
        let store = Memory::new(kept.cloned());
        let inputs = match &study.calibration {
            Some(windows) => Inputs::Windows(windows.clone()),
            None => Inputs::Unknown,
        };
        // Layers that keep all their weights are dense again.
        let (done, dense): (BTreeSet<LayerId>, Vec<LayerId>) = (
            layers.iter().copied().filter(|&id| self.densities.of(id) < 1.0).collect(),
            layers.iter().copied().filter(|&id| self.densities.of(id) >= 1.0).collect(),
        );
        self.restore(&dense);
        let costs = plan.costs(&study.model).into_iter().filter(|cost| done.contains(&cost.0)).collect();
        let (sender, news) = channel();
        let cancelled = Arc::new(AtomicBool::new(false));
        self.work = Some(Work {
            news,
            current: None,
            costs,
            waiting: done,
            cancelled: cancelled.clone(),
            begun: Instant::now(),
        });
        self.problem = None;
        let (model, ctx) = (study.model, ctx.clone());
        std::thread::spawn(move || {
            let run = || drive(&model, plan, &inputs, store, &cancelled, &sender, &ctx);
            let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| super::on_threads(threads, run)));
            let broken = || Err("Compressing broke off (a bug; please report it)".to_owned());
            // A window that has been closed needs nothing.
            let _ = sender.send(News::Ended(end.unwrap_or_else(|_| broken())));
            ctx.request_repaint();
        });
    }
}

fn drive(
    model: &Llama,
    plan: Plan,
    inputs: &Inputs,
    store: Memory,
    cancelled: &AtomicBool,
    sender: &Sender<News>,
    ctx: &Context,
) -> Result<(), String> {
    let start = Instant::now();
    let clock = Box::new(move || start.elapsed().as_secs_f64());
    let told = |error: crate::compress::Error| error.to_string();
    let mut work = Compression::new(model, plan, inputs, Box::new(store), clock).map_err(told)?;
    while let Some(step) = work.step().map_err(told)? {
        if cancelled.load(Ordering::Relaxed) {
            return Ok(());
        }
        let news = match step {
            Step::Layer(id, progress) => News::Stepped(id, progress),
            Step::Finished(layer) => News::Finished(layer),
            Step::Statistics(_) | Step::Found(_) | Step::Advanced => continue,
        };
        if sender.send(news).is_err() {
            return Ok(());
        }
        ctx.request_repaint_after(Duration::from_millis(50));
    }
    Ok(())
}

/// Densities of single layers count only as long as nobody sets others.
pub fn without_layers(densities: &Densities) -> Densities {
    Densities { by_layer: Default::default(), ..densities.clone() }
}
