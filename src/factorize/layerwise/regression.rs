//! The rows of a sparse factor by least squares: X·F ≈ T with X's mask and F fixed.

use super::masked::RowSolver;
use crate::compute::{PANEL, chunks_of, prelude::*, sparse_gram, spmm, with_panel};
use crate::factorize::scale::{scale_of, scale_of_values};
use crate::factorize::target::Target;
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
    let target = |turned| Target { matrix: w, turned, factor: 1.0 };
    match factor {
        Factor::A => factors.a = polished_rows(target(true), &factors.a, &factors.b),
        Factor::B => {
            let rows = polished_rows(target(false), &factors.b.transposed(), &factors.a.transposed());
            factors.b = rows.transposed();
        }
    }
    Ok(())
}

/// X r×k for XF ≈ T; `target` is Tᵀ, p×r.
fn polished_rows(target: Target<'_>, x: &Csr, f: &Csr) -> Csr {
    let (k, p) = f.shape();
    // Powers of two, so that no product overflows and no digit is lost.
    let (scale_t, scale_f) = (scale_of(target.matrix), scale_of_values(f.values(), k * p));
    let target = Target { factor: 1.0 / scale_t, ..target };
    let mut scaled = Csr::default();
    scaled.copy_from(f, |_, _, f| f / scale_f);
    let f = scaled;
    // Entry (i, j ≤ i) is at j·k + i.
    let mut g = Vec::new();
    sparse_gram(&mut g, &f);
    let norms = norms((0..k).map(|l| g[l * k + l]));

    let firsts: Vec<usize> = (0..x.rows()).step_by(PANEL).collect();
    let solved: Vec<Vec<f32>> = chunks_of(&firsts, 1)
        .map(|first| {
            let rows = first[0]..(first[0] + PANEL).min(x.rows());
            let mut solver = RowSolver::default();
            let mut values = x.values()[x.row_starts()[rows.start]..x.row_starts()[rows.end]].to_vec();
            with_panel(p + k, |buffer| {
                let (t, h) = buffer.split_at_mut(p);
                target.fill(t, rows.start);
                spmm(
                    &f,
                    0..k,
                    t,
                    #[inline(always)]
                    |l, row| h[l] = *row,
                );
                let mut rest = &mut values[..];
                for (c, i) in rows.enumerate() {
                    let support = &x.indices()[x.row_starts()[i]..x.row_starts()[i + 1]];
                    let (row, others) = rest.split_at_mut(support.len());
                    rest = others;
                    let at = |i: usize| support[i] as usize;
                    // In the units in which G has a unit diagonal.
                    row.iter_mut().enumerate().for_each(|(i, x)| *x = *x / scale_t * scale_f * norms[at(i)]);
                    let rhs = |i: usize| h[at(i)][c] / norms[at(i)];
                    let gram = |i: usize, j: usize| {
                        let (low, high) = (at(i.min(j)), at(i.max(j)));
                        g[low * k + high] / (norms[low] * norms[high])
                    };
                    solver.solve(row, rhs, gram, RIDGE);
                    row.iter_mut().enumerate().for_each(|(i, x)| *x = *x / norms[at(i)] / scale_f * scale_t);
                }
            });
            values
        })
        .collect();
    let mut polished = Csr::from_parts(x.rows(), k, x.row_starts().to_vec(), x.indices().to_vec(), solved.concat());
    polished.drop_zeros();
    polished
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
