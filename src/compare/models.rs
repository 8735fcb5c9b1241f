//! Methods on a whole language model, by perplexity: the paper's Table 1 and Fig. 8.

use crate::compress::{self, CompressedModel, Inputs, Plan};
use crate::export::{Chart, Column, Look, Rule, Series, csv_of};
use crate::factorize::{Preset, Settings};
use crate::finetune::{self, Blockwise, Text};
use crate::language::{self, LanguageModel, LayerId, Windows};
use crate::methods::{Method, ProgressFn};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use web_time::Instant;

/// A row of the table: what is done with every layer of a model, at any density.
#[derive(Clone, Copy)]
pub struct ModelRow {
    /// Name in tables and charts.
    pub name: &'static str,
    /// Method that replaces the layers.
    pub method: Method,
    /// Whether the budget is distributed among the layers by their sensitivity.
    pub distributed: bool,
    /// What is tuned, if anything.
    pub tuning: Option<RowTuning>,
    preset: Preset,
    change: fn(&mut Settings),
}

/// What a row tunes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowTuning {
    /// Each block while its layers are compressed.
    Blocks,
    /// The compressed model.
    Model,
    /// One after the other.
    Both,
}

impl ModelRow {
    /// The table's rows, from the top.
    pub const ALL: [Self; 15] = [
        Self::other("magnitude", Method::Magnitude),
        Self::other("Wanda", Method::Wanda),
        Self::other("SparseGPT", Method::Sparsegpt),
        Self { tuning: Some(RowTuning::Model), ..Self::other("SparseGPT, tuned", Method::Sparsegpt) },
        Self::other("ADMM", Method::Admm),
        Self { tuning: Some(RowTuning::Model), ..Self::other("ADMM, tuned", Method::Admm) },
        Self::published("DSF, one mask fixed", |settings| settings.fixed_mask = true),
        Self::published("DSF, no finalisation", |settings| settings.finalize = false),
        Self::published("DSF as published", |_| {}),
        Self::best("DSF best, no output weights", |settings| settings.output_power = 0.0),
        Self::best("DSF best", |_| {}),
        Self { distributed: true, ..Self::best("DSF best, distributed", |_| {}) },
        Self { tuning: Some(RowTuning::Blocks), ..Self::best("DSF best, blockwise", |_| {}) },
        Self { tuning: Some(RowTuning::Model), ..Self::best("DSF best, tuned", |_| {}) },
        Self { tuning: Some(RowTuning::Both), ..Self::best("DSF best, blockwise and tuned", |_| {}) },
    ];

    const fn other(name: &'static str, method: Method) -> Self {
        Self { name, method, distributed: false, tuning: None, preset: Preset::Published, change: |_| {} }
    }

    const fn published(name: &'static str, change: fn(&mut Settings)) -> Self {
        Self { name, method: Method::Dsf, distributed: false, tuning: None, preset: Preset::Published, change }
    }

    const fn best(name: &'static str, change: fn(&mut Settings)) -> Self {
        Self { preset: Preset::Best, ..Self::published(name, change) }
    }

    /// The plan at this density, with uniform densities.
    pub fn plan(&self, density: f64, threads: usize) -> Plan {
        let mut plan = Plan { method: self.method, threads, ..Plan::new(self.preset, density) };
        (self.change)(&mut plan.settings);
        if matches!(self.tuning, Some(RowTuning::Blocks | RowTuning::Both)) {
            plan.blockwise = Some(Blockwise::default());
        }
        plan
    }

    /// Colour as sRGB: its method's, and for DSF's rows shades around it.
    fn color(&self) -> [u8; 3] {
        const AROUND: [[u8; 3]; 5] = [[138, 196, 255], [92, 168, 220], [64, 130, 220], [24, 84, 178], [104, 72, 196]];
        let rows = Self::ALL.iter().filter(|row| row.method == self.method);
        let at = rows.clone().position(|row| row.name == self.name).unwrap_or(0);
        if rows.count() > 1 { AROUND[at % AROUND.len()] } else { self.method.color() }
    }
}

/// A model, with the texts to calibrate and evaluate it.
pub struct ModelStudy<'a> {
    /// The dense language model.
    pub model: &'a LanguageModel,
    /// Input statistics of its layers.
    pub inputs: &'a Inputs,
    /// Windows to measure its perplexity on.
    pub text: &'a Windows,
    /// Number of worker threads, for the reports.
    pub threads: usize,
    /// How models are tuned, and on what, in the rows that do.
    pub tuning: Option<ModelTuning>,
}

/// How compressed models are tuned.
#[derive(Clone)]
pub struct ModelTuning {
    /// The text to train on.
    pub text: Text,
    /// Windows that are not trained on.
    pub held_out: Windows,
    /// The same settings for all rows.
    pub settings: finetune::Settings,
}

impl ModelStudy<'_> {
    /// Measures a row at a density; `shares` are the layers' densities if the row distributes them. `None` when
    /// `progress` cancels.
    pub fn measure(
        &self,
        row: &ModelRow,
        density: f64,
        shares: Option<BTreeMap<LayerId, f64>>,
        progress: ProgressFn<'_>,
    ) -> Result<Option<ModelRecord>, compress::Error> {
        let mut plan = row.plan(density, self.threads);
        plan.densities.by_layer = shares.unwrap_or_default();
        let begun = Instant::now();
        let Some(mut compressed) = compress::compress_model(self.model, &plan, self.inputs, progress)? else {
            return Ok(None);
        };
        if let (Some(RowTuning::Model | RowTuning::Both), Some(tuning)) = (row.tuning, &self.tuning)
            && !tune(&mut compressed, tuning, progress)?
        {
            return Ok(None);
        }
        let seconds = begun.elapsed().as_secs_f64();
        let perplexity = match compressed.model.loss(self.text, &|_, _| progress(1.0)) {
            Ok(loss) => loss.perplexity(),
            Err(language::Error::Cancelled) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let reports = || compressed.layers.iter().map(|layer| &layer.report);
        let count = reports().count().max(1) as f64;
        let dense = plan.dense_weights(self.model.config().shapes());
        Ok(Some(ModelRecord {
            method: row.name.into(),
            density,
            nnz: dense + reports().map(|report| report.nnz).sum::<usize>(),
            bytes: 2 * dense as u64 + reports().map(|report| report.bytes).sum::<u64>(),
            bytes_dense: 2 * dense as u64 + reports().map(|report| report.bytes_dense).sum::<u64>(),
            perplexity,
            relative_error: reports().fold(0.0, |sum, report| sum + report.relative_error) / count,
            layer_error: reports().fold(0.0, |sum, report| sum + report.layer_error.unwrap_or(0.0)) / count,
            seconds,
        }))
    }
}

/// Tunes a compressed model; false when `progress` cancels.
fn tune(
    compressed: &mut CompressedModel,
    tuning: &ModelTuning,
    progress: ProgressFn<'_>,
) -> Result<bool, compress::Error> {
    let layers = compressed.layers.iter().map(|layer| (layer.id, (*layer.replacement).clone())).collect();
    let ModelTuning { text, held_out, settings } = tuning.clone();
    let task = finetune::Task { model: compressed.model.clone(), layers, text, held_out, teacher: None };
    let mut tuning = finetune::Tuning::new(task, settings)?;
    while let Some(step) = tuning.step()? {
        if !progress(step.step as f64 / step.steps.max(1) as f64) {
            return Ok(false);
        }
    }
    let tuned = tuning.finish()?;
    for (id, replacement) in tuned.layers {
        compressed.model.replace(id, Arc::new(replacement.to_dense()));
    }
    for (name, values) in tuned.tensors {
        compressed.model.replace_values(&name, Arc::new(values));
    }
    Ok(true)
}

/// Result of a row at a density.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRecord {
    /// Name of the row.
    pub method: String,
    /// Nonzeros as a share of the layers' weights.
    pub density: f64,
    /// Number of nonzeros of all layers.
    pub nnz: usize,
    /// Bytes of the layers with 16-bit values, stored the cheaper way.
    pub bytes: u64,
    /// Bytes of the dense layers with 16-bit values.
    pub bytes_dense: u64,
    /// Perplexity on the text.
    pub perplexity: f64,
    /// Relative error, mean over the layers.
    pub relative_error: f64,
    /// Layer-wise error, mean over the layers.
    pub layer_error: f64,
    /// Duration in seconds, calibration included.
    pub seconds: f64,
}

/// Results of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelResults {
    /// Name of the model.
    pub model: String,
    /// Perplexity of the dense model.
    pub dense: f64,
    /// Lowest possible perplexity, where the language's own probabilities are known.
    pub floor: Option<f64>,
    /// The records, row by row.
    pub rows: Vec<ModelRecord>,
}

impl ModelResults {
    /// A chart of perplexity by bytes, as in the paper's Fig. 8.
    pub fn chart(&self) -> Chart {
        let line = |row: &ModelRow| {
            let records = self.rows.iter().filter(|record| record.method == row.name);
            let place = |record: &ModelRecord| {
                (100.0 * record.bytes as f64 / record.bytes_dense.max(1) as f64, record.perplexity)
            };
            let mut points: Vec<(f64, f64)> = records.map(place).collect();
            points.sort_by(|x, y| x.0.total_cmp(&y.0));
            Series { name: row.name.into(), color: row.color(), look: Look::Marked, points }
        };
        let series = ModelRow::ALL.iter().map(line).filter(|line| !line.points.is_empty());
        let rule = |name: &str, y| Rule { name: name.into(), y, color: [104, 104, 112] };
        let mut rules = vec![rule("dense", self.dense)];
        rules.extend(self.floor.map(|floor| rule("the language's own", floor)));
        Chart {
            title: format!("{}: perplexity by the bytes of its layers (Fig. 8)", self.model),
            x_label: "16-bit storage of the layers, % of dense".into(),
            y_label: "perplexity".into(),
            log_x: false,
            log_y: true,
            series: series.collect(),
            rules,
        }
    }

    /// A CSV table (RFC 4180), a row for each record.
    pub fn to_csv(&self) -> String {
        let number = |value: f64| format!("{value:?}");
        let columns: [Column<'_, ModelRecord>; 10] = [
            ("method", &|record| record.method.clone()),
            ("density", &|record| number(record.density)),
            ("nnz", &|record| record.nnz.to_string()),
            ("bytes", &|record| record.bytes.to_string()),
            ("bytes_dense", &|record| record.bytes_dense.to_string()),
            ("perplexity", &|record| number(record.perplexity)),
            ("dense_perplexity", &|_| number(self.dense)),
            ("relative_error", &|record| number(record.relative_error)),
            ("layer_error", &|record| number(record.layer_error)),
            ("seconds", &|record| number(record.seconds)),
        ];
        csv_of(&self.rows, &columns)
    }
}
