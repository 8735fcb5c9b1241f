//! One layer, replaced: Double Sparse Factorization and the methods it is compared with.

use super::background::{self, Line, News};
use super::replaced::{How, Replaced};
use super::{error, numbers};
use crate::Named;
use crate::compare::Candidate;
use crate::compute::ThreadPool;
use crate::factorize::{Preset, Setting, Settings};
use crate::hint::Failure;
use crate::job::{Backend, Command, ComputeConfig, End, Event, Job, Outcome, RunActor};
use crate::matrix::{Calibration, Matrix, OutputWeights, OutputWeightsError, Problem};
use crate::methods::{Method, ThresholdScope};
use crate::model::{self, Dtype, Layer};
use crate::tasks::{Flow, processors};
use pyo3::exceptions::{PyKeyboardInterrupt, PyTypeError};
use pyo3::prelude::*;
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::sync::Arc;

/// The settings of a run with those of a preset, and with the ones in `given`, JSON, that win over it. As JSON, with all of
/// them.
#[pyfunction]
pub fn settings(py: Python<'_>, preset: &str, given: &str) -> PyResult<String> {
    let settings = read_settings(py, preset, given)?.1;
    serde_json::to_string(&settings).map_err(|why| error::unexplained(py, why))
}

fn read_settings(py: Python<'_>, preset: &str, given: &str) -> PyResult<(Preset, Settings)> {
    let preset: Preset = numbers::named(py, "preset", preset)?;
    let given: Map<String, Value> = serde_json::from_str(given).map_err(|why| error::unexplained(py, why))?;
    let alone = |key: &String, value: &Value| {
        let wrong = |why| PyTypeError::new_err(format!("{key} is {value}: {why}"));
        serde_json::from_value(Value::from_iter([(key.clone(), value.clone())])).map_err(wrong)
    };
    let density = given.get_key_value("density").map(|(key, value)| alone(key, value)).transpose()?;
    let mut settings = density.unwrap_or_else(Settings::default).with_preset(preset);
    for (key, value) in &given {
        let setting = Setting::named(key).ok_or_else(|| PyTypeError::new_err(format!("{key:?} is no setting")))?;
        settings.take(setting, &alone(key, value)?);
    }
    Ok((preset, settings))
}

/// An array, and the name of its number format.
type Numbers<'py> = (Bound<'py, PyAny>, String);

/// Statistics or weights: in an array, or in a file.
#[derive(FromPyObject)]
pub enum Given<'py> {
    Array(Numbers<'py>),
    File(PathBuf),
}

/// Inputs X `[samples, in]`, or the product XᵀX `[in, in]` of them where the second is true, or a file.
#[derive(FromPyObject)]
pub enum Inputs<'py> {
    Array(Numbers<'py>, bool),
    File(PathBuf),
}

/// How a layer is replaced, and where.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Request<'py> {
    name: String,
    shape: Vec<usize>,
    method: String,
    preset: String,
    settings: String,
    threshold: String,
    backend: String,
    threads: Option<usize>,
    calibration: Option<Inputs<'py>>,
    held_out: Option<Inputs<'py>>,
    output_weights: Option<Given<'py>>,
}

/// Replaces the weight W `[out, in]`; `tell(share, what, error)` is called while it works and returns whether to go on,
/// `note(text)` with what is to be said beside.
#[pyfunction]
pub fn replace(
    py: Python<'_>,
    weight: Numbers<'_>,
    request: Request<'_>,
    tell: &Bound<'_, PyAny>,
    note: &Bound<'_, PyAny>,
) -> PyResult<Replaced> {
    let method: Method = numbers::named(py, "method", &request.method)?;
    let threshold: ThresholdScope = numbers::named(py, "threshold", &request.threshold)?;
    let (preset, settings) = read_settings(py, &request.preset, &request.settings)?;
    let backend: Backend = numbers::named(py, "backend", &request.backend)?;
    let (array, dtype) = weight;
    let weight = Arc::new(numbers::matrix(py, &array, &dtype)?);
    let layer = Layer {
        name: request.name,
        file: "memory".into(),
        shape: request.shape,
        dtype: Dtype::named(match dtype.as_str() {
            "float16" => "f16",
            "bfloat16" => "bf16",
            "float64" => "f64",
            _ => "f32",
        })
        .unwrap_or(Dtype::F32),
        transposed: false,
        weight: weight.clone(),
    };
    check_finite(py, &layer.weight)?;
    let statistics = |inputs: Option<Inputs<'_>>| inputs.map(|inputs| calibration(py, &layer, inputs)).transpose();
    let problem = Problem {
        weight,
        calibration: statistics(request.calibration)?,
        held_out: statistics(request.held_out)?,
        output_weights: request.output_weights.map(|given| output_weights(py, &layer, given)).transpose()?,
    };
    let candidate = Candidate { method, settings, threshold };
    candidate.check(&problem).map_err(|why| error::of_library(py, why))?;
    let threads = request.threads.unwrap_or_else(processors);
    let hear = |news: News| match news {
        News::Progress(share, what, error) => tell.call1((share, what, error))?.extract(),
        News::Note(text) => note.call1((text,)).map(|_| true),
    };
    let done = background::run(py, hear, move |line| {
        let made = match method {
            Method::Dsf => run(&problem, &candidate.settings, (backend, threads), line)
                .map(|outcome| How::Run(Box::new(outcome), preset)),
            _ => call(&layer, &problem, &candidate, threads, line),
        };
        made.map(|how| Replaced { layer, problem, how, threads })
    })?;
    match (done.raised, done.value) {
        // The factors so far are what there is to keep; whoever pressed Ctrl-C is told that they are not the last.
        (Some(raised), Ok(made)) if raised.is_instance_of::<PyKeyboardInterrupt>(py) => Ok(made),
        (Some(raised), _) => Err(raised),
        (None, made) => made.map_err(|why| error::of_library(py, why)),
    }
}

fn calibration(py: Python<'_>, layer: &Layer, inputs: Inputs<'_>) -> PyResult<Arc<Calibration>> {
    let made = match inputs {
        Inputs::File(path) => {
            let read = || model::open_calibration(&path, layer.stem(), layer.weight.cols());
            py.detach(read).map_err(|why| error::of_library(py, why))?
        }
        Inputs::Array((array, dtype), is_product) => {
            let given = numbers::matrix(py, &array, &dtype)?;
            let made = py.detach(|| match is_product {
                true => Calibration::from_xtx(given),
                false => Calibration::from_samples(&given),
            });
            let made = made.and_then(|made| made.check_inputs(layer.weight.cols()).map(|()| made));
            made.map_err(|why| error::of_library(py, why))?
        }
    };
    Ok(Arc::new(made))
}

fn output_weights(py: Python<'_>, layer: &Layer, given: Given<'_>) -> PyResult<Arc<OutputWeights>> {
    let outputs = layer.weight.rows();
    let made = match given {
        Given::File(path) => {
            let read = || model::open_output_weights(&path, layer.stem(), outputs);
            py.detach(read).map_err(|why| error::of_library(py, why))?
        }
        Given::Array((array, dtype)) => {
            let values = numbers::values(py, &array, &dtype)?;
            let found = values.len();
            let made = if found == outputs {
                OutputWeights::new(&values)
            } else {
                Err(OutputWeightsError::Outputs { found, expected: outputs })
            };
            made.map_err(|why| error::of_library(py, why))?
        }
    };
    Ok(Arc::new(made))
}

fn check_finite(py: Python<'_>, weight: &Matrix) -> PyResult<()> {
    let Some((row, col)) = weight.first_not_finite() else { return Ok(()) };
    let value = weight.get(row, col);
    let what = format!("W has {value} in row {row}, column {col} (from 0), and only finite values can be replaced");
    Err(error::unexplained(py, what))
}

/// A run of DSF. Cancelled, it keeps its best factors.
fn run(
    problem: &Problem,
    settings: &Settings,
    (backend, threads): (Backend, usize),
    line: &Line,
) -> Result<Outcome, Failure> {
    let compute = ComputeConfig { backend, threads: Some(threads) };
    let mut run = RunActor::unseen(Job { compute, ..Job::new(problem.clone(), settings.clone()) });
    let mut end = None;
    let mut told = |event| match event {
        Event::Stepped(progress) => {
            let error = progress.report.as_ref().map(|report| report.error).or(progress.layer_error);
            line.say(News::Progress(progress.done, progress.stage.title().to_owned(), error));
        }
        Event::Ended(outcome) => {
            end = Some(match outcome.problem.clone().filter(|_| outcome.end == End::Diverged) {
                Some(why) => Err(why),
                None => Ok(*outcome),
            });
        }
        Event::Failed(why) => end = Some(Err(why)),
        Event::Note(text) => drop(line.say(News::Note(text))),
        Event::Snapshot(_) => {}
    };
    while matches!(run.step(&mut told), Flow::Continue | Flow::Pending) {
        if !line.goes_on() {
            run.command(Command::Cancel);
        }
    }
    end.unwrap_or_else(|| Err(Failure { message: "the run ended without a result".into(), hint: None }))
}

/// Any other method.
fn call(layer: &Layer, problem: &Problem, candidate: &Candidate, threads: usize, line: &Line) -> Result<How, Failure> {
    let what = candidate.method.title();
    let tell = |share: f64| line.say(News::Progress(share, what.to_owned(), None));
    let pool = ThreadPool::new(Some(threads))?;
    let made = pool.run(|| candidate.replace(layer, problem, threads, &tell))?;
    Ok(How::Method(Box::new(candidate.clone()), made.replacement, made.report.seconds))
}
