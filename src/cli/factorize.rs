//! `factorize`: replace one layer by two sparse factors, or by another method.

use super::explicit_flags::Given;
use super::layer::{LayerArgs, available};
use super::method::MethodArgs;
use super::solver_args::Tuning;
use super::{Failure, output};
use crate::Named;
use crate::compare::Candidate;
use crate::compute::ThreadPool;
use crate::export::{self, Export, HtmlReport, Layout, Rule, RunReport, error_text};
use crate::factorize::{Budget, Settings};
use crate::job::{self, Backend, ComputeConfig, End, Event, Job, Outcome};
use crate::matrix::{Problem, ReplacementKind, keep_largest};
use crate::measure::{self, Note, Spectrum};
use crate::methods::Method;
use crate::model::{Dtype, Layer, printable};
use clap::{Args, ValueEnum};
use indicatif::HumanBytes;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The command's arguments.
#[derive(Args)]
pub struct Factorize {
    #[command(flatten)]
    given: Given,

    #[command(flatten)]
    layer: LayerArgs,

    #[command(flatten)]
    method: MethodArgs,

    #[command(flatten)]
    tuning: Tuning,

    /// Where to compute
    #[arg(long, value_enum, default_value = "cpu")]
    backend: Backend,

    /// Worker threads; the result does not depend on them [default: all processors]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Write what replaces W to this file, a .safetensors
    #[arg(long, value_name = "FILE.safetensors")]
    out: Option<PathBuf>,

    /// How the factors are laid out in the file [default: dense; of monarch's blocks csr; of one sparse matrix, or of the product
    /// of three, merged, in W's place]
    #[arg(long, value_enum)]
    layout: Option<Layout>,

    /// Values in the file [default: f32; merged: the tensor's own]
    #[arg(long, value_enum)]
    dtype: Option<WrittenDtype>,

    /// Write a page about the run to this file, an .html: figures, pictures, the error's curve
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,

    /// Replace an existing file
    #[arg(long)]
    force: bool,

    /// One JSON value on standard output
    #[arg(long)]
    json: bool,
}

/// Number format of what is written.
#[derive(Clone, Copy, ValueEnum)]
pub enum WrittenDtype {
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

/// Result of the command.
struct Made {
    /// The replacement as its file holds it.
    export: Export,
    report: RunReport,
    /// Settings for the file's metadata.
    told: serde_json::Value,
    /// Settings of a run.
    settings: Option<Settings>,
}

impl Factorize {
    /// Runs the command; everything that can be checked is checked before the run starts.
    pub fn run(self) -> Result<(), Failure> {
        self.given.refuse_for(&[self.method.method])?;
        self.method.check_backend(self.backend)?;
        let settings = &self.tuning.settings;
        settings.check()?;
        for (flag, file, ending) in [("--out", &self.out, "safetensors"), ("--report", &self.report, "html")] {
            file.iter().try_for_each(|file| output::check_file(flag, file, ending, self.force))?;
        }
        let kind = self.method.method.kind();
        let layout = self.layout.unwrap_or(Layout::usual(self.method.method));
        if layout != Layout::Merged && !kind.is_two_factors() {
            let parts = if kind == ReplacementKind::Chain { 3 } else { 1 };
            let error = export::Error::NoFactors { layout: layout.name(), parts };
            return Err(Failure::from(error).usage());
        }
        if self.out.is_some() && kind == ReplacementKind::Chain {
            output::note("no layout holds three factors: what is written is their product, one dense matrix");
        }
        let (layer, problem) = self.layer.open()?;
        let candidate = self.method.candidate(settings);
        candidate.check(&problem)?;
        let made = match self.method.method {
            Method::Dsf => self.factorized(&layer, &problem, layout)?,
            _ => self.replaced(&layer, &problem, &candidate, layout)?,
        };
        let Made { export, report, .. } = &made;
        if let Some(out) = &self.out {
            export.write(out, &made.told, report, self.force)?;
        }
        if let Some(file) = &self.report {
            export::write(file, self.page(&layer, &made).as_bytes(), self.force)?;
        }
        match self.json {
            true => output::json(report),
            false => output::print(&summary(self.method.method, report, [&self.out, &self.report])),
        }
    }

    /// Replaces the layer by Double Sparse Factorization.
    fn factorized(&self, layer: &Layer, problem: &Problem, layout: Layout) -> Result<Made, Failure> {
        let Tuning { preset, settings } = &self.tuning;
        let (rows, cols) = layer.weight.shape();
        let budget = Budget::new(rows, cols, settings)?;
        if budget.split_was_cut(rows, cols, settings) {
            let density = budget.first as f64 / (rows.min(cols) as f64).powi(2);
            output::note(&format!(
                "at density {} the first factor gets half of the nonzeros, a factor density of {density:.4}",
                settings.density
            ));
        }
        let threads = self.threads.map_or_else(available, NonZeroUsize::get);
        let compute = ComputeConfig { backend: self.backend, threads: Some(threads) };
        let job = Job { compute, ..Job::new(problem.clone(), settings.clone()) };
        let outcome = solve(layer, job)?;
        for note in &outcome.notes {
            let hint = match note {
                Note::FellBack => " (--fallback=false keeps what was found)",
                Note::WorseThanMagnitude { .. } if !settings.fallback => {
                    " (--fallback takes magnitude pruning where it is better)"
                }
                _ => "",
            };
            output::note(&format!("{note}{hint}"));
        }
        let export = Export::new(layer, &outcome.replacement, layout, self.dtype.map(Dtype::from))?;
        let report = RunReport::of_run(layer, problem, Some(*preset), &export, &outcome, threads);
        Ok(Made { export, report, told: serde_json::json!(outcome.settings), settings: Some(outcome.settings) })
    }

    /// Replaces the layer by any other method.
    fn replaced(
        &self,
        layer: &Layer,
        problem: &Problem,
        candidate: &Candidate,
        layout: Layout,
    ) -> Result<Made, Failure> {
        let threads = self.threads.map_or_else(available, NonZeroUsize::get);
        let bar = output::Share::new(layer.stem());
        let begun = Instant::now();
        let tell = |share: f64| {
            let took = begun.elapsed().as_secs_f64();
            bar.update(share, if share > 0.0 { took / share * (1.0 - share) } else { 0.0 }, self.method.method.title())
        };
        let pool = ThreadPool::new(Some(threads))?;
        let made = pool.run(|| candidate.replace(layer, problem, threads, &tell));
        bar.finish();
        let made = made?;
        let export = Export::new(layer, &made.replacement, layout, self.dtype.map(Dtype::from))?;
        let method = (self.method.method, candidate.settings.density);
        let report = RunReport::new(layer, problem, method, &export, (made.report.seconds, threads));
        report.notes.iter().for_each(|note| output::note(note));
        Ok(Made { export, report, told: candidate.told(), settings: None })
    }

    /// The HTML page of `--report`.
    fn page(&self, layer: &Layer, made: &Made) -> String {
        /// Pixels of a picture's longer side.
        const PICTURE: usize = 512;
        /// Largest side for which the singular values take a second or less.
        const SPECTRUM: usize = 2048;
        let Made { export, report, settings, .. } = made;
        let (w, (rows, cols)) = (&*layer.weight, layer.weight.shape());
        let mut rules = Vec::new();
        // With calibration the history is of another error.
        if report.layer_error.is_none() {
            let y = measure::relative_difference(w, &keep_largest(w, report.nnz));
            rules.push(Rule { name: "magnitude pruning".into(), y, color: Method::Magnitude.color() });
            let rank = Spectrum::rank(rows, cols, report.nnz);
            let spectrum = (rank > 0 && rows.min(cols) <= SPECTRUM).then(|| Spectrum::of(w)).flatten();
            let name = format!("SVD, rank {rank}");
            rules.extend(spectrum.map(|spectrum| Rule { name, y: spectrum.error(rank), color: Method::Svd.color() }));
        }
        let name = self.out.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy());
        let charts = if report.history.is_empty() { vec![] } else { vec![export::history_chart(report, rules)] };
        export::html_report(&HtmlReport {
            method: self.method.method,
            report,
            settings: settings.as_ref(),
            pictures: &export::report_pictures(w, export, PICTURE),
            charts: &charts,
            file: name.as_deref().map(|name| (name, export)),
        })
    }
}

/// Runs the job with a progress bar.
pub fn solve(layer: &Layer, job: Job) -> Result<Outcome, Failure> {
    let bar = output::Bar::new(layer.stem());
    let mut end = None;
    job::run(job, |event| match event {
        Event::Stepped(progress) => bar.update(&progress),
        Event::Ended(outcome) if outcome.end == End::Diverged => {
            let diverged = || Failure::new("the run left the finite numbers", "try a larger ridge or ρ");
            end = Some(Err(outcome.problem.map_or_else(diverged, Failure::of_task)));
        }
        Event::Ended(outcome) => end = Some(Ok(*outcome)),
        Event::Failed(why) => end = Some(Err(Failure::of_task(why))),
        Event::Note(note) => bar.say(&note),
        Event::Snapshot(_) => {}
    });
    bar.finish();
    end.unwrap_or_else(|| Err(Failure::unexplained("the run ended without a result")))
}

/// The layer-wise errors as text; empty without calibration.
fn layer_errors(report: &RunReport) -> String {
    let Some(error) = report.layer_error else { return String::new() };
    let before = report.layer_error_before_finalize.filter(|&before| before != error);
    let before = before.map_or(String::new(), |before| format!(", {} before it was finalized", error_text(before, 5)));
    let held_out = report
        .layer_error_held_out
        .map_or(String::new(), |other| format!(", {} on held-out inputs", error_text(other, 5)));
    format!("{}{before}{held_out}", error_text(error, 5))
}

fn nonzeros(report: &RunReport) -> String {
    match (report.nnz_a, report.nnz_b) {
        (Some(a), Some(b)) => format!("{} = {a} in A + {b} in B", report.nnz),
        _ => report.nnz.to_string(),
    }
}

fn storage(report: &RunReport) -> String {
    let least = [report.bytes_bitmask.zip(Some(" with bit masks")), report.bytes_csr.zip(Some(" as CSR"))];
    let mut forms: Vec<String> =
        least.into_iter().flatten().map(|(count, how)| format!("{}{how}", HumanBytes(count))).collect();
    if forms.is_empty() {
        forms.push(HumanBytes(report.bytes).to_string());
    }
    format!("{}, {} dense", forms.join(", "), HumanBytes(report.bytes_dense))
}

fn place(report: &RunReport) -> String {
    report.adapter.clone().unwrap_or_else(|| format!("{} threads", report.threads))
}

fn summary(method: Method, report: &RunReport, written: [&Option<PathBuf>; 2]) -> String {
    let mut rows = vec![
        ["tensor".into(), format!("{} of {}, {}×{}", report.tensor, report.source, report.rows, report.cols)],
        ["method".into(), if method == Method::Dsf { String::new() } else { method.title().to_owned() }],
        ["relative error".into(), error_text(report.relative_error, 4)],
        ["layer error".into(), layer_errors(report)],
        ["nonzeros".into(), nonzeros(report)],
        ["16-bit storage".into(), storage(report)],
        ["time".into(), format!("{:.2} s on {}", report.seconds, place(report))],
    ];
    rows.extend(written.into_iter().flatten().map(|file| ["written".into(), file.display().to_string()]));
    rows.retain(|[_, value]| !value.is_empty());
    rows.iter().map(|[name, value]| format!("{name:<16}{}", printable(value))).collect::<Vec<_>>().join("\n")
}
