//! A compression in parts, for machines that share a folder: statistics, layers, assembly.

use super::super::{Failure, output};
use super::glob::Glob;
use super::summary::summary;
use crate::compare::Candidate;
use crate::compress::{Error, Folder, LayerByLayer, LayerKey, Layered, Parallel, Plan, Step, Totals};
use crate::methods::Method;
use crate::model::Portion;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;
use tempfile::TempDir;

/// Which part of the work to do, where not all of it.
#[derive(clap::Args)]
pub struct ApartArgs {
    /// Collect the statistics of all layers' inputs in the dense model for --save-calibration, and replace nothing
    #[arg(long, requires = "save_calibration", group = "collects", conflicts_with_all = ["out", "distribute", "flops", "blockwise"])]
    statistics_only: bool,

    /// With --parallel=block: collect the statistics of the inputs of this block's layers, blocks counted from 0, once those of all
    /// blocks before it are replaced, and replace nothing. They are kept beside --out, where --layers finds them
    #[arg(long, value_name = "BLOCK", requires = "out", group = "collects", conflicts_with_all = ["save_calibration", "load_calibration"])]
    statistics_of_block: Option<usize>,

    /// The statistics of this part of the calibration windows or images only, for example 2/8. --load-calibration adds the
    /// files of all parts up, as --layers does those of a block
    #[arg(long, value_name = "I/N", requires = "collects")]
    part: Option<Part>,

    /// Replace only layers with such full names, in which * stands for any characters and ? for one, and keep them beside --out,
    /// where --assemble finds them. Any number of processes may do so at the same time, each with layers of its own
    #[arg(long, value_name = "GLOB", value_delimiter = ',', conflicts_with_all = ["collects", "save_calibration", "assemble"])]
    layers: Vec<Glob>,

    /// Write --out from the layers that were replaced with --layers
    #[arg(long, conflicts_with_all = ["collects", "save_calibration"])]
    assemble: bool,

    /// List the layers that would be replaced, with what they are predicted to take, and replace nothing
    #[arg(long, conflicts_with_all = ["collects", "save_calibration", "assemble"])]
    list_layers: bool,
}

/// A portion, written as `2/8`.
#[derive(Clone, Copy)]
struct Part(Portion);

impl FromStr for Part {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let portion = text.split_once('/').and_then(|(part, parts)| {
            Some(Portion { part: part.trim().parse().ok()?, parts: parts.trim().parse().ok()? })
        });
        let fits = |portion: &Portion| (1..=portion.parts).contains(&portion.part);
        let wrong = || Failure::unexplained("write it as I/N, from 1/N to N/N, for example 2/8");
        portion.filter(fits).map(Self).ok_or_else(wrong)
    }
}

impl ApartArgs {
    /// Whether the layers are only listed.
    pub fn is_listing(&self) -> bool {
        self.list_layers
    }

    /// Whether only statistics are collected.
    pub fn is_statistics(&self) -> bool {
        self.statistics_only
    }

    /// The block whose statistics are collected, if it is a block's.
    pub fn block(&self) -> Option<usize> {
        self.statistics_of_block
    }

    /// Whether this is a part of work that goes block after block.
    pub fn is_block_work(&self, parallel: Parallel) -> bool {
        parallel == Parallel::Block && (self.is_some_layers() || self.assemble || self.statistics_of_block.is_some())
    }

    /// Whether the layers are finished, and the output is assembled.
    pub fn is_assembly(&self) -> bool {
        self.assemble
    }

    /// Which part of the samples statistics are taken of.
    pub fn portion(&self) -> Portion {
        self.part.map_or(Portion::WHOLE, |part| part.0)
    }

    /// Whether only some of the layers are replaced.
    fn is_some_layers(&self) -> bool {
        !self.layers.is_empty() && !self.list_layers
    }

    /// Refuses parts of work in which layers depend on others.
    pub fn check(&self, parallel: Parallel, out: Option<&Path>) -> Result<(), Failure> {
        if self.statistics_only && parallel == Parallel::Block {
            let what = "--statistics-only collects the statistics of the dense model";
            return Err(Failure::new(what, "use --statistics-of-block with --parallel=block").usage());
        }
        if self.statistics_of_block.is_some() && parallel != Parallel::Block {
            let what = "--statistics-of-block is for layers that see the blocks before them compressed";
            return Err(Failure::new(what, "add --parallel=block, or use --statistics-only").usage());
        }
        let flag = match (self.is_some_layers(), self.assemble) {
            (true, _) => "--layers",
            (_, true) => "--assemble",
            _ => return Ok(()),
        };
        if out.is_none() {
            let what = format!("{flag} needs the folder beside which finished layers are kept");
            return Err(Failure::new(what, "give it with --out DIR").usage());
        }
        if parallel == Parallel::No {
            let what = format!(
                "{flag} is for --parallel: layers that read what the compressed ones before them give cannot be made apart"
            );
            let hint = "add --parallel, and --load-calibration FILE; or --parallel=block";
            return Err(Failure::new(what, hint).usage());
        }
        Ok(())
    }

    /// Refuses parts of work each of which would have to collect the statistics of all layers; `collects` is whether they would.
    pub fn check_inputs(&self, collects: bool) -> Result<(), Failure> {
        if !collects || !(self.is_some_layers() || self.assemble) {
            return Ok(());
        }
        let what = "each process would collect the statistics of all layers anew";
        let hint = "collect them once with --statistics-only, and give the file with --load-calibration";
        Err(Failure::new(what, hint).usage())
    }

    /// The layers to be replaced, if not all are.
    pub fn chosen<M: Layered>(&self, model: &M, plan: &Plan<M::Key>) -> Result<Option<BTreeSet<M::Key>>, Failure> {
        if self.layers.is_empty() {
            return Ok(None);
        }
        let mut chosen = BTreeSet::new();
        for glob in &self.layers {
            let named = |key: &M::Key| glob.matches(&model.stem_of(*key)) || glob.matches(&model.tensor_of(*key));
            let matching: Vec<M::Key> = replaced(model, plan).into_iter().filter(named).collect();
            if matching.is_empty() {
                let what = format!("no layer that is to be replaced is called {glob}");
                return Err(Failure::new(what, "--list-layers lists their names"));
            }
            chosen.extend(matching);
        }
        Ok(Some(chosen))
    }

    /// Opens the working folder of `out` for this part of the work.
    pub fn folder<M: Layered>(
        &self,
        model: &M,
        plan: &Plan<M::Key>,
        inputs: &M::Inputs,
        (out, replace): (&Path, bool),
        keep_statistics: bool,
    ) -> Result<Folder<M>, Error> {
        match (self.is_some_layers() || self.statistics_of_block.is_some(), self.assemble) {
            (true, _) => Folder::share(model, plan, inputs, out, replace),
            (_, true) => Folder::finished(model, plan, inputs, out, replace),
            _ => Folder::open(model, plan, inputs, out, replace, keep_statistics),
        }
    }

    /// Refuses more parts than there are samples.
    pub fn too_many(&self, samples: usize, what: &str) -> Failure {
        let parts = self.portion().parts;
        Failure::new(format!("{samples} {what} cannot be taken in {parts} parts"), "give fewer parts, or more of them")
    }
}

fn replaced<M: Layered>(model: &M, plan: &Plan<M::Key>) -> Vec<M::Key> {
    model.keys().into_iter().filter(|&key| plan.densities.of(key) < 1.0).collect()
}

/// A layer to be replaced. The keys are a contract.
#[derive(Serialize)]
struct ListedLayer {
    /// Full name.
    name: String,
    /// Name of its tensor.
    tensor: String,
    /// Its block, from 0; null for residual networks.
    block: Option<usize>,
    rows: usize,
    cols: usize,
    density: f64,
    /// Predicted time on one thread.
    seconds: f64,
    /// Predicted memory of a run of DSF, in bytes; null for other methods.
    solver_bytes: Option<u64>,
}

/// All layers to be replaced. The keys are a contract.
#[derive(Serialize)]
struct Listing {
    layers: Vec<ListedLayer>,
    /// Predicted time of all on one thread.
    seconds: f64,
}

/// Lists the layers that would be replaced, those that are chosen of them.
pub fn list<M: Layered>(apart: &ApartArgs, model: &M, plan: &Plan<M::Key>, json: bool) -> Result<(), Failure> {
    plan.check()?;
    let chosen = apart.chosen(model, plan)?;
    let keys = replaced(model, plan).into_iter().filter(|key| chosen.as_ref().is_none_or(|only| only.contains(key)));
    let layer = |key: M::Key| {
        let (rows, cols) = model.shape_of(key);
        let settings = plan.settings_of(key);
        let bytes = (plan.method == Method::Dsf).then(|| settings.size(rows, cols).solver_bytes() as u64);
        ListedLayer {
            name: model.stem_of(key),
            tensor: model.tensor_of(key),
            block: model.block_of(key),
            rows,
            cols,
            density: settings.density,
            seconds: Candidate::new(plan.method, settings).seconds(rows, cols),
            solver_bytes: bytes,
        }
    };
    let layers: Vec<ListedLayer> = keys.map(layer).collect();
    let seconds = layers.iter().map(|layer| layer.seconds).sum();
    if json {
        return output::json(&Listing { layers, seconds });
    }
    let head = ["layer", "shape", "density", "predicted time", "memory"].map(str::to_owned).to_vec();
    let row = |layer: &ListedLayer| {
        vec![
            layer.name.clone(),
            format!("{}×{}", layer.rows, layer.cols),
            format!("{:.1} %", 100.0 * layer.density),
            format!("{:.3} s", layer.seconds),
            layer.solver_bytes.map_or("–".into(), |bytes| indicatif::HumanBytes(bytes).to_string()),
        ]
    };
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(layers.iter().map(row)).collect();
    output::print(&format!("{}\n{} layers, {seconds:.1} s on one thread", output::table(&rows), layers.len()))
}

/// Says what became of some layers, kept beside `out`; the totals are those of them alone.
pub fn say_layers(model: &str, totals: &Totals, out: Option<&Path>, json: bool) -> Result<(), Failure> {
    if json {
        return output::json(totals);
    }
    let out = out.and_then(Path::file_name).unwrap_or_default().display();
    output::print(&format!("{}\nkept in {out}.partial, where --assemble finds them", summary(model, totals, None)))
}

/// What `--statistics-only` collected. The keys are a contract.
#[derive(Serialize)]
pub struct Collected {
    /// Name of the model.
    pub model: String,
    /// File that was written.
    pub file: String,
    /// Number of the part, from 1, and of parts.
    #[serde(flatten)]
    pub portion: Portion,
    /// Tokens or images of this part.
    pub samples: usize,
    /// Duration.
    pub seconds: f64,
}

impl Collected {
    /// Prints it; `what` are the samples.
    pub fn say(&self, what: &str, json: bool) -> Result<(), Failure> {
        if json {
            return output::json(self);
        }
        let Portion { part, parts } = self.portion;
        let of = if parts > 1 { format!(", part {part} of {parts}") } else { String::new() };
        let Self { model, file, samples, seconds, .. } = self;
        output::print(&format!("{model}: statistics over {samples} {what}{of}, {seconds:.1} s\nwritten to {file}"))
    }
}

/// A place for unfinished statistics beside their file, where there is as much room as for them.
pub fn beside(file: &Path) -> Result<TempDir, Failure> {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let folder = absolute.parent().unwrap_or(Path::new("."));
    tempfile::Builder::new().prefix(".dsf-").tempdir_in(folder).map_err(Failure::unexplained)
}

/// Takes all steps of work that only collects statistics, of `stages`.
pub fn collect<K: LayerKey>(
    stages: usize,
    stem: &(dyn Fn(K) -> String + Sync),
    work: &mut dyn LayerByLayer<K>,
) -> Result<(), Failure> {
    let bar = output::Share::new("collecting statistics");
    let mut done = 0;
    loop {
        let share = done as f64 / stages.max(1) as f64;
        let Some(step) = work.step_with_progress(&|key, _| bar.update(share, 0.0, &stem(key)))? else { break };
        if matches!(step, Step::Advanced | Step::Statistics(_)) {
            done += 1;
        }
        if !bar.update(done as f64 / stages.max(1) as f64, 0.0, "") {
            return Err(Failure::cancelled());
        }
    }
    bar.finish();
    Ok(())
}
