//! `compress`: a language model or a residual network, layer by layer.

mod apart;
mod drive;
mod glob;
mod image_args;
mod language;
mod summary;
mod vision;
mod work;

use super::explicit_flags::Given;
use super::factorize::WrittenDtype;
use super::language::{CalibrationArgs, ModelArgs};
use super::method::MethodArgs;
use super::solver_args::Tuning;
use super::vision::ColourArgs;
use super::{Failure, output};
use crate::compress::{self, Densities, LayerKey, Parallel, Plan};
use crate::export::Layout;
use crate::finetune::Blockwise;
use crate::job::Backend;
use crate::model::{self, Dtype, SavedStatistics};
use apart::ApartArgs;
use clap::ValueEnum;
use image_args::ImageArgs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// The command's arguments.
#[derive(clap::Args)]
pub struct Compress {
    #[command(flatten)]
    given: Given,

    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    colours: ColourArgs,

    #[command(flatten)]
    method: MethodArgs,

    #[command(flatten)]
    tuning: Tuning,

    /// Other densities for some layers: a kind of layer or a single one, for example down_proj=0.4 or
    /// model.layers.0.mlp.up_proj=0.3; 1 leaves them as they are, as a residual network's first convolution and last layer
    /// unless they are named here. Can be given several times
    #[arg(long, value_name = "LAYER=SHARE")]
    density_of: Vec<LayerDensity>,

    #[command(flatten)]
    calibration: CalibrationArgs,

    #[command(flatten)]
    images: ImageArgs,

    /// Give each layer its share of all nonzeros so that the model loses least. proxy, the default for language models: as
    /// `proxy` foretells it; gradients: as `proxy --by gradients` does. dsf, obc: the sum of the layers' errors is least, as short runs of DSF or Optimal Brain
    /// Compression measure them; dsf at every density that a residual network's layer may get, at seven for language models
    #[arg(long, value_name = "BY", num_args = 0..=1, require_equals = true, conflicts_with = "density_of")]
    distribute: Option<Option<Distribute>>,

    /// Of a residual network: a bound on its operations in place of the density, 2x for half of the dense network's. The
    /// layers' shares are chosen as with --distribute
    #[arg(long, value_name = "FACTOR", conflicts_with_all = ["density", "density_of"])]
    flops: Option<Speedup>,

    /// Tune each block while its layers are compressed, so that it gives what the dense model's gives: the values of its
    /// finished layers, its norms and biases, and its other layers
    #[arg(long, conflicts_with_all = ["parallel", "load_calibration"])]
    blockwise: bool,

    /// Which layers are compressed side by side. no: each sees the inputs that the compressed layers before it give it; block:
    /// those of a language model's block, none of which sees the others compressed; all, the default of the flag: each layer
    /// sees the inputs that the dense model gives it
    #[arg(long, value_name = "WHICH", num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    parallel: Option<Parallel>,

    /// Write the statistics of all layers' inputs to this file
    #[arg(long, value_name = "FILE.safetensors", conflicts_with = "load_calibration")]
    save_calibration: Option<PathBuf>,

    /// Use statistics that were saved, in place of a text; of several files, which are the parts of --part, their sum
    #[arg(long, value_name = "FILE.safetensors", value_delimiter = ',', conflicts_with = "calibration_text")]
    load_calibration: Vec<PathBuf>,

    #[command(flatten)]
    apart: ApartArgs,

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

/// By what the layers' shares are chosen.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Distribute {
    /// What is foretold of the loss
    Proxy,
    /// What the loss's gradients foretell of it
    Gradients,
    /// Errors of short runs of DSF
    Dsf,
    /// Errors of Optimal Brain Compression
    Obc,
}

/// A share of the dense network's operations, as `2x` for half of them.
#[derive(Clone, Copy)]
struct Speedup(f64);

impl std::str::FromStr for Speedup {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let factor: Option<f64> = text.strip_suffix('x').unwrap_or(text).parse().ok();
        let factor = factor.filter(|factor| *factor >= 1.0 && factor.is_finite());
        factor.map(Self).ok_or_else(|| Failure::unexplained("give a factor of at least 1, for example 2x"))
    }
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
        self.given.refuse_for(&[self.method.method])?;
        self.method.check_backend(self.backend)?;
        if self.dtype.is_some() && self.layout.iter().all(|layout| *layout == Layout::Merged) {
            let what = "--dtype is for factors, and merged is written in the model's own format";
            return Err(Failure::new(what, "leave it out, or add --layout bitmask").usage());
        }
        match self.model.residual_network()? {
            Some(network) => vision::compress(self, &network, threads),
            None => language::compress(self, threads),
        }
    }

    /// Refuses what cannot be written, or is not written where it is asked for.
    fn check_outputs<K: LayerKey>(&self, plan: &Plan<K>) -> Result<(), Failure> {
        for &layout in &self.layout {
            plan.check_layout(layout).map_err(|error| Failure::from(error).usage())?;
        }
        plan.check()?;
        if let Some(out) = &self.out {
            output::check_folder("--out", out)?;
            compress::check_output(out, self.force)?;
        }
        if let Some(file) = &self.save_calibration {
            let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            if self.out.as_ref().is_some_and(|out| absolute(file).starts_with(absolute(out))) {
                let what = "--save-calibration names a file inside of --out";
                return Err(Failure::new(what, "give a place beside it"));
            }
            output::check_file("--save-calibration", file, "safetensors", self.force)?;
        }
        Ok(())
    }

    fn parallel(&self) -> Parallel {
        self.parallel.unwrap_or_default()
    }

    /// The statistics that were saved, if they are given.
    fn saved(&self) -> Result<Option<SavedStatistics>, Failure> {
        if self.load_calibration.is_empty() {
            return Ok(None);
        }
        let files: Result<Vec<_>, _> = self.load_calibration.iter().map(|file| model::open(file)).collect();
        Ok(Some(SavedStatistics::new(files?)?))
    }

    /// The plan with these densities.
    fn plan<K: LayerKey>(&self, densities: Densities<K>, threads: usize) -> Plan<K> {
        let Tuning { preset, settings } = &self.tuning;
        Plan {
            method: self.method.method,
            threshold: self.method.threshold(),
            preset: Some(*preset),
            settings: settings.clone(),
            densities,
            parallel: self.parallel(),
            norms: !self.images.keep_batch_norm,
            blockwise: self.blockwise.then(Blockwise::default),
            layout: *self.layout.first().unwrap_or(&Layout::Merged),
            dtype: self.dtype.map_or(Dtype::F32, Dtype::from),
            threads,
        }
    }
}
