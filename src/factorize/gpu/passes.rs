//! What a half-step records, a pass after the other: the steps of [`crate::factorize::half_step`] as kernels and products.

use super::admm::{self, AdmmFinish};
use super::inputs::gram_of_rows;
use super::{FactorState, GpuSolver, IterationBuffers, IterationEnd, NormScaling, Params, ROWS, RowOutput};
use crate::compute::gpu::{Commands, GpuMatrix, Kernel, KernelSource, Operand, Product, Shape, padded};
use crate::factorize::half_step::AdmmParams;
use std::sync::Arc;

impl GpuSolver {
    pub(super) fn kernel(&self, entry: &'static str, constants: &[(&'static str, f64)]) -> Arc<Kernel> {
        self.gpu.kernel(KernelSource { text: [ROWS, ""], entry, proven: false }, constants)
    }

    pub(super) fn params(&self, side: usize, slab: usize) -> Params {
        Params::of_slab(&self.sides[side].columns, slab, self.k)
    }

    /// F of a side, its norms, and the shifts and weights of a half-step with it.
    pub(super) fn normalise(&self, commands: &mut Commands<'_>, side: usize, inner: &AdmmParams, small: bool) {
        let FactorState { v, mask, f, norms, .. } = &self.sides[side];
        let (square, norm) = (self.kernel("square", &[]), self.kernel("norm", &[]));
        let normalise = self.kernel("normalise", &[]);
        for (at, (v, mask)) in v.slabs.iter().zip(&mask.slabs).enumerate() {
            let buffers = [(1, &v.buffer), (2, &mask.buffer), (3, &self.squares)];
            commands.run(&square, &self.params(side, at), &buffers, (padded(self.k), 1));
        }
        let AdmmParams { ridge, rho0, rho, .. } = *inner;
        let params = Params { ridge, rho0, rho, small: u32::from(small), ..self.params(side, 0) };
        commands.run(&norm, &params, &[(3, &self.squares), (4, norms), (5, &self.scalars)], (1, 1));
        for (at, ((v, mask), f)) in v.slabs.iter().zip(&mask.slabs).zip(&f.slabs).enumerate() {
            let buffers = [(1, &v.buffer), (2, &mask.buffer), (4, norms), (6, &f.buffer)];
            commands.run(&normalise, &self.params(side, at), &buffers, (padded(self.k), 1));
        }
    }

    /// Lower triangle of FFᵀ, or FᵀF for the smaller system, into the first of the systems.
    pub(super) fn gram(&self, commands: &mut Commands<'_>, f: &GpuMatrix, small: bool, n: usize) {
        let system = &self.systems[0];
        if !small {
            return gram_of_rows(commands, f, system, n);
        }
        for (t, slab) in f.slabs.iter().enumerate() {
            let whole = Operand::new(&slab.buffer, slab.cols);
            for left in &f.slabs[..=t] {
                let shape = Shape { rows: slab.cols, cols: left.cols, depth: f.rows };
                let (b, lower) = (Operand::new(&left.buffer, left.cols), left.first == slab.first);
                let product = Product { a: whole.transposed(), b, shape, lower };
                product.store(commands, (system, slab.first * n + left.first, n), 1.0, false);
            }
        }
    }

    /// The shifts on the diagonals of both systems.
    pub(super) fn shift(&self, commands: &mut Commands<'_>, side: usize, n: usize) {
        let shift = self.kernel("shift", &[]);
        let params = Params { fours: (n / 4) as u32, ..self.params(side, 0) };
        let buffers = [(1, &self.systems[0]), (5, &self.scalars), (6, &self.systems[1])];
        commands.run(&shift, &params, &buffers, (n, 1));
    }

    /// FT for the columns of a side.
    pub(super) fn target(&self, commands: &mut Commands<'_>, side: usize, f: &GpuMatrix) {
        let x = &self.sides[side];
        for (s, h) in x.h.slabs.iter().enumerate() {
            for (t, f) in f.slabs.iter().enumerate() {
                let b = match side {
                    // Columns of Wᵀ are rows of W.
                    0 => {
                        let w = &self.w.slabs[t];
                        Operand::new(&w.buffer, w.cols).from(h.first * w.cols).transposed()
                    }
                    _ => {
                        let w = &self.w.slabs[s];
                        Operand::new(&w.buffer, w.cols).from(f.first * w.cols)
                    }
                };
                let shape = Shape { rows: padded(self.k), cols: h.cols, depth: f.cols };
                let product = Product { a: Operand::new(&f.buffer, f.cols), b, shape, lower: false };
                product.store(commands, (&h.buffer, 0, h.cols), 1.0, t > 0);
            }
        }
    }

    /// A pass over V that computes right-hand sides or Z.
    pub(super) fn row_pass(
        &self,
        commands: &mut Commands<'_>,
        side: usize,
        to: usize,
        slot: usize,
        scale: NormScaling,
        output: RowOutput,
    ) {
        let (x, fixed) = (&self.sides[side], &self.sides[1 - side]);
        let kernel = self.kernel("row_pass", &[("SCALE", f64::from(scale as u8)), ("OUTPUT", f64::from(output as u8))]);
        for (at, v) in x.v.slabs.iter().enumerate() {
            let params = Params { slot: slot as u32, ..self.params(side, at) };
            let h = if output == RowOutput::WithTarget { &x.h.slabs[at].buffer } else { &self.nothing };
            let (mask, out) = (&x.mask.slabs[at].buffer, &x.r[to].slabs[at].buffer);
            let buffers = [(1, &v.buffer), (2, mask), (4, &fixed.norms), (5, &self.scalars), (6, out), (7, h)];
            commands.run(&kernel, &params, &buffers, (padded(self.k), 1));
        }
    }

    /// One inner iteration up to V, from the right-hand sides `from`; the next ones go to `to`. Returns the number of
    /// tiles of its last products.
    pub(super) fn iterate(
        &self,
        commands: &mut Commands<'_>,
        side: usize,
        system: usize,
        turn: IterationBuffers,
        finish: IterationEnd,
    ) -> usize {
        let (x, f) = (&self.sides[side], &self.sides[1 - side].f);
        let k = padded(self.k);
        let mut sums_at = 0;
        for (s, v) in x.v.slabs.iter().enumerate() {
            let cols = v.cols;
            let system = Operand::new(&self.systems[system], turn.n);
            let right = &x.r[turn.from].slabs[s].buffer;
            let product = if turn.small {
                let w = if side == 0 { self.w_transposed.as_ref() } else { Some(&self.w) };
                let (rest, solution) = (&x.r[1].slabs[s].buffer, &x.h.slabs[s].buffer);
                if let Some(w) = w {
                    commands.copy((&w.slabs[s].buffer, 0), (rest, 0), turn.n * cols);
                }
                for f in &f.slabs {
                    let (a, b) = (Operand::new(&f.buffer, f.cols).transposed(), Operand::new(right, cols));
                    let product = Product { a, b, shape: Shape { rows: f.cols, cols, depth: k }, lower: false };
                    product.store(commands, (rest, f.first * cols, cols), -1.0, true);
                }
                let shape = Shape { rows: turn.n, cols, depth: turn.n };
                let solve = Product { a: system, b: Operand::new(rest, cols), shape, lower: false };
                solve.store(commands, (solution, 0, cols), -1.0, false);
                let (last, others) = f.slabs.split_last().unzip();
                for f in others.into_iter().flatten() {
                    let (a, b) = (Operand::new(&f.buffer, f.cols), Operand::new(solution, cols).from(f.first * cols));
                    let product = Product { a, b, shape: Shape { rows: k, cols, depth: f.cols }, lower: false };
                    product.store(commands, (right, 0, cols), 1.0, true);
                }
                let Some(f) = last else { continue };
                let shape = Shape { rows: k, cols, depth: f.cols };
                let b = Operand::new(solution, cols).from(f.first * cols);
                Product { a: Operand::new(&f.buffer, f.cols), b, shape, lower: false }
            } else {
                let shape = Shape { rows: k, cols, depth: turn.n };
                Product { a: system, b: Operand::new(right, cols), shape, lower: false }
            };
            let h = if turn.small { &self.nothing } else { &x.h.slabs[s].buffer };
            let (next, mask) = (&x.r[turn.to].slabs[s].buffer, &x.mask.slabs[s].buffer);
            let (across, down) = product.shape.tiles(self.gpu.tiles());
            let buffers = [(3, &v.buffer), (4, mask), (5, h), (6, next), (7, &self.primal), (8, &self.scalars)];
            let IterationEnd { next, relaxation } = finish;
            admm::finish(commands, &product, &buffers, AdmmFinish { small: turn.small, next, relaxation, sums_at });
            sums_at += across * down;
        }
        sums_at
    }

    /// ‖W − AB‖² by tiles, with the side's Z as scaled in its right-hand sides `at`; returns the number of tiles.
    pub(super) fn error(&self, commands: &mut Commands<'_>, side: usize, at: usize) -> usize {
        let (x, f) = (&self.sides[side], &self.sides[1 - side].f);
        let k = padded(self.k);
        let mut tiles = 0;
        let z = &x.r[at];
        let (first, second) = if side == 0 { (z, f) } else { (f, z) };
        for (s, right) in second.slabs.iter().enumerate() {
            for left in &first.slabs {
                let shape = Shape { rows: left.cols, cols: right.cols, depth: k };
                let (a, b) =
                    (Operand::new(&left.buffer, left.cols).transposed(), Operand::new(&right.buffer, right.cols));
                let product = Product { a, b, shape, lower: false };
                let w = (&self.w.slabs[s].buffer, left.first * right.cols, right.cols);
                product.residual(commands, w, (&self.residual, tiles));
                let (across, down) = shape.tiles(self.gpu.tiles());
                tiles += across * down;
            }
        }
        tiles
    }

    /// Restores V's norms, and sums up what the half-step has changed.
    pub(super) fn compare(&self, commands: &mut Commands<'_>, side: usize) {
        let (x, fixed) = (&self.sides[side], &self.sides[1 - side]);
        let compare = self.kernel("compare", &[]);
        for (at, v) in x.v.slabs.iter().enumerate() {
            let buffers = [
                (1, &v.buffer),
                (2, &x.mask.slabs[at].buffer),
                (4, &fixed.norms),
                (6, &self.compared),
                (8, &x.mask_before.slabs[at].buffer),
                (9, &x.f.slabs[at].buffer),
                (10, &x.norms),
            ];
            commands.run(&compare, &self.params(side, at), &buffers, (padded(self.k), 1));
        }
    }

    /// Packs Z into the memory of FT.
    pub(super) fn pack(&self, commands: &mut Commands<'_>, side: usize) {
        let x = &self.sides[side];
        for (at, h) in x.h.slabs.iter().enumerate() {
            x.topk.pack(commands, at, &x.v, &x.mask, &h.buffer);
        }
    }
}
