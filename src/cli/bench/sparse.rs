//! `bench sparse`: products with sparse matrices beside dense ones.

use crate::Named;
use crate::cli::{Failure, output};
use crate::compute::sparse::{Instructions, Positions, ValueFormat};
use crate::export::{self, Chart, Look, Rule, Series};
use crate::job::bench_sparse::{self, Kind, Limits, Measured, Plan};
use clap::Args;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Entries of all layers together at most: some gigabytes, for all kinds are in memory.
const MOST_ENTRIES: usize = 1 << 29;

/// Columns to multiply with at most.
const MOST_COLUMNS: usize = 1 << 14;

/// What is measured.
#[derive(Args)]
pub struct SparseArgs {
    /// Of `sparse`: how many layers a pass reads
    #[arg(long, value_name = "N", default_value = "48")]
    layers: NonZeroUsize,

    /// Of `sparse`: shares of nonzeros, both factors together
    #[arg(long, value_name = "SHARE,…", value_delimiter = ',', default_values = ["0.5", "0.25", "0.125", "0.0625"], value_parser = share)]
    densities: Vec<f64>,

    /// Of `sparse`: numbers of columns to multiply with
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', default_values = ["1", "16", "64"])]
    batches: Vec<NonZeroUsize>,

    /// Of `sparse`: number formats of values
    #[arg(long, value_name = "FORMAT,…", value_delimiter = ',', default_values = ["f32", "f16"], value_parser = named::<ValueFormat>)]
    values: Vec<ValueFormat>,

    /// Of `sparse`: vector instructions [default: the best that the processor has]
    #[arg(long, value_name = "NAME", value_parser = named::<Instructions>)]
    instructions: Option<Instructions>,

    /// Of `sparse`: how columns are kept [default: as planned for the density]
    #[arg(long, value_name = "NAME", value_parser = named::<Positions>)]
    positions: Option<Positions>,

    /// Of `sparse`: passes, over which medians are taken
    #[arg(long, value_name = "N", default_value = "9")]
    passes: NonZeroUsize,

    /// Of `sparse`: a chart of the times over densities, as .svg or .png
    #[arg(long, value_name = "FILE")]
    figure: Option<PathBuf>,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().map_err(|_| "a number is expected".to_owned())?;
    if share > 0.0 && share <= 1.0 { Ok(share) } else { Err("a share above 0 and at most 1 is expected".to_owned()) }
}

fn named<T: Named>(text: &str) -> Result<T, String> {
    let names = || T::ALL.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ");
    T::named(text).ok_or_else(|| format!("one of {} is expected", names()))
}

impl SparseArgs {
    /// Prints a table, a group of lines as each is measured.
    pub fn run(self, sizes: &[usize], threads: &[usize], json: bool) -> Result<(), Failure> {
        let instructions = self.instructions.unwrap_or_else(Instructions::best);
        if !Instructions::available().contains(&instructions) {
            let what = format!("this processor has no {}", instructions.title());
            return Err(Failure::new(what, "leave --instructions out").usage());
        }
        if let Some(figure) = &self.figure {
            chart_format(figure)?;
        }
        let entries = |size: &usize| size.checked_mul(*size).and_then(|entries| entries.checked_mul(self.layers.get()));
        if sizes.iter().any(|size| entries(size).is_none_or(|entries| entries > MOST_ENTRIES)) {
            let what =
                format!("{} layers of this size are too many: at most {MOST_ENTRIES} entries in all", self.layers);
            return Err(Failure::new(what, "give fewer --layers, or smaller --sizes").usage());
        }
        if let Some(batch) = self.batches.iter().find(|batch| batch.get() > MOST_COLUMNS) {
            let what = format!("{batch} columns are too many: at most {MOST_COLUMNS}");
            return Err(Failure::new(what, "give smaller --batches").usage());
        }
        let limits: Vec<Limits> = threads.iter().map(|&threads| bench_sparse::limits(threads)).collect();
        if !json {
            for limits in &limits {
                output::print(&format!(
                    "{}, {} threads: reads {:.1} GB/s, f32 products {:.0} GFLOP/s",
                    instructions.title(),
                    limits.threads,
                    limits.read_gbytes,
                    limits.gemm_gflops
                ))?;
            }
        }
        let mut all: Vec<Measured> = Vec::new();
        for &size in sizes {
            for &values in &self.values {
                for &density in &self.densities {
                    let measured = bench_sparse::measure(&Plan {
                        size,
                        layers: self.layers.get(),
                        density,
                        values,
                        batches: self.batches.iter().map(|n| n.get()).collect(),
                        threads: threads.to_vec(),
                        instructions,
                        positions: self.positions,
                        passes: self.passes.get(),
                    });
                    if !json {
                        output::print(&table(&measured, &limits))?;
                    }
                    all.extend(measured);
                }
            }
        }
        if let Some(figure) = &self.figure {
            write_figure(figure, &all)?;
        }
        if json { output::json(&all) } else { Ok(()) }
    }
}

/// A table of one density: a line for each kind, with its formats and bytes, and for each number of columns the time and how
/// many times as fast as the dense product that is.
fn table(measured: &[Measured], limits: &[Limits]) -> String {
    let first = &measured[0];
    let density = measured.iter().map(|m| m.density).fold(1.0, f64::min);
    let mut tables = Vec::new();
    for limits in limits {
        let own: Vec<&Measured> = measured.iter().filter(|m| m.threads == limits.threads).collect();
        let mut batches: Vec<usize> = own.iter().map(|m| m.batch).collect();
        batches.dedup();
        let head = format!(
            "\n{} layers {}×{}, {:.4} of the entries, {}, {} thread{}",
            first.layers,
            first.rows,
            first.cols,
            density,
            first.values.name(),
            limits.threads,
            if limits.threads == 1 { "" } else { "s" },
        );
        let mut rows = vec![vec!["".to_owned(), "format".into(), "MB".into()]];
        for batch in &batches {
            rows[0].extend([
                format!("{batch} col., ms"),
                "× dense".into(),
                if *batch == 1 { "GB/s".into() } else { "GFLOP/s".into() },
            ]);
        }
        for &kind in Kind::ALL {
            let own: Vec<&&Measured> = own.iter().filter(|m| m.kind == kind).collect();
            let Some(one) = own.first() else { continue };
            let mut row =
                vec![kind.name().to_owned(), one.format.join(" · "), format!("{:.1}", one.bytes as f64 * 1e-6)];
            for m in own {
                let rate = if m.batch == 1 { m.bytes as f64 } else { m.flops } / m.seconds * 1e-9;
                row.extend([format!("{:.2}", 1e3 * m.seconds), format!("{:.2}", m.speedup), format!("{rate:.1}")]);
            }
            rows.push(row);
        }
        tables.push(format!("{head}\n{}", output::table(&rows)));
    }
    tables.join("\n")
}

fn chart_format(path: &std::path::Path) -> Result<bool, Failure> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("svg") => Ok(true),
        Some("png") => Ok(false),
        _ => Err(Failure::new("a chart is an .svg or .png", "end --figure's name with one of these").usage()),
    }
}

/// Colours of the numbers of columns, as sRGB.
const COLORS: [[u8; 3]; 5] = [[31, 119, 180], [214, 95, 40], [44, 140, 80], [140, 86, 175], [120, 90, 60]];

/// Times over densities, a line for each kind and number of columns on the first number of threads, relative to the dense product's.
fn write_figure(path: &std::path::Path, all: &[Measured]) -> Result<(), Failure> {
    let svg = chart_format(path)?;
    let Some(first) = all.first() else { return Ok(()) };
    let mut series = Vec::new();
    let own = || all.iter().filter(|m| m.threads == first.threads && m.values == first.values && m.rows == first.rows);
    let mut batches: Vec<usize> = own().map(|m| m.batch).collect();
    batches.sort_unstable();
    batches.dedup();
    for (at, &batch) in batches.iter().enumerate() {
        for (kind, look) in [(Kind::One, Look::Line), (Kind::Two, Look::Marked)] {
            let points: Vec<(f64, f64)> =
                own().filter(|m| m.kind == kind && m.batch == batch).map(|m| (m.density, 1.0 / m.speedup)).collect();
            let name = match kind {
                Kind::One => format!("one matrix, {batch} columns"),
                _ => format!("A·(B·X), {batch} columns"),
            };
            series.push(Series { name, points, color: COLORS[at % COLORS.len()], look });
        }
    }
    let chart = Chart {
        title: format!(
            "Time of {} {}×{} products, {}, {} thread{}",
            first.layers,
            first.rows,
            first.cols,
            first.values.name(),
            first.threads,
            if first.threads == 1 { "" } else { "s" }
        ),
        x_label: "share of nonzeros, both factors together".into(),
        y_label: "time, dense = 1".into(),
        log_x: true,
        log_y: true,
        series,
        rules: vec![Rule { name: "dense".into(), y: 1.0, color: [110, 110, 110] }],
    };
    let (width, height) = (900, 560);
    let drawn = chart.to_svg(width, height);
    let bytes = if svg { drawn.into_bytes() } else { export::svg_to_png(&drawn, 2.0)? };
    Ok(export::write(path, &bytes, true)?)
}
