//! `compress` of a residual network.

use super::super::{Failure, output};
use super::apart::{self, Collected};
use super::drive::Sink;
use super::summary::summary;
use super::work::Work;
use super::{Compress, Distribute, LayerDensity, Speedup};
use crate::compress::{
    CompressedLayer, Densities, Error, Folder, Layered, MeasuredBy, OutputSquares, Parallel, Plan, VisionBound,
    VisionCompression, VisionInputs, VisionTotals, choose_vision_levels,
};
use crate::export::RunReport;
use crate::measure::cost::remaining_secs;
use crate::methods::Method;
use crate::vision::{self, Evaluation, ImageSet, Network, Pictures, VisionModel};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Whether a flag is for language models.
fn is_for_text(name: &str) -> bool {
    let flags = ["calibration_text", "calibration_context", "blockwise"];
    flags.contains(&name)
}

/// How many pictures of its own the built-in network is calibrated on at most, and measured on.
const BUILT_IN: (usize, usize) = (5120, 1000);

/// Images whose patches are summed up, unless their number is given.
const SAMPLES: usize = 1024;

/// Compresses the network.
pub fn compress(args: &Compress, network: &VisionModel, threads: usize) -> Result<(), Failure> {
    let start = Instant::now();
    args.given.refuse(is_for_text, "is for language models", "leave it out")?;
    let model = args.colours.apply(network.clone())?;
    if args.parallel() == Parallel::Block {
        return Err(Failure::from(Error::NoBlocks).usage());
    }
    let mut plan = args.plan(densities(args, &model)?, threads);
    let distributes = args.distribute.is_some() || args.flops.is_some();
    if args.apart.is_listing() && !distributes {
        return apart::list(&args.apart, &model, &plan, args.json);
    }
    args.check_outputs(&plan)?;
    args.apart.check(args.parallel(), args.out.as_deref())?;
    let images = Images::open(args, &model)?;
    let inputs = inputs(args, &model, &images)?;
    args.apart.check_inputs(matches!(inputs, VisionInputs::Pictures(_)))?;
    if args.apart.is_statistics() {
        return statistics(args, &model, plan, &inputs);
    }
    if distributes {
        plan.densities.by_layer = match &inputs {
            VisionInputs::Pictures(pictures) => levels(args, &model, &plan, Some(pictures))?,
            _ => levels(args, &model, &plan, images.calibration(args, &model)?.as_ref())?,
        };
    }
    if args.apart.is_listing() {
        return apart::list(&args.apart, &model, &plan, args.json);
    }
    VisionCompression::check(&model, &plan, &inputs)?;
    let work = Work::open(args, (&model, &plan, &inputs), start)?;
    let mut replaced = Replaced { network: model.network()?, reports: Vec::new() };
    let dense = match work.is_part() {
        true => None,
        false => images.evaluate("dense accuracy", &replaced.network)?,
    };

    let mut steps = compression(&model, plan.clone(), &inputs, work.folder(), work.clock())?;
    work.carry_out(&mut steps, &mut replaced)?;
    if work.is_part() {
        return work.end_part(replaced.reports);
    }

    let Replaced { mut network, reports } = replaced;
    let before = images.evaluate("accuracy", &network)?;
    let mut values = Default::default();
    let mut after = None;
    if let (Some(set), false) = (&images.calibration, args.images.keep_batch_norm) {
        network.estimate_norms_on(set, model.augment(set.size()))?;
        values = network.running_values();
        after = images.evaluate("accuracy with batch normalization", &network)?;
    }
    let accuracy = |evaluation: &Option<Evaluation>| evaluation.as_ref().and_then(Evaluation::accuracy);
    let size = images.size().or(model.preprocess().fixed_size()).unwrap_or((32, 32));
    let vision = VisionTotals {
        accuracy: accuracy(&after).or(accuracy(&before)),
        accuracy_before_batch_norm: accuracy(&before),
        accuracy_dense: accuracy(&dense),
        images: before.as_ref().map_or(0, Evaluation::images),
        flops: flops(&model, &reports, size),
        flops_dense: flops(&model, &[], size),
    };
    // With a bound on operations no density was asked for.
    let density = match args.flops {
        Some(_) => kept(&reports),
        None => plan.densities.all,
    };
    let totals = work.totals(reports, density).of_vision(vision);
    work.end(&totals, || args.model.network_companions(), values)?;
    if args.json {
        return output::json(&totals);
    }
    let table = summary(model.name(), &totals, args.out.as_deref());
    output::print(&format!("{table}\n{}", of_network(&totals.vision.unwrap_or_default(), after.is_some())))
}

/// A compression with these inputs.
fn compression(
    model: &VisionModel,
    plan: Plan<usize>,
    inputs: &VisionInputs,
    folder: &Folder<VisionModel>,
    clock: Box<dyn Fn() -> f64 + Send>,
) -> Result<VisionCompression, Error> {
    let store = folder.store();
    match inputs {
        VisionInputs::Unknown => VisionCompression::new(model, plan, None, store, clock),
        VisionInputs::Pictures(pictures) => VisionCompression::new(model, plan, Some(pictures), store, clock),
        VisionInputs::Saved(saved) => VisionCompression::of_saved(model, plan, saved, store, clock),
    }
}

/// What the layers read.
fn inputs(args: &Compress, model: &VisionModel, images: &Images) -> Result<VisionInputs, Failure> {
    if let Some(saved) = args.saved()? {
        let saved = Arc::new(saved);
        let weighs = args.method.method == Method::Dsf && args.tuning.settings.output_power > 0.0;
        if weighs && OutputSquares::saved(model, &saved)?.iter().next().is_none() {
            output::note("the saved statistics have no output weights: all outputs of a layer count alike");
        }
        if images.calibration.is_none() && !args.images.keep_batch_norm {
            output::note("without --calibration-images batch normalization stays as it is");
        }
        return Ok(VisionInputs::Saved(saved));
    }
    if let Some(pictures) = images.calibration(args, model)? {
        return Ok(VisionInputs::Pictures(pictures));
    }
    if args.save_calibration.is_some() {
        return Err(Failure::new("there are no statistics to save", "give images with --calibration-images"));
    }
    output::note("without --calibration-images the plain error of each weight counts, and the network loses more");
    Ok(VisionInputs::Unknown)
}

/// Collects the statistics of all layers' inputs in the dense network, of one part of the images.
fn statistics(args: &Compress, model: &VisionModel, plan: Plan<usize>, inputs: &VisionInputs) -> Result<(), Failure> {
    let start = Instant::now();
    let (VisionInputs::Pictures(pictures), Some(file)) = (inputs, &args.save_calibration) else {
        return Err(Failure::new("there are no statistics to save", "give images with --calibration-images"));
    };
    let portion = args.apart.portion();
    let range = portion.range(pictures.len());
    let range = range.ok_or_else(|| args.apart.too_many(pictures.len(), "calibration images"))?;
    // Nothing is replaced: all layers stay as they are.
    let plan = Plan { densities: Densities::uniform(1.0), parallel: Parallel::All, ..plan };
    let hidden = apart::beside(file)?;
    let part = VisionInputs::Pictures(pictures.range(range));
    let folder = Folder::open(model, &plan, &part, &hidden.path().join("model"), false, true)?;
    let folder = folder.of_portion(portion, inputs);
    let mut work = compression(model, plan, &part, &folder, Box::new(|| 0.0))?;
    apart::collect(model.keys().len(), &|layer| model.stem_of(layer), &mut work)?;
    folder.finish_statistics(file, args.force)?;
    let (model, file) = (model.name().to_owned(), file.display().to_string());
    let samples = VisionModel::samples(&part);
    Collected { model, file, portion, samples, seconds: start.elapsed().as_secs_f64() }.say("images", args.json)
}

/// Densities with the smallest sum of the layers' errors within a bound.
fn levels(
    args: &Compress,
    model: &VisionModel,
    plan: &Plan<usize>,
    pictures: Option<&Pictures>,
) -> Result<BTreeMap<usize, f64>, Failure> {
    let by = match args.distribute.flatten() {
        Some(Distribute::Proxy | Distribute::Gradients) => {
            let what = "--distribute=proxy and =gradients are for language models";
            return Err(Failure::new(what, "take --distribute=dsf or obc").usage());
        }
        Some(Distribute::Obc) => MeasuredBy::Obc,
        Some(Distribute::Dsf) | None => MeasuredBy::Dsf,
    };
    let Some(pictures) = pictures else {
        let what = "the layers' shares are chosen by what an error does to their outputs";
        return Err(Failure::new(what, "give images with --calibration-images").usage());
    };
    let layers: Vec<usize> = model.keys().into_iter().filter(|&layer| plan.densities.of(layer) < 1.0).collect();
    let bound = match args.flops {
        Some(Speedup(factor)) => VisionBound::Operations(1.0 / factor),
        None => VisionBound::Density(plan.densities.all),
    };
    let bar = output::Share::new("measuring the layers");
    let begun = Instant::now();
    let shown = |share: f64| {
        bar.update(share, remaining_secs(begun.elapsed().as_secs_f64(), share, 1.0 - share), "errors at all densities")
    };
    let mut densities = choose_vision_levels(model, &layers, pictures, (by, bound), &shown)?;
    bar.finish();
    densities.extend(model.keys().into_iter().filter(|layer| !layers.contains(layer)).map(|layer| (layer, 1.0)));
    Ok(densities)
}

/// The network with the layers that are done, and their reports.
struct Replaced {
    network: Network,
    reports: Vec<RunReport>,
}

impl Sink<usize> for Replaced {
    fn layer(&mut self, layer: &CompressedLayer<usize>) {
        self.network.replace(layer.id, &layer.weight);
        self.reports.push(layer.report.clone());
    }
}

/// Images to calibrate on and to measure with.
struct Images {
    calibration: Option<ImageSet>,
    /// Labelled ones.
    test: Option<ImageSet>,
}

impl Images {
    fn open(args: &Compress, model: &VisionModel) -> Result<Self, Failure> {
        let open = |path: &PathBuf| -> Result<ImageSet, Failure> {
            Ok(ImageSet::open(path, model.preprocess())?.with_class_names(model.class_names()))
        };
        let built_in = args.model.is_example_network();
        let calibration = match &args.images.calibration_images {
            Some(path) => Some(open(path)?),
            None => built_in.then(|| ImageSet::of(vision::example_calibration(BUILT_IN.0))),
        };
        let test = match &args.images.images {
            None if built_in => {
                let count = args.images.limit.map_or(BUILT_IN.1, NonZeroUsize::get);
                Some(vision::example_images(count).with_class_names(model.class_names()))
            }
            Some(path) => {
                let set = open(path)?;
                if !set.is_labelled() {
                    let what = "the classes of the --images are not known";
                    return Err(Failure::new(what, "give labelled ones, or leave it out"));
                }
                Some(set)
            }
            None => {
                let labelled = calibration.clone().filter(ImageSet::is_labelled);
                if labelled.is_some() {
                    output::note(
                        "the accuracy is that on the calibration images; --images gives others to measure with",
                    );
                }
                labelled
            }
        };
        let test = match args.images.limit {
            Some(limit) => test.map(|set| set.first(limit.get())),
            None => test,
        };
        Ok(Self { calibration, test })
    }

    /// The pictures that statistics are taken of.
    fn calibration(&self, args: &Compress, model: &VisionModel) -> Result<Option<Pictures>, Failure> {
        let Some(set) = &self.calibration else { return Ok(None) };
        let wanted = args.calibration.samples().map_or(SAMPLES, NonZeroUsize::get);
        if args.calibration.samples().is_some() && set.len() < wanted {
            output::note(&format!("there are {} calibration images, not {wanted}", set.len()));
        }
        let portion = set.spread(wanted)?;
        if let Some(first) = portion.skipped.first() {
            let count = portion.skipped.len();
            output::note(&format!(
                "{count} of the calibration images cannot be read and were left out, {first} for one"
            ));
        }
        let pictures = portion.pictures;
        let size = (pictures.height, pictures.width);
        Ok(Some(match args.images.augment {
            true => pictures.augmented(model.augment(size), 0),
            false => pictures,
        }))
    }

    /// Rows and columns of the images.
    fn size(&self) -> Option<(usize, usize)> {
        self.calibration.as_ref().or(self.test.as_ref()).map(ImageSet::size)
    }

    fn evaluate(&self, what: &'static str, network: &Network) -> Result<Option<Evaluation>, Failure> {
        let Some(set) = &self.test else { return Ok(None) };
        let bar = output::Steps::new(what, "images");
        let classified = network.classify(set, &|done, all| bar.update(done, all))?;
        bar.finish();
        Ok(Some(classified.evaluation))
    }
}

/// Operations for an image of this size, a product and a sum for each nonzero at each position.
fn flops(model: &VisionModel, reports: &[RunReport], size: (usize, usize)) -> u64 {
    let layers = model.architecture().layers.iter().zip(model.architecture().output_sizes(size));
    let of_layer = |(layer, (height, width))| {
        let layer: &crate::vision::LayerShape = layer;
        let (outputs, inputs) = layer.shape();
        let replaced = reports.iter().find(|report| report.tensor == layer.tensor());
        2 * (height * width * replaced.map_or(outputs * inputs, |report| report.nnz)) as u64
    };
    layers.map(of_layer).sum()
}

/// Nonzeros of the replaced layers as a share of their weights.
fn kept(reports: &[RunReport]) -> f64 {
    let (nnz, weights) =
        reports.iter().fold((0, 0), |(nnz, all), report| (nnz + report.nnz, all + report.rows * report.cols));
    nnz as f64 / weights.max(1) as f64
}

fn densities(args: &Compress, model: &VisionModel) -> Result<Densities<usize>, Failure> {
    let mut densities = Densities::uniform(args.tuning.settings.density);
    let architecture = model.architecture();
    densities.by_layer.extend([(0, 1.0), (architecture.classifier(), 1.0)]);
    for LayerDensity { name, density } in &args.density_of {
        let stem = name.strip_suffix(".weight").unwrap_or(name);
        let Some(layer) = architecture.layers.iter().position(|layer| layer.stem == stem) else {
            let first = architecture.layers.get(1).map_or("", |layer| &layer.stem);
            let what = format!("{} has no layer {name:?}", model.name());
            return Err(Failure::new(what, format!("give a full name, for example {first}; `inspect` lists them")));
        };
        densities.by_layer.insert(layer, *density);
    }
    Ok(densities)
}

/// What the compression did to the network, in a few lines; `estimated` is whether batch normalization was estimated anew.
fn of_network(totals: &VisionTotals, estimated: bool) -> String {
    let VisionTotals { accuracy, accuracy_before_batch_norm, accuracy_dense, images, flops, flops_dense } = totals;
    let mut text = format!(
        "{:.2} million operations for an image, of {:.2} million",
        *flops as f64 / 1e6,
        *flops_dense as f64 / 1e6
    );
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    if let (Some(after), Some(before), Some(dense)) = (accuracy, accuracy_before_batch_norm, accuracy_dense) {
        let before = match estimated {
            true => format!(" ({} before batch normalization was estimated anew)", percent(*before)),
            false => String::new(),
        };
        text.push_str(&format!("\naccuracy {} of {images} images{before}, dense {}", percent(*after), percent(*dense)));
    }
    text
}
