//! Eigendecomposition of a symmetric matrix, through faer.

use crate::matrix::Matrix;
use faer::diag::DiagMut;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::traits::RealField;
use faer::{Mat, MatMut, MatRef, Par};

/// Eigendecomposition `g = vectors · diag(values) · vectorsᵀ` of a symmetric k×k matrix.
pub struct Eigen {
    /// The k eigenvalues, ascending.
    pub values: Vec<f32>,
    /// Eigenvectors in columns, k×k.
    pub vectors: Matrix,
}

/// Decomposes `g`, k×k, of which only the lower triangle is read; `None` when faer's iteration does not converge or `g`
/// is not finite. In f64 where it does not converge in f32, which eigenvalues close to each other can bring about. On one
/// thread: faer's result depends on their number.
pub fn symmetric_eigen(g: &Matrix) -> Option<Eigen> {
    let k = g.rows();
    assert_eq!(g.cols(), k, "a symmetric matrix");
    // k ≤ 1 apart: faer's tridiagonal reduction needs an off-diagonal entry.
    if k <= 1 {
        return Some(Eigen { values: g.as_slice().to_vec(), vectors: Matrix::from_fn(k, k, |_, _| 1.0) });
    }
    if g.first_not_finite().is_some() {
        return None;
    }
    let (values, columns) = decompose(g.view()).or_else(|| {
        let double = Mat::from_fn(k, k, |i, j| f64::from(g.get(i, j)));
        let (values, columns) = decompose::<f64>(double.as_ref())?;
        let single = |all: Vec<f64>| all.into_iter().map(|x| x as f32).collect::<Vec<_>>();
        Some((single(values), single(columns)))
    })?;
    Some(Eigen { values, vectors: Matrix::from_vec(k, k, columns).transposed() })
}

/// Eigenvalues, and eigenvectors one after the other.
fn decompose<T: RealField + Copy + Into<f64>>(g: MatRef<'_, T>) -> Option<(Vec<T>, Vec<T>)> {
    let k = g.nrows();
    let (mut values, mut columns) = (vec![T::zero_impl(); k], vec![T::zero_impl(); k * k]);
    let vectors = MatMut::from_column_major_slice_mut(&mut columns, k, k);
    let need = self_adjoint_evd_scratch::<T>(k, ComputeEigenvectors::Yes, Par::Seq, Default::default());
    let mut memory = MemBuffer::new(need);
    let stack = MemStack::new(&mut memory);
    let diagonal = DiagMut::from_slice_mut(&mut values);
    self_adjoint_evd(g, diagonal, Some(vectors), Par::Seq, stack, Default::default()).ok()?;
    let finite = columns.iter().chain(&values).all(|&x| x.into().is_finite());
    finite.then_some((values, columns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::{gram, matmul};

    #[test]
    fn by_hand() {
        // Eigenvalues 1 and 3, eigenvectors (1, −1)/√2 and (1, 1)/√2.
        let eigen = symmetric_eigen(&Matrix::from_vec(2, 2, vec![2.0, 1.0, 1.0, 2.0])).unwrap();
        assert!((eigen.values[0] - 1.0).abs() < 1e-6 && (eigen.values[1] - 3.0).abs() < 1e-6);
        let half = 0.5f32.sqrt();
        assert!(eigen.vectors.as_slice().iter().all(|x| (x.abs() - half).abs() < 1e-6));
        let one = symmetric_eigen(&Matrix::from_vec(1, 1, vec![5.0])).unwrap();
        assert_eq!((one.values, one.vectors.as_slice()), (vec![5.0], &[1.0f32][..]));
    }

    #[test]
    fn multiplies_back_also_when_singular() {
        for (k, rank) in [(2, 1), (7, 3), (40, 40), (150, 20), (200, 200)] {
            let f = Matrix::from_fn(k, rank, |i, j| ((i * 37 + j * 11 + i * j) % 23) as f32 / 11.5 - 1.0);
            let mut g = Matrix::zeros(k, k);
            gram(&mut g, &f);
            let eigen = symmetric_eigen(&g).unwrap();
            let scaled = Matrix::from_fn(k, k, |i, j| eigen.vectors.get(i, j) * eigen.values[j]);
            let mut back = Matrix::zeros(k, k);
            matmul(&mut back, scaled.view(), eigen.vectors.view().transpose());
            let error = crate::measure::relative_difference(&g, &back);
            assert!(error < 1e-5, "{k} of rank {rank}: {error}");
        }
        assert!(symmetric_eigen(&Matrix::zeros(5, 5)).unwrap().values.iter().all(|&x| x == 0.0));
        assert!(symmetric_eigen(&Matrix::zeros(0, 0)).unwrap().values.is_empty());
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        assert!(symmetric_eigen(&Matrix::from_vec(2, 2, vec![1.0, f32::NAN, f32::NAN, 1.0])).is_none());
    }
}
