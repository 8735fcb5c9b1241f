//! A replaced layer, as Python holds it.

use super::error;
use super::numbers;
use super::parts::{self, Part};
use crate::Named;
use crate::compare::Candidate;
use crate::export::{self, Export, Layout, RunReport};
use crate::factorize::Preset;
use crate::hint::Failure;
use crate::job::{End, Outcome};
use crate::matrix::{Problem, Replacement};
use crate::methods::Method;
use crate::model::{Dtype, Layer};
use crate::tasks::shared::{ReceivedCache, SentCache, with_received_cache, with_sent_cache};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

/// A layer, and what stands in its place.
#[pyclass(frozen)]
#[derive(Serialize, Deserialize)]
pub struct Replaced {
    pub layer: Layer,
    pub problem: Problem,
    pub how: How,
    pub threads: usize,
}

/// How a layer was replaced, and by what.
#[derive(Serialize, Deserialize)]
pub enum How {
    /// A run of DSF, with the preset that its settings began with.
    Run(Box<Outcome>, Preset),
    /// Another method, and the seconds it took.
    Method(Box<Candidate>, #[serde(with = "crate::tasks::shared")] Arc<Replacement>, f64),
}

impl Replaced {
    fn replacement(&self) -> &Arc<Replacement> {
        match &self.how {
            How::Run(outcome, _) => &outcome.replacement,
            How::Method(_, replacement, _) => replacement,
        }
    }

    fn method(&self) -> Method {
        match &self.how {
            How::Run(..) => Method::Dsf,
            How::Method(candidate, ..) => candidate.method,
        }
    }

    fn export(&self, layout: Option<Layout>, dtype: Option<Dtype>) -> Result<Export, export::Error> {
        Export::new(&self.layer, self.replacement(), layout.unwrap_or(Layout::usual(self.method())), dtype)
    }

    fn report(&self, export: &Export) -> RunReport {
        match &self.how {
            How::Run(outcome, preset) => {
                RunReport::of_run(&self.layer, &self.problem, Some(*preset), export, outcome, self.threads)
            }
            How::Method(candidate, _, seconds) => {
                let method = (candidate.method, candidate.settings.density);
                RunReport::new(&self.layer, &self.problem, method, export, (*seconds, self.threads))
            }
        }
    }

    /// Settings for a file's metadata.
    fn told(&self) -> serde_json::Value {
        match &self.how {
            How::Run(outcome, _) => serde_json::json!(outcome.settings),
            How::Method(candidate, ..) => candidate.told(),
        }
    }
}

#[pymethods]
impl Replaced {
    /// The report of its values in f32, as JSON.
    #[getter(report)]
    fn report_json(&self, py: Python<'_>) -> PyResult<String> {
        let report = py.detach(|| self.export(None, Some(Dtype::F32)).map(|export| self.report(&export)));
        let report = report.map_err(|why| error::of_library(py, why))?;
        serde_json::to_string(&report).map_err(|why| error::unexplained(py, why))
    }

    /// The settings, with those that were found, as JSON.
    #[getter]
    fn settings(&self) -> String {
        self.told().to_string()
    }

    /// Whether the work came to its end.
    #[getter]
    fn finished(&self) -> bool {
        !matches!(&self.how, How::Run(outcome, _) if outcome.end == End::Cancelled)
    }

    /// What it is, and its matrices from the left.
    fn parts<'py>(&self, py: Python<'py>) -> PyResult<(&'static str, Vec<Part<'py>>)> {
        parts::of(py, self.replacement())
    }

    /// Ŵ `[out, in]`, the product of its matrices, in f32.
    fn dense<'py>(&self, py: Python<'py>) -> PyResult<Part<'py>> {
        let dense = py.detach(|| self.replacement().to_dense());
        parts::dense(py, &dense)
    }

    /// Writes it to a file.
    #[pyo3(signature = (path, layout, dtype, force))]
    fn save(
        &self,
        py: Python<'_>,
        path: PathBuf,
        layout: Option<&str>,
        dtype: Option<&str>,
        force: bool,
    ) -> PyResult<()> {
        let layout = layout.map(|layout| numbers::named(py, "layout", layout)).transpose()?;
        let dtype = dtype.map(numbers::dtype).transpose()?;
        let write = || {
            export::check_ending(&path, "safetensors")?;
            let export = self.export(layout, dtype)?;
            export.write(&path, &self.told(), &self.report(&export), force)
        };
        py.detach(write).map_err(|why| error::of_library(py, why))
    }

    /// Captions and pictures, PNG files, at most `side` pixels a side.
    fn pictures<'py>(&self, py: Python<'py>, side: usize) -> PyResult<Vec<(String, Bound<'py, PyBytes>)>> {
        let draw = || {
            let export = self.export(None, Some(Dtype::F32))?;
            let pictures = export::report_pictures(&self.layer.weight, &export, side);
            Ok(pictures.into_iter().map(|(caption, image)| (caption, image.to_png())).collect::<Vec<_>>())
        };
        let pictures = py.detach(draw).map_err(|why: export::Error| error::of_library(py, why))?;
        Ok(pictures.into_iter().map(|(caption, png)| (caption, PyBytes::new(py, &png))).collect())
    }

    /// All of it, from which [`Replaced::from_bytes`] makes the same.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        // W stands in it twice.
        let write = || with_sent_cache(&mut SentCache::default(), || postcard::to_stdvec(self));
        let bytes = py.detach(write).map_err(|why| error::unexplained(py, why))?;
        Ok(PyBytes::new(py, &bytes))
    }

    #[staticmethod]
    fn from_bytes(py: Python<'_>, bytes: &[u8]) -> PyResult<Self> {
        let broken =
            Failure { message: "this is no replaced layer of this version of dsf_explorer".into(), hint: None };
        let read = || with_received_cache(&mut ReceivedCache::default(), || postcard::from_bytes(bytes));
        py.detach(read).map_err(|_| error::of_library(py, broken))
    }

    /// Name of the method.
    #[getter(method)]
    fn method_name(&self) -> &'static str {
        self.method().name()
    }
}
