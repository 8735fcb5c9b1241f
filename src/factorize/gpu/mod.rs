//! Half-steps on a GPU: as in [`super::half_step`], with dense products.
//!
//! All data stay on the device. After each half-step only its sums and the factor it solved for, packed, come back: so
//! the host can show it, keep it, and continue from it when the device is lost.
//!
//! Factors are dense here, with a mask beside them, and everything is a product: the systems are inverted by blocks,
//! and each product ends in the update of V. The device computes the next half-step while the last one's results come
//! back. A browser cannot block: there [`super::Solver::poll`] returns that it is pending, and the event loop goes
//! round in between.

mod admm;
mod bench;
mod host_copy;
mod inputs;
mod panel_kernels;
mod passes;
#[cfg(test)]
mod tests;
mod weighed;

use super::half_step::{AdmmParams, HalfStepResult, HalfStepStats, InitialFactors, shifts};
use super::inputs::RunInputs;
use super::weighed::Axis;
use crate::compute::gpu::{Columns, Commands, Counts, Error, Gpu, GpuMatrix, Inverse, Staging, TopK, padded};
use crate::matrix::Matrix;
use admm::NextInput;
pub use bench::{KernelTime, kernel_times};
pub(super) use host_copy::HostCopy;
use inputs::GpuInputs;
pub(super) use panel_kernels::{PendingMatrices, admm_rows, systems};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use web_time::Instant;

const ROWS: &str = include_str!("panel_kernels.wgsl");

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    fours: u32,
    words: u32,
    slab: u32,
    slabs: u32,
    rows: u32,
    slot: u32,
    ridge: f32,
    rho0: f32,
    rho: f32,
    small: u32,
}

impl Params {
    /// Parameters for a slab of a matrix with `rows` rows.
    fn of_slab(columns: &Columns, slab: usize, rows: usize) -> Self {
        let cols = columns.slabs[slab].1;
        Self {
            fours: (cols / 4) as u32,
            words: (cols / 32) as u32,
            slab: slab as u32,
            slabs: columns.slabs.len() as u32,
            rows: rows as u32,
            slot: 0,
            ridge: 0.0,
            rho0: 0.0,
            rho: 0.0,
            small: 0,
        }
    }
}

/// Scaling of V before right-hand sides are computed; see `SCALE` in `panel_kernels.wgsl`.
#[derive(Clone, Copy, PartialEq)]
enum NormScaling {
    Stay = 0,
    TakeNorms = 1,
    Forget = 2,
}

/// Values computed from V; see `OUTPUT` in `panel_kernels.wgsl`.
#[derive(Clone, Copy, PartialEq)]
enum RowOutput {
    Reflected = 0,
    WithTarget = 1,
    Sparse = 2,
}

/// Half-steps submitted at a time, so that the device does not wait while the host takes in a result.
const AHEAD: usize = 2;

/// W, both factors and the memory of half-steps, on the device.
pub(super) struct GpuSolver {
    gpu: Arc<Gpu>,
    k: usize,
    /// W in the working orientation, n×m.
    w: GpuMatrix,
    /// Wᵀ, if the first factor's half-steps solve the smaller system.
    w_transposed: Option<GpuMatrix>,
    sides: [FactorState; 2],
    /// Gram matrices with the first and the later shift on their diagonals, then their negative inverses.
    systems: [wgpu::Buffer; 2],
    inverses: [Inverse; 2],
    scalars: wgpu::Buffer,
    squares: wgpu::Buffer,
    primal: wgpu::Buffer,
    residual: wgpu::Buffer,
    compared: wgpu::Buffer,
    /// Buffer for bindings that a kernel does not use.
    nothing: wgpu::Buffer,
    /// Staging buffers that are free.
    free: Vec<Staging>,
    /// Half-steps on the device, the first to end first.
    pending: VecDeque<Pending>,
    /// Time at which the last one came back, if it was waited for.
    last_done: Option<Instant>,
    /// Work of the last half-step.
    counts: Counts,
    inputs: Option<GpuInputs>,
}

/// A factor, k×q, and the memory of its half-steps.
struct FactorState {
    q: usize,
    columns: Columns,
    fixed: bool,
    v: GpuMatrix,
    mask: GpuMatrix,
    /// The mask before the half-step.
    mask_before: GpuMatrix,
    /// Z with rows of norm 1, from the last time the other factor was solved for; and the norms.
    f: GpuMatrix,
    norms: wgpu::Buffer,
    /// FT; of the smaller system its solution; in the end Z packed.
    h: GpuMatrix,
    /// Right-hand sides of even and odd iterations; for the smaller system (Z − U)·weight, and T − FᵀR.
    r: [GpuMatrix; 2],
    topk: TopK,
    /// Z as it last came back.
    kept: HostCopy,
}

/// A half-step on the device, and the ranges of its results in the staging buffer.
struct Pending {
    staging: Staging,
    counts: Counts,
    side: usize,
    rho: f32,
    primal: Range<usize>,
    residual: Range<usize>,
    compared: Range<usize>,
    slabs: Vec<(Range<usize>, Range<usize>)>,
    /// Sums of the layer-wise errors, after the second factor's.
    energies: Option<Range<usize>>,
}

impl GpuSolver {
    /// The solver for W n×m and the initial factors, of which at most `most` entries are ever kept.
    pub fn new(
        gpu: Arc<Gpu>,
        w: &Matrix,
        starts: InitialFactors<'_>,
        inputs: Option<RunInputs>,
        most: usize,
    ) -> Result<Self, Error> {
        let (n, m) = w.shape();
        let k = starts[0].0.rows();
        let mut rows = [k.max(m.min(k)), k.max(n)];
        if let Some(inputs) = &inputs {
            // Square matrices of the inputs' side, and in a metric all right-hand sides of the other factor.
            let side = usize::from(inputs.axis(0) == Axis::Rows);
            rows[side] = rows[side].max(n).max(m);
        }
        let columns = [Columns::new(&gpu, rows[0], n)?, Columns::new(&gpu, rows[1], m)?];
        let system = |side: usize| padded(k.min([m, n][side]));
        let largest = 4 * system(0).max(system(1)).pow(2) as u64;
        if largest > gpu.binding_limit() {
            let adapter = gpu.adapter().name.clone();
            return Err(Error::TooLarge { adapter, limit: gpu.binding_limit(), needed: largest });
        }
        // What both sides' half-steps use is the same memory.
        let room = |at: usize| {
            let cols = |columns: &Columns| columns.slabs.get(at).map_or(0, |(_, cols)| *cols);
            (padded(rows[0]) * cols(&columns[0])).max(padded(rows[1]) * cols(&columns[1]))
        };
        let slabs = columns[0].slabs.len().max(columns[1].slabs.len());
        let shared = || -> Vec<wgpu::Buffer> { (0..slabs).map(|at| gpu.zeros(room(at))).collect() };
        let memory = [shared(), shared(), shared()];
        let make = |side: usize| {
            let ((start, mask), columns) = (starts[side], &columns[side]);
            let q = start.cols();
            let this = FactorState {
                q,
                columns: columns.clone(),
                fixed: mask.is_some(),
                v: GpuMatrix::upload(&gpu, start, columns),
                mask: GpuMatrix::mask(&gpu, k, columns),
                mask_before: GpuMatrix::mask(&gpu, k, columns),
                f: GpuMatrix::zeros(&gpu, k, columns),
                norms: gpu.zeros(padded(k)),
                h: GpuMatrix::within(k, columns, &memory[0]),
                r: [GpuMatrix::within(k, columns, &memory[1]), GpuMatrix::within(k, columns, &memory[2])],
                topk: TopK::new(&gpu, k, columns),
                kept: HostCopy::new(start, mask),
            };
            this.mask.upload_mask(&gpu, k, q, |i, j| mask.map_or(start.get(i, j) != 0.0, |mask| mask[i * q + j]));
            this
        };
        let sides = [make(0), make(1)];
        let tiles = (padded(n) / 64) * (padded(m) / 64) + (padded(k) / 64) * (padded(n.max(m)) / 64);
        let parts = padded(k) * slabs;
        // Of each slab there may be as many values as of the whole.
        let values = |side: &FactorState| -> usize {
            let slabs = side.columns.slabs.iter().map(|(_, cols)| padded(k) * cols);
            slabs.map(|entries| most.min(entries) + entries / 32).sum()
        };
        let values = values(&sides[0]).max(values(&sides[1]));
        let inputs = inputs.map(|inputs| GpuInputs::new(&gpu, inputs, k, &columns));
        let energies = inputs.as_ref().map_or(0, GpuInputs::energy_count);
        let staging = || Staging::new(&gpu, 2 * tiles + 4 * parts + values + 64 * slabs + energies);
        let turns_w = m < k || inputs.as_ref().is_some_and(GpuInputs::turns_w);
        let solver = Self {
            k,
            w: GpuMatrix::upload(&gpu, w, &columns[1]),
            w_transposed: turns_w.then(|| GpuMatrix::upload(&gpu, &w.transposed(), &columns[0])),
            systems: [(); 2].map(|()| gpu.zeros(system(0).max(system(1)).pow(2))),
            inverses: [0, 1].map(|side| Inverse::new(&gpu, system(side))),
            scalars: gpu.zeros(4),
            squares: gpu.zeros(parts),
            primal: gpu.zeros(tiles),
            residual: gpu.zeros(tiles),
            compared: gpu.zeros(4 * parts),
            nothing: gpu.zeros(4),
            free: vec![staging()?, staging()?],
            sides,
            gpu: gpu.clone(),
            pending: VecDeque::new(),
            last_done: None,
            counts: Counts::default(),
            inputs,
        };
        let mut commands = Commands::new(&gpu);
        let still = AdmmParams {
            rho: 1.0,
            rho0: 1.0,
            ridge: 0.0,
            relaxation: 1.0,
            budget: 0,
            iterations: 1,
            mask_iterations: 0,
            warm_start: true,
            power: 0.0,
        };
        // What the first half-steps compare with, whichever comes first.
        solver.normalise(&mut commands, 1, &still, false);
        solver.normalise(&mut commands, 0, &still, false);
        commands.submit();
        // Where there was not enough memory for all of it, that is known by now; in a browser later.
        gpu.check()?;
        Ok(solver)
    }

    /// Work that the last half-step gave to the device.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Largest number of half-steps on the device. In a metric one hangs on what came back of the one before.
    pub fn ahead(&self) -> usize {
        if self.inputs.as_ref().is_some_and(GpuInputs::in_half_steps) { 1 } else { AHEAD }
    }

    /// Z of a side, as it last came back.
    pub fn kept(&self, side: usize) -> &HostCopy {
        &self.sides[side].kept
    }

    /// Submits a half-step to the device.
    pub fn begin(&mut self, side: usize, inner: &AdmmParams) -> Result<(), Error> {
        let gpu = self.gpu.clone();
        gpu.check()?;
        let mut commands = Commands::new(&gpu);
        let mut inputs = self.inputs.take();
        let axis = inputs.as_mut().and_then(|inputs| inputs.begin(&gpu, side, inner.power));
        let (x, fixed) = (&self.sides[side], &self.sides[1 - side]);
        let small = fixed.q < self.k;
        let n = padded(if small { fixed.q } else { self.k });
        let by_columns = axis == Some(Axis::Columns);
        let one_system = inner.iterations == 1 || inner.rho0 == inner.rho;
        // By columns an iteration begins as one with the smaller system does.
        self.normalise(&mut commands, 1 - side, inner, small || by_columns);
        match (axis, &mut inputs) {
            (Some(Axis::Columns), Some(inputs)) => {
                self.gram(&mut commands, &fixed.f, small, n);
                let shifts = shifts(inner.ridge * fixed.kept.filled(), true, inner);
                self.weigh_columns(&mut commands, inputs, shifts, &self.inverses[side], n);
            }
            (Some(Axis::Rows), Some(inputs)) => self.weigh_rows(&mut commands, inputs, 1 - side, inner, n),
            _ => {
                self.gram(&mut commands, &fixed.f, small, n);
                self.shift(&mut commands, side, n);
            }
        }
        if !by_columns {
            self.inverses[side].run(&mut commands, &self.systems[..if one_system { 1 } else { 2 }]);
        }
        let output = if small || by_columns { RowOutput::Reflected } else { RowOutput::WithTarget };
        if output == RowOutput::WithTarget {
            let weighed = inputs.as_ref().filter(|_| axis.is_some());
            self.target(&mut commands, side, self.weighed_factor(weighed, 1 - side));
        }
        for (mask, before) in x.mask.slabs.iter().zip(&x.mask_before.slabs) {
            commands.copy((&mask.buffer, 0), (&before.buffer, 0), x.mask.rows * mask.cols / 32);
        }
        let scale = if inner.warm_start { NormScaling::TakeNorms } else { NormScaling::Forget };
        self.row_pass(&mut commands, side, 0, 2, scale, output);
        let choices = if x.fixed { 0 } else { inner.mask_iterations.min(inner.iterations) };
        let (mut now, mut inner_tiles) = (0, 0);
        for i in 0..inner.iterations {
            let (first, last, choose) = (i == 0, i + 1 == inner.iterations, i < choices);
            let next = match (choose, last) {
                (true, _) => NextInput::Nothing,
                (false, true) => NextInput::Sparse,
                (false, false) => NextInput::Right,
            };
            let to = if small || by_columns { 0 } else { 1 - now };
            let end = IterationEnd { next, relaxation: if first { 1.0 } else { inner.relaxation } };
            inner_tiles = match &inputs {
                Some(inputs) if by_columns => self.iterate_columns(&mut commands, inputs, side, first, small, end),
                _ => {
                    let turn = IterationBuffers { from: now, to, n, small };
                    self.iterate(&mut commands, side, usize::from(!first && !one_system), turn, end)
                }
            };
            if choose {
                x.topk.select(&mut commands, &x.v, &x.mask, inner.budget);
                self.row_pass(
                    &mut commands,
                    side,
                    to,
                    3,
                    NormScaling::Stay,
                    if last { RowOutput::Sparse } else { output },
                );
            }
            now = to;
        }
        let tiles = self.error(&mut commands, side, now);
        let energies = inputs.as_ref().filter(|_| side == 1);
        if let Some(inputs) = energies {
            self.layer(&mut commands, inputs, now);
        }
        self.compare(&mut commands, side);
        self.pack(&mut commands, side);
        let most = if x.fixed { x.kept.nnz() } else { inner.budget };
        let mut staging =
            self.free.pop().ok_or_else(|| gpu.lost_because("more was asked of it than it has memory for"))?;
        let primal = staging.copy_from(&mut commands, &self.primal, inner_tiles);
        let residual = staging.copy_from(&mut commands, &self.residual, tiles);
        let compared = staging.copy_from(&mut commands, &self.compared, 4 * padded(self.k) * x.v.slabs.len());
        let energies = energies.map(|inputs| staging.copy_from(&mut commands, &inputs.energies, inputs.energy_count()));
        let mut slabs = Vec::new();
        for (mask, h) in x.mask.slabs.iter().zip(&x.h.slabs) {
            let entries = x.mask.rows * mask.cols;
            let words = staging.copy_from(&mut commands, &mask.buffer, entries / 32);
            slabs.push((words, staging.copy_from(&mut commands, &h.buffer, most.min(entries))));
        }
        staging.request(&mut commands);
        let counts = commands.counts();
        let rho = inner.rho;
        self.pending.push_back(Pending { staging, counts, side, rho, primal, residual, compared, slabs, energies });
        self.inputs = inputs;
        Ok(())
    }

    /// The result of the earliest pending half-step, once it is there.
    pub fn done(&mut self) -> Result<Option<HalfStepResult>, Error> {
        let Some(first) = self.pending.front() else { return Ok(None) };
        if !first.staging.is_ready(&self.gpu)? {
            return Ok(None);
        }
        let Some(mut pending) = self.pending.pop_front() else { return Ok(None) };
        let now = Instant::now();
        // Only if this one and the one before were waited for, all the time between was the device's.
        let waited = pending.staging.blocked();
        let before = std::mem::replace(&mut self.last_done, waited.then_some(now)).filter(|_| waited);
        if let Some(before) = before {
            self.gpu.record_speed(pending.counts.flops, (now - before).as_secs_f64());
        }
        self.counts = pending.counts;
        let (gpu, staging) = (&self.gpu, &pending.staging);
        let sum = |at: &Range<usize>| -> Result<f64, Error> {
            Ok(staging.read::<f32>(gpu, at.clone())?.into_iter().map(f64::from).sum())
        };
        let (primal, residual_squared) = (sum(&pending.primal)?, sum(&pending.residual)?);
        let compared = staging.read::<[f32; 4]>(gpu, pending.compared.clone())?;
        let total = |lane: usize| compared.iter().map(|sums| f64::from(sums[lane])).sum::<f64>();
        let norm = total(0).sqrt().max(f64::MIN_POSITIVE);
        let outcome = HalfStepStats {
            changed: total(2) as usize,
            primal: primal.sqrt() / norm,
            dual: f64::from(pending.rho) * total(1).sqrt() / norm,
        };
        let layer = match (&self.inputs, &pending.energies) {
            (Some(inputs), Some(at)) => inputs.layer_errors(&staging.read::<f32>(gpu, at.clone())?),
            _ => Vec::new(),
        };
        let side = &mut self.sides[pending.side];
        let slabs = pending.slabs.iter().zip(&side.columns.slabs).map(|((words, values), (first, cols))| {
            let (words, values) = (staging.read(gpu, words.clone())?, staging.read(gpu, values.clone())?);
            Ok(host_copy::Slab { first: *first, cols: *cols, words, values })
        });
        side.kept = HostCopy::from_slabs(self.k, side.q, slabs.collect::<Result<_, Error>>()?);
        pending.staging.unmap();
        self.free.push(pending.staging);
        Ok(Some(HalfStepResult { outcome, residual_squared, layer }))
    }
}

/// Right-hand sides that an iteration reads, and those it writes for the next.
#[derive(Clone, Copy)]
struct IterationBuffers {
    from: usize,
    to: usize,
    /// Side of the system.
    n: usize,
    small: bool,
}

/// End of an iteration.
#[derive(Clone, Copy)]
struct IterationEnd {
    next: NextInput,
    relaxation: f32,
}
