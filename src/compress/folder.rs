//! A compression in a folder: finished layers are kept beside the output until all are done.
//!
//! `<out>.partial` holds the identity of the work (`work.json`), a file for each finished layer, and the statistics if
//! they are to be saved. Each file is written atomically, so that an interruption loses only the layer in progress. At
//! the end the output is assembled inside of it and renamed into place.

use super::inputs::identity;
use super::{CompressedLayer, Error, Inputs, Plan, Store, Totals};
use crate::Named;
use crate::export::{self, Entry, Layout, RunReport, Tensor};
use crate::factorize::Settings;
use crate::language::{Config, LanguageModel, LayerId};
use crate::matrix::{Calibration, Csr, Factors, Replacement, ReplacementKind};
use crate::methods::Method;
use crate::model::{self, Dtype, Orientation, TensorInfo};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Marks a folder as our output, which `--force` may replace.
const REPORT: &str = "report.json";
const WORK: &str = "work.json";
const LAYERS: &str = "layers";
const STATISTICS: &str = "statistics";
const INDEX: &str = ".index.json";

/// What transformers loads a model with that keeps its factors.
const MODELING: &str = "modeling_dsf.py";
static MODELING_SOURCE: &[u8] = include_bytes!("../../assets/python/modeling_dsf.py");

/// Files to write at the end.
#[derive(Clone, Debug)]
pub struct Output {
    /// Layouts: merged for a model with the original's layout; another for a model that keeps its factors, or, beside
    /// merged, for the factors alone.
    pub layouts: Vec<Layout>,
    /// Files that accompany the model: names and contents.
    pub companions: Vec<(String, Vec<u8>)>,
    /// File for the statistics of the layers' inputs, if they are to be saved.
    pub statistics: Option<PathBuf>,
}

/// The working folder of a compression.
pub struct Folder {
    model: LanguageModel,
    /// Folder of the output.
    out: PathBuf,
    /// Working folder, beside the output.
    partial: PathBuf,
    keep_statistics: bool,
    /// Held while this process works there.
    _lock: File,
}

impl Folder {
    /// Starts the work for `out`, or resumes it.
    ///
    /// `replace` allows to delete an earlier output and another compression's unfinished work. `keep_statistics` is for
    /// [`Output::statistics`].
    pub fn open(
        model: &LanguageModel,
        plan: &Plan,
        inputs: &Inputs,
        out: &Path,
        replace: bool,
        keep_statistics: bool,
    ) -> Result<Self, Error> {
        let out = std::path::absolute(out).unwrap_or_else(|_| out.to_owned());
        check_output(&out, replace)?;
        let mut name = out.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let partial = out.with_file_name(name);
        let foreign = partial.exists() && !partial.join(WORK).exists() && !is_empty(&partial);
        if foreign {
            return Err(Error::InTheWay { path: partial });
        }
        fs::create_dir_all(partial.join(LAYERS)).map_err(|error| failed(&partial, &error))?;
        let lock_path = partial.join("lock");
        let lock = File::create(&lock_path).map_err(|error| failed(&lock_path, &error))?;
        if let Err(fs::TryLockError::WouldBlock) = lock.try_lock() {
            return Err(Error::Busy { path: partial });
        }
        let work = work(model, plan, inputs);
        let described = partial.join(WORK);
        let before = match fs::read(&described) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(&described, &error)),
        };
        if let Some(bytes) = before {
            let found: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            let differing = ["program", "model", "config", "weights", "plan", "inputs"].into_iter();
            let differing: Vec<_> = differing.filter(|key| found[key] != work[key]).collect();
            if !differing.is_empty() {
                // Work without a finished layer is no loss.
                if !replace && finished(&partial) {
                    return Err(Error::OtherPlan { path: partial, what: format!("another {}", differing.join(", ")) });
                }
                for folder in [LAYERS, STATISTICS] {
                    let folder = partial.join(folder);
                    if folder.exists() {
                        fs::remove_dir_all(&folder).map_err(|error| failed(&folder, &error))?;
                    }
                }
                fs::create_dir_all(partial.join(LAYERS)).map_err(|error| failed(&partial, &error))?;
            }
        }
        if keep_statistics {
            fs::create_dir_all(partial.join(STATISTICS)).map_err(|error| failed(&partial, &error))?;
        }
        export::write(&described, format!("{work:#}\n").as_bytes(), true)?;
        Ok(Self { model: model.clone(), out, partial, keep_statistics, _lock: lock })
    }

    /// Checks what can be known in advance of whether the output can be written: for the start of long work.
    pub fn check(out: &Path, replace: bool) -> Result<(), Error> {
        let out = std::path::absolute(out).unwrap_or_else(|_| out.to_owned());
        check_output(&out, replace)
    }

    /// A handle on the same work, for the [`Compression`](super::Compression).
    pub fn store(&self) -> Box<dyn Store> {
        Box::new(LayerFiles {
            model: self.model.clone(),
            partial: self.partial.clone(),
            keep_statistics: self.keep_statistics,
        })
    }

    /// Writes the statistics of all stages into one file, `<m>.XtX` for the first layer m of each.
    fn save_statistics(&self, path: &Path, replace: bool) -> Result<(), Error> {
        let stages: BTreeSet<LayerId> =
            self.model.layers().map(|id| self.model.config().first_with_inputs_of(id)).collect();
        // Experts that no token was routed to have none.
        let files = stages.into_iter().map(|id| (id, self.partial.join(STATISTICS).join(self.file_name(id))));
        let files: Vec<(LayerId, PathBuf)> = files.filter(|(_, file)| file.exists()).collect();
        let entry = |id: &LayerId| {
            let (_, inputs) = self.model.shape(*id);
            let (name, dtype) = (format!("{}.XtX", self.model.config().stem(*id)), "F32".to_owned());
            Entry { name, dtype, shape: vec![inputs, inputs], bytes: 4 * inputs * inputs }
        };
        let mut parts: Vec<(Entry, &PathBuf)> = files.iter().map(|(id, file)| (entry(id), file)).collect();
        export::sort_entries(&mut parts, |part| &part.0);
        let metadata = BTreeMap::from([("dsf.source".to_owned(), self.model.name().to_owned())]);
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
    pub fn finish(self, plan: &Plan, totals: &Totals, output: &Output, replace: bool) -> Result<(), Error> {
        self.assemble(plan, totals, output)?;
        // Last before the renaming, so that an earlier failure leaves nothing in the way of another try.
        if let Some(path) = &output.statistics {
            self.save_statistics(path, replace)?;
        }
        let whole = self.partial.join("output");
        check_output(&self.out, replace)?;
        let old = self.partial.join("replaced");
        if old.exists() {
            fs::remove_dir_all(&old).map_err(|error| failed(&old, &error))?;
        }
        if self.out.exists() {
            fs::rename(&self.out, &old).map_err(|error| failed(&self.out, &error))?;
        }
        if let Err(error) = fs::rename(&whole, &self.out) {
            if old.exists() {
                // Move the old output back; if that fails too, it is still in the working folder.
                let _ = fs::rename(&old, &self.out);
            }
            return Err(failed(&self.out, &error));
        }
        // The output is there; what is left is of no use.
        let _ = fs::remove_dir_all(&self.partial);
        Ok(())
    }

    /// Writes the statistics alone, for work whose layers are not kept.
    pub fn finish_statistics(self, path: &Path, replace: bool) -> Result<(), Error> {
        self.save_statistics(path, replace)
    }

    /// Writes all files of the output into the working folder.
    fn assemble(&self, plan: &Plan, totals: &Totals, output: &Output) -> Result<(), Error> {
        let whole = self.partial.join("output");
        if whole.exists() {
            fs::remove_dir_all(&whole).map_err(|error| failed(&whole, &error))?;
        }
        fs::create_dir_all(&whole).map_err(|error| failed(&whole, &error))?;
        let summary = json!({ "density": totals.density, "nnz": totals.nnz, "bytes_bitmask": totals.bytes_bitmask });
        let metadata: BTreeMap<String, String> = [
            ("format", "pt".to_owned()),
            ("dsf.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("dsf.source", self.model.name().to_owned()),
            ("dsf.settings", plan_json(&self.model, plan).to_string()),
            ("dsf.report", summary.to_string()),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
        let labelled = |layout: Layout| {
            let mut metadata = metadata.clone();
            metadata.insert("dsf.layout".into(), layout.name().into());
            metadata
        };
        let is_merged = output.layouts.contains(&Layout::Merged);
        for &layout in output.layouts.iter().filter(|layout| **layout != Layout::Merged) {
            self.write_factors(&whole, layout, plan.dtype, &labelled(layout))?;
        }
        if is_merged {
            let sharded = output.companions.iter().any(|(name, _)| name.ends_with(INDEX));
            self.write_model(&whole, &labelled(Layout::Merged), sharded, true)?;
            for (name, bytes) in &output.companions {
                export::write(&whole.join(name), bytes, true)?;
            }
        } else if let Some(&layout) = output.layouts.first() {
            self.write_model(&whole, &labelled(layout), false, false)?;
            let loads = transformers_loads_factors(self.model.config(), plan);
            if loads {
                export::write(&whole.join(MODELING), MODELING_SOURCE, true)?;
            }
            for (name, bytes) in output.companions.iter().filter(|(name, _)| !name.ends_with(INDEX)) {
                match name == "config.json" {
                    true => export::write(&whole.join(name), &with_factors(bytes, layout, loads), true)?,
                    false => export::write(&whole.join(name), bytes, true)?,
                }
            }
        }
        let report = serde_json::to_string_pretty(totals).unwrap_or_default();
        export::write(&whole.join(REPORT), format!("{report}\n").as_bytes(), true)?;
        Ok(())
    }

    /// Writes the model's files, tensor by tensor: with the compressed layers in place of the dense ones if `merged`, else
    /// without those layers. If `sharded`, the files keep their names, which an index refers to.
    fn write_model(
        &self,
        folder: &Path,
        metadata: &BTreeMap<String, String>,
        sharded: bool,
        merged: bool,
    ) -> Result<(), Error> {
        let checkpoint = self.model.checkpoint();
        let mut store = self.store();
        let mut files: BTreeMap<&str, Vec<&TensorInfo>> = BTreeMap::new();
        for tensor in checkpoint.tensors() {
            if merged || !self.is_replaced(&tensor.name, &mut *store)? {
                files.entry(if sharded { &tensor.file } else { "model.safetensors" }).or_default().push(tensor);
            }
        }
        for (name, inside) in files {
            let mut entries: Vec<Entry> = inside.into_iter().map(entry).collect();
            export::sort_entries(&mut entries, |entry| entry);
            let path = folder.join(name);
            // Shards may stand in a folder of their own.
            if let Some(inner) = path.parent() {
                fs::create_dir_all(inner).map_err(|error| failed(inner, &error))?;
            }
            export::write_with(&path, true, |out| {
                out.write_all(&export::header(&entries, metadata))?;
                for entry in &entries {
                    let find = |id| Ok::<_, Error>(store.find(id)?.map(|layer| layer.weight.clone()));
                    let weight = self.model.with_replaced(&entry.name, find).map_err(std::io::Error::other)?;
                    let info = checkpoint.tensor(&entry.name).map_err(std::io::Error::other)?;
                    match (weight.filter(|_| merged), info.format) {
                        (Some(weight), Some(dtype)) => out.write_all(&dtype.encode(weight.as_slice()))?,
                        _ => out.write_all(&checkpoint.bytes(&entry.name).map_err(std::io::Error::other)?)?,
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Whether all layers that a tensor holds are finished, so that a model that keeps its factors does without it.
    fn is_replaced(&self, tensor: &str, store: &mut dyn Store) -> Result<bool, Error> {
        let layers = self.model.config().layers_in(tensor);
        for &id in &layers {
            if store.find(id)?.is_none() {
                return Ok(false);
            }
        }
        Ok(!layers.is_empty())
    }

    fn file_name(&self, id: LayerId) -> String {
        file_name(&self.model, id)
    }

    /// Writes all factors to one file. One layer is in memory at a time, once for each width of values.
    fn write_factors(
        &self,
        folder: &Path,
        layout: Layout,
        dtype: Dtype,
        metadata: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let mut store = self.store();
        let mut tensors = |id: LayerId| -> Result<Vec<Tensor>, Error> {
            Ok(match store.find(id)?.as_deref() {
                Some(layer) => {
                    let two = layer.replacement.kind().is_two_factors();
                    let dtype = if two { dtype } else { self.model.dtype(id) };
                    let rounded = export::rounded(&layer.replacement, dtype)?;
                    export::factor_tensors(&self.model.config().stem(id), &rounded, layout, dtype)
                }
                None => Vec::new(),
            })
        };
        let mut parts: Vec<(Entry, LayerId)> = Vec::new();
        for id in self.model.layers() {
            parts.extend(tensors(id)?.iter().map(|tensor| (tensor.entry().clone(), id)));
        }
        export::sort_entries(&mut parts, |part| &part.0);
        let mut held: Option<(LayerId, BTreeMap<String, Vec<u8>>)> = None;
        export::write_with(&folder.join(format!("factors-{}.safetensors", layout.name())), true, |out| {
            out.write_all(&export::header(parts.iter().map(|part| &part.0), metadata))?;
            for (entry, id) in &parts {
                if held.as_ref().is_none_or(|held| held.0 != *id) {
                    let tensors = tensors(*id).map_err(std::io::Error::other)?;
                    let named = tensors.into_iter().map(|tensor| (tensor.name().to_owned(), tensor.into_bytes()));
                    held = Some((*id, named.collect()));
                }
                let bytes = held.as_mut().and_then(|held| held.1.remove(&entry.name)).unwrap_or_default();
                out.write_all(&bytes)?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Work without a finished layer leaves nothing. (After the end the folder is gone already.)
        if self.partial.join(LAYERS).exists() && !finished(&self.partial) {
            let _ = fs::remove_dir_all(&self.partial);
        }
    }
}

/// The store of finished layers, one file each.
struct LayerFiles {
    model: LanguageModel,
    partial: PathBuf,
    keep_statistics: bool,
}

impl Store for LayerFiles {
    fn find(&mut self, id: LayerId) -> Result<Option<Arc<CompressedLayer>>, Error> {
        let path = self.partial.join(LAYERS).join(file_name(&self.model, id));
        if !path.exists() {
            return Ok(None);
        }
        let file = model::open(&path)?;
        let parsed = |key: &str| file.metadata().get(key).map(String::as_str).unwrap_or_default();
        let settings: Result<Settings, _> = serde_json::from_str(parsed("dsf.settings"));
        let report: Result<RunReport, _> = serde_json::from_str(parsed("dsf.report"));
        let (Ok(settings), Ok(report)) = (settings, report) else {
            // Written by another version: the layer is computed again.
            return Ok(None);
        };
        let replacement = match file.factorizations().is_empty() {
            true => {
                let one = file.layer(&self.model.config().tensor(id), Orientation::AsStored)?.weight;
                Replacement::Sparse(Csr::from_dense(&one))
            }
            false => of_kind(report.method().map(Method::kind), file.factors(&self.model.config().stem(id))?),
        };
        let replacement = Arc::new(replacement);
        let dtype = self.model.dtype(id);
        let weight = Arc::new(export::merged(&replacement, dtype)?);
        Ok(Some(Arc::new(CompressedLayer { id, replacement, weight, settings, report })))
    }

    fn wants_statistics(&self, first: LayerId) -> bool {
        self.keep_statistics && !self.partial.join(STATISTICS).join(file_name(&self.model, first)).exists()
    }

    fn keep(&mut self, layer: &Arc<CompressedLayer>) -> Result<(), Error> {
        let stem = self.model.config().stem(layer.id);
        let tensors = match layer.replacement.kind().is_two_factors() {
            true => export::factor_tensors(&stem, &layer.replacement, Layout::Bitmask, Dtype::F32),
            false => {
                let x = layer.replacement.to_dense();
                vec![Tensor::values(
                    self.model.config().tensor(layer.id),
                    Dtype::F32,
                    &[x.rows(), x.cols()],
                    x.as_slice(),
                )]
            }
        };
        let metadata = BTreeMap::from([
            ("dsf.settings".to_owned(), json!(layer.settings).to_string()),
            ("dsf.report".to_owned(), json!(layer.report).to_string()),
        ]);
        let path = self.partial.join(LAYERS).join(file_name(&self.model, layer.id));
        Ok(export::write(&path, &export::safetensors(tensors, &metadata), true)?)
    }

    fn keep_statistics(&mut self, first: LayerId, statistics: &Calibration) -> Result<(), Error> {
        if !self.keep_statistics {
            return Ok(());
        }
        let (xtx, name) = (statistics.xtx(), format!("{}.XtX", self.model.config().stem(first)));
        let tensor = Tensor::values(name, Dtype::F32, &[xtx.rows(), xtx.cols()], xtx.as_slice());
        let path = self.partial.join(STATISTICS).join(file_name(&self.model, first));
        Ok(export::write(&path, &export::safetensors(vec![tensor], &BTreeMap::new()), true)?)
    }
}

/// Whether our code for transformers loads such a model with its factors. Not with experts, which are one tensor in its memory,
/// nor where only some of the layers that a tensor holds are replaced.
pub fn transformers_loads_factors(model: &Config, plan: &Plan) -> bool {
    let replaced = |id: LayerId| plan.densities.of(id) < 1.0;
    let whole = |id: LayerId| {
        let together = model.place(id).outputs.map_or(Vec::new(), |_| model.layers_in(&model.tensor_with(id)));
        together.into_iter().all(|other| replaced(other) == replaced(id))
    };
    model.experts.is_none() && model.layers().all(whole)
}

/// `config.json` of a model that keeps its factors: where they are, and what transformers loads it with, if anything does.
/// Without a `sparsity_config`, which other runtimes refuse.
fn with_factors(config: &[u8], layout: Layout, loads: bool) -> Vec<u8> {
    let Ok(Value::Object(mut config)) = serde_json::from_slice(config) else { return config.to_vec() };
    if loads {
        config.insert("auto_map".into(), json!({ "AutoModelForCausalLM": "modeling_dsf.DsfForCausalLM" }));
    }
    let factors = format!("factors-{}.safetensors", layout.name());
    config.insert("dsf".into(), json!({ "layout": layout.name(), "factors": factors }));
    format!("{:#}\n", Value::Object(config)).into_bytes()
}

/// The replacement that these factors are of.
fn of_kind(kind: Option<ReplacementKind>, factors: Factors) -> Replacement {
    match kind {
        Some(ReplacementKind::LowRank) => Replacement::LowRank { a: factors.a.to_dense(), b: factors.b.to_dense() },
        Some(ReplacementKind::Blocks) => Replacement::Blocks(factors),
        _ => Replacement::Factors(factors),
    }
}

fn file_name(model: &LanguageModel, id: LayerId) -> String {
    format!("{}.safetensors", model.config().stem(id))
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::Write { path: path.to_owned(), reason: error.to_string() }
}

/// Refuses to replace a folder unless asked to, and one that is not ours in any case.
fn check_output(out: &Path, replace: bool) -> Result<(), Error> {
    if !out.exists() {
        let parent = out.parent().unwrap_or(Path::new("."));
        return match parent.is_dir() {
            true => Ok(()),
            false => Err(export::Error::NoFolder { path: out.to_owned(), folder: parent.to_owned() }.into()),
        };
    }
    if is_empty(out) || (replace && is_ours(out)) {
        return Ok(());
    }
    match replace {
        false => Err(Error::Exists { path: out.to_owned() }),
        true => Err(Error::NotOurs { path: out.to_owned() }),
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

/// Whether the working folder holds a finished layer.
fn finished(partial: &Path) -> bool {
    !is_empty(&partial.join(LAYERS))
}

/// Whether a folder holds our output and nothing else: its report, weights, and the small files of a model.
fn is_ours(folder: &Path) -> bool {
    let report: Value = match fs::read(folder.join(REPORT)) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Err(_) => return false,
    };
    let known = |name: &str| {
        [".safetensors", ".json", ".jinja", ".model", "merges.txt", MODELING]
            .iter()
            .any(|ending| name.ends_with(ending))
    };
    let entries = fs::read_dir(folder).map(|entries| entries.collect::<Result<Vec<_>, _>>());
    let Ok(Ok(entries)) = entries else { return false };
    let plain = entries
        .iter()
        .all(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()) && known(&entry.file_name().to_string_lossy()));
    plain && report["layers"].is_array() && report["bytes_bitmask"].is_u64()
}

fn entry(info: &TensorInfo) -> Entry {
    Entry { name: info.name.clone(), dtype: info.dtype.clone(), shape: info.shape.clone(), bytes: info.bytes as usize }
}

/// Identity of the work: as long as it is the same, finished layers can be reused.
fn work(model: &LanguageModel, plan: &Plan, inputs: &Inputs) -> Value {
    let mut work = identity(model, inputs);
    work["program"] = json!(env!("CARGO_PKG_VERSION"));
    work["plan"] = plan_json(model, plan);
    work
}

fn plan_json(model: &LanguageModel, plan: &Plan) -> Value {
    let densities = &plan.densities;
    let kinds: BTreeMap<&str, f64> = densities.by_kind.iter().map(|(kind, &share)| (kind.name(), share)).collect();
    let layers: BTreeMap<String, f64> =
        densities.by_layer.iter().map(|(id, &share)| (model.config().stem(*id), share)).collect();
    json!({
        "method": plan.method.name(),
        "threshold": plan.threshold,
        "preset": plan.preset.map(|preset| preset.name()),
        "settings": plan.settings,
        "density": densities.all,
        "density_of_kinds": kinds,
        "density_of_layers": layers,
        "parallel": plan.parallel,
        "layout": plan.layout.name(),
        "dtype": plan.dtype.name(),
    })
}
