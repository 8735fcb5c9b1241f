//! `factorize`: one layer into two sparse factors.

use super::tuning::Tuning;
use super::{Failure, output};
use clap::{Args, ValueEnum};
use dsf_explorer::export::{self, Export, HtmlReport, Layout, MAGNITUDE, Rule, RunReport, SVD};
use dsf_explorer::factorize::{Budget, Settings};
use dsf_explorer::job::{self, End, Event, Outcome, Problem};
use dsf_explorer::matrix::keep_largest;
use dsf_explorer::measure::{self, Spectrum};
use dsf_explorer::model::{self, Checkpoint, Dtype, Layer, Orientation};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The command's arguments.
#[derive(Args)]
pub struct Factorize {
    /// A .safetensors or .npy file, a sharded checkpoint's index, or its folder
    file: PathBuf,

    /// Which tensor; not needed when there is only one that fits
    #[arg(long, value_name = "NAME")]
    tensor: Option<String>,

    /// The tensor is stored as [in, out] (GPT-2's Conv1D)
    #[arg(long)]
    transpose: bool,

    /// How W is replaced
    #[arg(long, value_enum, default_value = "dsf")]
    method: Method,

    #[command(flatten)]
    tuning: Tuning,

    /// The layer's inputs, for the layer-wise error: a .safetensors with X [samples, in] or XtX [in, in], or a .npy of X
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,

    /// Other inputs, to measure the result with
    #[arg(long, value_name = "FILE", requires = "calibration")]
    held_out: Option<PathBuf>,

    /// Where to compute
    #[arg(long, value_enum, default_value = "cpu")]
    backend: Backend,

    /// Worker threads; the result does not depend on them [default: all processors]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Write the factors to this file
    #[arg(long, value_name = "FILE.safetensors")]
    out: Option<PathBuf>,

    /// How the factors are laid out in the file
    #[arg(long, value_enum, default_value = "dense")]
    layout: Layout,

    /// Values in the file [default: f32; merged: the tensor's own]
    #[arg(long, value_enum)]
    dtype: Option<WrittenDtype>,

    /// Write a page about the run to this file: figures, pictures, the error's curve
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,

    /// Replace an existing file
    #[arg(long)]
    force: bool,

    /// One JSON value on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Method {
    /// Double Sparse Factorization
    Dsf,
}

/// Where to compute.
#[derive(Clone, Copy, ValueEnum)]
pub enum Backend {
    /// The processor
    Cpu,
}

#[derive(Clone, Copy, ValueEnum)]
enum WrittenDtype {
    F32,
    F16,
    Bf16,
}

impl From<WrittenDtype> for Dtype {
    fn from(dtype: WrittenDtype) -> Self {
        match dtype {
            WrittenDtype::F32 => Self::F32,
            WrittenDtype::F16 => Self::F16,
            WrittenDtype::Bf16 => Self::BF16,
        }
    }
}

impl Factorize {
    /// Everything that can be refused is refused before the run starts.
    pub fn run(self) -> Result<(), Failure> {
        let (Method::Dsf, Backend::Cpu) = (self.method, self.backend);
        let Tuning { preset, settings } = &self.tuning;
        settings.check()?;
        for file in [&self.out, &self.report].into_iter().flatten() {
            export::check_writable(file, self.force)?;
        }
        let absolute = |file: &Option<PathBuf>| file.as_deref().and_then(|file| std::path::absolute(file).ok());
        if self.out.is_some() && absolute(&self.out) == absolute(&self.report) {
            return Err("--out and --report name the same file: give each a name of its own".into());
        }
        let checkpoint = model::open(&self.file)?;
        let orientation = if self.transpose { Orientation::Transposed } else { Orientation::AsStored };
        let layer = checkpoint.layer(&chosen(&checkpoint, self.tensor.as_deref())?, orientation)?;
        let (rows, cols) = layer.weight.shape();
        let budget = Budget::new(rows, cols, settings)?;
        if budget.split_was_cut(rows, cols, settings) {
            let density = budget.first as f64 / (rows.min(cols) as f64).powi(2);
            eprintln!(
                "note: at density {} the first factor gets half of the nonzeros, a factor density of {density:.4}",
                settings.density
            );
        }
        let statistics = |file: &Option<PathBuf>| {
            file.as_deref().map(|file| model::open_calibration(file, layer.stem(), cols).map(Arc::new)).transpose()
        };
        let problem = Problem {
            weight: layer.weight.clone(),
            calibration: statistics(&self.calibration)?,
            held_out: statistics(&self.held_out)?,
        };
        let threads = self.threads.map_or_else(available, NonZeroUsize::get);
        let outcome = solve(&layer, problem.clone(), settings, threads)?;
        if outcome.fell_back {
            eprintln!(
                "note: the result is magnitude pruning beside an identity, which is better here (--fallback=false keeps what was found)"
            );
        }
        let export = Export::new(&layer, &outcome.factors, self.layout, self.dtype.map(Dtype::from))?;
        let report = RunReport::new(&layer, &problem, Some(*preset), &export, &outcome, threads);
        if let Some(out) = &self.out {
            export.write(out, &outcome.settings, &report, self.force)?;
        }
        if let Some(file) = &self.report {
            let page = self.page(&layer, &export, &report, &outcome.settings);
            export::write(file, page.as_bytes(), self.force)?;
        }
        match self.json {
            true => output::json(&report),
            false => output::print(&summary(&report, [&self.out, &self.report])),
        }
    }

    /// The page of `--report`.
    fn page(&self, layer: &Layer, export: &Export, report: &RunReport, settings: &Settings) -> String {
        /// Pixels of a picture's longer side.
        const PICTURE: usize = 512;
        /// Up to this side the singular values come in a second or less.
        const SPECTRUM: usize = 2048;
        let (w, (rows, cols)) = (&*layer.weight, layer.weight.shape());
        let mut rules = Vec::new();
        // With calibration the history is of another error.
        if self.calibration.is_none() {
            let y = measure::relative_difference(w, &keep_largest(w, report.nnz));
            rules.push(Rule { name: "magnitude pruning".into(), y, color: MAGNITUDE });
            let rank = Spectrum::rank(rows, cols, report.nnz);
            let spectrum = (rank > 0 && rows.min(cols) <= SPECTRUM).then(|| Spectrum::of(w)).flatten();
            let name = format!("SVD, rank {rank}");
            rules.extend(spectrum.map(|spectrum| Rule { name, y: spectrum.error(rank), color: SVD }));
        }
        let name = self.out.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy());
        export::html_report(&HtmlReport {
            report,
            settings,
            pictures: &export::report_pictures(w, export, PICTURE),
            charts: &[export::history_chart(report, rules)],
            file: name.as_deref().map(|name| (name, export)),
        })
    }
}

/// The processors there are.
pub fn available() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// The run, with a progress bar.
pub fn solve(layer: &Layer, problem: Problem, settings: &Settings, threads: usize) -> Result<Outcome, Failure> {
    let bar = output::Bar::new(layer.stem());
    let mut end = None;
    job::run(problem, settings, Some(threads), |event| match event {
        Event::Stepped(progress) => bar.update(&progress),
        Event::Ended(outcome) if outcome.end == End::Diverged => {
            let why = outcome.problem.map(|problem| problem.to_string());
            end = Some(Err(why.unwrap_or_else(|| "the run left the finite numbers: try a larger ridge or ρ".into())));
        }
        Event::Ended(outcome) => end = Some(Ok(*outcome)),
        Event::Failed(why) => end = Some(Err(why)),
        Event::Snapshot(_) => {}
    });
    bar.finish();
    Ok(end.unwrap_or_else(|| Err("the run ended without a result".into()))?)
}

/// The tensor asked for, or the only one there is.
fn chosen(checkpoint: &Checkpoint, name: Option<&str>) -> Result<String, Failure> {
    let names: Vec<&str> = checkpoint.layers().map(|tensor| tensor.name.as_str()).collect();
    match (name, names.as_slice()) {
        (Some(name), _) => Ok(name.to_owned()),
        (None, [only]) => Ok((*only).to_owned()),
        (None, []) => {
            Err(format!("{} holds no 2-D or 4-D tensor of floats: nothing to factorize", checkpoint.name()).into())
        }
        (None, several) => Err(format!(
            "{} holds {} layers: name one with --tensor, for example --tensor {}",
            checkpoint.name(),
            several.len(),
            several[0]
        )
        .into()),
    }
}

/// Empty without calibration.
fn layer_errors(report: &RunReport) -> String {
    let Some(error) = report.layer_error else { return String::new() };
    let before = report.layer_error_before_finalize.filter(|&before| before != error);
    let before = before.map_or(String::new(), |before| format!(", {before:.5} before it was finalized"));
    let held_out =
        report.layer_error_held_out.map_or(String::new(), |other| format!(", {other:.5} on held-out inputs"));
    format!("{error:.5}{before}{held_out}")
}

fn nonzeros(report: &RunReport) -> String {
    match (report.nnz_a, report.nnz_b) {
        (Some(a), Some(b)) => format!("{} = {a} in A + {b} in B", report.nnz),
        _ => report.nnz.to_string(),
    }
}

fn summary(report: &RunReport, written: [&Option<PathBuf>; 2]) -> String {
    let mut rows = vec![
        ["tensor".into(), format!("{} of {}, {}×{}", report.tensor, report.source, report.rows, report.cols)],
        ["relative error".into(), format!("{:.4}", report.relative_error)],
        ["layer error".into(), layer_errors(report)],
        ["nonzeros".into(), nonzeros(report)],
        [
            "16-bit storage".into(),
            format!(
                "{} with bit masks, {} as CSR, {} dense",
                output::bytes(report.bytes_bitmask),
                output::bytes(report.bytes_csr),
                output::bytes(report.bytes_dense)
            ),
        ],
        ["time".into(), format!("{:.2} s on {} threads", report.seconds, report.threads)],
    ];
    rows.extend(written.into_iter().flatten().map(|file| ["written".into(), file.display().to_string()]));
    rows.retain(|[_, value]| !value.is_empty());
    rows.iter().map(|[name, value]| format!("{name:<16}{value}")).collect::<Vec<_>>().join("\n")
}
