//! Half-steps in a metric M of the layer's inputs; see [`super::half_step`] for the notation and [`super::metric`] for M.
//!
//! **The inputs are the target's rows** (the unknown is A, F is B): minimise tr((T − FᵀX)ᵀ·M·(T − FᵀX)). F's rows are
//! normalised in the metric. With R = (Z − U)ρ/c it is Y = R + F(FᵀF + c·M⁻¹)⁻¹(T − FᵀR), or by the other system, when k ≤
//! p, Y = (F·M·Fᵀ + cI)⁻¹(F·M·T + cR): what a half-step does anyway, with another matrix to factorize.
//!
//! **The inputs are the unknown's columns** (the unknown is B, F is Aᵀ): minimise tr((T − FᵀX)·M·(T − FᵀX)ᵀ). In the basis
//! of M's eigenvectors Q, with eigenvalues dⱼ, every column is a regression of its own with a penalty of its own: Y = R +
//! F·S·Qᵀ, where column j of S is (FᵀF + (c/dⱼ)I)⁻¹ of column j of (T − FᵀR)·Q; or Y = R + S·Qᵀ with FFᵀ in place of FᵀF and
//! F(T − FᵀR) in place of T − FᵀR.
//!
//! **Many penalties, few systems.** A matrix is factorized only for penalties σ₀ < σ₁ < … in equal ratios. Between two of
//! them, a and b, a column's solution is mixed from the two: with λ an eigenvalue of the matrix, 1/(λ + σ) is w/(λ + a) + (1 −
//! w)/(λ + b) for λ = 0 and λ = ∞, if w = (1/σ − 1/b)/(1/a − 1/b). In between it is larger, by a relative λ(a + b − σ − ab/σ) /
//! ((λ + a)(λ + b)), which is largest at λ = √ab, there e. Both are multiplied by 2/(2 − e), so that the error has both signs:
//! with b/a = r it is at most e/(2 − e), e = ((√r − 1)/(√r + 1))², 3.7 % for r = 3.

use super::factor_state::each;
use super::lifted::lifted;
use super::metric::PowerMetric;
use crate::compute::{
    Cholesky, PANEL, chunks_of_mut, load_transposed, matmul, prelude::*, spmm, store_transposed, with_panel,
};
use crate::matrix::{Csr, Matrix};

/// Where a half-step meets the inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    /// The target's rows are the inputs.
    Rows,
    /// The target's columns are.
    Columns,
}

/// Ratio of neighbouring penalties.
const RATIO: f32 = 3.0;

/// Memory of half-steps in a metric.
#[derive(Default)]
pub(super) struct Weighed {
    /// (F·M)ᵀ, p×k, for the rows.
    pub fm: Matrix,
    /// Squared norms by panel and row.
    squares: Vec<f32>,
    /// Penalties and their systems, for the columns.
    penalties: Vec<f32>,
    systems: Vec<Cholesky>,
    /// Right-hand sides of all columns, q×s: first in the inputs' basis, then solved and in the inputs' basis again.
    pub residual: Matrix,
    /// The same in the eigenvectors' basis.
    turned: Matrix,
}

impl Weighed {
    /// Norms of F's rows in the metric, sqrt(diag(F·M·Fᵀ)).
    pub fn norms(&mut self, norms: &mut Vec<f32>, f: &Csr, metric: &PowerMetric) {
        let (k, p) = (f.rows(), f.cols());
        let (q, weights) = (metric.vectors(), metric.weights());
        self.squares.clear();
        self.squares.resize(k * p.div_ceil(PANEL), 0.0);
        chunks_of_mut(&mut self.squares, k.max(1)).enumerate().for_each(|(at, squares)| {
            let first = at * PANEL;
            let width = PANEL.min(p - first);
            let mut weigh = [0.0; PANEL];
            weigh[..width].copy_from_slice(&weights[first..first + width]);
            with_panel(p, |panel| {
                fill(panel, q, first);
                spmm(
                    f,
                    0..k,
                    panel,
                    #[inline(always)]
                    |i, row| {
                        let mut lanes = [0.0f32; 8];
                        let (row, weigh) = (row.as_chunks::<8>().0, weigh.as_chunks::<8>().0);
                        for (row, weigh) in row.iter().zip(weigh) {
                            (0..8).for_each(|lane| lanes[lane] += row[lane] * row[lane] * weigh[lane]);
                        }
                        squares[i] = lanes.iter().sum();
                    },
                );
            });
        });
        norms.clear();
        norms.extend((0..k).map(|i| {
            let square: f32 = self.squares.iter().skip(i).step_by(k).sum();
            square.sqrt() + 1e-8
        }));
    }

    /// `fm` = (F·M)ᵀ and the lower triangle of F·M·Fᵀ.
    pub fn gram(&mut self, lower: &mut Vec<f32>, f: &Csr, m: &Matrix) {
        let (k, p) = (f.rows(), f.cols());
        self.fm.resize(p, k);
        product_transposed(self.fm.as_mut_slice(), f, m);
        lower.resize(k * k, 0.0);
        product_transposed(lower, f, &self.fm);
    }

    /// Factorizes G plus each penalty that the shifts c, divided by the weights, can need; `gram` computes G.
    pub fn factorize(&mut self, k: usize, shifts: [f32; 2], weights: &[f32], gram: impl Fn(&mut Vec<f32>) + Sync) {
        self.penalties = penalties(shifts, weights);
        let count = self.penalties.len();
        self.systems.resize_with(count.max(self.systems.len()), Cholesky::default);
        let (first, others) = self.systems[..count].split_first_mut().expect("a penalty");
        gram(first.lower_mut());
        let lower = &*first.lower_mut();
        each(others.iter_mut(), |system| system.lower_mut().clone_from(lower));
        let systems = self.systems[..count].iter_mut().zip(&self.penalties);
        each(systems, |(system, &penalty)| lifted(system, k, penalty, &gram));
    }

    /// From right-hand sides in `residual`, q×s, to their solutions there, of each column of the eigenvectors' basis with
    /// the penalty c/dⱼ.
    pub fn solve(&mut self, c: f32, metric: &PowerMetric) {
        let (q, s) = self.residual.shape();
        self.turned.resize(q, s);
        matmul(&mut self.turned, metric.vectors_transposed().view(), self.residual.view());
        let (penalties, systems, weights) = (&self.penalties, &self.systems, metric.weights());
        chunks_of_mut(self.turned.as_mut_slice(), PANEL * s.max(1)).enumerate().for_each(|(at, rows)| {
            let first = at * PANEL;
            let span = PANEL.min(q - first);
            let mut mixes = [Mix { lower: usize::MAX, shares: [0.0; 2] }; PANEL];
            for (mix, weight) in mixes.iter_mut().zip(&weights[first..first + span]) {
                *mix = Mix::new(penalties, c / weight);
            }
            let low = mixes[..span].iter().map(|mix| mix.lower).min().unwrap_or(0);
            let high = mixes[..span].iter().map(|mix| mix.lower + 1).max().unwrap_or(0).min(penalties.len() - 1);
            with_panel(2 * s, |buffer| {
                let (panel, sum) = buffer.split_at_mut(s);
                sum.fill([0.0; PANEL]);
                for (g, system) in systems[..=high].iter().enumerate().skip(low) {
                    let share: [f32; PANEL] = std::array::from_fn(|column| mixes[column].share(g));
                    if share.iter().all(|&share| share == 0.0) {
                        continue;
                    }
                    load_transposed(panel, rows);
                    panel.iter_mut().for_each(|row| row.iter_mut().zip(&share).for_each(|(x, share)| *x *= share));
                    system.solve(panel);
                    sum.as_flattened_mut().iter_mut().zip(panel.as_flattened()).for_each(|(sum, x)| *sum += x);
                }
                store_transposed(sum, rows);
            });
        });
        matmul(&mut self.residual, metric.vectors().view(), self.turned.view());
    }
}

/// Penalties in equal ratios, ascending, that bracket the shifts c divided by all of the weights.
pub(super) fn penalties(shifts: [f32; 2], weights: &[f32]) -> Vec<f32> {
    let most = |x: f32, y: &f32| x.max(*y);
    let heaviest = weights.iter().fold(0.0, most);
    let lightest = weights.iter().fold(f32::INFINITY, |x, y| x.min(*y));
    let (low, high) = (shifts[0].min(shifts[1]) / heaviest, shifts[0].max(shifts[1]) / lightest);
    let steps = ((high / low).ln() / RATIO.ln()).ceil().max(1.0);
    let ratio = (high / low).powf(1.0 / steps);
    let mut penalties: Vec<f32> = (0..=steps as usize).map(|g| low * ratio.powi(g as i32)).collect();
    if high <= low {
        penalties.truncate(1);
    }
    penalties
}

/// A column's solution from those of two neighbouring penalties.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mix {
    /// Index of the lower of the two.
    lower: usize,
    /// Factors of the two solutions.
    shares: [f32; 2],
}

impl Mix {
    /// For a penalty between the first and the last.
    pub fn new(penalties: &[f32], wanted: f32) -> Self {
        let Some(last) = penalties.len().checked_sub(2) else { return Self { lower: 0, shares: [1.0, 0.0] } };
        let lower = penalties.partition_point(|&penalty| penalty <= wanted).saturating_sub(1).min(last);
        let (a, b) = (penalties[lower], penalties[lower + 1]);
        let wanted = wanted.clamp(a, b);
        let share = (1.0 / wanted - 1.0 / b) / (1.0 / a - 1.0 / b);
        let most = (a + b - wanted - a * b / wanted).max(0.0) / (a.sqrt() + b.sqrt()).powi(2);
        Self { lower, shares: [share, 1.0 - share].map(|share| share * 2.0 / (2.0 - most)) }
    }

    /// The factor of solution `g`.
    pub fn share(&self, g: usize) -> f32 {
        match g.wrapping_sub(self.lower) {
            at @ 0..=1 => self.shares[at],
            _ => 0.0,
        }
    }
}

/// `out` = (F·D)ᵀ, row-major, for a dense matrix D.
fn product_transposed(out: &mut [f32], f: &Csr, dense: &Matrix) {
    let (k, p) = (f.rows(), f.cols());
    chunks_of_mut(out, PANEL * k.max(1)).enumerate().for_each(|(at, rows)| {
        with_panel(p + k, |buffer| {
            let (panel, product) = buffer.split_at_mut(p);
            fill(panel, dense, at * PANEL);
            spmm(
                f,
                0..k,
                panel,
                #[inline(always)]
                |i, row| product[i] = *row,
            );
            store_transposed(product, rows);
        });
    });
}

/// Columns `first..` of a dense matrix; zeros past the last.
fn fill(panel: &mut [[f32; PANEL]], matrix: &Matrix, first: usize) {
    let span = PANEL.min(matrix.cols() - first);
    for (i, row) in panel.iter_mut().enumerate() {
        row[..span].copy_from_slice(&matrix.row(i)[first..first + span]);
        row[span..].fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bound of the module's description, and exact where the penalty has a system of its own.
    #[test]
    fn a_mix_is_close_to_what_it_stands_for() {
        let penalties: Vec<f32> = (0..5).map(|g| 0.1 * 3f32.powi(g)).collect();
        let most = ((3f32.sqrt() - 1.0) / (3f32.sqrt() + 1.0)).powi(2);
        let bound = most / (2.0 - most);
        let mut worst = 0.0f32;
        for wanted in (0..=80).map(|i| 0.1 * 3f32.powf(i as f32 / 20.0)) {
            let mix = Mix::new(&penalties, wanted);
            for lambda in (-60..60).map(|i| 1.2f32.powi(i)) {
                let mixed: f32 = (0..5).map(|g| mix.share(g) / (lambda + penalties[g])).sum();
                worst = worst.max((mixed * (lambda + wanted) - 1.0).abs());
            }
        }
        assert!(worst < 1.001 * bound && worst > 0.9 * bound, "{worst} where {bound} is allowed");
        assert_eq!(Mix::new(&penalties, 0.1).shares, [1.0, 0.0]);
        assert_eq!(Mix::new(&[0.5], 0.5), Mix { lower: 0, shares: [1.0, 0.0] });
    }
}
