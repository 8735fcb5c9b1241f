//! The same comparison over and over, with one or two things varied.

use super::{Candidate, Error};
use crate::Named;
use crate::factorize::{Preset, Settings};
use crate::matrix::{Calibration, Matrix, Problem};
use crate::methods::{self, Method, ProgressFn};
use crate::model::Layer;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use strum::{IntoStaticStr, VariantArray};

/// A value of what is varied: the change, and its name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Name in charts and tables.
    pub name: String,
    /// Position on an axis, if it has one.
    pub number: Option<f64>,
    /// Method to use instead.
    pub method: Option<Method>,
    /// Side of the leading square to use instead of the whole layer.
    pub size: Option<usize>,
    /// Settings to change, by name.
    pub settings: Map<String, Value>,
}

impl Choice {
    /// A choice of method.
    pub fn method(method: Method) -> Self {
        Self { name: method.title().into(), method: Some(method), ..Self::default() }
    }

    /// A choice of size: the leading square with `size` rows and columns.
    pub fn size(size: usize) -> Self {
        Self { name: size.to_string(), number: Some(size as f64), size: Some(size), ..Self::default() }
    }

    /// A choice of settings.
    pub fn settings(name: &str, number: Option<f64>, settings: Value) -> Self {
        let settings = settings.as_object().cloned().unwrap_or_default();
        Self { name: name.into(), number, settings, ..Self::default() }
    }

    /// One setting, a method or a size, from its name and value as they are written on the command line.
    pub fn parse(key: &str, value: &str) -> Result<Self, Error> {
        let key = key.trim().replace('-', "_");
        match key.as_str() {
            "method" => {
                let method = Method::named(value).map(Self::method);
                method.ok_or_else(|| Error::NoMethod { name: value.to_owned() })
            }
            "size" => match value.parse() {
                Ok(size) if size > 0 => Ok(Self::size(size)),
                _ => {
                    let of = " of rows and columns";
                    Err(Error::NotANumber { name: "size", value: value.to_owned(), of })
                }
            },
            "preset" => {
                let preset = Preset::named(value).ok_or_else(|| Error::NoPreset { name: value.to_owned() })?;
                Ok(Self::settings(preset.name(), None, serde_json::json!({ "preset": preset.name() })))
            }
            _ => {
                // Numbers and truth values as they are, everything else as a name.
                let value: Value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
                let name = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let choice = Self::settings(&name, value.as_f64(), Value::Object(Map::from_iter([(key, value)])));
                let base = Candidate::new(Method::Dsf, Settings::default());
                applied(&base, &Map::new(), [&Choice::default(), &choice])?;
                Ok(choice)
            }
        }
    }
}

/// `base` with these choices: first the presets and densities, then what was `given` beside the base's own preset, then all else.
fn applied(base: &Candidate, given: &Map<String, Value>, choices: [&Choice; 2]) -> Result<Candidate, Error> {
    let mut candidate = base.clone();
    let mut preset = base.settings.preset();
    for choice in choices {
        candidate.method = choice.method.unwrap_or(candidate.method);
        if let Some(density) = choice.settings.get("density") {
            let wrong = || Error::NotANumber { name: "density", value: density.to_string(), of: "" };
            candidate.settings.density = density.as_f64().ok_or_else(wrong)?;
        }
        let named = choice.settings.get("preset").and_then(Value::as_str);
        preset = named.and_then(Preset::named).or(preset);
    }
    // Some presets follow the density.
    if let Some(preset) = preset {
        candidate.settings = candidate.settings.with_preset(preset);
    }
    let mut settings = serde_json::json!(candidate.settings);
    let others = choices.into_iter().flat_map(|choice| &choice.settings);
    for (key, value) in given.iter().chain(others).filter(|(key, _)| !matches!(key.as_str(), "preset" | "density")) {
        if settings.get(key).is_none() {
            let known = settings.as_object().into_iter().flat_map(Map::keys).cloned().collect();
            return Err(Error::NoSetting { name: key.clone(), known });
        }
        // A number without a point is a number all the same.
        settings[key] =
            if settings[key].is_f64() { value.as_f64().map_or(value.clone(), Value::from) } else { value.clone() };
        let wrong = |error: serde_json::Error| {
            let (name, value, reason) = (key.clone(), value.to_string(), error.to_string());
            Error::Value { name, value, reason }
        };
        candidate.settings = serde_json::from_value(settings.clone()).map_err(wrong)?;
    }
    Ok(candidate)
}

/// A layer of a sweep.
#[derive(Clone)]
pub struct Subject {
    /// The layer and its source.
    pub layer: Arc<Layer>,
    /// Its problem: W with input statistics.
    pub problem: Problem,
}

impl Subject {
    /// Only its leading square of so many rows and columns; the inputs' statistics likewise.
    fn cut(&self, size: usize) -> Result<Self, Error> {
        let (rows, cols) = self.layer.weight.shape();
        if size > rows.min(cols) {
            return Err(Error::NoSquare { layer: self.layer.name.clone(), rows, cols, size });
        }
        let weight = Arc::new(corner(&self.layer.weight, size));
        let statistics = |inputs: &Option<Arc<Calibration>>| {
            let cut = |inputs: &Arc<Calibration>| Calibration::from_xtx(corner(inputs.xtx(), size)).map(Arc::new);
            inputs.as_ref().map(cut).transpose()
        };
        let problem = Problem {
            weight: weight.clone(),
            calibration: statistics(&self.problem.calibration)?,
            held_out: statistics(&self.problem.held_out)?,
            output_weights: None,
        };
        let layer = Layer { weight, shape: vec![size, size], transposed: false, ..Layer::clone(&self.layer) };
        Ok(Self { layer: Arc::new(layer), problem })
    }
}

fn corner(matrix: &Matrix, size: usize) -> Matrix {
    Matrix::from_fn(size, size, |i, j| matrix.get(i, j))
}

/// Choices that are varied, and the view they are shown in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// Title of the chart.
    pub title: String,
    /// Label of the x axis, with its unit.
    pub x_label: String,
    /// Choices along the x axis, from left to right.
    pub x: Vec<Choice>,
    /// Choices of the lines; one without a change when nothing else is varied.
    pub series: Vec<Choice>,
    /// Candidate to which the choices are applied.
    pub base: Candidate,
    /// Settings that stay whichever preset is varied.
    pub given: Map<String, Value>,
    /// View to begin with.
    pub view: View,
    /// Whether points that take very long are left out.
    pub quick: bool,
}

/// View of records as a chart: the quantities on its axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Quantity on the x axis: the choices' numbers (`None`), or something measured.
    pub x: Option<Quantity>,
    /// Quantity on the y axis.
    pub y: Quantity,
    /// Whether the x axis is logarithmic.
    pub log_x: bool,
}

/// A quantity that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum, IntoStaticStr, VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Quantity {
    /// ‖W − Ŵ‖ / ‖W‖
    Error,
    /// The error against that of magnitude pruning with as many nonzeros
    Ratio,
    /// The error of the layer's outputs, on the calibration
    LayerError,
    /// The error of the layer's outputs, on held-out inputs
    HeldOut,
    /// 16-bit storage, in percent of the dense layer's
    Bytes,
    /// Time in seconds
    Seconds,
}

impl Quantity {
    /// Label of an axis.
    pub fn label(self) -> &'static str {
        match self {
            Self::Error => "relative error",
            Self::Ratio => "error relative to magnitude pruning",
            Self::LayerError => "layer-wise error",
            Self::HeldOut => "layer-wise error on held-out inputs",
            Self::Bytes => "16-bit storage, % of dense",
            Self::Seconds => "seconds",
        }
    }
}

/// A point of a sweep, to be measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Index of the layer among the subjects.
    pub subject: usize,
    /// Name of the layer.
    pub layer: String,
    /// Name of the choice along x.
    pub x: String,
    /// Its position on the x axis.
    pub number: Option<f64>,
    /// Name of the line.
    pub series: String,
    /// Side of the leading square to use instead of the whole layer.
    pub size: Option<usize>,
    /// Candidate to run on the layer.
    pub candidate: Candidate,
}

/// Result of a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Name of the layer.
    pub layer: String,
    /// Name of the choice along x.
    pub x: String,
    /// Its position on the x axis.
    pub number: Option<f64>,
    /// Name of the line.
    pub series: String,
    /// Method that replaced W.
    pub method: Method,
    /// Number of rows of W.
    pub rows: usize,
    /// Number of columns of W.
    pub cols: usize,
    /// Requested share of W's entries.
    pub density: f64,
    /// Density of the first factor, where a run was given one or found one.
    pub factor_density: Option<f64>,
    /// Number of nonzeros of the replacement.
    pub nnz: usize,
    /// Relative error ‖W − Ŵ‖ / ‖W‖.
    pub error: f64,
    /// Ratio of the error to magnitude pruning's; null where that is 0.
    pub ratio: Option<f64>,
    /// Layer-wise error on the calibration statistics.
    pub layer_error: Option<f64>,
    /// Layer-wise error on held-out inputs.
    pub layer_error_held_out: Option<f64>,
    /// Bytes with 16-bit values, stored the cheaper way.
    pub bytes: u64,
    /// Bytes of W with 16-bit values.
    pub bytes_dense: u64,
    /// Duration of the method alone, in seconds.
    pub seconds: f64,
    /// Number of worker threads.
    pub threads: usize,
}

impl Record {
    /// Value of a quantity, if it was measured.
    pub fn value(&self, quantity: Quantity) -> Option<f64> {
        match quantity {
            Quantity::Error => Some(self.error),
            Quantity::Ratio => self.ratio,
            Quantity::LayerError => self.layer_error,
            Quantity::HeldOut => self.layer_error_held_out,
            Quantity::Bytes => Some(100.0 * self.bytes as f64 / self.bytes_dense.max(1) as f64),
            Quantity::Seconds => Some(self.seconds),
        }
    }

    /// Whether it is the record of `point`.
    pub fn is_of(&self, point: &Point) -> bool {
        (&self.layer, &self.x, &self.series) == (&point.layer, &point.x, &point.series)
    }
}

/// Points that can be measured, and those that cannot, with the reason.
pub type Planned = (Vec<Point>, Vec<(Point, Error)>);

impl Sweep {
    /// All points, from left to right, and those that cannot be done with the reason.
    pub fn points(&self, subjects: &[Subject]) -> Result<Planned, Error> {
        let (mut possible, mut not) = (Vec::new(), Vec::new());
        // W is looked through once for each method, not for each point.
        let mut known: BTreeMap<(usize, Method), Result<(), methods::Error>> = BTreeMap::new();
        for x in &self.x {
            for (at, subject) in subjects.iter().enumerate() {
                for series in &self.series {
                    let candidate = applied(&self.base, &self.given, [series, x])?;
                    let point = Point {
                        subject: at,
                        layer: subject.layer.name.clone(),
                        x: x.name.clone(),
                        number: x.number,
                        series: series.name.clone(),
                        size: x.size.or(series.size),
                        candidate,
                    };
                    let method = point.candidate.method;
                    let data = known.entry((at, method)).or_insert_with(|| method.check_data(&subject.problem));
                    match data.clone().map_err(Error::from).and_then(|()| point.check(subject, self.quick)) {
                        Ok(()) => possible.push(point),
                        Err(why) => not.push((point, why)),
                    }
                }
            }
        }
        Ok((possible, not))
    }
}

impl Point {
    fn check(&self, subject: &Subject, quick: bool) -> Result<(), Error> {
        let (rows, cols) = self.size.map_or(subject.layer.weight.shape(), |size| (size, size));
        if quick && self.candidate.is_slow(rows, cols) {
            let minutes = self.candidate.seconds(rows, cols) / 60.0;
            return Err(Error::Slow { method: self.candidate.method.title(), minutes, rows, cols });
        }
        let (all_rows, all_cols) = subject.layer.weight.shape();
        if rows > all_rows || cols > all_cols {
            let (layer, size) = (self.layer.clone(), rows);
            return Err(Error::NoSquare { layer, rows: all_rows, cols: all_cols, size });
        }
        self.candidate.check_shape(rows, cols)
    }

    /// Measures it, on this thread and those it can call.
    pub fn measure(&self, subject: &Subject, threads: usize, progress: ProgressFn<'_>) -> Result<Record, Error> {
        let cut = self.size.map(|size| subject.cut(size)).transpose()?;
        let Subject { layer, problem } = cut.as_ref().unwrap_or(subject);
        let made = self.candidate.replace(layer, problem, threads, progress)?;
        let report = made.report;
        let magnitude = Method::Magnitude
            .replace(problem, self.candidate.settings.density, self.candidate.threshold, &|_| true)?
            .relative_error(&layer.weight);
        let is_run = self.candidate.method == Method::Dsf;
        Ok(Record {
            layer: self.layer.clone(),
            x: self.x.clone(),
            number: self.number,
            series: self.series.clone(),
            method: self.candidate.method,
            rows: report.rows,
            cols: report.cols,
            density: report.density,
            factor_density: made.settings.factor_density.filter(|_| is_run),
            nnz: report.nnz,
            error: report.relative_error,
            ratio: (magnitude > 0.0).then(|| report.relative_error / magnitude),
            layer_error: report.layer_error,
            layer_error_held_out: report.layer_error_held_out,
            bytes: report.bytes,
            bytes_dense: report.bytes_dense,
            seconds: report.seconds,
            threads,
        })
    }

    /// Predicted duration in seconds on one thread, relative to other points.
    pub fn cost(&self, subject: &Subject) -> f64 {
        let (rows, cols) = self.size.map_or(subject.layer.weight.shape(), |size| (size, size));
        self.candidate.seconds(rows, cols)
    }
}
