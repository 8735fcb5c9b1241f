//! One half-step: with one factor held, the other by a few iterations of ADMM.
//!
//! Written for a fixed factor F, k×p, and a target T, p×q: find a sparse X, k×q, with FᵀX close to T. For the second
//! factor F is the first one transposed and T = W; for the first factor F is the second and T = Wᵀ, so X comes out
//! transposed. Both factors are therefore kept with k rows.
//!
//! In formulas, after F's rows are normalised to 1 (X and its dual take up the norms, and give them back at the end),
//! with G = FFᵀ, r = ridge·mean(diag G) and H = FT:
//!
//! - Y = (G + (r + ρ)I)⁻¹(H + ρ(Z − U)), in the first iteration with ρ₀ instead of ρ,
//! - V = Y + U; the mask M keeps V's largest entries,
//! - Z = M⊙V, U = V − Z.
//!
//! Z and U never overlap, so V and M are the whole state, and Z − U is V with its sign turned outside the mask.

use crate::compute::{Cholesky, chunks, chunks_mut, dot, gram, prelude::*, product};
use crate::matrix::{Histogram, Mask, Matrix, Threshold};
use faer::MatRef;

/// One factor in work, with k rows.
pub(super) struct Side {
    /// V = Z + U of the ADMM.
    v: Matrix,
    /// The mask M, in V's order.
    keep: Vec<bool>,
    /// Z, the sparse factor. During a half-step on this side, the right-hand side.
    z: Matrix,
    /// ZZᵀ.
    gram: Matrix,
    /// How many entries may be kept.
    budget: usize,
}

impl Side {
    /// Starts from `z`, whose zeros are taken as its mask, with dual variables 0.
    pub fn new(z: Matrix, budget: usize) -> Self {
        let k = z.rows();
        let mut gram_z = Matrix::zeros(k, k);
        gram(&mut gram_z, &z);
        let keep = z.as_slice().iter().map(|&x| x != 0.0).collect();
        Self { v: z.clone(), keep, z, gram: gram_z, budget }
    }

    /// The sparse factor, k rows.
    pub fn z(&self) -> &Matrix {
        &self.z
    }

    /// ZZᵀ, k×k.
    pub fn gram(&self) -> &Matrix {
        &self.gram
    }

    /// How many entries may be kept.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// What is kept.
    pub fn mask(&self) -> Mask {
        Mask::from_flags(self.v.rows(), self.v.cols(), &self.keep)
    }

    /// Chooses the mask anew: V's largest entries, `histogram` being V's.
    fn choose(&mut self, histogram: &Histogram) {
        let v = self.v.as_slice();
        let threshold = Threshold::new(v, histogram, self.budget);
        let ties: Vec<usize> =
            chunks_mut(&mut self.keep).zip(chunks(v)).map(|(keep, v)| threshold.mark(v, keep)).collect();
        threshold.drop_ties(v, &mut self.keep, ties.into_iter().sum());
    }
}

/// How a half-step is done.
pub(super) struct Inner {
    pub rho: f32,
    pub rho0: f32,
    pub ridge: f32,
    pub iterations: usize,
    pub mask_iterations: usize,
    pub warm_start: bool,
}

/// What a half-step tells about itself, besides its result.
pub(super) struct Outcome {
    /// ⟨FT, X⟩, for the error.
    pub overlap: f64,
    /// ‖Y − Z‖ / ‖Z‖ after the last iteration.
    pub primal: f64,
    /// ρ‖Z − Z'‖ / ‖Z‖ with Z' of the iteration before.
    pub dual: f64,
}

/// The memory of half-steps, reused.
#[derive(Default)]
pub(super) struct Workspace {
    /// Row norms of F.
    norms: Vec<f32>,
    /// G, scaled.
    g: Matrix,
    h: Matrix,
    y: Matrix,
    inverse: Matrix,
    cholesky: Cholesky,
}

impl Workspace {
    /// Solves for `x` with `fixed` held. `target` is p×q.
    pub fn half_step(&mut self, x: &mut Side, fixed: &Side, target: MatRef<'_, f32>, inner: &Inner) -> Outcome {
        self.normalise(x, fixed);
        self.h.resize(x.v.rows(), x.v.cols());
        product(&mut self.h, fixed.z.view(), target);
        scale_rows(&mut self.h, &self.norms, |h, norm| h / norm);
        if !inner.warm_start {
            x.v.as_mut_slice().fill(0.0);
        }
        let k = self.g.rows();
        let ridge = inner.ridge * (0..k).map(|i| self.g.get(i, i)).sum::<f32>() / k as f32;

        // The first iteration has a system of its own: solved, not inverted.
        self.factorize(ridge + inner.rho0);
        reflect(x, &self.h, inner.rho0);
        self.cholesky.solve(&mut x.z);
        std::mem::swap(&mut self.y, &mut x.z);
        if inner.iterations > 1 {
            self.advance(x, true);
            self.factorize(ridge + inner.rho);
        }
        // One more use of the second system is cheaper solved, more are cheaper with the inverse.
        let invert = inner.iterations > 2;
        if invert {
            self.inverse.resize(k, k);
            self.cholesky.inverse(&mut self.inverse);
        }
        for iteration in 2..=inner.iterations {
            reflect(x, &self.h, inner.rho);
            if invert {
                product(&mut self.y, self.inverse.view(), x.z.view());
            } else {
                self.cholesky.solve(&mut x.z);
                std::mem::swap(&mut self.y, &mut x.z);
            }
            if iteration < inner.iterations {
                self.advance(x, iteration <= inner.mask_iterations);
            }
        }
        let rho = if inner.iterations > 1 { inner.rho } else { inner.rho0 };
        self.finish(x, inner.iterations <= inner.mask_iterations, rho)
    }

    /// Takes F's row norms, scales its Gram matrix to unit diagonal and `x` by them.
    fn normalise(&mut self, x: &mut Side, fixed: &Side) {
        let g = &fixed.gram;
        let k = g.rows();
        self.norms.clear();
        // Rows can be empty, at the start above all; the small addend is the published code's.
        self.norms.extend((0..k).map(|i| g.get(i, i).max(0.0).sqrt() + 1e-8));
        self.g.resize(k, k);
        let norms = &self.norms;
        for (i, row) in self.g.as_mut_slice().chunks_mut(k).enumerate() {
            for ((out, &g), norm) in row.iter_mut().zip(g.row(i)).zip(norms) {
                *out = g / (norms[i] * norm);
            }
        }
        scale_rows(&mut x.v, norms, |v, norm| v * norm);
        self.y.resize(x.v.rows(), x.v.cols());
    }

    /// Factorizes G + `shift`·I. At the first half-steps ρ₀ is 0 and rows of F may be empty: a matrix that is not
    /// positive is lifted until it is.
    fn factorize(&mut self, shift: f32) {
        let mut lift = 0.0;
        while self.cholesky.factorize(&self.g, shift + lift).is_err() && lift < 1e3 {
            lift = if lift == 0.0 { 1e-6 } else { lift * 10.0 };
        }
    }

    /// V = Y + U, and the mask chosen from it when asked.
    fn advance(&mut self, x: &mut Side, choose: bool) {
        let passes = chunks_mut(x.v.as_mut_slice()).zip(chunks(self.y.as_slice())).zip(chunks(&x.keep));
        if choose {
            let histograms: Vec<Histogram> = passes
                .map(|((v, y), keep)| {
                    let mut histogram = Histogram::new();
                    for ((v, &y), &keep) in v.iter_mut().zip(y).zip(keep) {
                        *v = y + if keep { 0.0 } else { *v };
                        histogram.add(*v);
                    }
                    histogram
                })
                .collect();
            x.choose(&merged(histograms));
        } else {
            passes.for_each(|((v, y), keep)| {
                for ((v, &y), &keep) in v.iter_mut().zip(y).zip(keep) {
                    *v = y + if keep { 0.0 } else { *v };
                }
            });
        }
    }

    /// The last [`Workspace::advance`], then Z from V, the scaling undone and the new Gram matrix.
    fn finish(&mut self, x: &mut Side, choose: bool, rho: f32) -> Outcome {
        // The Z before, for the dual residual.
        chunks_mut(x.z.as_mut_slice()).zip(chunks(x.v.as_slice())).zip(chunks(&x.keep)).for_each(|((z, v), keep)| {
            for ((z, &v), &keep) in z.iter_mut().zip(v).zip(keep) {
                *z = if keep { v } else { 0.0 };
            }
        });
        self.advance(x, choose);
        let sums: Vec<[f64; 3]> = chunks_mut(x.z.as_mut_slice())
            .zip(chunks(x.v.as_slice()))
            .zip(chunks(&x.keep).zip(chunks(self.y.as_slice())))
            .map(|((z, v), (keep, y))| {
                let mut sums = [0.0; 3];
                // Residuals need few digits: f32 sums of a block in lanes, then f64.
                for (((z, v), keep), y) in z.chunks_mut(256).zip(v.chunks(256)).zip(keep.chunks(256)).zip(y.chunks(256))
                {
                    let mut lanes = [[0.0f32; 8]; 3];
                    for i in 0..z.len() {
                        let new = if keep[i] { v[i] } else { 0.0 };
                        let (primal, dual) = (y[i] - new, new - z[i]);
                        lanes[0][i % 8] += primal * primal;
                        lanes[1][i % 8] += dual * dual;
                        lanes[2][i % 8] += new * new;
                        z[i] = new;
                    }
                    (0..3).for_each(|sum| sums[sum] += f64::from(lanes[sum].iter().sum::<f32>()));
                }
                sums
            })
            .collect();
        let [primal, dual, norm] =
            sums.into_iter().fold([0.0; 3], |total, part| std::array::from_fn(|sum| total[sum] + part[sum]));
        let overlap = dot(self.h.as_slice(), x.z.as_slice());
        let norm = norm.sqrt().max(f64::MIN_POSITIVE);
        scale_rows(&mut x.z, &self.norms, |z, norm| z / norm);
        scale_rows(&mut x.v, &self.norms, |v, norm| v / norm);
        gram(&mut x.gram, &x.z);
        Outcome { overlap, primal: primal.sqrt() / norm, dual: f64::from(rho) * dual.sqrt() / norm }
    }
}

/// The right-hand side H + ρ(Z − U), into `x.z`.
fn reflect(x: &mut Side, h: &Matrix, rho: f32) {
    chunks_mut(x.z.as_mut_slice()).zip(chunks(h.as_slice())).zip(chunks(x.v.as_slice()).zip(chunks(&x.keep))).for_each(
        |((out, h), (v, keep))| {
            for (((out, &h), &v), &keep) in out.iter_mut().zip(h).zip(v).zip(keep) {
                *out = h + rho * if keep { v } else { -v };
            }
        },
    );
}

/// Applies `f(entry, norm of its row)` to every entry.
fn scale_rows(matrix: &mut Matrix, norms: &[f32], f: impl Fn(f32, f32) -> f32) {
    let cols = matrix.cols();
    for (row, &norm) in matrix.as_mut_slice().chunks_mut(cols.max(1)).zip(norms) {
        row.iter_mut().for_each(|x| *x = f(*x, norm));
    }
}

fn merged(histograms: Vec<Histogram>) -> Histogram {
    histograms
        .into_iter()
        .reduce(|mut all, one| {
            all.merge(&one);
            all
        })
        .unwrap_or_default()
}
