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

/// First factor's shares of the budget that are tried, with either factor first.
const SHARES: [f64; 3] = [0.36, 0.5, 0.64];

/// Number of sweeps after which only the best tries go on: on five 256×256 parts of trained layers the best in the end was one
/// of the best two by then.
const FIRST: usize = 40;

/// Number of tries that go on.
const KEPT: usize = 2;

/// palm4msa with two factors, k = min(out, in): the best of some splits and orders.
pub struct Palm4msa;

/// One of the splits and orders.
struct Try {
    chain: Chain,
    counts: [usize; 2],
    order: Order,
    /// ‖W − λ·S₁·S₂‖² so far.
    error: f64,
}

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
        let mut tries: Vec<Try> = Order::BOTH
            .into_iter()
            .flat_map(|order| SHARES.map(|share| (order, share)))
            .map(|(order, share)| {
                // A square factor cannot hold more than all its entries.
                let first = ((share * budget as f64) as usize).clamp(1, square);
                let counts = [first, budget - first];
                Try { chain: Chain::split(wide, order), counts, order, error: f64::INFINITY }
            })
            .collect();
        let work = (tries.len() * FIRST + KEPT * (ITERATIONS - FIRST)) as f64;
        let mut done = 0.0;
        for (kept, iterations) in [(tries.len(), FIRST), (KEPT, ITERATIONS - FIRST)] {
            tries.truncate(kept);
            for one in &mut tries {
                let told = |share: f64| progress((done + share * iterations as f64) / work);
                one.error =
                    one.chain.refine(wide, &one.counts, iterations, one.order, &told).ok_or(Error::Cancelled)?;
                done += iterations as f64;
            }
            tries.sort_by(|one, other| one.error.total_cmp(&other.error));
        }
        let chain = tries.swap_remove(0).chain.scaled(*scale);
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
        let mut chain = Chain::split(wide, Order::LastFirst);
        chain.refine(wide, &counts, ITERATIONS, Order::LastFirst, &part(0)).ok_or(Error::Cancelled)?;
        let rest = chain.factors.pop().unwrap_or_default();
        let counts = [third, budget - 2 * third];
        let mut split = Chain::split(&rest, Order::LastFirst);
        split.refine(&rest, &counts, ITERATIONS, Order::LastFirst, &part(1)).ok_or(Error::Cancelled)?;
        chain.factors.extend(split.factors);
        chain.scale(wide);
        chain
            .refine(wide, &[third, third, budget - 2 * third], ITERATIONS, Order::LastFirst, &part(2))
            .ok_or(Error::Cancelled)?;
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

/// Which factor has its turn first in an iteration.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    LastFirst,
    FirstFirst,
}

impl Order {
    const BOTH: [Self; 2] = [Self::LastFirst, Self::FirstFirst];

    /// The product of two neighbours, of which one has its turn before the other.
    fn product(self, sooner: &Matrix, later: &Matrix) -> Matrix {
        match self {
            Self::LastFirst => times(later, sooner),
            Self::FirstFirst => times(sooner, later),
        }
    }
}

/// The product λ·S₁·S₂·…, each factor of norm 1 unless it is 0.
struct Chain {
    lambda: f32,
    factors: Vec<Matrix>,
}

impl Chain {
    /// Two factors for a W with no more rows than columns: 0 for the one that has its turn first, the identity for the other, as
    /// FAµST begins.
    fn split(w: &Matrix, order: Order) -> Self {
        let rows = w.rows();
        let mut identity = Matrix::from_fn(rows, if order == Order::FirstFirst { w.cols() } else { rows }, |i, j| {
            f32::from(u8::from(i == j))
        });
        normalise(&mut identity);
        let factors = match order {
            Order::LastFirst => vec![identity, Matrix::zeros(rows, w.cols())],
            Order::FirstFirst => vec![Matrix::zeros(rows, rows), identity],
        };
        Self { lambda: 1.0, factors }
    }

    /// Steps for each factor, `iterations` times; returns ‖W − λ·S₁·S₂·…‖² in the end, or `None` when cancelled.
    fn refine(
        &mut self,
        w: &Matrix,
        counts: &[usize],
        iterations: usize,
        order: Order,
        progress: &dyn Fn(f64) -> bool,
    ) -> Option<f64> {
        // An iteration of a large matrix takes seconds.
        let every = if w.len() > 1 << 18 { 1 } else { 10 };
        let mut error = f64::INFINITY;
        for iteration in 0..iterations {
            let made = self.sweep(w, counts, order);
            error = self.scale_for(w, &made);
            if (iteration + 1).is_multiple_of(every) && !progress((iteration + 1) as f64 / iterations as f64) {
                return None;
            }
        }
        Some(error)
    }

    /// A step for each factor; returns S₁·S₂·….
    fn sweep(&mut self, w: &Matrix, counts: &[usize], order: Order) -> Matrix {
        let count = self.factors.len();
        let mut turns: Vec<usize> = (0..count).collect();
        if order == Order::LastFirst {
            turns.reverse();
        }
        // For each turn, the product of the factors whose turns come later.
        let mut later: Vec<Option<Matrix>> = vec![None; count];
        for turn in (1..count).rev() {
            let factor = &self.factors[turns[turn]];
            later[turn - 1] =
                Some(later[turn].as_ref().map_or_else(|| factor.clone(), |rest| order.product(factor, rest)));
        }
        let mut done: Option<Matrix> = None;
        for (&at, later) in turns.iter().zip(&later) {
            let (left, right) = match order {
                Order::LastFirst => (later.as_ref(), done.as_ref()),
                Order::FirstFirst => (done.as_ref(), later.as_ref()),
            };
            step(w, left, &mut self.factors[at], right, self.lambda, counts[at]);
            let factor = &self.factors[at];
            done = Some(done.as_ref().map_or_else(|| factor.clone(), |done| order.product(done, factor)));
        }
        done.unwrap_or_default()
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
            for order in Order::BOTH {
                let mut chain = Chain::split(&w, order);
                let mut sweep = || chain.refine(&w, &counts, 1, order, &|_| true).unwrap();
                let mut before = sweep();
                for _ in 1..100 {
                    let error = sweep();
                    assert!(error < before * (1.0 + 1e-6), "{counts:?}: from {before} to {error}");
                    before = error;
                }
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
