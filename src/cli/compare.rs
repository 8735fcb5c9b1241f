//! `compare`: one layer by all methods at one budget.

use super::explicit_flags::Given;
use super::layer::LayerArgs;
use super::method::ThresholdArgs;
use super::side_by_side::side_by_side;
use super::solver_args::Tuning;
use super::{Failure, output};
use crate::Named;
use crate::compare::{Candidate, choose};
use crate::export::{self, Bar, BarChart, RunReport, error_text};
use crate::matrix::Problem;
use crate::measure::percent;
use crate::methods::Method;
use crate::model::{Layer, printable};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The command's arguments.
#[derive(clap::Args)]
pub struct Compare {
    #[command(flatten)]
    given: Given,

    #[command(flatten)]
    layer: LayerArgs,

    /// Which methods, with commas [default: all that can be done with what is given]
    #[arg(long, value_enum, value_name = "A,B,…", value_delimiter = ',')]
    methods: Vec<Method>,

    #[command(flatten)]
    threshold: ThresholdArgs,

    #[command(flatten)]
    tuning: Tuning,

    /// Worker threads of each method: as many methods go on at once as there are processors for [default: 1]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Draw the errors as bars into this file, a .png
    #[arg(long, value_name = "FILE.png")]
    chart: Option<PathBuf>,

    /// Replace an existing file
    #[arg(long)]
    force: bool,

    /// One JSON value on standard output
    #[arg(long)]
    json: bool,
}

impl Compare {
    /// Runs all methods, then prints the table.
    pub fn run(self) -> Result<(), Failure> {
        if !self.methods.is_empty() {
            self.given.refuse_for(&self.methods)?;
        }
        if let Some(file) = &self.chart {
            output::check_file("--chart", file, "png", self.force)?;
        }
        self.tuning.settings.check()?;
        let (layer, problem) = self.layer.open()?;
        let candidates = self.candidates(&problem)?;
        let reports = self.reports(&layer, &problem, &candidates)?;
        if let Some(file) = &self.chart {
            export::write(
                file,
                &export::svg_to_png(&bars(&layer, &reports, self.tuning.settings.density).to_svg(720), 2.0)?,
                self.force,
            )?;
        }
        say_notes(&reports);
        match self.json {
            true => output::json(&reports),
            false => output::print(&table(&layer, &reports)),
        }
    }

    /// The candidates: named methods must apply; of all methods those that do not are left out, with the reason.
    fn candidates(&self, problem: &Problem) -> Result<Vec<Candidate>, Failure> {
        let all = self.methods.is_empty();
        let mut methods = if all { Method::ALL.to_vec() } else { self.methods.clone() };
        methods.sort_unstable();
        methods.dedup();
        let (candidates, mut not) = choose(&methods, &self.tuning.settings, self.threshold.threshold, problem);
        let missing: Vec<&str> =
            not.iter().filter(|(method, _)| method.needs_inputs()).map(|(method, _)| method.title()).collect();
        if !all && !not.is_empty() {
            return Err(not.remove(0).1.into());
        }
        if problem.calibration.is_none() && !missing.is_empty() {
            output::note(&format!(
                "{} need the layer's inputs and are left out: --calibration FILE",
                missing.join(", ")
            ));
        }
        let others = not.into_iter().filter(|(method, _)| !(method.needs_inputs() && problem.calibration.is_none()));
        others.for_each(|(method, why)| {
            output::note(&format!("{} is left out: {}", method.title(), Failure::from(why)));
        });
        let (rows, cols) = problem.weight.shape();
        let slow = |candidate: &Candidate| all && candidate.is_slow(rows, cols);
        for candidate in candidates.iter().filter(|candidate| slow(candidate)) {
            let (title, name) = (candidate.method.title(), candidate.method.name());
            let minutes = candidate.seconds(rows, cols) / 60.0;
            output::note(&format!(
                "{title} is left out, it takes about {minutes:.0} minutes: name it with --methods {name}"
            ));
        }
        Ok(candidates.into_iter().filter(|candidate| !slow(candidate)).collect())
    }

    /// Runs as many at a time as there are processors for, each on its own threads, so that their times are comparable.
    fn reports(&self, layer: &Layer, problem: &Problem, candidates: &[Candidate]) -> Result<Vec<RunReport>, Failure> {
        let threads = self.threads.map_or(1, NonZeroUsize::get);
        let bars = output::Several::new(candidates.iter().map(|candidate| candidate.method.title()));
        let mut made: Vec<Option<Result<RunReport, Failure>>> = candidates.iter().map(|_| None).collect();
        let replace = |at: usize| {
            let tell = |share: f64| {
                bars.update(at, share);
                true
            };
            Ok(candidates[at].replace(layer, problem, threads, &tell)?.report)
        };
        side_by_side(candidates.len(), threads, replace, |at, report| {
            bars.done(at, report.as_ref().map(|report| report.relative_error));
            made[at] = Some(report);
        });
        bars.finish();
        let mut reports = Vec::new();
        for (candidate, made) in candidates.iter().zip(made) {
            match made {
                Some(Ok(report)) => reports.push(report),
                // A method asked for by name must succeed; of all methods the others' results are worth having.
                Some(Err(why)) if self.methods.is_empty() => {
                    output::note(&format!("{} is left out: {why}", candidate.method.title()));
                }
                Some(Err(why)) => return Err(why),
                None => return Err(Failure::unexplained(format!("{} broke off", candidate.method.title()))),
            }
        }
        Ok(reports)
    }
}

/// What there is to say of all methods once, then of each.
fn say_notes(reports: &[RunReport]) {
    let of_all = |note: &&String| reports.iter().all(|report| report.notes.contains(note));
    let first = reports.first().into_iter().flat_map(|report| &report.notes);
    first.filter(of_all).for_each(|note| output::note(note));
    for report in reports {
        let own = report.notes.iter().filter(|note| !of_all(note));
        own.for_each(|note| output::note(&format!("{}: {note}", report.title())));
    }
}

fn table(layer: &Layer, reports: &[RunReport]) -> String {
    let magnitude = reports.iter().find(|report| report.method == Method::Magnitude.name());
    let calibrated = reports.iter().any(|report| report.layer_error.is_some());
    let held_out = reports.iter().any(|report| report.layer_error_held_out.is_some());
    let mut head = vec!["method", "nonzeros", "error", "of magnitude's"];
    head.extend(calibrated.then_some("layer error"));
    head.extend(held_out.then_some("held out"));
    head.extend(["bytes", "of dense", "seconds"]);
    let mut rows = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    let number = |value: Option<f64>| value.map_or("–".into(), |value| error_text(value, 5));
    for report in reports {
        let ratio = magnitude.filter(|magnitude| magnitude.relative_error > 0.0);
        let ratio = ratio.map(|magnitude| report.relative_error / magnitude.relative_error);
        let mut row = vec![
            report.title(),
            report.nnz.to_string(),
            error_text(report.relative_error, 4),
            ratio.map_or("–".into(), |ratio| format!("{ratio:.3}")),
        ];
        row.extend(calibrated.then(|| number(report.layer_error)));
        row.extend(held_out.then(|| number(report.layer_error_held_out)));
        row.push(report.bytes.to_string());
        row.push(format!("{:.1} %", 100.0 * report.bytes as f64 / report.bytes_dense.max(1) as f64));
        row.push(format!("{:.2}", report.seconds));
        rows.push(row);
    }
    let threads = reports.first().map_or(1, |report| report.threads);
    let (rows_of_w, cols) = layer.weight.shape();
    format!(
        "{}\n({}, {rows_of_w}×{cols}; bytes with 16-bit values and the cheaper way to store positions; seconds on {threads} \
         thread{})",
        output::table(&rows),
        printable(&layer.name),
        if threads == 1 { "" } else { "s" }
    )
}

/// The errors as bars: of the layer's outputs where its inputs are known, else of W.
fn bars(layer: &Layer, reports: &[RunReport], density: f64) -> BarChart {
    let calibrated = reports.iter().all(|report| report.layer_error.is_some());
    let error = |report: &RunReport| report.layer_error.filter(|_| calibrated).unwrap_or(report.relative_error);
    let color = |report: &RunReport| report.method().map_or([128; 3], Method::color);
    let bar = |report: &RunReport| Bar { name: report.title(), value: error(report), color: color(report) };
    BarChart {
        title: format!("{} at {}", layer.name, percent(density)),
        label: if calibrated { "layer-wise error" } else { "relative error" }.into(),
        bars: reports.iter().map(bar).collect(),
    }
}
