//! One half-step: with one factor held, the other by a few iterations of ADMM.
//!
//! Written for a fixed factor F, k×p, and a target T, p×q: find a sparse X, k×q, with FᵀX close to T. For the second
//! factor F is the first one transposed and T = W; for the first factor F is the second and T = Wᵀ, so X comes out
//! transposed. Both factors are therefore kept with k rows.
//!
//! In formulas, after F's rows are normalised to 1 (X and its dual take up the norms, and give them back at the end),
//! with c = r + ρ, in the first iteration with ρ₀ instead of ρ:
//!
//! - Y = (FFᵀ + cI)⁻¹(FT + ρ(Z − U)),
//! - V = λY + (1 − λ)Z + U with the relaxation λ, 1 in the first iteration; the mask M keeps V's largest entries,
//! - Z = M⊙V, U = V − Z.
//!
//! When F has more rows than columns the same Y comes from a system of the smaller size (Woodbury's identity): with
//! R = (Z − U)ρ/c it is Y = R + F(FᵀF + cI)⁻¹(T − FᵀR).

use super::phase::{Clock, Phase, Times};
use super::side::{Block, Choice, Parts, Side, each};
use crate::compute::{
    Cholesky, PANEL, PanelRow, chunks_of_mut, fill_transposed, join, multiply, prelude::*, sparse_gram, with_panel,
};
use crate::matrix::{Csr, Histogram, Matrix};
use faer::dyn_stack::MemBuffer;

/// T, p×q: a matrix or its transpose.
#[derive(Clone, Copy)]
pub(super) enum Target<'a> {
    /// p×q.
    Plain(&'a Matrix),
    /// q×p.
    Transposed(&'a Matrix),
}

/// How a half-step is done.
pub(super) struct Inner {
    pub rho: f32,
    pub rho0: f32,
    /// r, against F's mean squared row norm.
    pub ridge: f32,
    /// λ.
    pub relaxation: f32,
    /// How many entries may be kept.
    pub budget: usize,
    pub iterations: usize,
    pub mask_iterations: usize,
    pub warm_start: bool,
}

/// What a half-step tells about itself, besides its result.
#[derive(Clone, Copy, Default)]
pub(super) struct Outcome {
    /// Positions that entered or left the mask.
    pub changed: usize,
    /// ‖Y − M⊙Y‖ / ‖Z‖ in the last iteration, M before it chooses.
    pub primal: f64,
    /// ρ‖Z − Z'‖ / ‖Z‖ with Z' before the half-step.
    pub dual: f64,
}

/// The memory of half-steps, reused.
pub(super) struct Workspace {
    /// Row norms of F.
    norms: Vec<f32>,
    /// F with rows of norm 1.
    f: Csr,
    /// Its transpose.
    ft: Csr,
    /// The systems of the first and the later iterations.
    systems: [Cholesky; 2],
    lanes: Vec<Lane>,
    parts: Vec<Parts>,
    choice: Choice,
    pub times: Times,
}

/// What a block's thread works in.
#[derive(Default)]
struct Lane {
    /// FT, k×width; of no use where the smaller system is solved.
    h: Matrix,
    /// The right-hand side and then the solution.
    y: Matrix,
    memory: Option<MemBuffer>,
    sums: Sums,
    times: Times,
}

#[derive(Clone, Copy, Default)]
struct Sums {
    primal: f64,
    dual: f64,
    norm: f64,
    changed: usize,
}

/// What all blocks share in one iteration.
struct Iteration<'a> {
    system: &'a Cholesky,
    f: &'a Csr,
    ft: &'a Csr,
    target: Target<'a>,
    /// Whether the smaller system is solved.
    small: bool,
    rho: f32,
    /// ρ/c.
    weight: f32,
    relaxation: f32,
}

impl Workspace {
    pub fn new(clock: Clock) -> Self {
        let (norms, f, ft, systems, lanes, parts) = Default::default();
        Self { norms, f, ft, systems, lanes, parts, choice: Choice::default(), times: Times::new(clock) }
    }

    /// Solves for `x` with `fixed` held. `target` is p×q.
    pub fn half_step(&mut self, x: &mut Side, fixed: &Side, target: Target<'_>, inner: &Inner) -> Outcome {
        let clock = self.times.clock;
        self.times.start();
        self.reserve(x);
        let small = fixed.cols() < fixed.rows();
        let ridge = inner.ridge * self.normalise(fixed);
        sparse_gram(self.systems[0].lower_mut(), if small { &self.ft } else { &self.f });
        self.times.took(Phase::Gram);
        // Without any shift the small system would have nothing to divide by.
        let shift = |rho: f32| (ridge + rho).max(if small { 1e-6 } else { 0.0 });
        let shifts = [shift(inner.rho0), shift(inner.rho)];
        let one_system = inner.iterations == 1 || inner.rho0 == inner.rho;
        self.factorize(shifts, one_system, small);
        self.times.took(Phase::Factorize);

        for i in 0..inner.iterations {
            let first = i == 0;
            let rho = if first { inner.rho0 } else { inner.rho };
            let iteration = Iteration {
                system: &self.systems[usize::from(!first && !one_system)],
                f: &self.f,
                ft: &self.ft,
                target,
                small,
                rho,
                weight: rho / shifts[usize::from(!first)],
                relaxation: if first { 1.0 } else { inner.relaxation },
            };
            let (norms, choose) = (&self.norms, !x.is_fixed() && i < inner.mask_iterations);
            let work = x.blocks.iter_mut().zip(&mut self.lanes).zip(&mut self.choice.histograms);
            each(work, |((block, lane), histogram)| {
                lane.times = Times::new(clock);
                lane.times.start();
                if first {
                    lane.prepare(block, norms, inner.warm_start, &iteration);
                }
                lane.iterate(block, &iteration, choose.then_some(histogram));
            });
            self.times.took_parts(self.lanes.iter().take(x.blocks.len()).map(|lane| &lane.times));
            if choose {
                x.choose(inner.budget, &mut self.choice);
                self.times.took(Phase::TopK);
            }
        }
        let outcome = self.finish(x, inner);
        self.times.took(Phase::Update);
        outcome
    }

    fn reserve(&mut self, x: &Side) {
        let blocks = x.blocks.len();
        self.lanes.resize_with(blocks.max(self.lanes.len()), Lane::default);
        self.parts.resize_with(blocks.max(self.parts.len()), Parts::default);
        self.choice.reserve(blocks);
    }

    /// Normalises F's rows; returns their mean squared norm afterwards, which is 1 unless some are empty.
    fn normalise(&mut self, fixed: &Side) -> f32 {
        let z = fixed.z();
        self.norms.clear();
        // Rows can be empty, at the start above all; the small addend is the published code's.
        self.norms.extend((0..z.rows()).map(|i| {
            let squares: f32 = z.row(i).map(|(_, value)| value * value).sum();
            squares.sqrt() + 1e-8
        }));
        let norms = &self.norms;
        self.f.copy_from(z, |i, _, value| value / norms[i]);
        self.ft.copy_from(fixed.zt(), |_, i, value| value / norms[i]);
        let squares: f64 = self.f.values().iter().map(|&value| f64::from(value) * f64::from(value)).sum();
        (squares / z.rows() as f64) as f32
    }

    /// Factorizes the Gram matrix, which is in the first system, with both shifts on its diagonal.
    fn factorize(&mut self, shifts: [f32; 2], one_system: bool, small: bool) {
        let gram_of = if small { &self.ft } else { &self.f };
        let k = gram_of.rows();
        // At the first half-steps ρ₀ is 0 and rows of F may be empty: a matrix that is not positive is lifted until it is.
        let lifted = |system: &mut Cholesky, shift: f32| {
            let mut lift = 1e-6;
            let mut done = system.factorize(k, shift).is_ok();
            while !done && lift < 1e3 {
                sparse_gram(system.lower_mut(), gram_of);
                done = system.factorize(k, shift + lift).is_ok();
                lift *= 10.0;
            }
        };
        let [first, later] = &mut self.systems;
        if one_system {
            return lifted(first, shifts[0]);
        }
        later.lower_mut().clone_from(first.lower_mut());
        // Side by side: on small matrices two threads in one factorization only wait for each other.
        join(|| lifted(first, shifts[0]), || lifted(later, shifts[1]));
    }

    /// Z from V and the mask, with the scaling undone.
    fn finish(&mut self, x: &mut Side, inner: &Inner) -> Outcome {
        let norms = &self.norms;
        let (blocks, before) = x.blocks_and_z();
        let count = blocks.len();
        let work = blocks.iter_mut().zip(&mut self.lanes).zip(&mut self.parts);
        each(work, |((block, lane), parts)| lane.finish(block, norms, before, parts));
        x.assemble(&self.parts[..count]);
        let sums = self.lanes[..count].iter().fold(Sums::default(), |all, lane| Sums {
            primal: all.primal + lane.sums.primal,
            dual: all.dual + lane.sums.dual,
            norm: all.norm + lane.sums.norm,
            changed: all.changed + lane.sums.changed,
        });
        let norm = sums.norm.sqrt().max(f64::MIN_POSITIVE);
        Outcome {
            changed: sums.changed,
            primal: sums.primal.sqrt() / norm,
            dual: f64::from(inner.rho) * sums.dual.sqrt() / norm,
        }
    }
}

impl Lane {
    /// V takes up the norms of F's rows; FT is computed where it is needed.
    fn prepare(&mut self, block: &mut Block, norms: &[f32], warm_start: bool, iteration: &Iteration<'_>) {
        let width = block.cols.len();
        if warm_start {
            for (row, &norm) in block.v.as_mut_slice().chunks_mut(width).zip(norms) {
                row.iter_mut().for_each(|v| *v *= norm);
            }
        } else {
            block.v.as_mut_slice().fill(0.0);
        }
        self.times.took(Phase::Update);
        if iteration.small {
            return;
        }
        self.h.resize(block.v.rows(), width);
        for start in (0..width).step_by(PANEL) {
            let end = (start + PANEL).min(width);
            with_panel(iteration.f.cols(), |panel| {
                iteration.target.fill(panel, block.cols.start + start, end - start);
                let h = self.h.as_mut_slice();
                multiply(iteration.f, 0..iteration.f.rows(), panel, |i, row| {
                    h[i * width + start..i * width + end].copy_from_slice(&row[..end - start]);
                });
            });
        }
        self.times.took(Phase::Products);
    }

    /// One iteration up to V; the mask is the caller's, from `histogram`.
    fn iterate(&mut self, block: &mut Block, iteration: &Iteration<'_>, histogram: Option<&mut Histogram>) {
        if iteration.small {
            return self.iterate_small(block, iteration, histogram);
        }
        self.y.resize(block.v.rows(), block.cols.len());
        let rho = iteration.rho;
        let (h, v, keep) = (self.h.as_slice(), block.v.as_mut_slice(), &block.keep[..]);
        let y = self.y.as_mut_slice();
        vectorized(|| {
            for (((y, &h), &v), &keep) in y.iter_mut().zip(h).zip(&*v).zip(keep) {
                *y = h + rho * if keep { v } else { -v };
            }
        });
        self.times.took(Phase::Update);
        iteration.system.solve(self.y.view_mut(), &mut self.memory);
        self.times.took(Phase::Products);
        let relax = Relax::new(iteration.relaxation);
        let y = self.y.as_slice();
        self.sums.primal = vectorized(|| {
            let runs = v.chunks_mut(256).zip(y.chunks(256)).zip(keep.chunks(256));
            runs.map(|((v, y), keep)| relax.apply(v, y, keep)).sum()
        });
        if let Some(histogram) = histogram {
            histogram.clear();
            v.iter().for_each(|&v| histogram.add(v));
        }
        self.times.took(Phase::Update);
    }

    /// The same by the smaller system, with sparse products.
    fn iterate_small(&mut self, block: &mut Block, iteration: &Iteration<'_>, mut histogram: Option<&mut Histogram>) {
        let (k, width) = block.v.shape();
        let (f, ft, weight) = (iteration.f, iteration.ft, iteration.weight);
        let p = f.cols();
        self.y.resize(p, width);
        for start in (0..width).step_by(PANEL) {
            let span = PANEL.min(width - start);
            with_panel(k, |panel| {
                for (i, out) in panel.iter_mut().enumerate() {
                    let at = i * width + start..i * width + start + span;
                    reflect(out, &block.v.as_slice()[at.clone()], &block.keep[at], weight);
                }
                let y = self.y.as_mut_slice();
                multiply(ft, 0..p, panel, |i, row| {
                    let out = &mut y[i * width + start..i * width + start + span];
                    iteration.target.minus(out, row, i, block.cols.start + start);
                });
            });
        }
        self.times.took(Phase::Products);
        iteration.system.solve(self.y.view_mut(), &mut self.memory);
        if let Some(histogram) = &mut histogram {
            histogram.clear();
        }
        let relax = Relax::new(iteration.relaxation);
        let mut primal = 0.0;
        for start in (0..width).step_by(PANEL) {
            let span = PANEL.min(width - start);
            with_panel(p, |panel| {
                for (i, out) in panel.iter_mut().enumerate() {
                    out[..span].copy_from_slice(&self.y.as_slice()[i * width + start..i * width + start + span]);
                    out[span..].fill(0.0);
                }
                let (v, keep) = (block.v.as_mut_slice(), &block.keep);
                multiply(f, 0..k, panel, |i, row| {
                    let at = i * width + start..i * width + start + span;
                    let (v, keep) = (&mut v[at.clone()], &keep[at]);
                    let mut y = [0.0; PANEL];
                    reflect(&mut y, v, keep, weight);
                    y.iter_mut().zip(row).for_each(|(y, row)| *y += row);
                    primal += relax.apply(v, &y[..span], keep);
                    if let Some(histogram) = &mut histogram {
                        v.iter().for_each(|&v| histogram.add(v));
                    }
                });
            });
        }
        self.sums.primal = primal;
        self.times.took(Phase::Products);
    }

    /// Gives the norms back, collects Z and compares it with the one before.
    fn finish(&mut self, block: &mut Block, norms: &[f32], before: &Csr, parts: &mut Parts) {
        let (k, width) = block.v.shape();
        let (first, past) = (block.cols.start as u32, block.cols.end as u32);
        let (v, keep) = (block.v.as_mut_slice(), &block.keep);
        let mut sums = Sums { primal: self.sums.primal, ..Sums::default() };
        parts.z.refill(k, width, |i, indices, values| {
            let from = values.len();
            let (row, keep) = (&mut v[i * width..(i + 1) * width], &keep[i * width..(i + 1) * width]);
            for ((v, &keep), c) in row.iter_mut().zip(keep).zip(0..) {
                if keep {
                    // The norm in the sums is of the scaled values, as the residuals are.
                    sums.norm += f64::from(*v) * f64::from(*v);
                    indices.push(c);
                    values.push(*v / norms[i]);
                }
                *v /= norms[i];
            }
            let at = before.row_starts()[i]..before.row_starts()[i + 1];
            let old = &before.indices()[at.clone()];
            let old_at = at.start + old.partition_point(|&j| j < first)..at.start + old.partition_point(|&j| j < past);
            let old = before.indices()[old_at.clone()].iter().map(|j| j - first).zip(&before.values()[old_at]);
            let new = indices[from..].iter().copied().zip(&values[from..]);
            let (changed, moved) = difference(new, old);
            sums.changed += changed;
            sums.dual += moved * f64::from(norms[i]).powi(2);
        });
        parts.zt.transpose_from(&parts.z);
        self.sums = sums;
    }
}

/// How many positions of two sparse rows are in only one of them, and the square of their distance.
fn difference<'a>(
    new: impl Iterator<Item = (u32, &'a f32)>,
    old: impl Iterator<Item = (u32, &'a f32)>,
) -> (usize, f64) {
    let (mut new, mut old) = (new.peekable(), old.peekable());
    let (mut changed, mut square) = (0, 0.0);
    loop {
        let (next_new, next_old) = (new.peek().map(|(j, _)| *j), old.peek().map(|(j, _)| *j));
        let (mut x, mut y) = (0.0, 0.0);
        match (next_new, next_old) {
            (None, None) => return (changed, square),
            (Some(j), Some(l)) if j == l => {
                x = new.next().map_or(0.0, |(_, &x)| x);
                y = old.next().map_or(0.0, |(_, &y)| y);
            }
            (Some(j), l) if l.is_none_or(|l| j < l) => {
                x = new.next().map_or(0.0, |(_, &x)| x);
                changed += 1;
            }
            _ => {
                y = old.next().map_or(0.0, |(_, &y)| y);
                changed += 1;
            }
        }
        square += (f64::from(x) - f64::from(y)).powi(2);
    }
}

impl Target<'_> {
    /// Columns `first..first + span` of T as a panel.
    fn fill(self, panel: &mut [PanelRow], first: usize, span: usize) {
        match self {
            Target::Plain(t) => {
                for (i, out) in panel.iter_mut().enumerate() {
                    out[..span].copy_from_slice(&t.row(i)[first..first + span]);
                    out[span..].fill(0.0);
                }
            }
            Target::Transposed(t) => {
                /// Values of a row taken at a time, so that the panel's rows they go to stay in the cache.
                const RUN: usize = 16;
                for (at, out) in panel.chunks_mut(RUN).enumerate() {
                    for c in 0..PANEL {
                        let row =
                            if c < span { &t.row(first + c)[at * RUN..at * RUN + out.len()] } else { &[0.0; RUN] };
                        out.iter_mut().zip(row).for_each(|(out, &value)| out[c] = value);
                    }
                }
            }
        }
    }

    /// `out = T − row` in row `i`, from column `first` on.
    #[inline(always)]
    fn minus(self, out: &mut [f32], row: &PanelRow, i: usize, first: usize) {
        match self {
            Target::Plain(t) => {
                let t = &t.row(i)[first..first + out.len()];
                out.iter_mut().zip(t).zip(row).for_each(|((out, t), row)| *out = t - row);
            }
            Target::Transposed(t) => {
                for (c, (out, row)) in out.iter_mut().zip(row).enumerate() {
                    *out = t.get(first + c, i) - row;
                }
            }
        }
    }
}

/// (Z − U)·`weight`.
#[inline(always)]
fn reflect(out: &mut PanelRow, v: &[f32], keep: &[bool], weight: f32) {
    for ((out, &v), &keep) in out.iter_mut().zip(v).zip(keep) {
        *out = weight * if keep { v } else { -v };
    }
    out[v.len()..].fill(0.0);
}

/// V from Y: λY + (1 − λ)Z + U.
#[derive(Clone, Copy)]
struct Relax {
    y: f32,
    z: f32,
}

impl Relax {
    fn new(relaxation: f32) -> Self {
        Self { y: relaxation, z: 1.0 - relaxation }
    }

    /// Returns ‖Y − M⊙Y‖², for at most a few hundred entries.
    #[inline(always)]
    fn apply(self, v: &mut [f32], y: &[f32], keep: &[bool]) -> f64 {
        let mut squares = [0.0f32; 8];
        let mut one = |v: &mut f32, y: f32, keep: bool, lane: usize| {
            let (z, outside) = if keep { (self.z, 0.0) } else { (1.0, y) };
            squares[lane] += outside * outside;
            *v = self.y * y + z * *v;
        };
        let ((v, v_rest), (y, y_rest), (keep, keep_rest)) =
            (v.as_chunks_mut::<8>(), y.as_chunks::<8>(), keep.as_chunks::<8>());
        for ((v, y), keep) in v.iter_mut().zip(y).zip(keep) {
            for lane in 0..8 {
                one(&mut v[lane], y[lane], keep[lane], lane);
            }
        }
        for ((v, &y), &keep) in v_rest.iter_mut().zip(y_rest).zip(keep_rest) {
            one(v, y, keep, 0);
        }
        f64::from(squares.iter().sum::<f32>())
    }
}

/// Compiles `work` for the processor it runs on.
fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// ‖W − FᵀX‖² for F with Fᵀ `ft` (p×k) and X with Xᵀ `xt` (q×k), W p×q; each column's sum in f64.
pub(super) fn residual_squared(w: &Matrix, ft: &Csr, xt: &Csr) -> f64 {
    let mut panels = vec![0.0f64; w.cols().div_ceil(PANEL)];
    chunks_of_mut(&mut panels, 1).enumerate().for_each(|(at, square)| {
        let first = at * PANEL;
        let span = PANEL.min(w.cols() - first);
        with_panel(ft.cols(), |panel| {
            fill_transposed(panel, xt, first);
            let mut sum = 0.0f64;
            multiply(ft, 0..ft.rows(), panel, |i, row| {
                let mut lanes = [0.0f32; 8];
                let (w, rest) = w.row(i)[first..first + span].as_chunks::<8>();
                let (product, product_rest) = row[..span].as_chunks::<8>();
                for (w, product) in w.iter().zip(product) {
                    (0..8).for_each(|lane| lanes[lane] += (w[lane] - product[lane]).powi(2));
                }
                rest.iter().zip(product_rest).for_each(|(w, product)| lanes[0] += (w - product).powi(2));
                sum += f64::from(lanes.iter().sum::<f32>());
            });
            square[0] = sum;
        });
    });
    panels.iter().sum()
}
