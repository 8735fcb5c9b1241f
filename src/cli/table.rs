//! `table`: the paper's Table 1 for any model.

use super::language::StudyArgs;
use super::{Failure, output};
use dsf_explorer::compress::{self, Compression, Densities, Inputs, Memory, Plan, Step};
use dsf_explorer::export::RunReport;
use dsf_explorer::factorize::{Preset, Settings};
use dsf_explorer::language::{LayerId, Llama};
use dsf_explorer::methods::Method;
use serde_json::json;
use std::num::NonZeroUsize;
use std::time::Instant;

/// The command's arguments.
#[derive(clap::Args)]
pub struct Table {
    #[command(flatten)]
    study: StudyArgs,

    /// Kept nonzeros, as shares of the layers' weights
    #[arg(long, value_name = "SHARE,…", value_delimiter = ',', default_values = ["0.5", "0.4", "0.3", "0.25"])]
    densities: Vec<f64>,

    /// Worker threads [default: all processors]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// One JSON value on standard output
    #[arg(long)]
    json: bool,
}

/// A row of the table: what is done with each layer at a density.
struct Row {
    name: &'static str,
    plan: fn(f64) -> Plan,
    distributed: bool,
}

const ROWS: [Row; 6] = [
    Row {
        name: "magnitude",
        plan: |density| Plan { method: Method::Magnitude, ..Plan::new(Preset::Published, density) },
        distributed: false,
    },
    Row {
        name: "DSF, one mask fixed",
        plan: |density| published(density, |settings| settings.fixed_mask = true),
        distributed: false,
    },
    Row {
        name: "DSF, no finalisation",
        plan: |density| published(density, |settings| settings.finalize = false),
        distributed: false,
    },
    Row { name: "DSF as published", plan: |density| published(density, |_| {}), distributed: false },
    Row { name: "DSF best", plan: |density| Plan::new(Preset::Best, density), distributed: false },
    Row { name: "DSF best, distributed", plan: |density| Plan::new(Preset::Best, density), distributed: true },
];

fn published(density: f64, change: fn(&mut Settings)) -> Plan {
    let mut plan = Plan::new(Preset::Published, density);
    change(&mut plan.settings);
    plan
}

/// `model` compressed, and each layer's report.
pub fn compressed(model: &Llama, plan: &Plan, inputs: &Inputs) -> Result<(Llama, Vec<(LayerId, RunReport)>), Failure> {
    let start = Instant::now();
    let clock = Box::new(move || start.elapsed().as_secs_f64());
    let mut work = Compression::new(model, plan.clone(), inputs, Box::new(Memory::default()), clock)?;
    let (mut changed, mut reports) = (model.clone(), Vec::new());
    while let Some(step) = work.step()? {
        if let Step::Finished(layer) = step {
            changed.replace(layer.id, layer.weight.clone());
            reports.push((layer.id, layer.report.clone()));
        }
    }
    Ok((changed, reports))
}

impl Table {
    /// Computes and prints it, a row at a time.
    pub fn run(self) -> Result<(), Failure> {
        super::on_threads(self.threads, |threads| self.measure(threads))
    }

    fn measure(&self, threads: usize) -> Result<(), Failure> {
        for &density in &self.densities {
            Densities::uniform(density).check()?;
        }
        let (model, windows) = self.study.open()?;
        let (text, floor) = self.study.text(&model)?;
        let perplexity = |model: &Llama| -> Result<f64, Failure> {
            Ok(model.loss(&text, &dsf_explorer::language::unobserved)?.perplexity())
        };
        let dense = perplexity(&model)?;
        let line = |name: &str, values: &[f64]| {
            let cells: Vec<String> = values.iter().map(|value| format!("{value:.3}")).collect();
            format!("| {name} | {} |", cells.join(" | "))
        };
        let mut all = Vec::new();
        if !self.json {
            let floor = floor.map_or(String::new(), |floor| format!(", the language's own {floor:.3}"));
            output::print(&format!(
                "Perplexity of {} on {} tokens in windows of {}; dense {dense:.3}{floor}.\n",
                model.name(),
                text.predicted(),
                text.context()
            ))?;
            let heads: Vec<String> =
                self.densities.iter().map(|density| format!("{} %", (1e4 * density).round() / 1e2)).collect();
            output::print(&format!("| | {} |\n|---|{}", heads.join(" | "), "---|".repeat(heads.len())))?;
        }
        let inputs = Inputs::Windows(windows.clone());
        let proxy = super::proxy::measured(&model, &windows)?;
        for row in &ROWS {
            let mut values = Vec::new();
            for &density in &self.densities {
                let mut plan = Plan { threads, ..(row.plan)(density) };
                if row.distributed {
                    plan.densities.by_layer = compress::distribute(model.config(), &proxy, density);
                }
                let bar = output::Steps::new(row.name, "densities");
                bar.update(values.len(), self.densities.len());
                let start = Instant::now();
                let (changed, reports) = compressed(&model, &plan, &inputs)?;
                bar.finish();
                let perplexity = perplexity(&changed)?;
                let mean = |error: fn(&RunReport) -> f64| {
                    reports.iter().map(|(_, report)| error(report)).sum::<f64>() / reports.len() as f64
                };
                all.push(json!({
                    "method": row.name,
                    "density": density,
                    "nnz": plan.dense_weights(model.config()) + reports.iter().map(|(_, report)| report.nnz).sum::<usize>(),
                    "perplexity": perplexity,
                    "relative_error": mean(|report| report.relative_error),
                    "layer_error": mean(|report| report.layer_error.unwrap_or(0.0)),
                    "seconds": start.elapsed().as_secs_f64(),
                }));
                values.push(perplexity);
            }
            if !self.json {
                output::print(&line(row.name, &values))?;
            }
        }
        match self.json {
            true => output::json(&json!({ "model": model.name(), "dense": dense, "floor": floor, "rows": all })),
            false => Ok(()),
        }
    }
}
