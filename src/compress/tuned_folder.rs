//! A tuning in a folder: its state is kept beside the output until it is done.

use super::assembly::{Assembly, Replaced};
use super::plan::holds;
use super::tuning_inputs::DATA;
use super::work_folder::{Access, STATE, WorkFolder, failed};
use super::{Error, LayerKey, Layered, Tunable, TuningInputs};
use crate::Named;
use crate::export::{self, Layout};
use crate::finetune::{MaskedLayer, Settings, Tuned};
use crate::matrix::{Matrix, Replacement};
use crate::measure::Stored;
use crate::model::{Dtype, Fingerprint};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::sync::Arc;

/// Files to write at the end.
#[derive(Clone, Debug)]
pub struct TunedOutput {
    /// Layouts, as of a compression's [`Output`](super::Output).
    pub layouts: Vec<Layout>,
    /// Number format of the factors.
    pub dtype: Dtype,
    /// Files that accompany the model: names and contents.
    pub companions: Vec<(String, Vec<u8>)>,
}

/// The working folder of a tuning.
pub struct TunedFolder(WorkFolder);

impl TunedFolder {
    /// Starts the work for `out`, or resumes it. `replace` allows to delete an earlier output and other unfinished work.
    pub fn open(work: &TuningWork, out: &Path, replace: bool) -> Result<Self, Error> {
        let keys = [&["program", "model", "config", "weights", "settings", "values"][..], &DATA].concat();
        Ok(Self(WorkFolder::open(out, replace, Access::Alone { drop_other: replace }, &work.0, &keys)?))
    }

    /// The state that was kept last, if there is one.
    pub fn state(&self) -> Result<Option<impl Read>, Error> {
        let path = self.0.path().join(STATE);
        match File::open(&path) {
            Ok(file) => Ok(Some(BufReader::new(file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&path, &error)),
        }
    }

    /// Keeps the state, as `save` writes it; when this returns, it is safe.
    pub fn keep(&self, save: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
        Ok(export::write_with(&self.0.path().join(STATE), true, save)?)
    }

    /// Writes the tuned model, whose folder `tunable` was read from, and moves it into place, and removes the working folder.
    pub fn finish<M: Layered>(
        self,
        inputs: &TuningInputs<'_, M>,
        tunable: &Tunable<M>,
        tuned: &Tuned<M::Key>,
        output: &TunedOutput,
        replace: bool,
    ) -> Result<(), Error> {
        let whole = self.0.output()?;
        let (model, settings) = (inputs.model, inputs.settings);
        let metadata =
            [("dsf.finetune".to_owned(), json!(settings).to_string()), ("dsf.report".to_owned(), summary(tuned))];
        let report = report(model, tunable, settings, tuned);
        let assembly = Assembly {
            model,
            layouts: &output.layouts,
            companions: &output.companions,
            dtype: output.dtype,
            loads: model.is_loaded_with_factors(&|id| tuned.layers.contains_key(&id)),
            metadata: metadata.into(),
            values: &tuned.tensors,
            report: &format!("{report:#}"),
        };
        assembly.write(&whole, &mut Layers(&tuned.layers))?;
        self.0.finish(replace)
    }
}

impl<M: Layered> Tunable<M> {
    /// Refuses a layout that does not hold what stands in the layers' places.
    pub fn check_layout(&self, model: &M, layout: Layout) -> Result<(), Error> {
        match self.layers.iter().find(|(_, replacement)| !holds(layout, replacement.kind())) {
            None => Ok(()),
            Some((&key, _)) => Err(Error::LayerLayout { tensor: model.tensor_of(key), layout: layout.name() }),
        }
    }
}

/// Tuned layers in memory.
struct Layers<'a, K>(&'a BTreeMap<K, Replacement>);

impl<K: LayerKey> Replaced<K> for Layers<'_, K> {
    fn replacement(&mut self, key: K) -> Result<Option<Arc<Replacement>>, Error> {
        Ok(self.0.get(&key).cloned().map(Arc::new))
    }

    fn weight(&mut self, key: K, dtype: Dtype) -> Result<Option<Arc<Matrix>>, Error> {
        let merged = self.replacement(key)?.map(|replacement| export::merged(&replacement, dtype));
        Ok(merged.transpose()?.map(Arc::new))
    }
}

/// Identity of the work: as long as it is the same, its state can be taken up.
#[derive(Clone, Debug)]
pub struct TuningWork(Value);

impl TuningWork {
    /// Of a tuning of the layers of `tunable`.
    pub fn new<M: Layered>(inputs: &TuningInputs<'_, M>, tunable: &Tunable<M>) -> Self {
        let mut values = Fingerprint::default();
        for replacement in tunable.layers.values() {
            MaskedLayer::new(replacement).values().iter().for_each(|value| values.add(&value.to_le_bytes()));
        }
        let mut work = inputs.identity.clone();
        work["program"] = json!(env!("CARGO_PKG_VERSION"));
        work["settings"] = json!(inputs.settings);
        work["values"] = json!(values.hex());
        Self(work)
    }
}

fn summary<K>(tuned: &Tuned<K>) -> String {
    let Tuned { steps, held_out_before, held_out_after, nnz_after, .. } = tuned;
    json!({ "steps": steps, "held_out_before": held_out_before, "held_out_after": held_out_after, "nnz": nnz_after })
        .to_string()
}

/// The compression's report, without its errors, which are not those of the tuned values, and with what the tuning did.
fn report<M: Layered>(model: &M, tunable: &Tunable<M>, settings: &Settings, tuned: &Tuned<M::Key>) -> Value {
    let mut report = match &tunable.report {
        Value::Object(report) if report.contains_key("layers") => Value::Object(report.clone()),
        _ => of_layers(model, tuned),
    };
    if let Some(layers) = report["layers"].as_array_mut() {
        for layer in layers {
            for key in ["relative_error", "layer_error", "layer_error_before_finalize", "layer_error_held_out"] {
                layer[key] = Value::Null;
            }
        }
    }
    // What was measured of images is not true any more.
    for key in ["accuracy", "accuracy_before_batch_norm"] {
        if report.get(key).is_some() {
            report[key] = Value::Null;
        }
    }
    report["finetune"] = json!({
        "settings": settings,
        "steps": tuned.steps,
        "best_step": tuned.best_step,
        "stopped": tuned.stopped,
        "loss_before": tuned.loss_before,
        "loss_after": tuned.loss_after,
        "held_out_before": tuned.held_out_before,
        "held_out_after": tuned.held_out_after,
        "tensors": tuned.tensors.keys().collect::<Vec<_>>(),
    });
    if let (Some(before), Some(after)) = (tuned.accuracy_before, tuned.accuracy_after) {
        report["finetune"]["accuracy_before"] = json!(before);
        report["finetune"]["accuracy_after"] = json!(after);
    }
    report
}

/// A report of a model that came without one.
fn of_layers<M: Layered>(model: &M, tuned: &Tuned<M::Key>) -> Value {
    let layers: Vec<Value> = tuned
        .layers
        .iter()
        .map(|(&key, replacement)| {
            let ((rows, cols), stored) = (replacement.shape(), Stored::of(replacement));
            json!({
                "tensor": model.tensor_of(key),
                "rows": rows,
                "cols": cols,
                "nnz": replacement.entries(),
                "bytes_dense": 2 * rows * cols,
                "bytes_bitmask": stored.bitmask,
                "bytes_csr": stored.csr,
                "bytes": stored.bytes,
            })
        })
        .collect();
    let sum = |of: fn(&Stored) -> u64| tuned.layers.values().map(|one| of(&Stored::of(one))).sum::<u64>();
    let weights: usize = tuned.layers.keys().map(|&key| model.shape_of(key)).map(|(rows, cols)| rows * cols).sum();
    json!({
        "layers": layers,
        "density": tuned.nnz_after as f64 / weights.max(1) as f64,
        "nnz": tuned.nnz_after,
        "bytes_dense": 2 * weights,
        "bytes_bitmask": sum(|stored| stored.bitmask.unwrap_or(stored.bytes)),
        "bytes_csr": sum(|stored| stored.csr.unwrap_or(stored.bytes)),
    })
}
