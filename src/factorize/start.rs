//! Where a run starts.

use crate::compute::svd;
use crate::matrix::{Matrix, keep_largest};
use clap::ValueEnum;
use rand_pcg::{
    Pcg64Mcg,
    rand_core::{Rng, SeedableRng},
};
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// The factors before the first half-step (the paper's section 4.2, *Initialization*, and its Fig. 6).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Start {
    /// The first factor the identity, the second W's largest entries, half its budget: the paper's.
    #[default]
    Identity,
    /// Both factors normally distributed, drawn from the seed.
    Random,
    /// The singular value decomposition, each factor with the square roots of the singular values.
    Svd,
}

impl Start {
    /// The first factor, transposed (k×n), and the second (k×m) for W n×m.
    pub(super) fn factors(self, w: Matrix, k: usize, [first, second]: [usize; 2], seed: u64) -> (Matrix, Matrix) {
        let (n, m) = w.shape();
        match self {
            // At least one: from factors of zeros no half-step leads away.
            Self::Identity => stacked(w, k, (second / 2).max(1)),
            Self::Random => {
                let mut normal = Normal::new(seed);
                let mut draw = |rows, cols| Matrix::from_fn(rows, cols, |_, _| normal.draw());
                (draw(k, n), draw(k, m))
            }
            Self::Svd => match svd(&w) {
                Some(svd) => {
                    let root = |l: usize| svd.s[l].max(0.0).sqrt();
                    let rank = svd.s.len();
                    let part = |l: usize, x: f32| if l < rank { x * root(l) } else { 0.0 };
                    let first = Matrix::from_fn(k, n, |l, i| part(l, svd.u.get(i, l.min(rank - 1))));
                    let second = Matrix::from_fn(k, m, |l, j| part(l, svd.v.get(j, l.min(rank - 1))));
                    (first, second)
                }
                // faer's iteration did not converge; it always has on finite input, and a run must not fail on it.
                None => Self::Identity.factors(w, k, [first, second], seed),
            },
        }
    }
}

/// An identity, or several side by side when k > n, and below each other in the second factor W's `most` largest
/// entries, the `most` largest of what is left, and so on. With k < n the identity picks the rows of W that have most.
fn stacked(w: Matrix, k: usize, most: usize) -> (Matrix, Matrix) {
    let (n, m) = w.shape();
    let (mut first, mut second) = (Matrix::zeros(k, n), Matrix::zeros(k, m));
    let mut left = w;
    for start in (0..k).step_by(n) {
        let largest = keep_largest(&left, most);
        let mut rows: Vec<usize> = (0..n).collect();
        if k < n {
            let norm = |i: usize| largest.row(i).iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
            rows.sort_by(|&i, &j| norm(j).total_cmp(&norm(i)));
            rows.truncate(k);
            rows.sort_unstable();
        }
        for (l, &i) in (start..k).zip(&rows) {
            first.as_mut_slice()[l * n + i] = 1.0;
            second.as_mut_slice()[l * m..(l + 1) * m].copy_from_slice(largest.row(i));
        }
        left.as_mut_slice().iter_mut().zip(largest.as_slice()).for_each(|(left, taken)| *left -= taken);
    }
    (first, second)
}

/// A mask for k×n entries, `kept` of them true: one in each row, as in the identities of [`Start::Identity`], and the
/// others drawn from the seed. Layers of one shape share it.
pub(super) fn fixed_mask(k: usize, n: usize, kept: usize, seed: u64) -> Vec<bool> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let diagonal = |at: usize| at % n == (at / n) % n;
    let (mut free, mut wanted) = (k * n - k, kept.saturating_sub(k).min(k * n - k));
    let mut ones = kept.min(k);
    let pick = |at: usize| {
        if diagonal(at) {
            let keep = ones > 0;
            ones -= usize::from(keep);
            return keep;
        }
        // Each of the `free` entries left is as likely as the others to be among the `wanted` ones.
        let keep = ((u128::from(rng.next_u64()) * free as u128) >> 64) < wanted as u128;
        free -= 1;
        wanted -= usize::from(keep);
        keep
    };
    (0..k * n).map(pick).collect()
}

/// Standard normal numbers by Marsaglia's polar method.
struct Normal(Pcg64Mcg);

impl Normal {
    fn new(seed: u64) -> Self {
        Self(Pcg64Mcg::seed_from_u64(seed))
    }

    fn draw(&mut self) -> f32 {
        loop {
            let (x, y) = (self.uniform(), self.uniform());
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return (x * (-2.0 * square.ln() / square).sqrt()) as f32;
            }
        }
    }

    /// A uniform number in [−1, 1).
    fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_numbers_have_mean_0_and_variance_1() {
        let mut normal = Normal::new(1);
        let draws: Vec<f64> = (0..100_000).map(|_| f64::from(normal.draw())).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / 1e5;
        // Five standard deviations of the two estimates.
        assert!(mean.abs() < 0.016 && (variance - 1.0).abs() < 0.023, "mean {mean}, variance {variance}");
    }

    #[test]
    fn a_fixed_mask_has_its_diagonal_and_exactly_its_entries() {
        for (k, n, kept) in [(8, 8, 20), (16, 8, 40), (6, 8, 6), (5, 5, 25), (4, 4, 2)] {
            let mask = fixed_mask(k, n, kept, 7);
            assert_eq!(mask.iter().filter(|&&keep| keep).count(), kept, "{k}×{n}");
            assert!((0..k.min(kept)).all(|l| mask[l * n + l % n]));
            assert_eq!(mask, fixed_mask(k, n, kept, 7));
        }
        assert_ne!(fixed_mask(8, 8, 20, 7), fixed_mask(8, 8, 20, 8));
    }

    #[test]
    fn the_svd_start_multiplies_back_to_w() {
        let w = Matrix::from_fn(5, 8, |i, j| ((i * 3 + j * 5) % 7) as f32 - 3.0);
        let budget = [5, 5];
        let (first, second) = Start::Svd.factors(w.clone(), 5, budget, 0);
        let mut back = Matrix::zeros(5, 8);
        crate::compute::matmul(&mut back, first.view().transpose(), second.view());
        let error = crate::measure::relative_difference(&w, &back);
        assert!(error < 1e-6, "{error}");
    }
}
