//! `proxy`: measure the layers' sensitivity in a language model.

use super::language::StudyArgs;
use super::{Failure, output};
use crate::compress::{self, Densities, Inputs, Plan};
use crate::factorize::{Preset, Settings};
use crate::language::{LanguageModel, Windows};
use clap::ValueEnum;
use serde_json::json;
use std::num::NonZeroUsize;

/// The command's arguments.
#[derive(clap::Args)]
pub struct Proxy {
    #[command(flatten)]
    study: StudyArgs,

    /// What an error of a layer costs is measured by; layer errors by gradients weigh each output by their squares
    #[arg(long, value_enum, default_value = "loss")]
    by: By,

    /// Compress the model in many ways, and compare the predicted loss with the measured one
    #[arg(long)]
    check: bool,

    /// With --check: the preset of the runs
    #[arg(long, value_enum, default_value = "fast")]
    preset: Preset,

    /// Worker threads [default: all processors]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// One JSON value on standard output
    #[arg(long)]
    json: bool,
}

/// Where the layers' sensitivities come from.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum By {
    /// The loss of the model with one layer replaced, layer by layer
    Loss,
    /// The gradients of the dense model's loss
    Gradients,
}

/// Where the layers' sensitivities come from, with what that takes.
#[derive(Clone, Copy)]
pub enum Sensitivity {
    Loss,
    Gradients {
        /// Power of the squares that weigh the outputs in the short runs.
        power: f64,
    },
}

impl Sensitivity {
    /// Measures a model's layers, with a progress bar.
    pub fn measured(self, model: &LanguageModel, windows: &Windows) -> Result<compress::Proxy, Failure> {
        let bar = output::Steps::new("measuring the layers", "layers");
        let told = |done, all| bar.update(done, all);
        let proxy = match self {
            Self::Loss => compress::Proxy::measure(model, windows, &told)?,
            Self::Gradients { power } => compress::Proxy::from_gradients(model, windows, power, &told)?,
        };
        bar.finish();
        Ok(proxy)
    }
}

impl Proxy {
    /// Measures the layers and prints their sensitivities.
    pub fn run(self) -> Result<(), Failure> {
        super::on_threads(self.threads, |threads| self.measure(threads))
    }

    fn measure(&self, threads: usize) -> Result<(), Failure> {
        let (model, windows) = self.study.open()?;
        let by = match self.by {
            By::Loss => Sensitivity::Loss,
            By::Gradients => {
                Sensitivity::Gradients { power: Settings::default().with_preset(self.preset).output_power }
            }
        };
        let proxy = by.measured(&model, &windows)?;
        if self.check {
            return self.check(&model, &windows, &proxy, threads);
        }
        if self.json {
            let layers: Vec<_> = proxy
                .alphas
                .iter()
                .map(|(id, alpha)| json!({ "layer": model.config().stem(*id), "alpha": alpha }))
                .collect();
            return output::json(&json!({ "nll_dense": proxy.dense, "layers": layers }));
        }
        let head = ["layer", "loss per layer error", "error at 25 %", "error at 50 %"].map(str::to_owned).to_vec();
        let row = |(id, alpha): (&crate::language::LayerId, &f64)| {
            let error =
                |density| proxy.curves.get(id).map_or(String::new(), |curve| format!("{:.5}", curve.error(density)));
            vec![model.config().stem(*id), format!("{alpha:.4}"), error(0.25), error(0.5)]
        };
        let rows: Vec<_> = std::iter::once(head).chain(proxy.alphas.iter().map(row)).collect();
        output::print(&output::table(&rows))
    }

    /// Compares predicted and measured losses, for compressions of many kinds.
    fn check(
        &self,
        model: &LanguageModel,
        windows: &Windows,
        proxy: &compress::Proxy,
        threads: usize,
    ) -> Result<(), Failure> {
        let (text, _) = self.study.text(model)?;
        let dense = model.loss(&text, &crate::language::ignore_progress)?.nll;
        let inputs = Inputs::Windows(windows.clone());
        let mut pairs = Vec::new();
        let plans = plans(model, proxy, self.preset, threads);
        for (name, plan) in &plans {
            let bar = output::Share::new(name);
            bar.update(pairs.len() as f64 / plans.len() as f64, 0.0, "compressing");
            let compressed = compress::compress_model(model, plan, &inputs, &|_| true)?;
            let compressed = compressed.ok_or_else(|| Failure::unexplained("the compression broke off"))?;
            bar.finish();
            let errors = compressed.layers.iter().filter_map(|layer| Some((layer.id, layer.report.layer_error?)));
            let densities = model.layers().map(|id| (id, plan.densities.of(id)));
            // The dense loss differs between texts; the difference is what is predicted.
            let predicted = match self.by {
                By::Loss => proxy.loss(errors),
                // Its errors weigh the outputs, those of a report do not.
                By::Gradients => proxy.loss_at(densities),
            } - proxy.dense;
            let measured = compressed.model.loss(&text, &crate::language::ignore_progress)?.nll - dense;
            if !self.json {
                output::print(&format!("{name}: predicted {predicted:+.4}, measured {measured:+.4}"))?;
            }
            pairs.push((name.clone(), predicted, measured));
        }
        let (rank, mean) =
            (rank_correlation(&pairs), pairs.iter().map(|(_, a, b)| (a - b).abs()).sum::<f64>() / pairs.len() as f64);
        if self.json {
            let all: Vec<_> = pairs
                .iter()
                .map(|(name, predicted, measured)| json!({ "name": name, "foretold": predicted, "came": measured }))
                .collect();
            return output::json(&json!({ "compressions": all, "rank_correlation": rank, "mean_error": mean }));
        }
        output::print(&format!(
            "{} compressions: rank correlation {rank:.3}, mean error {mean:.4} of the loss's rise (in ln perplexity)",
            pairs.len()
        ))
    }
}

/// Compressions of many kinds: all layers alike, some kinds of layers more than others, some blocks alone, distributed.
fn plans(model: &LanguageModel, proxy: &compress::Proxy, preset: Preset, threads: usize) -> Vec<(String, Plan)> {
    let plan = |densities: Densities| Plan { densities, threads, ..Plan::new(preset, 0.25) };
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let mut plans = Vec::new();
    for density in [0.6, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1] {
        plans.push((format!("all {}", percent(density)), plan(Densities::uniform(density))));
    }
    for (name, feed_forward) in [("attention", false), ("feed-forward", true)] {
        for density in [0.25, 0.12] {
            let kinds = model.config().linears().filter(|kind| kind.is_feed_forward() == feed_forward);
            let by_kind = kinds.map(|kind| (kind, density)).collect();
            plans.push((
                format!("{name} {}, else 50 %", percent(density)),
                plan(Densities { all: 0.5, by_kind, ..Densities::default() }),
            ));
        }
    }
    let blocks = model.config().blocks;
    for block in std::collections::BTreeSet::from([0, blocks / 2, blocks - 1]) {
        for density in [0.2, 0.1] {
            let by_layer = model.layers().filter(|id| id.block == block).map(|id| (id, density)).collect();
            plans.push((
                format!("block {block} {}", percent(density)),
                plan(Densities { all: 1.0, by_layer, ..Densities::default() }),
            ));
        }
    }
    for density in [0.4, 0.25, 0.15, 0.1] {
        let by_layer = compress::distribute(model.config(), proxy, density);
        plans.push((
            format!("distributed {}", percent(density)),
            plan(Densities { all: density, by_layer, ..Densities::default() }),
        ));
    }
    plans
}

/// Spearman's rank correlation.
fn rank_correlation(pairs: &[(String, f64, f64)]) -> f64 {
    let ranks = |value: fn(&(String, f64, f64)) -> f64| -> Vec<f64> {
        pairs.iter().map(|pair| pairs.iter().filter(|other| value(other) < value(pair)).count() as f64).collect()
    };
    let (a, b) = (ranks(|pair| pair.1), ranks(|pair| pair.2));
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let (mean_a, mean_b) = (mean(&a), mean(&b));
    let sum = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(&b).map(|(&a, &b)| f(a - mean_a, b - mean_b)).sum::<f64>();
    sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
}
