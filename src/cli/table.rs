//! `table`: the paper's Table 1 for any model, and its Fig. 8.

use super::language::StudyArgs;
use super::resume::ResumableOutput;
use super::{Failure, output};
use crate::Named;
use crate::compare::{ModelRecord, ModelResults, ModelRow, ModelStudy, ModelTuning};
use crate::compress::{self, Densities, Inputs, Proxy};
use crate::finetune::{Settings, Text, Train};
use crate::language::{LanguageModel, LayerId, Windows};
use crate::measure::percent;
use crate::methods::Method;
use crate::model::printable;
use serde_json::json;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The command's arguments.
#[derive(clap::Args)]
pub struct Table {
    /// Name of its output files.
    #[arg(skip = "table")]
    pub name: &'static str,

    #[command(flatten)]
    pub study: StudyArgs,

    /// Kept nonzeros, as shares of the layers' weights
    #[arg(long, value_name = "SHARE,…", value_delimiter = ',', default_values = ["0.5", "0.4", "0.3", "0.25"])]
    pub densities: Vec<f64>,

    /// Only the rows of these methods
    #[arg(long, value_enum, value_name = "A,B,…", value_delimiter = ',')]
    pub methods: Vec<Method>,

    /// Also the rows of tuned models: blocks while they are compressed, and compressed models in so many steps
    #[arg(long, value_name = "STEPS")]
    pub tune: Option<NonZeroUsize>,

    /// Worker threads [default: all processors]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// Write the numbers (.csv, .json) and a chart of perplexity by bytes (.png, .svg) to this folder; what an interrupted
    /// table has measured is taken from there
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Replace an earlier table of another model or text
    #[arg(long)]
    pub force: bool,

    /// One JSON value on standard output
    #[arg(long)]
    pub json: bool,
}

/// Data that all rows share.
struct Study {
    model: LanguageModel,
    inputs: Inputs,
    calibration: Windows,
    text: Windows,
    threads: usize,
    tuning: Option<ModelTuning>,
    /// Measured when the first row needs it: it takes minutes.
    proxy: Option<Proxy>,
}

impl Table {
    /// Measures and prints the table, row by row.
    pub fn run(self) -> Result<(), Failure> {
        super::on_threads(self.threads, |threads| self.measure(threads))
    }

    fn measure(&self, threads: usize) -> Result<(), Failure> {
        self.out.iter().try_for_each(|out| output::check_folder("--out", out))?;
        for &density in &self.densities {
            Densities::<LayerId>::uniform(density).check()?;
        }
        let has_row = |method: &Method| ModelRow::ALL.iter().any(|row| row.method == *method);
        if let Some(method) = self.methods.iter().find(|method| !has_row(method)) {
            let what = format!("the table has no row of {}", method.name());
            return Err(Failure::new(what, "take magnitude, wanda, sparsegpt, admm or dsf"));
        }
        let (model, windows) = self.study.open()?;
        let (text, floor) = self.study.text(&model)?;
        let inputs = Inputs::Windows(windows.clone());
        let identity =
            json!([compress::identity(&model, &inputs), compress::identity(&model, &Inputs::Windows(text.clone()))]);
        let files = ResumableOutput::new([self.name, "table"], self.out.clone(), identity);
        let before: Vec<ModelRecord> = files.before(self.force)?;
        let dense = model.loss(&text, &crate::language::ignore_progress)?.perplexity();
        let line = |name: &str, values: &[f64]| {
            let cells: Vec<String> = values.iter().map(|value| format!("{value:.3}")).collect();
            format!("| {name} | {} |", cells.join(" | "))
        };
        if !self.json {
            let floor = floor.map_or(String::new(), |floor| format!(", the language's own {floor:.3}"));
            output::print(&format!(
                "Perplexity of {} on {} tokens in windows of {}; dense {dense:.3}{floor}.\n",
                printable(model.name()),
                text.predicted(),
                text.context()
            ))?;
            let heads: Vec<String> = self.densities.iter().copied().map(percent).collect();
            output::print(&format!("| | {} |\n|---|{}", heads.join(" | "), "---|".repeat(heads.len())))?;
        }
        let mut results = ModelResults { model: model.name().to_owned(), dense, floor, rows: Vec::new() };
        let tuning = self.tune.map(|steps| self.tuning(&model, &windows, steps.get())).transpose()?;
        let mut study = Study { model, inputs, calibration: windows, text, threads, tuning, proxy: None };
        let wanted = |row: &&ModelRow| {
            (self.methods.is_empty() || self.methods.contains(&row.method))
                && (row.tuning.is_none() || self.tune.is_some())
        };
        for row in ModelRow::ALL.iter().filter(wanted) {
            let mut values = Vec::new();
            let bar = output::Steps::new(row.name, "densities");
            for &density in &self.densities {
                bar.update(values.len(), self.densities.len());
                let same = |record: &&ModelRecord| record.method == row.name && record.density == density;
                let record = match before.iter().find(same) {
                    Some(record) => record.clone(),
                    None => study.record(row, density)?,
                };
                values.push(record.perplexity);
                results.rows.push(record);
                // Earlier records of other rows and densities stay.
                let others = before.iter().filter(|&old| {
                    !results.rows.iter().any(|new| (&new.method, new.density) == (&old.method, old.density))
                });
                files.keep(&results.model, &others.chain(&results.rows).collect::<Vec<_>>())?;
            }
            bar.finish();
            if !self.json {
                output::print(&line(row.name, &values))?;
            }
        }
        // The files also contain earlier records.
        let is_new = |old: &&ModelRecord| {
            !results.rows.iter().any(|new| (&new.method, new.density) == (&old.method, old.density))
        };
        let mut all = ModelResults { rows: before.iter().filter(is_new).cloned().collect(), ..results.clone() };
        all.rows.extend(results.rows.iter().cloned());
        let place = |record: &ModelRecord| ModelRow::ALL.iter().position(|row| row.name == record.method);
        all.rows.sort_by(|a, b| place(a).cmp(&place(b)).then(b.density.total_cmp(&a.density)));
        let written = files.finish(&all.to_csv(), &all.chart().to_svg(960, 600))?;
        match self.json {
            true => output::json(&results),
            false => written.iter().try_for_each(|file| output::print(&format!("written: {}", file.display()))),
        }
    }
}

impl Table {
    /// What models are tuned on: stories without end of the built-in model's language, else the calibration text.
    fn tuning(&self, model: &LanguageModel, windows: &Windows, steps: usize) -> Result<ModelTuning, Failure> {
        /// Windows that are held out.
        const HELD_OUT: usize = 32;
        let context = windows.context();
        let (text, held_out) = match self.study.is_example() {
            true => {
                let stories = crate::stories::excerpt(super::finetune::HELD_OUT_STORIES, HELD_OUT, context).text;
                (Text::Stories { seed: 0 }, Windows::from_text(model, &stories, context, None)?)
            }
            false => {
                let (text, held_out) = Text::split(self.study.calibration_tokens(model)?, context)?;
                (text, Windows::from_tokens(model, held_out, context, None)?.evenly_spaced(HELD_OUT))
            }
        };
        let settings =
            Settings { steps: Some(steps), context: Some(context), train: Train::All, ..Settings::default() };
        Ok(ModelTuning { text, held_out, settings })
    }
}

impl Study {
    fn record(&mut self, row: &ModelRow, density: f64) -> Result<ModelRecord, Failure> {
        let mut shares = None;
        if row.distributed {
            let proxy = match self.proxy.take() {
                Some(proxy) => proxy,
                None => super::proxy::Sensitivity::Loss.measured(&self.model, &self.calibration)?,
            };
            shares = Some(compress::distribute(self.model.config(), &proxy, density));
            self.proxy = Some(proxy);
        }
        let Self { model, inputs, text, threads, tuning, .. } = self;
        let study = ModelStudy { model, inputs, text, threads: *threads, tuning: tuning.clone() };
        study.measure(row, density, shares, &|_| true)?.ok_or_else(|| Failure::unexplained("the measurement broke off"))
    }
}
