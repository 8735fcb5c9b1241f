//! `compress`: a language model, layer by layer.

use super::explicit_flags::Given;
use super::factorize::WrittenDtype;
use super::language::{CalibrationArgs, ModelArgs};
use super::method::MethodArgs;
use super::solver_args::Tuning;
use super::{Failure, output};
use dsf_explorer::compress::{self, Compression, Densities, Folder, Inputs, Output, OutputSquares, Plan, Step, Totals};
use dsf_explorer::export::{Layout, RunReport, error_text};
use dsf_explorer::finetune::Blockwise;
use dsf_explorer::job::{self, Backend};
use dsf_explorer::language::{LanguageModel, LayerId};
use dsf_explorer::measure::cost::remaining_secs;
use dsf_explorer::methods::Method;
use dsf_explorer::model::{self, Dtype};
use indicatif::HumanBytes;
use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// The command's arguments.
#[derive(clap::Args)]
pub struct Compress {
    #[command(flatten)]
    given: Given,

    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    method: MethodArgs,

    #[command(flatten)]
    tuning: Tuning,

    /// Other densities for some layers: a kind of layer or a single one, for example down_proj=0.4 or
    /// model.layers.0.mlp.up_proj=0.3; 1 leaves them as they are. Can be given several times
    #[arg(long, value_name = "LAYER=SHARE")]
    density_of: Vec<LayerDensity>,

    #[command(flatten)]
    calibration: CalibrationArgs,

    /// Give each layer its share of all nonzeros so that the model loses least, as `proxy` foretells it
    #[arg(long, conflicts_with = "density_of")]
    distribute: bool,

    /// Tune each block while its layers are compressed, so that it gives what the dense model's gives: the values of its
    /// finished layers, its norms and biases, and its other layers
    #[arg(long, conflicts_with_all = ["parallel", "load_calibration"])]
    blockwise: bool,

    /// Each layer sees the inputs that the dense model gives it, not those that the compressed layers before it give
    #[arg(long)]
    parallel: bool,

    /// Write the statistics of all layers' inputs to this file
    #[arg(long, value_name = "FILE.safetensors", conflicts_with = "load_calibration")]
    save_calibration: Option<PathBuf>,

    /// Use statistics that were saved, in place of a text
    #[arg(long, value_name = "FILE.safetensors", conflicts_with = "calibration_text")]
    load_calibration: Option<PathBuf>,

    /// Write the result to this folder; an interrupted compression goes on where it was
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// What to write: merged, a model like the one that was given, with the products of the factors; or a model that keeps
    /// its factors and runs on them (bitmask is the smallest). After merged, with a comma: the factors beside it
    #[arg(long, value_enum, value_delimiter = ',', default_value = "merged")]
    layout: Vec<Layout>,

    /// Number format of the factors where they are kept apart [default: f32]
    #[arg(long, value_enum)]
    dtype: Option<WrittenDtype>,

    /// Where to compute the runs of dsf
    #[arg(long, value_enum, default_value = "cpu")]
    backend: Backend,

    /// Worker threads; the result does not depend on them [default: all processors]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Replace an existing output, and drop the beginnings of another one
    #[arg(long)]
    force: bool,

    /// One JSON value on standard output
    #[arg(long)]
    json: bool,
}

/// A density for some layers, as `down_proj=0.4`.
#[derive(Clone)]
struct LayerDensity {
    /// A kind of layer, or a layer's full name.
    name: String,
    density: f64,
}

impl std::str::FromStr for LayerDensity {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let (name, density) = text
            .split_once('=')
            .ok_or_else(|| Failure::unexplained("write it as LAYER=SHARE, for example down_proj=0.4"))?;
        let density = density.parse().map_err(|_| Failure::unexplained(format!("{density:?} is no number")))?;
        Ok(Self { name: name.to_owned(), density })
    }
}

impl Compress {
    /// Compresses the model; everything that can be checked is checked before the first layer.
    pub fn run(self) -> Result<(), Failure> {
        super::on_threads(self.threads, |threads| self.compress(threads))
    }

    fn compress(&self, threads: usize) -> Result<(), Failure> {
        let start = Instant::now();
        self.given.refuse_for(&[self.method.method])?;
        self.method.check_backend(self.backend)?;
        if self.dtype.is_some() && self.layout.iter().all(|layout| *layout == Layout::Merged) {
            let what = "--dtype is for factors, and merged is written in the model's own format";
            return Err(Failure::new(what, "leave it out, or add --layout bitmask").usage());
        }
        let model = self.model.open()?;
        let mut plan = self.plan(&model, threads)?;
        for &layout in &self.layout {
            plan.check_layout(layout).map_err(|error| Failure::from(error).usage())?;
        }
        plan.check()?;
        if let Some(out) = &self.out {
            output::check_folder("--out", out)?;
            Folder::check(out, self.force)?;
        }
        if let Some(file) = &self.save_calibration {
            let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            if self.out.as_ref().is_some_and(|out| absolute(file).starts_with(absolute(out))) {
                let what = "--save-calibration names a file inside of --out";
                return Err(Failure::new(what, "give a place beside it"));
            }
            output::check_file("--save-calibration", file, "safetensors", self.force)?;
        }
        let inputs = self.inputs(&model)?;
        if self.distribute {
            let Inputs::Windows(windows) = &inputs else {
                let what = "--distribute needs a text to measure the layers with";
                return Err(Failure::new(what, "give --calibration-text FILE"));
            };
            let proxy = super::proxy::measured(&model, windows)?;
            plan.densities.by_layer = compress::distribute(model.config(), &proxy, plan.densities.all);
        }
        // Without an output the work is kept where nobody sees it.
        let hidden = tempfile::tempdir().map_err(Failure::unexplained)?;
        let out = self.out.clone().unwrap_or_else(|| hidden.path().join("model"));
        let statistics = self.save_calibration.is_some();
        let folder = Folder::open(&model, &plan, &inputs, &out, self.force, statistics)?;
        let clock = move || start.elapsed().as_secs_f64();
        let work = Compression::new(&model, plan.clone(), &inputs, folder.store(), Box::new(clock))?;
        let (device, note) = job::device(self.backend, work.largest(), &self.tuning.settings, threads);
        note.iter().for_each(|note| output::note(note));
        let reports = drive(&model, &plan, work.on(device))?;
        let seconds = reports.iter().map(|report| report.seconds).sum::<f64>().max(start.elapsed().as_secs_f64());
        let totals = Totals::new(reports, plan.dense_weights(model.config()), plan.densities.all, seconds);
        match (&self.out, &self.save_calibration) {
            (Some(_), statistics) => {
                let (layouts, companions) = (self.layout.clone(), self.model.companions()?);
                let output = Output { layouts, companions, statistics: statistics.clone() };
                let keeps_factors = !output.layouts.contains(&Layout::Merged);
                folder.finish(&plan, &totals, &output, self.force)?;
                if keeps_factors && !compress::transformers_loads_factors(model.config(), &plan) {
                    eprintln!(
                        "note: transformers does not load experts that are kept as factors, nor tensors of which only \
                         some layers are; this program does. For transformers add --layout merged"
                    );
                }
            }
            (None, Some(file)) => folder.finish_statistics(file, self.force)?,
            (None, None) => {}
        }
        if self.json {
            return output::json(&totals);
        }
        output::print(&summary(&model, &totals, self.out.as_deref()))
    }

    fn plan(&self, model: &LanguageModel, threads: usize) -> Result<Plan, Failure> {
        let Tuning { preset, settings } = &self.tuning;
        let mut densities = Densities::uniform(settings.density);
        for LayerDensity { name, density } in &self.density_of {
            let config = model.config();
            // A tensor that holds several layers stands for all of them.
            let weight = if name.ends_with(".weight") { name.clone() } else { format!("{name}.weight") };
            let mut layers = config.layers_in(&weight);
            layers.extend(config.layer_named(name));
            match (config.linear_named(name), layers.is_empty()) {
                (Some(kind), _) => drop(densities.by_kind.insert(kind, *density)),
                (None, false) => densities.by_layer.extend(layers.into_iter().map(|id| (id, *density))),
                (None, true) => {
                    let kinds = config.linears().map(|kind| config.short_name(kind)).collect::<Vec<_>>().join(", ");
                    let what = format!("{name:?} is neither a kind of layer ({kinds}) nor the full name of one");
                    let blocks = format!("{} has {} blocks", model.name(), config.blocks);
                    return Err(Failure::unexplained(format!("{what}: {blocks}")));
                }
            }
        }
        Ok(Plan {
            method: self.method.method,
            threshold: self.method.threshold(),
            preset: Some(*preset),
            settings: settings.clone(),
            densities,
            parallel: self.parallel,
            blockwise: self.blockwise.then(Blockwise::default),
            layout: *self.layout.first().unwrap_or(&Layout::Merged),
            dtype: self.dtype.map_or(Dtype::F32, Dtype::from),
            threads,
        })
    }

    fn inputs(&self, model: &LanguageModel) -> Result<Inputs, Failure> {
        if let Some(file) = &self.load_calibration {
            let saved = Arc::new(model::open(file)?);
            let weighs = self.method.method == Method::Dsf && self.tuning.settings.output_power > 0.0;
            if weighs && OutputSquares::saved(model, &saved)?.iter().next().is_none() {
                output::note("the saved statistics have no output weights: all outputs of a layer count alike");
            }
            return Ok(Inputs::Saved(saved));
        }
        match self.calibration.windows(model, &self.model)? {
            Some(windows) => Ok(Inputs::Windows(windows)),
            None if self.save_calibration.is_some() => {
                Err(Failure::new("there are no statistics to save", "give a text with --calibration-text FILE"))
            }
            None => {
                if self.method.method == Method::Dsf {
                    output::note(
                        "without --calibration-text the plain error of each weight counts, and the model loses more",
                    );
                }
                Ok(Inputs::Unknown)
            }
        }
    }
}

/// Runs all steps with a progress bar; returns the reports of all layers.
fn drive(model: &LanguageModel, plan: &Plan, mut work: Compression) -> Result<Vec<RunReport>, Failure> {
    let costs = plan.costs(model.config());
    let all: f64 = costs.values().sum();
    let cost = |id: LayerId| costs.get(&id).copied().unwrap_or(0.0);
    let stem = |id: LayerId| model.config().stem(id);
    let bar = output::Share::new("compressing");
    let (mut reports, mut before, mut found): (Vec<RunReport>, _, _) = (Vec::new(), 0.0, 0.0);
    let begun = Instant::now();
    loop {
        let show = |id: LayerId, done: f64| {
            let share = (before + done * cost(id)) / all;
            let worked = share - found / all;
            let left =
                if worked > 0.0 { remaining_secs(begun.elapsed().as_secs_f64(), worked, 1.0 - share) } else { 0.0 };
            bar.update(share, left, &stem(id));
            true
        };
        let Some(step) = work.step_with_progress(&show)? else { break };
        match step {
            Step::Advanced => {}
            Step::Tuned(block) => {
                let text = format!("block {} tuned: {:.4} → {:.4}", block.block, block.before, block.after);
                if !std::io::stderr().is_terminal() {
                    eprintln!("{text}");
                }
                bar.update(before / all, 0.0, &text);
                for layer in block.layers {
                    if let Some(report) = reports.iter_mut().find(|report| report.tensor == layer.report.tensor) {
                        *report = layer.report.clone();
                    }
                }
            }
            Step::OutputSquares => bar.update(before / all, 0.0, "measured what the loss feels"),
            Step::Statistics(layers) => {
                let layer = layers.first().map(|&id| stem(id)).unwrap_or_default();
                bar.update(before / all, 0.0, &format!("{layer}: inputs collected"));
            }
            Step::Layer(id, progress) => {
                progress.note.iter().for_each(|note| bar.say(note));
                show(id, progress.done);
            }
            Step::Found(layer) => {
                before += cost(layer.id);
                found += cost(layer.id);
                reports.push(layer.report.clone());
            }
            Step::Finished(layer) => {
                before += cost(layer.id);
                layer.report.notes.iter().for_each(|note| bar.say(&format!("{}: {note}", stem(layer.id))));
                // Where no bar is seen, a line for each layer.
                if !std::io::stderr().is_terminal() {
                    eprintln!(
                        "{:3.0} %  {} done in {:.1} s",
                        100.0 * before / all,
                        stem(layer.id),
                        layer.report.seconds
                    );
                }
                reports.push(layer.report.clone());
            }
        }
    }
    bar.finish();
    if let Some((first, least)) = work.scarce().iter().min_by_key(|(_, tokens)| **tokens) {
        eprintln!(
            "note: the layers of {} experts read fewer tokens than they have inputs, those of {} only {least}: give more \
             calibration text",
            work.scarce().keys().map(|id| (id.block, id.expert)).collect::<std::collections::BTreeSet<_>>().len(),
            stem(*first),
        );
    }
    if found > 0.0 {
        output::note(&format!("{:.0} % of the work was there already and was taken up", 100.0 * found / all));
    }
    Ok(reports)
}

fn summary(model: &LanguageModel, totals: &Totals, out: Option<&Path>) -> String {
    let head = ["layer", "shape", "density", "relative error", "layer error", "before finalisation", "time"];
    let row = |report: &RunReport| {
        let number = |error: Option<f64>| error.map_or("–".into(), |error| error_text(error, 5));
        let density = report.nnz as f64 / (report.rows * report.cols) as f64;
        vec![
            report.tensor.trim_end_matches(".weight").into(),
            format!("{}×{}", report.rows, report.cols),
            format!("{:.1} %", 100.0 * density),
            error_text(report.relative_error, 4),
            number(report.layer_error),
            number(report.layer_error_before_finalize),
            format!("{:.2} s", report.seconds),
        ]
    };
    let rows: Vec<Vec<String>> =
        std::iter::once(head.map(str::to_owned).to_vec()).chain(totals.layers.iter().map(row)).collect();
    let mut text = output::table(&rows);
    let weights = totals.bytes_dense / 2;
    text.push_str(&format!(
        "\n{}: {} of {weights} weights kept ({:.2} %), 16-bit storage {} with bit masks, {} as CSR, {} dense, {:.1} s",
        model::printable(model.name()),
        totals.nnz,
        100.0 * totals.nnz as f64 / weights.max(1) as f64,
        HumanBytes(totals.bytes_bitmask),
        HumanBytes(totals.bytes_csr),
        HumanBytes(totals.bytes_dense),
        totals.seconds
    ));
    if let Some(out) = out {
        text.push_str(&format!("\nwritten to {}", out.display()));
    }
    text
}
