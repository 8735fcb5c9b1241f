//! `bench`: benchmarks of the solver, of products, of language models and of the window on this machine.

mod generate;
mod sparse;

use super::layer::available;
use super::{Failure, output};
use crate::Named;
use crate::factorize::{Budget, Preset, Settings};
use crate::job::{Backend, bench};
use clap::{Args, ValueEnum};
use std::num::NonZeroUsize;

/// The command's arguments.
#[derive(Args)]
pub struct Bench {
    /// What is measured
    #[arg(value_enum)]
    what: What,

    /// Sides of square matrices [default: 256,384,1024, of `sparse` 1024]
    #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
    sizes: Vec<NonZeroUsize>,

    /// Worker threads [default: 1 and all processors]
    #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
    threads: Vec<NonZeroUsize>,

    /// Which settings
    #[arg(long, value_enum, value_delimiter = ',', default_value = "published")]
    presets: Vec<Preset>,

    /// Kept nonzeros, as a share of W's entries
    #[arg(long, value_name = "SHARE", default_value_t = 0.25)]
    density: f64,

    /// Of `solver`: how soon the published method's error is reached, and the error in its time, instead
    #[arg(long, conflicts_with_all = ["presets", "outer"])]
    until_published: bool,

    /// Fewer outer iterations than the preset's, for large sizes: each costs about the same
    #[arg(long, value_name = "N")]
    outer: Option<usize>,

    /// Where to compute
    #[arg(long, value_enum, default_value = "cpu")]
    backend: Backend,

    /// One JSON value on standard output
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    sparse: sparse::SparseArgs,

    #[command(flatten)]
    generate: generate::GenerateArgs,

    /// Of `window`: the matrix
    #[cfg(feature = "gui")]
    #[arg(long, value_name = "ROWSxCOLS", default_value = "4096x11008", value_parser = shape)]
    shape: (usize, usize),

    /// Of `window`: how many frames are counted
    #[cfg(feature = "gui")]
    #[arg(long, value_name = "N", default_value_t = 600)]
    frames: usize,

    /// Of `window`: how many tensors the file on screen has, all of them in its list
    #[cfg(feature = "gui")]
    #[arg(long, value_name = "N", default_value_t = 1)]
    tensors: usize,

    /// Of `window`: a run goes on meanwhile
    #[cfg(feature = "gui")]
    #[arg(long)]
    running: bool,
}

#[cfg(feature = "gui")]
fn shape(text: &str) -> Result<(usize, usize), Failure> {
    let sides = text.split_once('x').and_then(|(rows, cols)| Some((rows.parse().ok()?, cols.parse().ok()?)));
    sides
        .filter(|&(rows, cols)| rows > 0 && cols > 0)
        .ok_or_else(|| Failure::unexplained("two sides such as 4096x11008 are expected"))
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// Runs of the solver on random matrices, by phase, against the floor: the necessary dense operations at the speed
    /// of products of this size, measured beside each run
    Solver,
    /// Products with sparse matrices beside dense ones: one matrix, and two, over densities and numbers of columns
    Sparse,
    /// Texts of language models, dense and compressed: tokens a second, bytes of weights, memory
    Generate,
    /// The window's frames while a random matrix is zoomed and panned; needs a display
    #[cfg(feature = "gui")]
    Window,
}

impl Bench {
    /// Prints a table, one line as each run ends.
    pub fn run(self) -> Result<(), Failure> {
        match self.what {
            What::Solver => self.solver(),
            What::Sparse => {
                let (sizes, threads) = (self.sizes_or(&[1024]), self.thread_counts());
                self.sparse.run(&sizes, &threads, self.json)
            }
            What::Generate => self.generate.run(&self.thread_counts(), self.json),
            #[cfg(feature = "gui")]
            What::Window => self.window(),
        }
    }

    #[cfg(feature = "gui")]
    fn window(self) -> Result<(), Failure> {
        use crate::app::{FrameBench, FramePlan, FrameReport};
        if self.backend != Backend::Cpu && !self.running {
            return Err(Failure::new("--backend is what a run is computed on", "give --running too").usage());
        }
        let plan = FramePlan {
            rows: self.shape.0,
            cols: self.shape.1,
            tensors: self.tensors,
            frames: self.frames.max(1),
            running: self.running,
            backend: self.backend,
        };
        let threads = self.threads.first().map(|threads| threads.get());
        let report = std::sync::Arc::new(std::sync::Mutex::new(None::<FrameReport>));
        let written = report.clone();
        super::window::show(false, move |cc| Box::new(FrameBench::new(cc, plan, threads, written)))?;
        let report = report.lock().map(|report| report.clone()).ok().flatten();
        let report = report
            .ok_or_else(|| Failure::new("the window was closed before all frames were counted", "leave it open"))?;
        if self.json {
            return output::json(&report);
        }
        let FrameReport { rows, cols, cpu, clock, frames, running, frames_per_second, .. } = report;
        let meanwhile =
            if running { format!(", while a run went on ({})", self.backend.name()) } else { String::new() };
        output::print(&format!(
            "window {rows}×{cols}{meanwhile}: {frames} frames, CPU median {:.2} ms, 99 % {:.2} ms, longest {:.2} ms; \
             by the clock {:.2}, {:.2}, {:.2} ms; {frames_per_second:.0} a second",
            cpu.median, cpu.percentile_99, cpu.longest, clock.median, clock.percentile_99, clock.longest,
        ))
    }

    /// Benchmarks the kernels on the GPU.
    #[cfg(feature = "gpu")]
    fn kernels(&self, sizes: &[usize], settings: impl Fn(Preset) -> Settings) -> Result<(), Failure> {
        use crate::job::bench_gpu;
        let std::task::Poll::Ready(gpu) = crate::compute::gpu::shared() else { return Ok(()) };
        let gpu = gpu?;
        let mut all = Vec::new();
        for &preset in &self.presets {
            for &n in sizes {
                let settings = settings(preset);
                let measured = bench_gpu::measure(&gpu, n, n, &settings, settings.outer)?;
                if !self.json {
                    output::print(&kernel_table(preset, &measured))?;
                }
                let mut value = serde_json::json!(measured);
                value["preset"] = preset.name().into();
                all.push(value);
            }
        }
        if self.json { output::json(&all) } else { Ok(()) }
    }

    fn sizes_or(&self, default: &[usize]) -> Vec<usize> {
        match self.sizes.is_empty() {
            true => default.to_vec(),
            false => self.sizes.iter().map(|n| n.get()).collect(),
        }
    }

    fn thread_counts(&self) -> Vec<usize> {
        if !self.threads.is_empty() {
            return self.threads.iter().map(|n| n.get()).collect();
        }
        let mut threads = vec![1, available()];
        threads.dedup();
        threads
    }

    fn solver(self) -> Result<(), Failure> {
        let (sizes, threads) = (self.sizes_or(&[256, 384, 1024]), self.thread_counts());
        let settings = |preset: Preset| {
            let settings = Settings { density: self.density, ..Settings::default() }.with_preset(preset);
            Settings { outer: self.outer.unwrap_or(settings.outer), ..settings }
        };
        // Everything is checked before anything is measured.
        for (&preset, &n) in self.presets.iter().flat_map(|preset| sizes.iter().map(move |n| (preset, n))) {
            settings(preset).check()?;
            Budget::new(n, n, &settings(preset))?;
        }
        if self.backend != Backend::Cpu && !self.threads.is_empty() {
            return Err(Failure::new("--threads is for the processor", "leave it out with --backend gpu").usage());
        }
        if self.until_published && self.backend != Backend::Cpu {
            return Err(Failure::new("--until-published is for the processor", "leave out --backend").usage());
        }
        match self.backend {
            Backend::Cpu => {}
            #[cfg(feature = "gpu")]
            Backend::Gpu => return self.kernels(&sizes, settings),
            other => {
                let what = format!("--backend {} is nothing to measure", other.name());
                return Err(Failure::new(what, "use cpu, or gpu where it is built in").usage());
            }
        }
        if self.until_published {
            return self.until_published(&sizes, &threads);
        }
        let mut all = Vec::new();
        for &preset in &self.presets {
            for &threads in &threads {
                let mut last: Option<bench::Measured> = None;
                for &n in &sizes {
                    let measured = bench::measure(n, n, &settings(preset), threads)?;
                    if !self.json {
                        output::print(&line(preset, &measured, last.as_ref()))?;
                    }
                    last = Some(measured.clone());
                    let mut value = serde_json::json!(measured);
                    value["preset"] = preset.name().into();
                    all.push(value);
                }
            }
        }
        if self.json { output::json(&all) } else { Ok(()) }
    }
}

impl Bench {
    fn until_published(&self, sizes: &[usize], threads: &[usize]) -> Result<(), Failure> {
        let mut all = Vec::new();
        for (&n, &threads) in sizes.iter().flat_map(|n| threads.iter().map(move |threads| (n, threads))) {
            let reached = bench::reach_published(n, self.density, threads)?;
            if !self.json {
                output::print(&until_line(&reached))?;
            }
            all.push(reached);
        }
        if self.json { output::json(&all) } else { Ok(()) }
    }
}

fn until_line(reached: &bench::Reached) -> String {
    let bench::Reached { size, threads, published, reached: soon, sooner, same_time, .. } = reached;
    let elsewhere = reached.paper_code_seconds.map_or(String::new(), |seconds| {
        format!("; the paper's code takes {seconds} s on two threads of another machine")
    });
    format!(
        "{size}×{size}, {threads} threads: published reaches {:.4} in {:.3} s{elsewhere}\n    as good after {:.3} s, {sooner:.1} times \
         sooner ({} outer iterations, error {:.4})\n    in {:.3} s an error of {:.4}, {:.2} of it ({} outer iterations)",
        published.relative_error,
        published.seconds,
        soon.seconds,
        soon.outer,
        soon.relative_error,
        same_time.seconds,
        same_time.relative_error,
        same_time.relative_error / published.relative_error,
        same_time.outer,
    )
}

#[cfg(feature = "gpu")]
fn kernel_table(preset: Preset, measured: &crate::job::bench_gpu::Measured) -> String {
    let head = format!(
        "{} {}×{}, k = {}, {} ({}): {:.4} s an outer iteration (mean of {}), {:.2} × the floor of its products, {:.4} s at {:.0} \
         GFLOP/s; {} kernels, {} submissions; {:.2} s before; copies {:.0} GB/s; error {:.4}",
        preset.name(),
        measured.rows,
        measured.cols,
        measured.inner_dim,
        measured.adapter,
        measured.interface,
        measured.seconds_per_outer,
        measured.outer,
        measured.ratio,
        measured.floor_seconds,
        measured.gemm_gflops,
        measured.dispatches,
        measured.submissions,
        measured.seconds_before,
        measured.copy_gbytes,
        measured.relative_error,
    );
    let chosen = |chosen: bool| if chosen { " (chosen)" } else { "" };
    let tiles: Vec<String> = measured
        .tiles
        .iter()
        .map(|tiles| format!("{:.0} GFLOP/s in tiles of {1}×{1}{2}", tiles.gflops, tiles.side, chosen(tiles.chosen)))
        .collect();
    let mut table = vec![
        ["  second half-step", "times", "ms", "floor, ms", "ratio", "kernels", "GFLOP", "MB"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for kernel in &measured.kernels {
        let floor = measured.floor(kernel);
        table.push(vec![
            format!("  {}", kernel.name),
            kernel.times.to_string(),
            format!("{:.3}", 1e3 * kernel.seconds),
            format!("{:.3}", 1e3 * floor),
            format!("{:.2}", kernel.seconds / floor),
            kernel.dispatches.to_string(),
            format!("{:.2}", 1e-9 * kernel.flops),
            format!("{:.1}", 1e-6 * kernel.bytes),
        ]);
    }
    format!("{head}\n  products: {}\n{}", tiles.join(", "), output::table(&table))
}

fn line(preset: Preset, measured: &bench::Measured, last: Option<&bench::Measured>) -> String {
    let share = |(name, seconds): &(&str, f64)| format!("{name} {:.0} %", 100.0 * seconds / measured.seconds);
    let phases = measured.phases.iter().map(share).collect::<Vec<_>>().join(", ");
    let exponent = last.filter(|last| last.rows != measured.rows).map_or(String::new(), |last| {
        let growth = (measured.seconds / last.seconds).ln() / (measured.rows as f64 / last.rows as f64).ln();
        format!(", as n^{growth:.2} since {}", last.rows)
    });
    format!(
        "{} {}×{}, k = {}, {} threads: {:.3} s, {:.2} × the floor of {:.3} s at {:.0} GFLOP/s{exponent}; error {:.4}\n    {phases}",
        preset.name(),
        measured.rows,
        measured.cols,
        measured.inner_dim,
        measured.threads,
        measured.seconds,
        measured.ratio,
        measured.floor_seconds,
        measured.gemm_gflops,
        measured.relative_error,
    )
}
