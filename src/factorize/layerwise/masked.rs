//! Values on a fixed mask: the sparse X that minimises ½⟨X, D·X·E⟩ − ⟨H, X⟩.
//!
//! D and E are Gram matrices scaled to unit diagonal, so that one ρ fits all. For the output-side factor D is the
//! identity and each row is a regression of its own; for the input-side factor D = AᵀA and E = XᵀX, and all entries are
//! coupled. Three methods: ADMM as published ([`Masked::admm_rows`], [`Masked::admm_sylvester`]), conjugate gradients
//! ([`Masked::descend`]) and, row by row, an exact solve ([`exact_rows`], [`RowSolver`]).

use crate::compute::{
    Cholesky, Eigen, SmallSolver, chunks, chunks_mut, chunks_of, chunks_of_mut, dot, matmul, prelude::*,
    times_transposed,
};
use crate::matrix::{Csr, Matrix};

/// Solver of values on a fixed mask. Its memory is reused from one factor to the next.
#[derive(Default)]
pub(super) struct Masked {
    /// V = Z + U of ADMM; the direction of conjugate gradients.
    v: Matrix,
    /// Right-hand side H + ρ(Z − U) of ADMM; the residual of conjugate gradients.
    t: Matrix,
    y: Matrix,
    /// (E + ρI)⁻¹ of ADMM; E·XᵀFᵀ of conjugate gradients.
    inverse: Matrix,
    /// 1/(deᵀ + ρ) of ADMM; XᵀFᵀ of conjugate gradients.
    damping: Matrix,
    cholesky: Cholesky,
}

impl Masked {
    /// ADMM for D = I: each iteration is Y = (H + ρ(Z − U))(E + ρI)⁻¹, Z = mask ⊙ (Y + U), U = Y + U − Z.
    pub fn admm_rows(&mut self, x: &mut Matrix, keep: &[bool], h: &Matrix, e: &Matrix, rho: f32, iterations: usize) {
        let k = e.rows();
        let lower = self.cholesky.lower_mut();
        lower.clear();
        lower.extend_from_slice(e.as_slice());
        // ρ is far above the last digits of a matrix of unit diagonal: what is not positive then is not finite, and
        // X stays as it is.
        if self.cholesky.factorize(k, rho).is_err() {
            return;
        }
        self.cholesky.inverse(&mut self.inverse);
        let inverse = std::mem::take(&mut self.inverse);
        self.admm(x, keep, h, rho, iterations, |y, t| matmul(y, t.view(), inverse.view()));
        self.inverse = inverse;
    }

    /// ADMM with D = Q·diag(d)·Qᵀ and E = R·diag(e)·Rᵀ (the paper's appendix A.1): Y = Q[(Qᵀ(H + ρ(Z − U))R) ⊘ (deᵀ +
    /// ρ)]Rᵀ.
    pub fn admm_sylvester(
        &mut self,
        x: &mut Matrix,
        keep: &[bool],
        h: &Matrix,
        [d, e]: [&Eigen; 2],
        rho: f32,
        iterations: usize,
    ) {
        let mut damping = std::mem::take(&mut self.damping);
        damping.resize(x.rows(), x.cols());
        for (row, &d) in damping.as_mut_slice().chunks_mut(x.cols().max(1)).zip(&d.values) {
            // Rounding can turn an eigenvalue of 0 negative.
            row.iter_mut().zip(&e.values).for_each(|(out, &e)| *out = 1.0 / (d.max(0.0) * e.max(0.0) + rho));
        }
        let (q, r) = (d.vectors.view(), e.vectors.view());
        self.admm(x, keep, h, rho, iterations, |y, t| {
            matmul(y, q.transpose(), t.view());
            matmul(t, y.view(), r);
            chunks_mut(t.as_mut_slice()).zip(chunks(damping.as_slice())).for_each(|(t, damping)| {
                t.iter_mut().zip(damping).for_each(|(t, damping)| *t *= damping);
            });
            matmul(y, q, t.view());
            matmul(t, y.view(), r.transpose());
            std::mem::swap(y, t);
        });
        self.damping = damping;
    }

    /// Iterates from Z = X and U = 0; `solve(y, t)` writes the regression's solution for `t` to `y`.
    fn admm(
        &mut self,
        x: &mut Matrix,
        keep: &[bool],
        h: &Matrix,
        rho: f32,
        iterations: usize,
        mut solve: impl FnMut(&mut Matrix, &mut Matrix),
    ) {
        self.resize(x);
        // Z and U never overlap, so V is both, and Z − U is V with its sign turned outside the mask.
        self.v.as_mut_slice().copy_from_slice(x.as_slice());
        for _ in 0..iterations {
            chunks_mut(self.t.as_mut_slice())
                .zip(chunks(h.as_slice()))
                .zip(chunks(self.v.as_slice()).zip(chunks(keep)))
                .for_each(|((t, h), (v, keep))| {
                    for (((t, &h), &v), &keep) in t.iter_mut().zip(h).zip(v).zip(keep) {
                        *t = h + rho * if keep { v } else { -v };
                    }
                });
            solve(&mut self.y, &mut self.t);
            chunks_mut(self.v.as_mut_slice()).zip(chunks(self.y.as_slice())).zip(chunks(keep)).for_each(
                |((v, y), keep)| {
                    for ((v, &y), &keep) in v.iter_mut().zip(y).zip(keep) {
                        *v = y + if keep { 0.0 } else { *v };
                    }
                },
            );
        }
        let z = x.as_mut_slice().iter_mut().zip(self.v.as_slice()).zip(keep);
        z.for_each(|((x, &v), &keep)| *x = if keep { v } else { 0.0 });
    }

    /// Conjugate gradients on the kept entries, from X on, for D = FᵀF with a sparse F. The objective decreases with each
    /// iteration. All matrices are transposed: X, the mask and H have the rows of E.
    pub fn descend(&mut self, x: &mut Matrix, keep: &[bool], h: &Matrix, f: &Csr, e: &Matrix, iterations: usize) {
        /// Of the first gradient's square, where single precision has nothing more to give.
        const ENOUGH: f64 = 1e-12;
        self.resize(x);
        let ft = f.transposed();
        let [mut half, mut seen] = [std::mem::take(&mut self.damping), std::mem::take(&mut self.inverse)];
        // (FᵀFXE)ᵀ = E·(XᵀFᵀ)·F.
        let mut apply = |out: &mut Matrix, x: &Matrix| {
            times_transposed(&mut half, x, f);
            seen.resize(half.rows(), half.cols());
            matmul(&mut seen, e.view(), half.view());
            times_transposed(out, &seen, &ft);
        };
        let on_mask = |m: &mut Matrix| {
            chunks_mut(m.as_mut_slice()).zip(chunks(keep)).for_each(|(m, keep)| {
                m.iter_mut().zip(keep).for_each(|(m, &keep)| *m = if keep { *m } else { 0.0 });
            });
        };
        // t = mask ⊙ (H − DXE), the gradient with its sign turned; v the direction.
        apply(&mut self.t, x);
        chunks_mut(self.t.as_mut_slice()).zip(chunks(h.as_slice())).for_each(|(t, h)| {
            t.iter_mut().zip(h).for_each(|(t, &h)| *t = h - *t);
        });
        on_mask(&mut self.t);
        self.v.as_mut_slice().copy_from_slice(self.t.as_slice());
        let mut square = dot(self.t.as_slice(), self.t.as_slice());
        let first = square;
        for _ in 0..iterations {
            apply(&mut self.y, &self.v);
            on_mask(&mut self.y);
            let curvature = dot(self.v.as_slice(), self.y.as_slice());
            if !(square > ENOUGH * first && curvature > 0.0) {
                break;
            }
            let step = (square / curvature) as f32;
            add_scaled(x, step, &self.v);
            add_scaled(&mut self.t, -step, &self.y);
            let next = dot(self.t.as_slice(), self.t.as_slice());
            let turn = (next / square) as f32;
            chunks_mut(self.v.as_mut_slice()).zip(chunks(self.t.as_slice())).for_each(|(v, t)| {
                v.iter_mut().zip(t).for_each(|(v, &t)| *v = t + turn * *v);
            });
            square = next;
        }
        (self.damping, self.inverse) = (half, seen);
    }

    fn resize(&mut self, x: &Matrix) {
        let (rows, cols) = x.shape();
        for matrix in [&mut self.v, &mut self.t, &mut self.y] {
            matrix.resize(rows, cols);
        }
    }
}

/// `x += step·v`, entry by entry.
fn add_scaled(x: &mut Matrix, step: f32, v: &Matrix) {
    chunks_mut(x.as_mut_slice()).zip(chunks(v.as_slice())).for_each(|(x, v)| {
        x.iter_mut().zip(v).for_each(|(x, &v)| *x += step * v);
    });
}

/// Solves each row of X by least squares on its kept entries: xG = h there, for D = I and E = G of unit diagonal (or
/// 0); see [`RowSolver`] for the ridge.
pub(super) fn exact_rows(x: &mut Matrix, keep: &[bool], h: &Matrix, g: &Matrix, ridge: f32) {
    /// Rows in one piece of work.
    const ROWS: usize = 8;
    let k = x.cols();
    if k == 0 {
        return;
    }
    chunks_of_mut(x.as_mut_slice(), ROWS * k)
        .zip(chunks_of(keep, ROWS * k))
        .zip(chunks_of(h.as_slice(), ROWS * k))
        .for_each(|((x, keep), h)| {
            let mut solver = RowSolver::default();
            let (mut support, mut values) = (Vec::new(), Vec::new());
            for ((x, keep), h) in x.chunks_mut(k).zip(keep.chunks(k)).zip(h.chunks(k)) {
                support.clear();
                support.extend((0..k).filter(|&l| keep[l]));
                values.clear();
                values.extend(support.iter().map(|&l| x[l]));
                solver.solve(&mut values, |i| h[support[i]], |i, j| g.get(support[i], support[j]), ridge);
                support.iter().zip(&values).for_each(|(&l, &value)| x[l] = value);
            }
        });
}

/// Least squares in f64 for the kept entries of a row, one row after another.
#[derive(Default)]
pub(super) struct RowSolver {
    solver: SmallSolver,
    system: Vec<f64>,
    left: Vec<f64>,
}

impl RowSolver {
    /// Replaces `x` by the solution of Gx = h, given by their entries, for G of unit diagonal (or 0).
    ///
    /// `ridge` pulls toward the values as they were, but changes nothing where G is silent: entries that a singular G leaves
    /// open stay.
    pub fn solve(&mut self, x: &mut [f32], h: impl Fn(usize) -> f32, g: impl Fn(usize, usize) -> f32, ridge: f32) {
        self.system.clear();
        self.left.clear();
        for i in 0..x.len() {
            let start = self.system.len();
            self.system.extend((0..x.len()).map(|j| f64::from(g(i, j))));
            let now: f64 = self.system[start..].iter().zip(&*x).map(|(g, &x)| g * f64::from(x)).sum();
            self.left.push(f64::from(h(i)) - now);
        }
        self.solver.solve(&self.system, &mut self.left, f64::from(ridge));
        for (x, change) in x.iter_mut().zip(&self.left) {
            let new = (f64::from(*x) + change) as f32;
            *x = if new.is_finite() { new } else { *x };
        }
    }
}
