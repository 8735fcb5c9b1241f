//! Half-steps in a metric of the layer's inputs, as in [`crate::factorize::weighed`], and the layer-wise error.
//!
//! With M = R·Rᵀ, R = Q·diag(√d), all of it is products: F·M·Fᵀ = (FR)(FR)ᵀ, whose diagonal gives the norms, and M⁻¹ =
//! R⁻ᵀR⁻¹ with reciprocal roots. Where the unknown's columns are the inputs, each penalty has an inverse of its own, that is
//! multiplied with the columns that need it.

use super::inputs::{GpuInputs, GpuMetric, gram_of_rows, multiply};
use super::{FactorState, GpuSolver, IterationEnd, admm};
use crate::compute::gpu::{Commands, GpuMatrix, Inverse, Kernel, KernelSource, Operand, Product, Shape, Slab, padded};
use crate::factorize::half_step::AdmmParams;
use crate::factorize::metric::PowerMetric;
use crate::factorize::weighed::{Axis, Mix, penalties};
use std::ops::Range;
use std::sync::Arc;

#[repr(C)]
#[derive(Clone, Copy, Default, bytemuck::NoUninit)]
struct Params {
    fours: u32,
    first: u32,
    count: u32,
    weights_at: u32,
    sums_at: u32,
    sums_stride: u32,
    rows: u32,
    whole: u32,
    shift: f32,
}

impl Params {
    /// For whole rows of a slab.
    fn of(slab: &Slab) -> Self {
        let fours = (slab.cols / 4) as u32;
        Self { fours, count: fours, weights_at: (slab.first / 4) as u32, ..Self::default() }
    }
}

impl GpuSolver {
    fn weighed_kernel(&self, entry: &'static str) -> Arc<Kernel> {
        self.gpu.kernel(KernelSource { text: [include_str!("weighed.wgsl"), ""], entry, proven: false }, &[])
    }

    /// Q times the weights, by columns.
    fn scaled(&self, commands: &mut Commands<'_>, metric: &GpuMetric, weights: &wgpu::Buffer) {
        let weigh = self.weighed_kernel("weigh");
        for (from, to) in metric.vectors.slabs.iter().zip(&metric.scaled.slabs) {
            let buffers = [(1, &to.buffer), (2, &from.buffer), (4, weights)];
            commands.run(&weigh, &Params::of(from), &buffers, (metric.vectors.rows, 1));
        }
    }

    /// After [`GpuSolver::normalise`], where the inputs are the columns of F: norms in the metric, and the systems up to
    /// their shifts.
    pub(super) fn weigh_rows(
        &self,
        commands: &mut Commands<'_>,
        inputs: &mut GpuInputs,
        side: usize,
        inner: &AdmmParams,
        n: usize,
    ) {
        let Some(metric) = &mut inputs.metric else { return };
        let FactorState { f, norms, .. } = &self.sides[side];
        let (k, small) = (padded(self.k), metric.inverse.is_some());
        self.scaled(commands, metric, &metric.roots);
        multiply(commands, f, k, &metric.scaled, false, &metric.turned);
        let (squares, slabs) = (self.weighed_kernel("squares"), metric.turned.slabs.len());
        for (at, slab) in metric.turned.slabs.iter().enumerate() {
            let params = Params { sums_at: at as u32, sums_stride: slabs as u32, ..Params::of(slab) };
            commands.run(&squares, &params, &[(1, &slab.buffer), (3, &self.squares)], (k, 1));
        }
        let AdmmParams { ridge, rho0, rho, .. } = *inner;
        let params = super::Params { ridge, rho0, rho, small: u32::from(small), ..self.params(side, 0) };
        let norm = self.kernel("norm", &[]);
        commands.run(&norm, &params, &[(3, &self.squares), (4, &metric.norms), (5, &self.scalars)], (1, 1));
        let divide = self.weighed_kernel("divide");
        let mut divide_all = |matrix: &GpuMatrix, with_norms: bool| {
            for (at, slab) in matrix.slabs.iter().enumerate() {
                let whole = u32::from(with_norms && at == 0);
                let params = Params { rows: self.k as u32, whole, ..Params::of(slab) };
                let buffers = [(1, &slab.buffer), (5, norms), (6, &metric.norms)];
                commands.run(&divide, &params, &buffers, (k, 1));
            }
        };
        divide_all(f, true);
        if !small {
            divide_all(&metric.turned, false);
        }
        let power = metric.power;
        if let Some((inverse, current)) = &metric.inverse
            && *current != power
        {
            self.scaled(commands, metric, &metric.reciprocals);
            gram_of_rows(commands, &metric.scaled, inverse, n);
        }
        match &mut metric.inverse {
            Some((inverse, current)) => {
                *current = power;
                self.gram(commands, f, true, n);
                let params = Params { fours: (n / 4) as u32, ..Params::default() };
                let [first, later] = &self.systems;
                let buffers = [(1, first), (2, &*inverse), (7, &self.scalars), (8, later)];
                commands.run(&self.weighed_kernel("shift_by"), &params, &buffers, (n, 1));
            }
            None => {
                gram_of_rows(commands, &metric.turned, &self.systems[0], n);
                self.shift(commands, side, n);
                if let Some(product) = &metric.product {
                    multiply(commands, &metric.turned, k, &metric.scaled, true, product);
                }
            }
        }
    }

    /// F·M of [`GpuSolver::weigh_rows`], in place of F in the right-hand sides of the larger system.
    pub(super) fn weighed_factor<'a>(&'a self, inputs: Option<&'a GpuInputs>, side: usize) -> &'a GpuMatrix {
        let metric = inputs.and_then(|inputs| inputs.metric.as_ref());
        metric.and_then(|metric| metric.product.as_ref()).unwrap_or(&self.sides[side].f)
    }

    /// Where the inputs are the unknown's columns: the inverses for all penalties, n×n, from the Gram matrix in the first of
    /// the systems.
    pub(super) fn weigh_columns(
        &self,
        commands: &mut Commands<'_>,
        inputs: &mut GpuInputs,
        shifts: [f32; 2],
        inverse: &Inverse,
        n: usize,
    ) {
        let Some(metric) = &mut inputs.metric else { return };
        let Some(weights) = inputs.inputs.power_metric().map(PowerMetric::weights) else { return };
        let penalties = penalties(shifts, weights);
        metric.systems.resize_with(penalties.len().max(metric.systems.len()), || self.gpu.zeros(n * n));
        let lift = self.weighed_kernel("lift");
        for (system, &shift) in metric.systems.iter().zip(&penalties) {
            let params = Params { fours: (n / 4) as u32, shift, ..Params::default() };
            commands.run(&lift, &params, &[(1, system), (2, &self.systems[0])], (n, 1));
        }
        metric.systems[..penalties.len()].chunks(2).for_each(|pair| inverse.run(commands, pair));

        // Penalties descend from the first column to the last.
        let mut shares: Vec<f32> = Vec::new();
        metric.ranges = shifts.map(|shift| {
            let mixes: Vec<Mix> = weights.iter().map(|weight| Mix::new(&penalties, shift / weight)).collect();
            let range = |g: usize| {
                let needs = |mix: &Mix| mix.share(g) != 0.0;
                let first = mixes.iter().position(needs).unwrap_or(mixes.len());
                let past = mixes.iter().rposition(needs).map_or(first, |last| last + 1);
                // Whole tiles: in between the shares are 0.
                let range = if first < past { first / 64 * 64..past.next_multiple_of(64) } else { 0..0 };
                shares.extend(range.clone().map(|column| mixes.get(column).map_or(0.0, |mix| mix.share(g))));
                range
            };
            (0..penalties.len()).map(range).collect()
        });
        if metric.shares.size() < 4 * shares.len() as u64 {
            metric.shares = self.gpu.zeros(2 * shares.len());
        }
        self.gpu.write(&metric.shares, 0, &shares);
    }

    /// One inner iteration up to V where the inputs are the unknown's columns, from (Z − U)·weight in the first of the
    /// right-hand sides; as [`GpuSolver::iterate`].
    pub(super) fn iterate_columns(
        &self,
        commands: &mut Commands<'_>,
        inputs: &GpuInputs,
        side: usize,
        first: bool,
        small: bool,
        finish: IterationEnd,
    ) -> usize {
        let Some(metric) = &inputs.metric else { return 0 };
        let (x, f) = (&self.sides[side], &self.sides[1 - side].f);
        let k = padded(self.k);
        let p = padded(self.sides[1 - side].q);
        let n = if small { p } else { k };
        // T − FᵀR, and for the larger system F times it.
        let (rest, other) = (&x.r[1], &x.h);
        let w = if side == 0 { self.w_transposed.as_ref() } else { Some(&self.w) };
        for (s, (rest, right)) in rest.slabs.iter().zip(&x.r[0].slabs).enumerate() {
            if let Some(w) = w {
                commands.copy((&w.slabs[s].buffer, 0), (&rest.buffer, 0), p * rest.cols);
            }
            for f in &f.slabs {
                let (a, b) = (Operand::new(&f.buffer, f.cols).transposed(), Operand::new(&right.buffer, right.cols));
                let product = Product { a, b, shape: Shape { rows: f.cols, cols: rest.cols, depth: k }, lower: false };
                product.store(commands, (&rest.buffer, f.first * rest.cols, rest.cols), -1.0, true);
            }
        }
        if !small {
            multiply(commands, f, k, rest, false, other);
        }
        let (sides, turned) = if small { (rest, other) } else { (other, rest) };
        multiply(commands, sides, n, &metric.vectors, false, turned);
        // Each column's solution is mixed from those of two penalties, in the memory of its right-hand sides.
        let solved = sides;
        solved.slabs.iter().for_each(|slab| commands.clear(&slab.buffer, n * slab.cols));
        let weigh = self.weighed_kernel("weigh");
        let mut at = if first { 0 } else { metric.ranges[0].iter().map(Range::len).sum() };
        for (system, range) in metric.systems.iter().zip(&metric.ranges[usize::from(!first)]) {
            for (s, slab) in turned.slabs.iter().enumerate() {
                let here = range.start.max(slab.first)..range.end.min(slab.first + slab.cols);
                if here.is_empty() {
                    continue;
                }
                let column = here.start - slab.first;
                let params = Params {
                    first: (column / 4) as u32,
                    count: (here.len() / 4) as u32,
                    weights_at: ((at + here.start - range.start) / 4) as u32,
                    ..Params::of(slab)
                };
                let weighed = &metric.turned.slabs[s].buffer;
                commands.run(&weigh, &params, &[(1, weighed), (2, &slab.buffer), (4, &metric.shares)], (n, 1));
                let product = Product {
                    a: Operand::new(system, n),
                    b: Operand::new(weighed, slab.cols).from(column),
                    shape: Shape { rows: n, cols: here.len(), depth: n },
                    lower: false,
                };
                product.store(commands, (&solved.slabs[s].buffer, column, slab.cols), -1.0, true);
            }
            at += range.len();
        }
        let last = if small {
            multiply(commands, solved, n, &metric.vectors, true, turned);
            f
        } else {
            solved
        };
        // R + F·(S·Qᵀ), or R + S·Qᵀ.
        let mut sums_at = 0;
        for (s, v) in x.v.slabs.iter().enumerate() {
            let (cols, right) = (v.cols, &x.r[0].slabs[s].buffer);
            for (t, part) in last.slabs.iter().enumerate() {
                let b = if small {
                    Operand::new(&turned.slabs[s].buffer, cols).from(part.first * cols)
                } else {
                    let q = &metric.vectors.slabs[t];
                    Operand::new(&q.buffer, q.cols).from(v.first * q.cols).transposed()
                };
                let shape = Shape { rows: k, cols, depth: part.cols };
                let product = Product { a: Operand::new(&part.buffer, part.cols), b, shape, lower: false };
                if t + 1 < last.slabs.len() {
                    product.store(commands, (right, 0, cols), 1.0, true);
                    continue;
                }
                let (mask, nothing) = (&x.mask.slabs[s].buffer, &self.nothing);
                let buffers =
                    [(3, &v.buffer), (4, mask), (5, nothing), (6, right), (7, &self.primal), (8, &self.scalars)];
                let IterationEnd { next, relaxation } = finish;
                admm::finish(commands, &product, &buffers, admm::AdmmFinish { small: true, next, relaxation, sums_at });
                let (across, down) = shape.tiles(self.gpu.tiles());
                sums_at += across * down;
            }
        }
        sums_at
    }

    /// The sums of the layer-wise errors, with the second factor's Z as scaled in its right-hand sides `at`.
    pub(super) fn layer(&self, commands: &mut Commands<'_>, inputs: &GpuInputs, at: usize) {
        let [first, second] = [&self.sides[0].f, &self.sides[1].r[at]];
        let k = padded(self.k);
        let (e, seen) = (&inputs.residual, &inputs.seen);
        for (s, (e, z)) in e.slabs.iter().zip(&second.slabs).enumerate() {
            commands.copy((&self.w.slabs[s].buffer, 0), (&e.buffer, 0), inputs.residual.rows * e.cols);
            for left in &first.slabs {
                let (a, b) = (Operand::new(&left.buffer, left.cols).transposed(), Operand::new(&z.buffer, z.cols));
                let product = Product { a, b, shape: Shape { rows: left.cols, cols: z.cols, depth: k }, lower: false };
                product.store(commands, (&e.buffer, left.first * e.cols, e.cols), -1.0, true);
            }
        }
        let products = self.weighed_kernel("products");
        for (number, c) in inputs.statistics.iter().enumerate() {
            match inputs.inputs.axis(0) {
                Axis::Rows => multiply(commands, e, e.rows, c, false, seen),
                Axis::Columns => multiply(commands, c, e.rows, e, false, seen),
            }
            for (s, (e, seen)) in e.slabs.iter().zip(&seen.slabs).enumerate() {
                let rows = inputs.residual.rows;
                let sums_at = ((number * inputs.residual.slabs.len() + s) * rows) as u32;
                let params = Params { sums_at, sums_stride: 1, ..Params::of(e) };
                let buffers = [(1, &e.buffer), (2, &seen.buffer), (3, &inputs.energies)];
                commands.run(&products, &params, &buffers, (rows, 1));
            }
        }
    }
}
