//! `compress` of a language model.

use super::super::proxy::Sensitivity;
use super::super::{Failure, output};
use super::apart::{self, Collected};
use super::drive::Sink;
use super::summary::summary;
use super::work::Work;
use super::{Compress, Distribute, LayerDensity};
use crate::compress::{
    self, CompressedLayer, Compression, Densities, Folder, Inputs, Layered, LevelChoice, OutputSquares, Parallel, Plan,
    Proxy, TunedBlock,
};
use crate::export::{Layout, RunReport};
use crate::language::{LanguageModel, LayerId};
use crate::methods::Method;
use crate::model::Portion;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

/// Compresses the model.
pub fn compress(args: &Compress, threads: usize) -> Result<(), Failure> {
    let start = Instant::now();
    args.given.refuse(super::image_args::is_for_images, "is for residual networks", "leave it out")?;
    let model = args.model.open()?;
    let mut plan = args.plan(densities(args, &model)?, threads);
    if args.apart.is_listing() && args.distribute.is_none() {
        return apart::list(&args.apart, &model, &plan, args.json);
    }
    args.check_outputs(&plan)?;
    args.apart.check(args.parallel(), args.out.as_deref())?;
    let inputs = inputs(args, &model)?;
    let is_block_work = args.apart.is_block_work(args.parallel());
    args.apart.check_inputs(!is_block_work && matches!(inputs, Inputs::Windows(_)))?;
    if args.parallel() == Parallel::Block && !matches!(inputs, Inputs::Windows(_)) {
        let what = "--parallel=block needs a text, of which it collects the statistics of each block";
        return Err(Failure::new(what, "give it with --calibration-text FILE").usage());
    }
    if is_block_work && args.distribute.is_some() {
        let what = "--distribute would measure all layers again in each part of the work";
        return Err(Failure::new(what, "give the densities with --density-of").usage());
    }
    if args.apart.is_statistics() {
        return statistics(args, &model, plan, &inputs);
    }
    if let Some(by) = args.distribute {
        if by == Some(Distribute::Obc) {
            let what = "--distribute=obc is for residual networks";
            return Err(Failure::new(what, "--distribute=dsf takes the layers' errors of a language model").usage());
        }
        let Inputs::Windows(windows) = &inputs else {
            let what = "--distribute needs a text to measure the layers with";
            return Err(Failure::new(what, "give --calibration-text FILE"));
        };
        let by_what = match by {
            Some(Distribute::Gradients) => Sensitivity::Gradients { power: plan.settings.output_power },
            _ => Sensitivity::Loss,
        };
        let proxy = by_what.measured(&model, windows)?;
        plan.densities.by_layer = match by {
            Some(Distribute::Dsf) => levels(&model, &proxy, plan.densities.all)?,
            _ => compress::distribute(model.config(), &proxy, plan.densities.all),
        };
    }
    if args.apart.is_listing() {
        return apart::list(&args.apart, &model, &plan, args.json);
    }
    Compression::check(&model, &plan, (!is_block_work).then_some(&inputs))?;
    let work = Work::open(args, (&model, &plan, &inputs), start)?;
    if let Some(block) = args.apart.block() {
        return statistics_of_block(args, &model, (&plan, &inputs), work.folder(), block);
    }
    let (store, clock) = (work.folder().store(), work.clock());
    let mut compression = match is_block_work {
        true => {
            let kept = work.folder().block_statistics();
            Compression::with_stages(&model, plan.clone(), move |first| kept.of_stage(first), store, clock)?
        }
        false => Compression::new(&model, plan.clone(), &inputs, store, clock)?,
    };
    let mut reports = Reports::default();
    work.carry_out(&mut compression, &mut reports)?;
    say_scarce(&compression, &|id| model.config().stem(id));
    if work.is_part() {
        return work.end_part(reports.0);
    }
    let totals = work.totals(reports.0, plan.densities.all);
    work.end(&totals, || args.model.companions(), BTreeMap::new())?;
    let keeps_factors = args.out.is_some() && !args.layout.contains(&Layout::Merged);
    if keeps_factors && !model.is_loaded_with_factors(&|id| plan.densities.of(id) < 1.0) {
        output::note(
            "transformers does not load experts that are kept as factors, nor tensors of which only \
             some layers are; this program does. For transformers add --layout merged",
        );
    }
    if args.json {
        return output::json(&totals);
    }
    output::print(&summary(model.name(), &totals, args.out.as_deref()))
}

/// Collects the statistics of all layers' inputs in the dense model, of one part of the windows.
fn statistics(args: &Compress, model: &LanguageModel, plan: Plan, inputs: &Inputs) -> Result<(), Failure> {
    let start = Instant::now();
    let (Inputs::Windows(windows), Some(file)) = (inputs, &args.save_calibration) else {
        return Err(Failure::new("there are no statistics to save", "give a text with --calibration-text FILE"));
    };
    let portion = args.apart.portion();
    let part = portion.range(windows.len()).and_then(|range| windows.range(range));
    let part = part.ok_or_else(|| args.apart.too_many(windows.len(), "calibration windows"))?;
    // Nothing is replaced: all layers stay as they are.
    let plan = Plan { densities: Densities::uniform(1.0), parallel: Parallel::All, ..plan };
    let hidden = apart::beside(file)?;
    let inputs_of_part = Inputs::Windows(part);
    let folder = Folder::open(model, &plan, &inputs_of_part, &hidden.path().join("model"), false, true)?;
    let folder = folder.of_portion(portion, inputs);
    let mut work = Compression::new(model, plan, &inputs_of_part, folder.store(), Box::new(|| 0.0))?;
    let stages: BTreeSet<LayerId> = model.layers().map(|id| model.config().first_with_inputs_of(id)).collect();
    let stem = |id: LayerId| model.config().stem(id);
    apart::collect(stages.len(), &stem, &mut work)?;
    // A part may have few tokens for an expert, and all parts enough.
    if portion == Portion::WHOLE {
        say_scarce(&work, &stem);
    }
    folder.finish_statistics(file, args.force)?;
    let (model, file) = (model.name().to_owned(), file.display().to_string());
    let samples = LanguageModel::samples(&inputs_of_part);
    Collected { model, file, portion, samples, seconds: start.elapsed().as_secs_f64() }.say("tokens", args.json)
}

/// Collects the statistics of the inputs of a block's layers, of one part of the windows, beside the finished layers.
fn statistics_of_block(
    args: &Compress,
    model: &LanguageModel,
    (plan, inputs): (&Plan, &Inputs),
    folder: &Folder,
    block: usize,
) -> Result<(), Failure> {
    let start = Instant::now();
    let Inputs::Windows(windows) = inputs else { unreachable!("checked before") };
    let portion = args.apart.portion();
    let part = portion.range(windows.len()).and_then(|range| windows.range(range));
    let part = part.ok_or_else(|| args.apart.too_many(windows.len(), "calibration windows"))?;
    let bar = output::Share::new("collecting statistics");
    let told = |id: LayerId, share: f64| bar.update(share, 0.0, &model.config().stem(id));
    let anew = folder.block_statistics().collect(plan, (&part, portion), block, &mut *folder.store(), &told)?;
    bar.finish();
    if !anew {
        output::note(&format!("the statistics of block {block} were collected before"));
    }
    let (model, file) = (model.name().to_owned(), folder.path().display().to_string());
    let samples = part.len() * part.context();
    Collected { model, file, portion, samples, seconds: start.elapsed().as_secs_f64() }.say("tokens", args.json)
}

/// Densities with the smallest sum of errors, as the short runs of `proxy` found them.
fn levels(model: &LanguageModel, proxy: &Proxy, density: f64) -> Result<BTreeMap<LayerId, f64>, Failure> {
    let shapes = || model.config().shapes().map(|(id, (rows, cols))| (id, rows * cols));
    let choice = |(id, weights): (LayerId, usize)| {
        let curve = proxy.curves.get(&id)?.clone();
        Some((id, LevelChoice { weights, cost: 1, curve }))
    };
    let bound = density * shapes().map(|(_, weights)| weights as f64).sum::<f64>();
    Ok(compress::choose_levels(&shapes().filter_map(choice).collect(), bound as usize)?)
}

/// Reports of all layers.
#[derive(Default)]
struct Reports(Vec<RunReport>);

impl Sink<LayerId> for Reports {
    fn layer(&mut self, layer: &CompressedLayer) {
        self.0.push(layer.report.clone());
    }

    fn block(&mut self, block: &TunedBlock) {
        for layer in &block.layers {
            if let Some(report) = self.0.iter_mut().find(|report| report.tensor == layer.report.tensor) {
                *report = layer.report.clone();
            }
        }
    }
}

fn say_scarce(work: &Compression, stem: &dyn Fn(LayerId) -> String) {
    if let Some((first, least)) = work.scarce().iter().min_by_key(|(_, tokens)| **tokens) {
        output::note(&format!(
            "the layers of {} experts read fewer tokens than they have inputs, those of {} only {least}: give more \
             calibration text",
            work.scarce().keys().map(|id| (id.block, id.expert)).collect::<BTreeSet<_>>().len(),
            stem(*first),
        ));
    }
}

fn densities(args: &Compress, model: &LanguageModel) -> Result<Densities, Failure> {
    let mut densities = Densities::uniform(args.tuning.settings.density);
    for LayerDensity { name, density } in &args.density_of {
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
    Ok(densities)
}

fn inputs(args: &Compress, model: &LanguageModel) -> Result<Inputs, Failure> {
    if let Some(saved) = args.saved()? {
        let weighs = args.method.method == Method::Dsf && args.tuning.settings.output_power > 0.0;
        if weighs && OutputSquares::saved(model, &saved)?.iter().next().is_none() {
            output::note("the saved statistics have no output weights: all outputs of a layer count alike");
        }
        return Ok(Inputs::Saved(Arc::new(saved)));
    }
    match args.calibration.windows(model, &args.model)? {
        Some(windows) => Ok(Inputs::Windows(windows)),
        None if args.save_calibration.is_some() => {
            Err(Failure::new("there are no statistics to save", "give a text with --calibration-text FILE"))
        }
        None => {
            if args.method.method == Method::Dsf {
                output::note(
                    "without --calibration-text the plain error of each weight counts, and the model loses more",
                );
            }
            Ok(Inputs::Unknown)
        }
    }
}
