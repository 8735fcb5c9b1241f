//! How fast the solver is on a graphics adapter: by kernel, and a whole outer iteration, against what the device could do.

use super::bench::gaussian;
use crate::compute::Device;
use crate::compute::gpu::{self, Gpu, Probe, Tiles, copy_speed};
use crate::factorize::{self, KernelTime, Settings, Solver, kernel_times};
use crate::hint::{Explain, Hint};
use crate::measure::cost;
use serde::Serialize;
use std::sync::Arc;
use std::task::Poll;
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
    /// Name of the graphics adapter.
    pub adapter: String,
    /// Graphics interface, such as `Vulkan`.
    pub interface: &'static str,
    /// Number of outer iterations measured, after the first.
    pub outer: usize,
    /// Mean duration of these iterations, in seconds.
    pub seconds_per_outer: f64,
    /// Seconds until the first iteration was done: uploads and compilation included.
    pub seconds_before: f64,
    /// Speed of our products with sides near W's, in 10⁹ operations a second.
    pub gemm_gflops: f64,
    /// Speed of products with each tile size alone.
    pub tiles: Vec<TileSpeed>,
    /// Speed of copies within the device's memory, reads and writes counted, in 10⁹ bytes a second.
    pub copy_gbytes: f64,
    /// Seconds that the matrix products of an outer iteration take at the measured speed.
    pub floor_seconds: f64,
    /// Ratio of `seconds_per_outer` to `floor_seconds`.
    pub ratio: f64,
    /// Kernel launches in an outer iteration.
    pub dispatches: usize,
    /// Submissions in an outer iteration.
    pub submissions: usize,
    /// Operations of its matrix products.
    pub flops: f64,
    /// Times of the parts of the second half-step.
    pub kernels: Vec<KernelTime>,
    /// Final relative error ‖W − AB‖_F / ‖W‖_F.
    pub relative_error: f64,
}

/// Speed of products in tiles of one size.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TileSpeed {
    /// Entries along a tile's side.
    pub side: usize,
    /// Speed, in 10⁹ operations a second.
    pub gflops: f64,
    /// Whether products of this shape use this size.
    pub chosen: bool,
}

impl Measured {
    /// Seconds that a kernel takes at the measured speeds: for its products or its bytes, whichever is longer.
    pub fn floor(&self, kernel: &KernelTime) -> f64 {
        cost::kernel_floor_secs(kernel.flops, kernel.bytes, self.gemm_gflops, self.copy_gbytes)
    }
}

/// Why nothing could be measured.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The adapter cannot be used, or was lost.
    #[error(transparent)]
    Gpu(#[from] gpu::Error),
    /// Of the settings, or the numbers.
    #[error(transparent)]
    Factorize(#[from] factorize::Error),
    /// The run went on elsewhere.
    #[error("{note}")]
    Moved {
        /// Message about the loss of the device.
        note: String,
    },
}

impl Explain for Error {
    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Gpu(error) => error.hint(),
            Self::Factorize(error) => error.hint(),
            Self::Moved { .. } => None,
        }
    }
}

/// Factorizes a random `rows`×`cols` matrix, rows ≤ cols, for `outer` iterations and one before them.
pub fn measure(gpu: &Arc<Gpu>, rows: usize, cols: usize, settings: &Settings, outer: usize) -> Result<Measured, Error> {
    let w = Arc::new(gaussian(rows, cols));
    let settings = Settings { outer: outer + 1, ..settings.clone() };
    let gflops = |gpu: &Arc<Gpu>| -> Result<f64, Error> {
        // Whole tiles of either size.
        let mut probe = Probe::new(gpu.clone(), rows.clamp(256, 4096).next_multiple_of(128));
        loop {
            if let Poll::Ready(speed) = probe.poll()? {
                return Ok(speed.gflops);
            }
        }
    };
    let mut tiles = Vec::new();
    for (side, only) in [(64, Tiles::SMALL), (128, Tiles::LARGE)] {
        let other = pollster::block_on(Gpu::with_binding_limit(gpu.binding_limit()))?;
        let other = Arc::new(other.with_tiles(only));
        let chosen = (rows * cols >= gpu.tiles().large_from) == (only == Tiles::LARGE);
        tiles.push(TileSpeed { side, gflops: gflops(&other)?.max(gflops(&other)?), chosen });
    }
    let before = gflops(gpu)?.max(gflops(gpu)?);
    let copy_gbytes = copy_speed(gpu)? * 1e-9;
    let begun = Instant::now();
    let mut solver = Solver::on_device(&w, &settings, &Device::Gpu(gpu.clone()))?;
    let (mut relative_error, mut seconds_before) = (0.0, 0.0);
    let (mut dispatches, mut submissions, mut flops) = (0, 0, 0.0);
    while let Some(report) = solver.step()? {
        if let Some(note) = report.note {
            return Err(Error::Moved { note });
        }
        relative_error = report.error;
        if report.step == 2 {
            seconds_before = begun.elapsed().as_secs_f64();
        } else if report.outer == 2 {
            let counts = solver.counts();
            (dispatches, submissions) = (dispatches + counts.dispatches, submissions + counts.submissions);
            flops += counts.flops;
        }
    }
    let seconds_per_outer = (begun.elapsed().as_secs_f64() - seconds_before) / outer.max(1) as f64;
    drop(solver);
    let gemm_gflops = before.max(gflops(gpu)?);
    let floor_seconds = flops / gemm_gflops * 1e-9;
    Ok(Measured {
        rows,
        cols,
        inner_dim: settings.inner_dim(rows, cols),
        adapter: gpu.adapter().name.clone(),
        interface: gpu.adapter().interface,
        outer,
        seconds_per_outer,
        seconds_before,
        gemm_gflops,
        tiles,
        copy_gbytes,
        floor_seconds,
        ratio: seconds_per_outer / floor_seconds,
        dispatches,
        submissions,
        flops,
        kernels: kernel_times(gpu, &w, &settings)?,
        relative_error,
    })
}
