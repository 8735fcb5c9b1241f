//! A half-step on one panel: the inner iterations of its columns.

use super::factor_state::{Panel, Parts};
use super::masked_rows::{Relax, reflect, sample};
use super::phase::{Phase, Times};
use super::target::Target;
use crate::compute::{
    Cholesky, PANEL, PanelRow, load_transposed, panel_product, spmm, store_transposed, vectorized, with_panel,
};
use crate::matrix::{Csr, MagnitudeHistogram, Matrix};

/// Memory of a panel besides its state.
#[derive(Default)]
pub(super) struct PanelScratch {
    /// FT, where the larger system is solved.
    h: Vec<PanelRow>,
    pub sums: Sums,
    pub times: Times,
}

/// Sums over a panel from which a half-step's statistics are computed.
#[derive(Clone, Copy, Default)]
pub(super) struct Sums {
    pub primal: f64,
    pub dual: f64,
    pub norm: f64,
    pub changed: usize,
}

/// Inputs that all panels of one iteration share.
pub(super) struct Iteration<'a> {
    pub system: &'a Cholesky,
    pub f: &'a Csr,
    pub ft: &'a Csr,
    /// (F·M)ᵀ, where the target's rows are weighed and the larger system is solved.
    pub fm: Option<&'a Matrix>,
    pub target: Target<'a>,
    /// Whether the smaller system is solved.
    pub small: bool,
    pub rho: f32,
    /// Factor ρ/c of Z − U.
    pub weight: f32,
    pub relaxation: f32,
}

impl PanelScratch {
    /// Multiplies V by the norms of F's rows, and computes FT where it is needed.
    pub fn prepare(&mut self, panel: &mut Panel, norms: &[f32], warm_start: bool, iteration: &Iteration<'_>) {
        self.begin(panel, norms, warm_start);
        let (f, target) = (iteration.f, iteration.target);
        if !iteration.small {
            self.h.resize(f.rows(), [0.0; PANEL]);
            with_panel(f.cols(), |t| {
                target.fill(t, panel.first);
                match iteration.fm {
                    Some(fm) => panel_product(&mut self.h, fm.view().transpose(), t),
                    None => spmm(f, 0..f.rows(), t, |i, row| self.h[i] = *row),
                }
            });
        }
        self.times.took(Phase::Products);
    }

    /// Multiplies V by the norms of F's rows.
    pub fn begin(&mut self, panel: &mut Panel, norms: &[f32], warm_start: bool) {
        if warm_start {
            for (row, &norm) in panel.v.iter_mut().zip(norms) {
                row.iter_mut().for_each(|v| *v *= norm);
            }
        } else {
            panel.v.fill([0.0; PANEL]);
        }
        self.times.took(Phase::Update);
    }

    /// Where columns are weighed: writes the panel's columns of T − FᵀR, or of F(T − FᵀR), into `rows`, with R = (Z −
    /// U)·`weight`.
    pub fn residual(
        &mut self,
        panel: &Panel,
        [f, ft]: [&Csr; 2],
        target: Target<'_>,
        small: bool,
        weight: f32,
        rows: &mut [f32],
    ) {
        let (k, p) = (f.rows(), f.cols());
        with_panel(k + p, |buffer| {
            let (reflected, t) = buffer.split_at_mut(k);
            reflect_all(reflected, panel, weight);
            self.times.took(Phase::Update);
            target.fill(t, panel.first);
            spmm(
                ft,
                0..p,
                reflected,
                #[inline(always)]
                |i, row| (0..PANEL).for_each(|c| t[i][c] -= row[c]),
            );
            match small {
                true => store_transposed(t, rows),
                false => {
                    spmm(
                        f,
                        0..k,
                        t,
                        #[inline(always)]
                        |i, row| reflected[i] = *row,
                    );
                    store_transposed(reflected, rows);
                }
            }
            self.times.took(Phase::Products);
        });
    }

    /// The other half of [`Self::residual`]: from the solutions in `rows` to V; the caller chooses the mask, from
    /// `histogram`.
    #[expect(clippy::too_many_arguments, reason = "what an iteration is made of")]
    pub fn step(
        &mut self,
        panel: &mut Panel,
        f: &Csr,
        small: bool,
        weight: f32,
        relaxation: f32,
        rows: &[f32],
        mut histogram: Option<&mut MagnitudeHistogram>,
    ) {
        if let Some(histogram) = &mut histogram {
            histogram.clear();
        }
        let (k, p) = (f.rows(), f.cols());
        let relax = Relax::new(relaxation);
        let mut primal = 0.0;
        with_panel(if small { p } else { k }, |solved| {
            load_transposed(solved, rows);
            let mut update = |i: usize, row: &PanelRow| {
                let v = &mut panel.v[i];
                let reflected = reflect(v, panel.keep[i], weight);
                let y = std::array::from_fn(|c| reflected[c] + row[c]);
                primal += relax.apply(v, &y, panel.keep[i]);
                if let Some(histogram) = &mut histogram {
                    sample(v, histogram);
                }
            };
            match small {
                true => spmm(f, 0..k, solved, update),
                false => vectorized(
                    #[inline(always)]
                    || (0..k).for_each(|i| update(i, &solved[i])),
                ),
            }
        });
        self.sums.primal = primal;
        self.times.took(Phase::Products);
    }

    /// One iteration up to V; the caller chooses the mask, from `histogram`.
    pub fn iterate(
        &mut self,
        panel: &mut Panel,
        iteration: &Iteration<'_>,
        mut histogram: Option<&mut MagnitudeHistogram>,
    ) {
        if let Some(histogram) = &mut histogram {
            histogram.clear();
        }
        match iteration.small {
            true => self.iterate_small(panel, iteration, histogram),
            false => self.iterate_large(panel, iteration, histogram),
        }
    }

    fn iterate_large(
        &mut self,
        panel: &mut Panel,
        iteration: &Iteration<'_>,
        mut histogram: Option<&mut MagnitudeHistogram>,
    ) {
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

    /// As [`Self::iterate_large`], by the smaller system with sparse products.
    fn iterate_small(
        &mut self,
        panel: &mut Panel,
        iteration: &Iteration<'_>,
        mut histogram: Option<&mut MagnitudeHistogram>,
    ) {
        let (f, ft, weight) = (iteration.f, iteration.ft, iteration.weight);
        let (k, p) = (f.rows(), f.cols());
        with_panel(k + p, |buffer| {
            let (reflected, rest) = buffer.split_at_mut(k);
            reflect_all(reflected, panel, weight);
            self.times.took(Phase::Update);
            iteration.target.fill(rest, panel.first);
            spmm(
                ft,
                0..p,
                reflected,
                #[inline(always)]
                |i, row| (0..PANEL).for_each(|c| rest[i][c] -= row[c]),
            );
            iteration.system.solve(rest);
            let relax = Relax::new(iteration.relaxation);
            let mut primal = 0.0;
            spmm(
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

    /// Divides V by the norms, collects Z and compares it with the Z before.
    pub fn finish(&mut self, panel: &mut Panel, norms: &[f32], before: &Csr, parts: &mut Parts) {
        let width = PANEL.min(before.cols() - panel.first);
        let (first, past) = (panel.first as u32, (panel.first + width) as u32);
        let mut sums = Sums { primal: self.sums.primal, ..Sums::default() };
        parts.z.reserve(panel.keep.iter().map(|keep| keep.count_ones() as usize).sum());
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

/// (Z − U)·`weight` of a whole panel.
fn reflect_all(out: &mut [PanelRow], panel: &Panel, weight: f32) {
    vectorized(
        #[inline(always)]
        || {
            for ((out, v), keep) in out.iter_mut().zip(&panel.v).zip(&panel.keep) {
                *out = reflect(v, *keep, weight);
            }
        },
    );
}

/// Number of positions that only one of two sparse rows has, and the squared distance of the rows.
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
