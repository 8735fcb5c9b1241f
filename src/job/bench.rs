//! How fast the solver is: time by phase, against what the necessary products would take.

use crate::Named;
use crate::compute::{ThreadPool, matmul_with, parallelism};
use crate::factorize::{Error, Phase, Preset, Settings, Solver};
use crate::matrix::Matrix;
use crate::measure::cost;
use rand_pcg::{
    Pcg64Mcg,
    rand_core::{Rng, SeedableRng},
};
use serde::Serialize;
use std::sync::OnceLock;
use web_time::Instant;

/// Result of a benchmark run.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Number of rows of W.
    pub rows: usize,
    /// Number of columns of W.
    pub cols: usize,
    /// Inner dimension k of the factors.
    pub inner_dim: usize,
    /// Number of worker threads.
    pub threads: usize,
    /// Number of half-steps of the run.
    pub steps: usize,
    /// Duration of the whole run, in seconds.
    pub seconds: f64,
    /// Seconds by phase, in order.
    #[serde(serialize_with = "by_name")]
    pub phases: Vec<(&'static str, f64)>,
    /// Speed of f32 products of this size on these threads, measured in between, in 10⁹ operations a second.
    pub gemm_gflops: f64,
    /// Time that the necessary dense operations would take at that speed, in seconds; see
    /// [`RunSize::floor_flops`](cost::RunSize::floor_flops).
    pub floor_seconds: f64,
    /// Ratio of `seconds` to `floor_seconds`.
    pub ratio: f64,
    /// Final relative error ‖W − AB‖_F / ‖W‖_F.
    pub relative_error: f64,
}

/// Seconds that the paper's code took for an n×n matrix at 25 % (its settings, 40 iterations of 5, PyTorch; two threads of an
/// Intel processor with AVX-512 on which PyTorch multiplies at 190 GFLOP/s), as `(n, seconds)`.
const PAPER_CODE: [(usize, f64); 5] = [(256, 1.29), (384, 2.93), (576, 7.6), (1024, 32.0), (2048, 187.0)];

/// How soon the published method's error is reached, and what can be had in its time.
#[derive(Clone, Debug, Serialize)]
pub struct Reached {
    /// Number of rows and of columns of W.
    pub size: usize,
    /// Number of worker threads.
    pub threads: usize,
    /// The published method's run, here.
    pub published: Timed,
    /// Duration of the published code's run, elsewhere and where it is known, in seconds.
    pub paper_code_seconds: Option<f64>,
    /// The shortest run of the annealed presets with no larger error.
    pub reached: Timed,
    /// Ratio of the published method's seconds to those.
    pub sooner: f64,
    /// A run of the annealed presets that takes about as long as the published method's.
    pub same_time: Timed,
}

/// A run of a bench.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Timed {
    /// Outer iterations.
    pub outer: usize,
    /// Duration, in seconds.
    pub seconds: f64,
    /// Final relative error ‖W − AB‖_F / ‖W‖_F.
    pub relative_error: f64,
}

/// Looks for the shortest run with the published method's error, on a random `size`×`size` matrix.
pub fn reach_published(size: usize, density: f64, threads: usize) -> Result<Reached, Error> {
    let start = Settings { density, ..Settings::default() };
    let timed = |settings: &Settings| {
        let measured = measure(size, size, settings, threads)?;
        let Measured { seconds, relative_error, .. } = measured;
        Ok::<_, Error>(Timed { outer: settings.outer, seconds, relative_error })
    };
    let published = timed(&start.with_preset(Preset::Published))?;
    let annealed = |outer: usize| {
        let fast = start.with_preset(Preset::Fast);
        // The preset's own way from fast to best.
        let effort = Settings { outer, ..fast.clone() }.effort();
        Settings { outer, ..start.with_effort(effort) }
    };
    let mut reached = timed(&annealed(6))?;
    while reached.relative_error > published.relative_error && reached.outer < Preset::Best.settings().outer {
        // Never more than one iteration in ten too many.
        reached = timed(&annealed(reached.outer + (reached.outer / 10).max(1)))?;
    }
    let most = Preset::Best.settings().outer as f64;
    let outer = (reached.outer as f64 * published.seconds / reached.seconds).min(most) as usize;
    let paper_code_seconds =
        PAPER_CODE.iter().find(|(n, _)| *n == size && density == 0.25).map(|(_, seconds)| *seconds);
    let sooner = published.seconds / reached.seconds;
    let same_time = timed(&annealed(outer.max(1)))?;
    Ok(Reached { size, threads, published, paper_code_seconds, reached, sooner, same_time })
}

fn by_name<S: serde::Serializer>(phases: &[(&'static str, f64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(phases.iter().copied())
}

/// Factorizes a random `rows`×`cols` matrix on `threads` threads, and measures.
pub fn measure(rows: usize, cols: usize, settings: &Settings, threads: usize) -> Result<Measured, Error> {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    BEGUN.get_or_init(Instant::now);
    let clock = || BEGUN.get_or_init(Instant::now).elapsed().as_secs_f64();
    let w = gaussian(rows, cols);
    let pool = ThreadPool::new(Some(threads)).expect("worker threads");
    pool.run(|| {
        let before = gemm_gflops(rows.min(cols), threads);
        let begun = Instant::now();
        let mut solver = Solver::with_clock(&w, settings, clock)?;
        let mut relative_error = 0.0;
        while let Some(report) = solver.step()? {
            relative_error = report.error;
        }
        let seconds = begun.elapsed().as_secs_f64();
        let gemm_gflops = before.max(gemm_gflops(rows.min(cols), threads));
        let floor_seconds = cost::processor_secs(&settings.size(rows, cols), gemm_gflops);
        Ok(Measured {
            rows,
            cols,
            inner_dim: settings.inner_dim(rows, cols),
            threads,
            steps: solver.steps(),
            seconds,
            phases: solver.seconds().map(|(phase, seconds)| (Phase::name(phase), seconds)).collect(),
            gemm_gflops,
            floor_seconds,
            ratio: seconds / floor_seconds,
            relative_error,
        })
    })
}

/// Speed of n×n products on `threads` threads, the best of a few, in 10⁹ operations a second.
pub(super) fn gemm_gflops(n: usize, threads: usize) -> f64 {
    let (a, b, mut out) = (gaussian(n, n), gaussian(n, n), Matrix::zeros(n, n));
    let flops = cost::product_flops(n as f64, n as f64, n as f64);
    let repeats = (2e9 / flops).clamp(3.0, 200.0) as usize;
    let once = |_| {
        let begun = Instant::now();
        matmul_with(&mut out, a.view(), b.view(), parallelism(threads));
        begun.elapsed().as_secs_f64()
    };
    flops / (0..repeats).map(once).fold(f64::INFINITY, f64::min) * 1e-9
}

/// A random matrix of sums of uniform numbers, close to a normal distribution.
pub(super) fn gaussian(rows: usize, cols: usize) -> Matrix {
    let mut rng = Pcg64Mcg::seed_from_u64(1);
    let mut uniform = || (rng.next_u32() >> 8) as f32 / (1 << 24) as f32;
    Matrix::from_fn(rows, cols, |_, _| (0..6).map(|_| uniform()).sum::<f32>() - 3.0)
}
