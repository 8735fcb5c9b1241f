//! The rows of a sparse factor by least squares: X·F ≈ T with X's mask and F fixed.

use super::masked::exact_rows;

use crate::compute::{gram, matmul};
use crate::factorize::scale::scale_of;
use crate::factorize::{Error, check_factors};
use crate::matrix::{Csr, Factor, Factors, Matrix};

/// A pull toward the values as they are, against a Gram matrix of unit diagonal: far below what changes the error, far
/// above the last digits of single precision.
pub(super) const RIDGE: f32 = 1e-3;

/// The Gram matrix G and the right-hand side H of rows X with XG = H, scaled to G's unit diagonal.
pub(super) struct Regression {
    pub g: Matrix,
    pub h: Matrix,
    /// Roots of G's diagonal.
    norms: Vec<f32>,
}

impl Regression {
    /// Scales them. `floor(l)` is the least that entry `l` of the diagonal is taken for: rounding errors of G.
    pub fn new(mut g: Matrix, mut h: Matrix, floor: impl Fn(usize) -> f32) -> Self {
        let norms = norms((0..g.rows()).map(|l| g.get(l, l).max(floor(l))));
        scale(&mut g, |i, j, g| g / (norms[i] * norms[j]));
        scale(&mut h, |_, l, h| h / norms[l]);
        Self { g, h, norms }
    }

    /// Scales the rows as G and H are.
    pub fn enter(&self, x: &mut Matrix) {
        scale(x, |_, l, x| x * self.norms[l]);
    }

    /// Takes the scale away again.
    pub fn leave(&self, x: &mut Matrix) {
        scale(x, |_, l, x| x / self.norms[l]);
    }

    /// Lets `solve` find the rows, scaled as G and H are.
    pub fn solve(&self, x: &mut Matrix, solve: impl FnOnce(&mut Matrix, &Self)) {
        self.enter(x);
        solve(x, self);
        self.leave(x);
    }
}

/// Solves the values of one factor again for the plain error ‖W − AB‖, by least squares on its mask, with the other
/// factor held. The error does not grow, but for its last digits.
///
/// ```
/// use dsf_explorer::{factorize::polish, matrix::{Factor, Factors, Matrix}, measure::relative_error};
/// let w = Matrix::from_fn(20, 16, |i, j| ((i * 7 + j * 13) % 17) as f32 - 8.0);
/// let part = |rows, cols| Matrix::from_fn(rows, cols, |i, j| f32::from(u8::from((i + 2 * j) % 3 == 0)));
/// let mut factors = Factors::from_dense(&part(20, 16), &part(16, 16));
/// let mut errors = vec![relative_error(&w, &factors.a, &factors.b)];
/// for factor in [Factor::A, Factor::B, Factor::A] {
///     polish(&w, &mut factors, factor)?;
///     errors.push(relative_error(&w, &factors.a, &factors.b));
/// }
/// assert!(errors.is_sorted_by(|before, after| after <= before));
/// # Ok::<(), dsf_explorer::factorize::Error>(())
/// ```
pub fn polish(w: &Matrix, factors: &mut Factors, factor: Factor) -> Result<(), Error> {
    check_factors(factors, w)?;
    match factor {
        Factor::A => factors.a = polished_rows(w, &factors.a, factors.b.to_dense()),
        Factor::B => {
            let rows = polished_rows(&w.transposed(), &factors.b.transposed(), factors.a.transposed().to_dense());
            factors.b = rows.transposed();
        }
    }
    Ok(())
}

/// X r×k for XF ≈ T, with T r×p and F k×p.
fn polished_rows(t: &Matrix, x: &Csr, mut f: Matrix) -> Csr {
    let k = f.rows();
    // Powers of two, so that no product overflows and no digit is lost.
    let (scale_t, scale_f) = (scale_of(t), scale_of(&f));
    let t = Matrix::from_fn(t.rows(), t.cols(), |i, j| t.get(i, j) / scale_t);
    scale(&mut f, |_, _, f| f / scale_f);
    let mut x = x.to_dense();
    let (mut g, mut h) = (Matrix::zeros(k, k), Matrix::zeros(t.rows(), k));
    gram(&mut g, &f);
    matmul(&mut h, t.view(), f.view().transpose());
    let keep: Vec<bool> = x.as_slice().iter().map(|&x| x != 0.0).collect();
    scale(&mut x, |_, _, x| x / scale_t * scale_f);
    Regression::new(g, h, |_| 0.0).solve(&mut x, |x, scaled| exact_rows(x, &keep, &scaled.h, &scaled.g, RIDGE));
    scale(&mut x, |_, _, x| x / scale_f * scale_t);
    Csr::from_dense(&x)
}

/// Roots of a Gram matrix's diagonal, none far below the largest: what belongs to such a one would leave the finite
/// numbers for a product that hardly sees it. All 1 if nothing is there.
pub(super) fn norms(diagonal: impl Iterator<Item = f32>) -> Vec<f32> {
    const LEAST: f32 = 1e-6;
    let mut norms: Vec<f32> = diagonal.map(|x| x.max(0.0).sqrt()).collect();
    let largest = root_or_1(norms.iter().fold(0.0f32, |largest, &x| largest.max(x)).powi(2));
    norms.iter_mut().for_each(|x| *x = x.max(LEAST * largest));
    norms
}

/// √x, and 1 where nothing is: what belongs to it then stays as it is.
pub(super) fn root_or_1(x: f32) -> f32 {
    if x > f32::MIN_POSITIVE { x.sqrt() } else { 1.0 }
}

/// Applies `f(row, column, entry)` to every entry.
pub(super) fn scale(matrix: &mut Matrix, f: impl Fn(usize, usize, f32) -> f32) {
    let cols = matrix.cols().max(1);
    for (i, row) in matrix.as_mut_slice().chunks_mut(cols).enumerate() {
        row.iter_mut().enumerate().for_each(|(j, x)| *x = f(i, j, *x));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::relative_error;

    #[test]
    fn by_hand() {
        // Row (x, 0) with F = [[1, 1], [0, 1]] and T = (1, 3): x = 2. Scales far from 1 change nothing.
        for (t, f) in [(1.0f32, 1.0f32), (1e30, 1e-3), (1e-30, 1e3), (1.0, 1e20)] {
            let w = Matrix::from_vec(1, 2, vec![t, 3.0 * t]);
            let b = Matrix::from_vec(2, 2, vec![f, f, 0.0, f]);
            let mut factors = Factors::from_dense(&Matrix::from_vec(1, 2, vec![2.01 * t / f, 0.0]), &b);
            polish(&w, &mut factors, Factor::A).unwrap();
            let a = factors.a.values();
            assert!((a[0] / (t / f) - 2.0).abs() < 1e-4 && factors.a.indices() == [0], "{a:?} at {t} and {f}");
        }
    }

    #[test]
    fn a_planted_product_is_found_again_from_its_masks() {
        let entry = |i: usize, j: usize| {
            if (i * 5 + j * 3).is_multiple_of(4) { ((i * 7 + j * 11) % 13) as f32 - 6.5 } else { 0.0 }
        };
        let (a, b) = (Matrix::from_fn(40, 12, entry), Matrix::from_fn(12, 30, |l, j| entry(j, l)));
        let w = Factors::from_dense(&a, &b).dense_product();
        // B as planted, A with its mask alone.
        let ones = Matrix::from_fn(40, 12, |i, l| f32::from(u8::from(a.get(i, l) != 0.0)));
        let mut factors = Factors::from_dense(&ones, &b);
        for _ in 0..3 {
            polish(&w, &mut factors, Factor::A).unwrap();
        }
        let error = relative_error(&w, &factors.a, &factors.b);
        assert!(error < 1e-5, "{error}");
        assert_eq!(crate::matrix::Mask::of_csr(&factors.a), crate::matrix::Mask::of(&a));
    }

    #[test]
    fn empty_rows_and_wrong_shapes() {
        let w = Matrix::from_vec(2, 2, vec![1.0, 2.0, 3.0, 4.0]);
        let mut factors = Factors::from_dense(&Matrix::zeros(2, 3), &Matrix::zeros(3, 2));
        for factor in [Factor::A, Factor::B] {
            polish(&w, &mut factors, factor).unwrap();
        }
        assert_eq!(factors.nnz(), 0);
        factors.b = Csr::from_dense(&Matrix::zeros(2, 2));
        assert!(matches!(polish(&w, &mut factors, Factor::A), Err(Error::Shapes { .. })));
    }
}
