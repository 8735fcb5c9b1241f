//! palm4msa (Le Magoarou & Gribonval 2016, arXiv 1506.07300): sparse factors by alternating proximal gradient steps.
//!
//! It minimises ½‖W − λ·S₁·S₂·…‖² over factors of Frobenius norm 1, each with a limited number of nonzeros. A step for
//! the factor S between L and R descends the gradient λLᵀ(λLSR − W)Rᵀ by 1/c, c slightly above its Lipschitz constant
//! λ²‖L‖₂²‖R‖₂², keeps the largest entries, and scales to norm 1 (its algorithm 4); after all factors λ is set to its
//! optimum. Neither increases the objective. The hierarchical variant (its algorithm 5) splits off one factor after the
//! other and refines all factors each time.

use super::{Baseline, Error, ProgressFn};
use crate::compute::{chain_product, matmul};
use crate::matrix::{Csr, Factors, Matrix, Problem, Replacement, keep_largest};
use std::borrow::Cow;

/// Number of sweeps over all factors.
const ITERATIONS: usize = 200;

/// Safety factor on the Lipschitz constant, which is estimated from below.
const MARGIN: f32 = 1.001;

/// First factor's shares of the budget that are tried.
const SHARES: [f64; 2] = [0.5, 0.36];

/// palm4msa with two factors, k = min(out, in): the best of some starts and splits.
pub struct Palm4msa;

/// Hierarchical palm4msa with three factors of a third of the budget each; the first (for tall W the last) two are
/// square.
pub struct Hierarchical;

impl Baseline for Palm4msa {
    fn replace(&self, problem: &Problem, budget: usize, progress: ProgressFn<'_>) -> Result<Replacement, Error> {
        let tall = problem.weight.rows() > problem.weight.cols();
        let (wide, scale) = &wide(&problem.weight);
        let square = wide.rows() * wide.rows();
        if budget < 2 {
            return Err(Error::NoRoom { method: "palm4msa", budget, least: 2 });
        }
        let tries: Vec<(f64, Start)> =
            SHARES.into_iter().flat_map(|share| [Start::Zero, Start::Magnitude].map(|start| (share, start))).collect();
        let mut best: Option<(f64, Vec<Matrix>)> = None;
        for (at, &(share, start)) in tries.iter().enumerate() {
            // A square factor cannot hold more than all its entries.
            let first = ((share * budget as f64) as usize).clamp(1, square);
            let counts = [first, budget - first];
            let told = |done: f64| progress((at as f64 + done) / tries.len() as f64);
            let mut chain = Chain::split(wide, counts, start);
            let errors = chain.refine(wide, &counts, ITERATIONS, &told).ok_or(Error::Cancelled)?;
            let error = errors.last().copied().unwrap_or(f64::INFINITY);
            if best.as_ref().is_none_or(|(least, _)| error < *least) {
                best = Some((error, chain.scaled(*scale)));
            }
        }
        let (_, chain) = best.ok_or(Error::Cancelled)?;
        let Ok([a, b]) = <[Matrix; 2]>::try_from(turned_back(chain, tall)) else { unreachable!("two factors") };
        Ok(Replacement::Factors(Factors::from_dense(&a, &b)))
    }
}

impl Baseline for Hierarchical {
    fn replace(&self, problem: &Problem, budget: usize, progress: ProgressFn<'_>) -> Result<Replacement, Error> {
        let tall = problem.weight.rows() > problem.weight.cols();
        let (wide, scale) = &wide(&problem.weight);
        if budget < 3 {
            return Err(Error::NoRoom { method: "palm4msa ×3", budget, least: 3 });
        }
        let third = (budget / 3).clamp(1, wide.rows() * wide.rows());
        let part = |number: usize| move |done: f64| progress((number as f64 + done) / 3.0);
        // The factor split off first leaves a rest that two factors will have to hold.
        let counts = [third, budget - third];
        let mut chain = Chain::split(wide, counts, Start::Zero);
        chain.refine(wide, &counts, ITERATIONS, &part(0)).ok_or(Error::Cancelled)?;
        let rest = chain.factors.pop().unwrap_or_default();
        let counts = [third, budget - 2 * third];
        let mut split = Chain::split(&rest, counts, Start::Zero);
        split.refine(&rest, &counts, ITERATIONS, &part(1)).ok_or(Error::Cancelled)?;
        chain.factors.extend(split.factors);
        chain.scale(wide);
        chain.refine(wide, &[third, third, budget - 2 * third], ITERATIONS, &part(2)).ok_or(Error::Cancelled)?;
        let chain = turned_back(chain.scaled(*scale), tall);
        Ok(Replacement::Chain(chain.iter().map(Csr::from_dense).collect()))
    }
}

/// W, or its transpose where that has fewer rows, scaled to the typical size of trained weights so that the iterations
/// do not depend on W's scale; and the factor that undoes the scaling.
fn wide(w: &Matrix) -> (Matrix, f64) {
    /// Root mean square to scale to.
    const SCALE: f64 = 0.05;
    let mut wide = if w.rows() > w.cols() { w.transposed() } else { w.clone() };
    let scale = (w.norm_squared() / w.len().max(1) as f64).sqrt() / SCALE;
    if scale > 0.0 {
        wide.as_mut_slice().iter_mut().for_each(|x| *x = (f64::from(*x) / scale) as f32);
    }
    (wide, scale)
}

/// Undoes the transposition: (S₁·S₂·…)ᵀ = …·S₂ᵀ·S₁ᵀ.
fn turned_back(chain: Vec<Matrix>, turned: bool) -> Vec<Matrix> {
    if turned { chain.iter().rev().map(Matrix::transposed).collect() } else { chain }
}

/// Factors before the first step.
#[derive(Clone, Copy)]
enum Start {
    /// As in FAµST: the factor solved for first is 0, the other the identity.
    Zero,
    /// The identity, and W's largest entries.
    Magnitude,
}

/// The product λ·S₁·S₂·…, each factor of norm 1 unless it is 0.
struct Chain {
    lambda: f32,
    factors: Vec<Matrix>,
}

impl Chain {
    /// Two factors for a W with no more rows than columns.
    fn split(w: &Matrix, counts: [usize; 2], start: Start) -> Self {
        let rows = w.rows();
        let mut first = Matrix::from_fn(rows, rows, |i, j| f32::from(u8::from(i == j)));
        let mut second = match start {
            Start::Zero => Matrix::zeros(rows, w.cols()),
            Start::Magnitude => keep_largest(w, counts[1]),
        };
        normalise(&mut first);
        normalise(&mut second);
        let mut chain = Self { lambda: 1.0, factors: vec![first, second] };
        if matches!(start, Start::Magnitude) {
            chain.scale(w);
        }
        chain
    }

    /// Steps for the last factor, the one before it and so on, `iterations` times; returns ‖W − λ·S₁·S₂·…‖² after each,
    /// or `None` when cancelled.
    fn refine(
        &mut self,
        w: &Matrix,
        counts: &[usize],
        iterations: usize,
        progress: &dyn Fn(f64) -> bool,
    ) -> Option<Vec<f64>> {
        // An iteration of a large matrix takes seconds.
        let every = if w.len() > 1 << 18 { 1 } else { 10 };
        let mut errors = Vec::with_capacity(iterations);
        for iteration in 0..iterations {
            // Products of the factors before each one; those after it are updated by then.
            let mut before = vec![None];
            for factor in &self.factors[..self.factors.len() - 1] {
                let last = before.last().and_then(Option::as_ref);
                before.push(Some(last.map_or_else(|| factor.clone(), |last| times(last, factor))));
            }
            let mut after: Option<Matrix> = None;
            for at in (0..self.factors.len()).rev() {
                let left = before[at].as_ref();
                step(w, left, &mut self.factors[at], after.as_ref(), self.lambda, counts[at]);
                let factor = &self.factors[at];
                after = Some(after.as_ref().map_or_else(|| factor.clone(), |after| times(factor, after)));
            }
            errors.push(self.scale_for(w, &after.unwrap_or_default()));
            if (iteration + 1).is_multiple_of(every) && !progress((iteration + 1) as f64 / iterations as f64) {
                return None;
            }
        }
        Some(errors)
    }

    fn scale(&mut self, w: &Matrix) {
        let made = chain_product(self.factors.iter().map(Cow::Borrowed));
        self.scale_for(w, &made);
    }

    /// Sets λ = ⟨W, S₁·S₂·…⟩ / ‖S₁·S₂·…‖²; returns the remaining error's square.
    fn scale_for(&mut self, w: &Matrix, made: &Matrix) -> f64 {
        let dot: f64 = crate::compute::dot(w.as_slice(), made.as_slice());
        let square = made.norm_squared();
        self.lambda = if square > 0.0 { (dot / square) as f32 } else { 0.0 };
        w.norm_squared() - if square > 0.0 { dot * dot / square } else { 0.0 }
    }

    /// The factors, the first one multiplied by λ and W's scale.
    fn scaled(mut self, scale: f64) -> Vec<Matrix> {
        let scale = f64::from(self.lambda) * scale;
        let values = self.factors.iter_mut().take(1).flat_map(Matrix::as_mut_slice);
        values.for_each(|x| *x = (f64::from(*x) * scale) as f32);
        self.factors
    }
}

/// One step for the factor between `left` and `right`; a missing one is an identity.
fn step(w: &Matrix, left: Option<&Matrix>, factor: &mut Matrix, right: Option<&Matrix>, lambda: f32, count: usize) {
    let norm = |matrix: Option<&Matrix>| matrix.map_or(1.0, spectral_norm).powi(2);
    let c = MARGIN * lambda * lambda * norm(left) * norm(right);
    if c <= 0.0 {
        return;
    }
    let mut residual = left.map_or_else(|| factor.clone(), |left| times(left, factor));
    if let Some(right) = right {
        residual = times(&residual, right);
    }
    let values = residual.as_mut_slice().iter_mut().zip(w.as_slice());
    values.for_each(|(product, w)| *product = lambda * *product - w);
    let mut gradient = residual;
    if let Some(left) = left {
        let mut next = Matrix::zeros(left.cols(), gradient.cols());
        matmul(&mut next, left.view().transpose(), gradient.view());
        gradient = next;
    }
    if let Some(right) = right {
        let mut next = Matrix::zeros(gradient.rows(), right.rows());
        matmul(&mut next, gradient.view(), right.view().transpose());
        gradient = next;
    }
    let values = factor.as_mut_slice().iter_mut().zip(gradient.as_slice());
    values.for_each(|(x, gradient)| *x -= lambda * gradient / c);
    *factor = keep_largest(factor, count);
    normalise(factor);
}

fn times(left: &Matrix, right: &Matrix) -> Matrix {
    let mut out = Matrix::zeros(left.rows(), right.cols());
    matmul(&mut out, left.view(), right.view());
    out
}

fn normalise(matrix: &mut Matrix) {
    let norm = matrix.norm_squared().sqrt() as f32;
    if norm > 0.0 {
        matrix.as_mut_slice().iter_mut().for_each(|x| *x /= norm);
    }
}

/// Largest singular value, by power iteration.
fn spectral_norm(matrix: &Matrix) -> f32 {
    const ITERATIONS: usize = 60;
    let mut v = Matrix::from_fn(matrix.cols(), 1, |i, _| 1.0 + ((i * 7919) % 101) as f32 / 101.0);
    let mut norm = 0.0;
    for _ in 0..ITERATIONS {
        let mut u = Matrix::zeros(matrix.rows(), 1);
        matmul(&mut u, matrix.view(), v.view());
        let mut next = Matrix::zeros(matrix.cols(), 1);
        matmul(&mut next, matrix.view().transpose(), u.view());
        let square = next.norm_squared().sqrt();
        if square <= 0.0 {
            return 0.0;
        }
        let before = norm;
        norm = (square as f32).sqrt();
        next.as_mut_slice().iter_mut().for_each(|x| *x /= square as f32);
        v = next;
        if (norm - before).abs() <= 1e-6 * norm {
            break;
        }
    }
    norm
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spectral_norms_by_hand() {
        assert!((spectral_norm(&Matrix::from_vec(2, 2, vec![3.0, 0.0, 0.0, 2.0])) - 3.0).abs() < 1e-4);
        // Of a single row its length.
        assert!((spectral_norm(&Matrix::from_vec(1, 2, vec![3.0, 4.0])) - 5.0).abs() < 1e-5);
        assert_eq!(spectral_norm(&Matrix::zeros(3, 2)), 0.0);
    }

    #[test]
    fn the_objective_never_rises() {
        let w = Matrix::from_fn(24, 31, |i, j| ((i * 31 + j * 17 + i * j * j) % 29) as f32 - 14.0);
        for counts in [[60, 126], [100, 86], [186, 1]] {
            for start in [Start::Zero, Start::Magnitude] {
                let errors = Chain::split(&w, counts, start).refine(&w, &counts, 100, &|_| true).unwrap();
                let rises = errors.windows(2).map(|pair| pair[1] / pair[0]).fold(0.0, f64::max);
                assert!(rises < 1.0 + 1e-6, "{counts:?}: {rises}");
            }
        }
    }

    #[test]
    fn a_step_by_hand() {
        // One factor, W itself: λ = 1, c = 1.001, S = 0 goes to W/1.001, of which the larger entry stays, scaled to 1.
        let w = Matrix::from_vec(1, 2, vec![3.0, -4.0]);
        let mut factor = Matrix::zeros(1, 2);
        step(&w, None, &mut factor, None, 1.0, 1);
        assert_eq!(factor.as_slice(), [0.0, -1.0]);
        let mut chain = Chain { lambda: 1.0, factors: vec![factor] };
        chain.scale(&w);
        assert_eq!(chain.lambda, 4.0);
    }
}
