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
use super::side::{Choice, Panel, Parts, Side, each};
use crate::compute::{
    Cholesky, PANEL, PanelRow, chunks_of_mut, fill_transposed, join, multiply, prelude::*, sparse_gram, vectorized,
    with_panel,
};
use crate::matrix::{Csr, Histogram, Matrix};

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

/// What belongs to a panel besides its state.
#[derive(Default)]
struct Lane {
    /// FT; where the smaller system is solved T itself.
    h: Vec<PanelRow>,
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

/// What all panels share in one iteration.
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

        let Self { norms, f, ft, systems, lanes, parts, choice, times } = self;
        let iteration = |i: usize| {
            let first = i == 0;
            let rho = if first { inner.rho0 } else { inner.rho };
            Iteration {
                system: &systems[usize::from(!first && !one_system)],
                f,
                ft,
                target,
                small,
                rho,
                weight: rho / shifts[usize::from(!first)],
                relaxation: if first { 1.0 } else { inner.relaxation },
            }
        };
        let mask_iterations = if x.is_fixed() { 0 } else { inner.mask_iterations.min(inner.iterations) };
        let count = x.panels.len();
        let mut next = 0;
        loop {
            // Panels need each other only for the mask: all that lies between two choices, they do alone.
            let choose = next < mask_iterations;
            let now = next..if choose { next + 1 } else { inner.iterations };
            let (panels, before) = x.panels_and_z();
            let work = panels.iter_mut().zip(&mut *lanes).zip(&mut choice.parts).zip(&mut *parts);
            each(work, |(((panel, lane), choice), parts)| {
                lane.times = Times::new(clock);
                lane.times.start();
                for i in now.clone() {
                    if i == 0 {
                        lane.prepare(panel, norms, inner.warm_start, &iteration(i));
                    }
                    lane.iterate(panel, &iteration(i), choose.then_some(&mut choice.histogram));
                }
                if !choose {
                    lane.finish(panel, norms, before, parts);
                    lane.times.took(Phase::Update);
                }
            });
            times.took_parts(lanes[..count].iter().map(|lane| &lane.times));
            if !choose {
                break;
            }
            x.choose(inner.budget, choice);
            times.took(Phase::TopK);
            next += 1;
        }
        x.assemble(&parts[..count]);
        let outcome = outcome(lanes[..count].iter().map(|lane| lane.sums), inner.rho);
        times.took(Phase::Update);
        outcome
    }

    fn reserve(&mut self, x: &Side) {
        let panels = x.panels.len();
        self.lanes.resize_with(panels.max(self.lanes.len()), Lane::default);
        self.parts.resize_with(panels.max(self.parts.len()), Parts::default);
        self.choice.reserve(panels);
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
        let (f, ft) = (&mut self.f, &mut self.ft);
        join(
            || f.copy_from(z, |i, _, value| value / norms[i]),
            || ft.copy_from(fixed.zt(), |_, i, value| value / norms[i]),
        );
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
}

/// The sums of all panels together.
fn outcome(panels: impl Iterator<Item = Sums>, rho: f32) -> Outcome {
    let sums = panels.fold(Sums::default(), |all, one| Sums {
        primal: all.primal + one.primal,
        dual: all.dual + one.dual,
        norm: all.norm + one.norm,
        changed: all.changed + one.changed,
    });
    let norm = sums.norm.sqrt().max(f64::MIN_POSITIVE);
    let (primal, dual) = (sums.primal.sqrt() / norm, f64::from(rho) * sums.dual.sqrt() / norm);
    Outcome { changed: sums.changed, primal, dual }
}

impl Lane {
    /// V takes up the norms of F's rows; FT is computed where it is needed.
    fn prepare(&mut self, panel: &mut Panel, norms: &[f32], warm_start: bool, iteration: &Iteration<'_>) {
        if warm_start {
            for (row, &norm) in panel.v.iter_mut().zip(norms) {
                row.iter_mut().for_each(|v| *v *= norm);
            }
        } else {
            panel.v.fill([0.0; PANEL]);
        }
        self.times.took(Phase::Update);
        let (f, target) = (iteration.f, iteration.target);
        if iteration.small {
            self.h.resize(f.cols(), [0.0; PANEL]);
            target.fill(&mut self.h, panel.first);
        } else {
            self.h.resize(f.rows(), [0.0; PANEL]);
            with_panel(f.cols(), |t| {
                target.fill(t, panel.first);
                multiply(f, 0..f.rows(), t, |i, row| self.h[i] = *row);
            });
        }
        self.times.took(Phase::Products);
    }

    /// One iteration up to V; the mask is the caller's, from `histogram`.
    fn iterate(&mut self, panel: &mut Panel, iteration: &Iteration<'_>, mut histogram: Option<&mut Histogram>) {
        if let Some(histogram) = &mut histogram {
            histogram.clear();
        }
        match iteration.small {
            true => self.iterate_small(panel, iteration, histogram),
            false => self.iterate_large(panel, iteration, histogram),
        }
    }

    fn iterate_large(&mut self, panel: &mut Panel, iteration: &Iteration<'_>, mut histogram: Option<&mut Histogram>) {
        let rho = iteration.rho;
        with_panel(panel.v.len(), |y| {
            vectorized(
                #[inline(always)]
                || {
                    for (((y, h), v), keep) in y.iter_mut().zip(&self.h).zip(&panel.v).zip(&panel.keep) {
                        let reflected = reflect(v, *keep, rho);
                        (0..PANEL).for_each(|c| y[c] = h[c] + reflected[c]);
                    }
                },
            );
            self.times.took(Phase::Update);
            iteration.system.solve(y);
            self.times.took(Phase::Products);
            let relax = Relax::new(iteration.relaxation);
            self.sums.primal = vectorized(
                #[inline(always)]
                || {
                    let mut outside = 0.0;
                    for ((v, y), keep) in panel.v.iter_mut().zip(&*y).zip(&panel.keep) {
                        outside += relax.apply(v, y, *keep);
                        if let Some(histogram) = &mut histogram {
                            sample(v, histogram);
                        }
                    }
                    outside
                },
            );
            self.times.took(Phase::Update);
        });
    }

    /// The same by the smaller system, with sparse products.
    fn iterate_small(&mut self, panel: &mut Panel, iteration: &Iteration<'_>, mut histogram: Option<&mut Histogram>) {
        let (f, ft, weight) = (iteration.f, iteration.ft, iteration.weight);
        let (k, p) = (f.rows(), f.cols());
        with_panel(k + p, |buffer| {
            let (reflected, rest) = buffer.split_at_mut(k);
            vectorized(
                #[inline(always)]
                || {
                    for ((out, v), keep) in reflected.iter_mut().zip(&panel.v).zip(&panel.keep) {
                        *out = reflect(v, *keep, weight);
                    }
                },
            );
            self.times.took(Phase::Update);
            multiply(
                ft,
                0..p,
                reflected,
                #[inline(always)]
                |i, row| (0..PANEL).for_each(|c| rest[i][c] = self.h[i][c] - row[c]),
            );
            iteration.system.solve(rest);
            let relax = Relax::new(iteration.relaxation);
            let mut primal = 0.0;
            multiply(
                f,
                0..k,
                rest,
                #[inline(always)]
                |i, row| {
                    let y = std::array::from_fn(|c| reflected[i][c] + row[c]);
                    let v = &mut panel.v[i];
                    primal += relax.apply(v, &y, panel.keep[i]);
                    if let Some(histogram) = &mut histogram {
                        sample(v, histogram);
                    }
                },
            );
            self.sums.primal = primal;
            self.times.took(Phase::Products);
        });
    }

    /// Gives the norms back, collects Z and compares it with the one before.
    fn finish(&mut self, panel: &mut Panel, norms: &[f32], before: &Csr, parts: &mut Parts) {
        let width = PANEL.min(before.cols() - panel.first);
        let (first, past) = (panel.first as u32, (panel.first + width) as u32);
        let mut sums = Sums { primal: self.sums.primal, ..Sums::default() };
        parts.z.refill(panel.v.len(), width, |i, indices, values| {
            let (from, norm) = (values.len(), norms[i]);
            for (c, v) in panel.kept(i) {
                // In the sums as it is scaled, like the residuals.
                sums.norm += f64::from(v) * f64::from(v);
                indices.push(c as u32);
                values.push(v / norm);
            }
            panel.v[i].iter_mut().for_each(|v| *v /= norm);
            let at = before.row_starts()[i]..before.row_starts()[i + 1];
            let old = &before.indices()[at.clone()];
            let old_at = at.start + old.partition_point(|&j| j < first)..at.start + old.partition_point(|&j| j < past);
            let old = before.indices()[old_at.clone()].iter().map(|j| j - first).zip(&before.values()[old_at]);
            let new = indices[from..].iter().copied().zip(&values[from..]);
            let (changed, moved) = difference(new, old);
            sums.changed += changed;
            sums.dual += moved * f64::from(norm).powi(2);
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
    /// A panel of T, from column `first` on.
    fn fill(self, panel: &mut [PanelRow], first: usize) {
        match self {
            Target::Plain(t) => {
                let span = PANEL.min(t.cols() - first);
                for (i, out) in panel.iter_mut().enumerate() {
                    out[..span].copy_from_slice(&t.row(i)[first..first + span]);
                    out[span..].fill(0.0);
                }
            }
            Target::Transposed(t) => {
                /// Values of a row taken at a time, so that the panel's rows they go to stay in the cache.
                const RUN: usize = 16;
                let span = PANEL.min(t.rows() - first);
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
}

/// For each byte of a mask's word eight numbers, all ones where its bit is 1, else 0: masks for the bits of floats.
static SPREAD: [[u32; 8]; 256] = {
    let mut spread = [[0; 8]; 256];
    let mut at = 0;
    while at < 8 * 256 {
        if (at / 8) >> (at % 8) & 1 == 1 {
            spread[at / 8][at % 8] = u32::MAX;
        }
        at += 1;
    }
    spread
};

/// (Z − U)·`weight`: V, its sign turned outside the mask.
#[inline(always)]
fn reflect(v: &PanelRow, keep: u64, weight: f32) -> PanelRow {
    let mut out = [0.0; PANEL];
    let eights = out.as_chunks_mut::<8>().0.iter_mut().zip(v.as_chunks::<8>().0);
    for ((out, v), bits) in eights.zip(keep.to_le_bytes()) {
        let kept = &SPREAD[usize::from(bits)];
        for lane in 0..8 {
            let turn = !kept[lane] & 1 << 31;
            out[lane] = weight * f32::from_bits(v[lane].to_bits() ^ turn);
        }
    }
    out
}

/// Counts one of every few entries, for where the mask's cut may lie.
#[inline(always)]
fn sample(v: &PanelRow, histogram: &mut Histogram) {
    v.iter().step_by(8).for_each(|&v| histogram.add(v));
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

    /// Returns ‖Y − M⊙Y‖².
    #[inline(always)]
    fn apply(self, v: &mut PanelRow, y: &PanelRow, keep: u64) -> f64 {
        let mut squares = [0.0f32; 8];
        let eights = v.as_chunks_mut::<8>().0.iter_mut().zip(y.as_chunks::<8>().0);
        for ((v, y), bits) in eights.zip(keep.to_le_bytes()) {
            let kept = &SPREAD[usize::from(bits)];
            for lane in 0..8 {
                let kept = kept[lane];
                let outside = f32::from_bits(y[lane].to_bits() & !kept);
                let before = f32::from_bits(self.z.to_bits() & kept | 1f32.to_bits() & !kept);
                squares[lane] += outside * outside;
                v[lane] = self.y * y[lane] + before * v[lane];
            }
        }
        f64::from(squares.iter().sum::<f32>())
    }
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
            multiply(
                ft,
                0..ft.rows(),
                panel,
                #[inline(always)]
                |i, row| {
                    let mut lanes = [0.0f32; 8];
                    let (w, rest) = w.row(i)[first..first + span].as_chunks::<8>();
                    let (product, product_rest) = row[..span].as_chunks::<8>();
                    for (w, product) in w.iter().zip(product) {
                        (0..8).for_each(|lane| lanes[lane] += (w[lane] - product[lane]).powi(2));
                    }
                    rest.iter().zip(product_rest).for_each(|(w, product)| lanes[0] += (w - product).powi(2));
                    sum += f64::from(lanes.iter().sum::<f32>());
                },
            );
            square[0] = sum;
        });
    });
    panels.iter().sum()
}
