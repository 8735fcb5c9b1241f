//! A compression in a folder: finished layers are kept beside the output until all are done.
//!
//! `<out>.partial` holds the identity of the work (`work.json`), a file for each finished layer, and the statistics if
//! they are to be saved, or one block's with the residual streams before it. Each file is written atomically, so that an
//! interruption loses only the layer in progress. At the end the output is assembled inside of it and renamed into place.

use super::assembly::{Assembly, Replaced, of_kind};
use super::block_statistics::BlockStatistics;
use super::work_folder::{Access, LAYERS, STATISTICS, WorkFolder};
use super::{
    CompressedLayer, Error, LayerKey, Layered, OutputSquares, Parallel, Plan, Store, Totals, identity, output_squares,
};
use crate::Named;
use crate::export::{self, Entry, Layout, RunReport, Tensor};
use crate::factorize::Settings;
use crate::language::LanguageModel;
use crate::matrix::{Calibration, Csr, Matrix, Replacement};
use crate::methods::Method;
use crate::model::{
    self, Checkpoint, Dtype, Fingerprint, Orientation, Portion, SavedStatistics, StatisticsLabel, TensorInfo,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Among the statistics, how much the loss feels each layer's outputs.
const OUTPUT_WEIGHTS: &str = "output_weights.safetensors";
/// Metadata of a stage's statistics: their scale, see [`Calibration::exponent`].
const EXPONENT: &str = "dsf.exponent";

/// Files to write at the end.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// Layouts: merged for a model with the original's layout; another for a model that keeps its factors, or, beside
    /// merged, for the factors alone.
    pub layouts: Vec<Layout>,
    /// Files that accompany the model: names and contents.
    pub companions: Vec<(String, Vec<u8>)>,
    /// Values of tensors that are no layers, by name, where they are not the model's.
    pub values: BTreeMap<String, Vec<f32>>,
    /// File for the statistics of the layers' inputs, if they are to be saved.
    pub statistics: Option<PathBuf>,
}

/// The working folder of a compression.
pub struct Folder<M: Layered = LanguageModel> {
    model: M,
    folder: WorkFolder,
    keep_statistics: bool,
    /// The samples among those of all parts of the statistics.
    portion: Portion,
    /// Number of samples.
    samples: usize,
    /// Fingerprint of the model and of all parts' samples.
    collection: String,
}

impl<M: Layered> Folder<M> {
    /// Starts the work for `out`, or resumes it.
    ///
    /// `replace` allows to delete an earlier output and another compression's unfinished work. `keep_statistics` is for
    /// [`Output::statistics`].
    pub fn open(
        model: &M,
        plan: &Plan<M::Key>,
        inputs: &M::Inputs,
        out: &Path,
        replace: bool,
        keep_statistics: bool,
    ) -> Result<Self, Error> {
        Self::with_access(model, (plan, inputs), (out, replace), keep_statistics, Access::Alone { drop_other: replace })
    }

    /// Starts the work for `out`, or takes part in it: several processes may, each with layers of its own.
    ///
    /// `replace` allows for an earlier output; work of other processes is never deleted.
    pub fn share(model: &M, plan: &Plan<M::Key>, inputs: &M::Inputs, out: &Path, replace: bool) -> Result<Self, Error> {
        Self::with_access(model, (plan, inputs), (out, replace), false, Access::Shared)
    }

    /// Opens work for `out` whose layers are all finished, to assemble the output. `replace` allows to delete an earlier one.
    pub fn finished(
        model: &M,
        plan: &Plan<M::Key>,
        inputs: &M::Inputs,
        out: &Path,
        replace: bool,
    ) -> Result<Self, Error> {
        let access = Access::Alone { drop_other: false };
        let folder = Self::with_access(model, (plan, inputs), (out, replace), false, access)?;
        let wanted: Vec<M::Key> = model.keys().into_iter().filter(|&key| plan.densities.of(key) < 1.0).collect();
        let (files, mut missing) = (folder.files(), Vec::new());
        for &key in &wanted {
            if files.kept(key)?.is_none() {
                missing.push(key);
            }
        }
        match missing.first() {
            Some(&first) => {
                let first = model.stem_of(first);
                Err(Error::Unfinished { missing: missing.len(), all: wanted.len(), first })
            }
            None => Ok(folder),
        }
    }

    fn with_access(
        model: &M,
        (plan, inputs): (&Plan<M::Key>, &M::Inputs),
        (out, replace): (&Path, bool),
        keep_statistics: bool,
        access: Access,
    ) -> Result<Self, Error> {
        let keys = ["program", "model", "config", "weights", "plan", "inputs"];
        let folder = WorkFolder::open(out, replace, access, &work(model, plan, inputs), &keys)?;
        folder.create(LAYERS)?;
        if keep_statistics {
            folder.create(STATISTICS)?;
        }
        let (portion, samples, collection) = (Portion::WHOLE, M::samples(inputs), collection(model, inputs));
        Ok(Self { model: model.clone(), folder, keep_statistics, portion, samples, collection })
    }

    /// With inputs that are this portion of `all` inputs that statistics are taken of.
    pub fn of_portion(self, portion: Portion, all: &M::Inputs) -> Self {
        Self { portion, collection: collection(&self.model, all), ..self }
    }

    /// A handle on the same work, for the [`Compression`](super::Compression).
    pub fn store(&self) -> Box<dyn Store<M::Key>> {
        Box::new(self.files())
    }

    fn files(&self) -> LayerFiles<M> {
        let (model, partial) = (self.model.clone(), self.folder.path().to_owned());
        LayerFiles { model, partial, keep_statistics: self.keep_statistics }
    }

    /// Writes the statistics of all stages into one file: `<m>.XtX` for the first layer m of each, and `<m>.output_weights`
    /// for each layer m, where its outputs are weighed.
    fn save_statistics(&self, path: &Path, replace: bool) -> Result<(), Error> {
        let keys = self.model.keys().into_iter();
        let stages: BTreeSet<M::Key> = keys.map(|key| self.model.first_with_inputs_of(key)).collect();
        // Experts that no token was routed to have none.
        let files =
            stages.into_iter().map(|id| (id, self.folder.path().join(STATISTICS).join(file_name(&self.model, id))));
        let files: Vec<(M::Key, PathBuf)> = files.filter(|(_, file)| file.exists()).collect();
        let entry = |name: String, shape: Vec<usize>| {
            let bytes = 4 * shape.iter().product::<usize>();
            Entry { name, dtype: "F32".to_owned(), shape, bytes }
        };
        let mut parts: Vec<(Entry, &PathBuf)> = Vec::new();
        let mut exponents = BTreeMap::new();
        for (id, file) in &files {
            let ((_, inputs), stem) = (self.model.shape_of(*id), self.model.stem_of(*id));
            parts.push((entry(format!("{stem}.XtX"), vec![inputs, inputs]), file));
            let exponent = model::open(file)?.metadata().get(EXPONENT).and_then(|exponent| exponent.parse().ok());
            exponents.extend(exponent.map(|exponent: i32| (stem, exponent)));
        }
        let outputs = self.folder.path().join(STATISTICS).join(OUTPUT_WEIGHTS);
        if outputs.exists() {
            for tensor in model::open(&outputs)?.tensors() {
                parts.push((entry(tensor.name.clone(), tensor.shape.clone()), &outputs));
            }
        }
        export::sort_entries(&mut parts, |part| &part.0);
        let (portion, samples, collection) = (self.portion, self.samples, self.collection.clone());
        let label = StatisticsLabel { portion, samples, collection, exponents };
        let metadata = BTreeMap::from([
            ("dsf.source".to_owned(), self.model.name().to_owned()),
            (StatisticsLabel::KEY.to_owned(), json!(label).to_string()),
        ]);
        export::write_with(path, replace, |out| {
            out.write_all(&export::header(parts.iter().map(|part| &part.0), &metadata))?;
            for (entry, file) in &parts {
                let kept = model::open(file).map_err(std::io::Error::other)?;
                out.write_all(&kept.bytes(&entry.name).map_err(std::io::Error::other)?)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Assembles the output and moves it into place, writes the statistics if wanted, and removes the working folder.
    pub fn finish(self, plan: &Plan<M::Key>, totals: &Totals, output: &Output, replace: bool) -> Result<(), Error> {
        self.assemble(plan, totals, output)?;
        // Last before the renaming, so that an earlier failure leaves nothing in the way of another try.
        if let Some(path) = &output.statistics {
            self.save_statistics(path, replace)?;
        }
        self.folder.finish(replace)
    }

    /// Writes the statistics alone, for work whose layers are not kept.
    pub fn finish_statistics(self, path: &Path, replace: bool) -> Result<(), Error> {
        self.save_statistics(path, replace)
    }

    /// Writes all files of the output into the working folder.
    fn assemble(&self, plan: &Plan<M::Key>, totals: &Totals, output: &Output) -> Result<(), Error> {
        let whole = self.folder.output()?;
        let summary = json!({ "density": totals.density, "nnz": totals.nnz, "bytes_bitmask": totals.bytes_bitmask });
        let metadata = [
            ("dsf.settings".to_owned(), plan_json(&self.model, plan).to_string()),
            ("dsf.report".to_owned(), summary.to_string()),
        ];
        let report = serde_json::to_string_pretty(totals).unwrap_or_default();
        let mut values = self.model.replaced_values();
        values.extend(output.values.iter().map(|(tensor, values)| (tensor.clone(), values.clone())));
        for block in 0..self.model.blocks() {
            values.extend(self.files().block_tensors(block)?.unwrap_or_default());
        }
        let assembly = Assembly {
            model: &self.model,
            layouts: &output.layouts,
            companions: &output.companions,
            dtype: plan.dtype,
            loads: self.model.is_loaded_with_factors(&|key| plan.densities.of(key) < 1.0),
            metadata: metadata.into(),
            values: &values,
            report: &report,
        };
        assembly.write(&whole, &mut self.files())
    }
}

impl Folder {
    /// The folder that finished layers are kept in.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Statistics of one block at a time, for work whose blocks see those before them compressed.
    pub fn block_statistics(&self) -> BlockStatistics {
        BlockStatistics::new(&self.model, self.folder.path(), &self.collection)
    }
}

/// The store of finished layers, one file each.
struct LayerFiles<M> {
    model: M,
    partial: PathBuf,
    keep_statistics: bool,
}

impl<M: Layered> LayerFiles<M> {
    /// The file of a finished layer, with its settings and its report.
    fn kept(&self, id: M::Key) -> Result<Option<(Checkpoint, Settings, RunReport)>, Error> {
        let path = self.partial.join(LAYERS).join(file_name(&self.model, id));
        if !path.exists() {
            return Ok(None);
        }
        let file = model::open(&path)?;
        let parsed = |key: &str| file.metadata().get(key).map(String::as_str).unwrap_or_default();
        let settings: Result<Settings, _> = serde_json::from_str(parsed("dsf.settings"));
        let report: Result<RunReport, _> = serde_json::from_str(parsed("dsf.report"));
        Ok(match (settings, report) {
            (Ok(settings), Ok(report)) => Some((file, settings, report)),
            // Written by another version: the layer is computed again.
            _ => None,
        })
    }

    /// File of a tuned block's norms and biases.
    fn block_path(&self, block: usize) -> PathBuf {
        self.partial.join(LAYERS).join(format!("block.{block}.tuned.safetensors"))
    }
}

impl<M: Layered> Replaced<M::Key> for LayerFiles<M> {
    fn replacement(&mut self, id: M::Key) -> Result<Option<Arc<Replacement>>, Error> {
        Ok(self.find(id)?.map(|layer| layer.replacement.clone()))
    }

    fn weight(&mut self, id: M::Key, _: Dtype) -> Result<Option<Arc<Matrix>>, Error> {
        Ok(self.find(id)?.map(|layer| layer.weight.clone()))
    }
}

impl<M: Layered> Store<M::Key> for LayerFiles<M> {
    fn find(&mut self, id: M::Key) -> Result<Option<Arc<CompressedLayer<M::Key>>>, Error> {
        let Some((file, settings, report)) = self.kept(id)? else { return Ok(None) };
        let replacement = match file.factorizations().is_empty() {
            true => {
                let one = file.layer(&self.model.tensor_of(id), Orientation::AsStored)?.weight;
                Replacement::Sparse(Csr::from_dense(&one))
            }
            false => of_kind(report.method().map(Method::kind), file.factors(&self.model.stem_of(id))?),
        };
        let replacement = Arc::new(replacement);
        let dtype = self.model.dtype_of(id);
        let weight = Arc::new(export::merged(&replacement, dtype)?);
        Ok(Some(Arc::new(CompressedLayer { id, replacement, weight, settings, report })))
    }

    fn wants_statistics(&self, first: M::Key) -> bool {
        self.keep_statistics && !self.partial.join(STATISTICS).join(file_name(&self.model, first)).exists()
    }

    fn keep(&mut self, layer: &Arc<CompressedLayer<M::Key>>) -> Result<(), Error> {
        let stem = self.model.stem_of(layer.id);
        let tensors = match layer.replacement.kind().is_two_factors() {
            true => export::factor_tensors(&stem, &layer.replacement, Layout::Bitmask, Dtype::F32),
            false => {
                let x = layer.replacement.to_dense();
                vec![Tensor::values(self.model.tensor_of(layer.id), Dtype::F32, &[x.rows(), x.cols()], x.as_slice())]
            }
        };
        let metadata = BTreeMap::from([
            ("dsf.settings".to_owned(), json!(layer.settings).to_string()),
            ("dsf.report".to_owned(), json!(layer.report).to_string()),
        ]);
        let path = self.partial.join(LAYERS).join(file_name(&self.model, layer.id));
        Ok(export::write(&path, &export::safetensors(tensors, &metadata), true)?)
    }

    fn keep_statistics(&mut self, first: M::Key, statistics: &Calibration) -> Result<(), Error> {
        if !self.keep_statistics {
            return Ok(());
        }
        let (xtx, name) = (statistics.xtx(), format!("{}.XtX", self.model.stem_of(first)));
        let tensor = Tensor::values(name, Dtype::F32, &[xtx.rows(), xtx.cols()], xtx.as_slice());
        let path = self.partial.join(STATISTICS).join(file_name(&self.model, first));
        let metadata = BTreeMap::from([(EXPONENT.to_owned(), statistics.exponent().to_string())]);
        Ok(export::write(&path, &export::safetensors(vec![tensor], &metadata), true)?)
    }

    fn block_tensors(&mut self, block: usize) -> Result<Option<BTreeMap<String, Vec<f32>>>, Error> {
        let path = self.block_path(block);
        if !path.exists() {
            return Ok(None);
        }
        let file = model::open(&path)?;
        let values = |tensor: &TensorInfo| Ok((tensor.name.clone(), file.values(&tensor.name)?));
        file.tensors().iter().map(values).collect::<Result<_, Error>>().map(Some)
    }

    fn keep_block_tensors(&mut self, block: usize, tensors: &BTreeMap<String, Vec<f32>>) -> Result<(), Error> {
        let tensor =
            |(name, values): (&String, &Vec<f32>)| Tensor::values(name.clone(), Dtype::F32, &[values.len()], values);
        let tensors = tensors.iter().map(tensor).collect();
        Ok(export::write(&self.block_path(block), &export::safetensors(tensors, &BTreeMap::new()), true)?)
    }

    fn output_squares(&mut self) -> Result<Option<OutputSquares<M::Key>>, Error> {
        let path = self.partial.join(STATISTICS).join(OUTPUT_WEIGHTS);
        match self.keep_statistics && path.exists() {
            true => {
                let saved = SavedStatistics::new(vec![model::open(&path)?])?;
                OutputSquares::saved(&self.model, &saved).map(Some)
            }
            false => Ok(None),
        }
    }

    fn keep_output_squares(&mut self, squares: &OutputSquares<M::Key>) -> Result<(), Error> {
        if !self.keep_statistics {
            return Ok(());
        }
        let tensors = squares.iter().map(|(id, squares)| output_squares::tensor_of(&self.model, id, squares)).collect();
        let path = self.partial.join(STATISTICS).join(OUTPUT_WEIGHTS);
        Ok(export::write(&path, &export::safetensors(tensors, &BTreeMap::new()), true)?)
    }
}

/// Checks what can be known in advance of whether the folder `out` can be written: for the start of long work.
pub fn check_output(out: &Path, replace: bool) -> Result<(), Error> {
    WorkFolder::check(out, replace)
}

fn file_name<M: Layered>(model: &M, id: M::Key) -> String {
    format!("{}.safetensors", model.stem_of(id))
}

/// Identity of the work: as long as it is the same, finished layers can be reused.
fn work<M: Layered>(model: &M, plan: &Plan<M::Key>, inputs: &M::Inputs) -> Value {
    let mut work = identity(model, inputs);
    work["program"] = json!(env!("CARGO_PKG_VERSION"));
    work["plan"] = plan_json(model, plan);
    work
}

/// Fingerprint of a model and the samples that statistics of it are taken of.
fn collection<M: Layered>(model: &M, inputs: &M::Inputs) -> String {
    let mut hash = Fingerprint::default();
    hash.add(identity(model, inputs).to_string().as_bytes());
    hash.hex()
}

fn plan_json<M: Layered>(model: &M, plan: &Plan<M::Key>) -> Value {
    let densities = &plan.densities;
    let kinds: BTreeMap<&str, f64> =
        densities.by_kind.iter().map(|(&kind, &share)| (M::Key::kind_name(kind), share)).collect();
    let layers: BTreeMap<String, f64> =
        densities.by_layer.iter().map(|(&key, &share)| (model.stem_of(key), share)).collect();
    json!({
        "method": plan.method.name(),
        "threshold": plan.threshold,
        "preset": plan.preset.map(|preset| preset.name()),
        "settings": plan.settings,
        "density": densities.all,
        "density_of_kinds": kinds,
        "density_of_layers": layers,
        // As before there was anything between the two: folders that were begun then are taken up.
        "parallel": match plan.parallel {
            Parallel::No => json!(false),
            Parallel::Block => json!(plan.parallel),
            Parallel::All => json!(true),
        },
        "norms": plan.norms,
        "blockwise": plan.blockwise,
        "layout": plan.layout.name(),
        "dtype": plan.dtype.name(),
    })
}
