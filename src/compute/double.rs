//! Kernels in f64: Gram matrices of many samples, and small ill-conditioned systems.

use super::dense::{parallelism_for, scratch};
use crate::matrix::Matrix;
use faer::diag::DiagMut;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::triangular;
use faer::{Accum, MatMut, MatRef, Par};

/// `sum += Fᵀ·F` in f64, `sum` n×n and row-major, F p×n. Only the lower triangle of `sum` is updated.
pub fn add_gram(sum: &mut [f64], f: &Matrix) {
    /// Rows converted to f64 at a time, so that the copy stays small.
    const ROWS: usize = 1024;
    let n = f.cols();
    assert_eq!(sum.len(), n * n, "the sum is {n}×{n}");
    let mut block = Vec::new();
    for rows in f.as_slice().chunks(ROWS * n.max(1)) {
        block.clear();
        block.extend(rows.iter().map(|&x| f64::from(x)));
        let block = MatRef::from_row_major_slice(&block, rows.len() / n, n);
        triangular::matmul(
            MatMut::from_row_major_slice_mut(sum, n, n),
            triangular::BlockStructure::TriangularLower,
            Accum::Add,
            block.transpose(),
            triangular::BlockStructure::Rectangular,
            block,
            triangular::BlockStructure::Rectangular,
            1.0,
            parallelism_for(n * rows.len() / 2),
        );
    }
}

/// `out = left · L` in f64, row-major, for `left` rows×n and the lower triangle L of an n×n matrix, of which nothing else is
/// read. On the calling thread.
pub fn product_lower(out: &mut [f64], left: &[f64], lower: &[f64], rows: usize) {
    let n = left.len() / rows.max(1);
    triangular::matmul(
        MatMut::from_row_major_slice_mut(out, rows, n),
        triangular::BlockStructure::Rectangular,
        Accum::Replace,
        MatRef::from_row_major_slice(left, rows, n),
        triangular::BlockStructure::Rectangular,
        MatRef::from_row_major_slice(lower, n, n),
        triangular::BlockStructure::TriangularLower,
        1.0,
        Par::Seq,
    );
}

/// Eigenvalues, ascending, of a symmetric n×n matrix `g`, row-major, of which only the lower triangle is read; `None`
/// when faer's iteration does not converge or `g` is not finite. On the calling thread.
pub fn eigenvalues(g: &[f64], n: usize) -> Option<Vec<f64>> {
    assert_eq!(g.len(), n * n, "a square matrix");
    // n = 1 apart: faer's tridiagonal reduction needs an off-diagonal entry.
    let mut values = if n == 1 { g.to_vec() } else { vec![0.0; n] };
    if n > 1 {
        let need = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::No, Par::Seq, Default::default());
        let mut memory = MemBuffer::new(need);
        let (g, diagonal) = (MatRef::from_row_major_slice(g, n, n), DiagMut::from_slice_mut(&mut values));
        self_adjoint_evd(g, diagonal, None, Par::Seq, MemStack::new(&mut memory), Default::default()).ok()?;
    }
    values.iter().all(|x| x.is_finite()).then_some(values)
}

/// Inverse of a symmetric positive definite n×n matrix, row-major; `None` for any other. On the calling thread.
pub fn invert(g: &[f64], n: usize) -> Option<Vec<f64>> {
    let mut inverse = vec![0.0; n * n];
    (0..n).for_each(|i| inverse[i * n + i] = 1.0);
    solve_columns(g, n, &mut inverse)?;
    Some(inverse)
}

/// `x ← G⁻¹x` for G symmetric positive definite, row-major; `None` for any other. On the calling thread.
pub fn solve_positive(g: &[f64], x: &mut [f64]) -> Option<()> {
    solve_columns(g, x.len(), x)
}

/// Solves G·X = x for G n×n and the right-hand sides that `x` holds one after the other.
fn solve_columns(g: &[f64], n: usize, x: &mut [f64]) -> Option<()> {
    assert_eq!(g.len(), n * n, "a square matrix");
    if n == 0 {
        return Some(());
    }
    let mut lower = g.to_vec();
    let need = llt::factor::cholesky_in_place_scratch::<f64>(n, Par::Seq, Default::default());
    let mut memory = MemBuffer::new(need);
    let l = MatMut::from_column_major_slice_mut(&mut lower, n, n);
    llt::factor::cholesky_in_place(l, Default::default(), Par::Seq, MemStack::new(&mut memory), Default::default())
        .ok()?;
    let count = x.len() / n;
    let mut memory = MemBuffer::new(llt::solve::solve_in_place_scratch::<f64>(n, count, Par::Seq));
    let l = MatRef::from_column_major_slice(&lower, n, n);
    let right = MatMut::from_column_major_slice_mut(x, n, count);
    llt::solve::solve_in_place(l, right, Par::Seq, MemStack::new(&mut memory));
    x.iter().all(|x| x.is_finite()).then_some(())
}

/// Solver of small symmetric positive semidefinite systems with unit diagonal, on the calling thread. Reuses its
/// memory.
#[derive(Default)]
pub struct SmallSolver {
    factor: Vec<f64>,
    scratch: Option<MemBuffer>,
}

impl SmallSolver {
    /// `x ← (G + c·I)⁻¹ x` for G k×k, both triangles filled, where c is the first of `ridge`, 10·`ridge`, … that makes
    /// the system positive definite. `x` is unchanged when none up to 10⁴ does, which takes a G that is not finite.
    pub fn solve(&mut self, g: &[f64], x: &mut [f64], ridge: f64) {
        let k = x.len();
        assert_eq!(g.len(), k * k, "a system of {k} unknowns");
        let mut shift = ridge;
        while !self.factorize(g, k, shift) {
            shift = (shift * 10.0).max(1e-12);
            if shift > 1e4 {
                return;
            }
        }
        let need = llt::solve::solve_in_place_scratch::<f64>(k, 1, Par::Seq);
        let stack = scratch(&mut self.scratch, need);
        let l = MatRef::from_column_major_slice(&self.factor, k, k);
        llt::solve::solve_in_place(l, MatMut::from_column_major_slice_mut(x, k, 1), Par::Seq, stack);
    }

    fn factorize(&mut self, g: &[f64], k: usize, shift: f64) -> bool {
        self.factor.clear();
        self.factor.extend_from_slice(g);
        (0..k).for_each(|i| self.factor[i * k + i] += shift);
        let need = llt::factor::cholesky_in_place_scratch::<f64>(k, Par::Seq, Default::default());
        let stack = scratch(&mut self.scratch, need);
        let l = MatMut::from_column_major_slice_mut(&mut self.factor, k, k);
        llt::factor::cholesky_in_place(l, Default::default(), Par::Seq, stack, Default::default()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_squares_by_hand() {
        let mut sum = vec![1.0; 4];
        add_gram(&mut sum, &Matrix::from_vec(3, 2, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        // Columns (1, 3, 5) and (2, 4, 6); above the diagonal nothing is touched.
        assert_eq!(sum, [1.0 + 35.0, 1.0, 1.0 + 44.0, 1.0 + 56.0]);
        add_gram(&mut [], &Matrix::zeros(5, 0));
    }

    #[test]
    fn eigenvalues_by_hand() {
        // Of [[2, 1], [1, 2]]; what is above the diagonal is not read.
        let values = eigenvalues(&[2.0, f64::NAN, 1.0, 2.0], 2).unwrap();
        assert!((values[0] - 1.0).abs() < 1e-15 && (values[1] - 3.0).abs() < 1e-15, "{values:?}");
        assert_eq!(eigenvalues(&[7.0], 1), Some(vec![7.0]));
        assert_eq!(eigenvalues(&[], 0), Some(vec![]));
        assert_eq!(eigenvalues(&[1.0, 0.0, f64::NAN, 1.0], 2), None);
        assert_eq!(eigenvalues(&[f64::INFINITY], 1), None);
    }

    #[test]
    fn small_systems_by_hand() {
        let mut solver = SmallSolver::default();
        let mut x = [3.0, 3.0];
        solver.solve(&[1.0, 0.5, 0.5, 1.0], &mut x, 0.0);
        assert!(x.iter().all(|x| (x - 2.0).abs() < 1e-12), "{x:?}");
        // Singular: with a small ridge the answer is the shortest of the many.
        let mut x = [2.0, 2.0];
        solver.solve(&[1.0, 1.0, 1.0, 1.0], &mut x, 0.0);
        assert!(x.iter().all(|x| (x - 1.0).abs() < 1e-3), "{x:?}");
        let mut x = [1.0];
        solver.solve(&[f64::NAN], &mut x, 0.0);
        assert_eq!(x, [1.0]);
        solver.solve(&[], &mut [], 0.0);
    }
}
