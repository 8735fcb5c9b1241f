//! Matrix products, Cholesky factorization and SVD, through faer.

use crate::matrix::Matrix;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::linalg::matmul::{matmul, triangular};
use faer::linalg::svd as faer_svd;
use faer::{Accum, MatMut, MatRef, Par, diag::DiagMut};

/// How many threads an operation of so many multiply-adds is worth.
#[cfg(not(target_arch = "wasm32"))]
fn parallelism(multiply_adds: usize) -> Par {
    /// Below this many a second thread costs more than it brings.
    const PARALLEL_FROM: usize = 1 << 23;
    let worth_it = multiply_adds >= PARALLEL_FROM && rayon::current_num_threads() > 1;
    if worth_it { Par::rayon(0) } else { Par::Seq }
}

#[cfg(target_arch = "wasm32")]
fn parallelism(_: usize) -> Par {
    Par::Seq
}

/// `out = left · right`.
pub fn product(out: &mut Matrix, left: MatRef<'_, f32>, right: MatRef<'_, f32>) {
    let par = parallelism(left.nrows() * left.ncols() * right.ncols());
    matmul(out.view_mut(), Accum::Replace, left, right, 1.0, par);
}

/// `out = F·Fᵀ`, k×k for F k×p: one triangle is computed, the other copied.
pub fn gram(out: &mut Matrix, f: &Matrix) {
    let k = f.rows();
    let par = parallelism(k * k * f.cols() / 2);
    triangular::matmul(
        out.view_mut(),
        triangular::BlockStructure::TriangularLower,
        Accum::Replace,
        f.view(),
        triangular::BlockStructure::Rectangular,
        f.view().transpose(),
        triangular::BlockStructure::Rectangular,
        1.0,
        par,
    );
    mirror_lower(out.as_mut_slice(), k);
}

/// Copies the lower triangle of a row-major k×k matrix to the upper one, in blocks that fit the cache.
fn mirror_lower(g: &mut [f32], k: usize) {
    const BLOCK: usize = 32;
    for row_block in (0..k).step_by(BLOCK) {
        for col_block in (0..=row_block).step_by(BLOCK) {
            for i in row_block..(row_block + BLOCK).min(k) {
                for j in col_block..(col_block + BLOCK).min(i) {
                    g[j * k + i] = g[i * k + j];
                }
            }
        }
    }
}

/// A matrix that was to be factorized is not positive definite: its `pivot`-th pivot is zero, negative or not a number.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("not positive definite: pivot {pivot}")]
pub struct NotPositive {
    /// Which pivot, from 0.
    pub pivot: usize,
}

/// Solves with a symmetric positive definite matrix G + c·I, by Cholesky. Keeps its memory between factorizations.
#[derive(Default)]
pub struct Cholesky {
    /// L in column-major order, k×k; above the diagonal is what was there before.
    factor: Vec<f32>,
    k: usize,
    scratch: Option<MemBuffer>,
}

impl Cholesky {
    /// Factorizes `g + shift·I`, where `g` is symmetric with both triangles filled.
    pub fn factorize(&mut self, g: &Matrix, shift: f32) -> Result<(), NotPositive> {
        let k = g.rows();
        self.k = k;
        self.factor.clear();
        self.factor.extend_from_slice(g.as_slice());
        (0..k).for_each(|i| self.factor[i * k + i] += shift);
        // faer's factorization is the slower one on two threads up to about 500 (measured).
        let par = parallelism(k * k * k / 24);
        let stack =
            scratch(&mut self.scratch, llt::factor::cholesky_in_place_scratch::<f32>(k, par, Default::default()));
        let l = MatMut::from_column_major_slice_mut(&mut self.factor, k, k);
        llt::factor::cholesky_in_place(l, Default::default(), par, stack, Default::default())
            .map(drop)
            .map_err(|llt::factor::LltError::NonPositivePivot { index }| NotPositive { pivot: index })
    }

    /// `x ← (G + c·I)⁻¹ x`.
    pub fn solve(&mut self, x: &mut Matrix) {
        let (k, q) = x.shape();
        let par = parallelism(k * k * q);
        let stack = scratch(&mut self.scratch, llt::solve::solve_in_place_scratch::<f32>(k, q, par));
        let l = MatRef::from_column_major_slice(&self.factor, k, k);
        llt::solve::solve_in_place(l, x.view_mut(), par, stack);
    }

    /// `out = (G + c·I)⁻¹`, both triangles.
    pub fn inverse(&mut self, out: &mut Matrix) {
        let k = self.k;
        let par = parallelism(k * k * k / 6);
        let stack = scratch(&mut self.scratch, llt::inverse::inverse_scratch::<f32>(k, par));
        let l = MatRef::from_column_major_slice(&self.factor, k, k);
        // The inverse is symmetric, and faer writes its lower triangle: seen as column-major that is our upper one.
        llt::inverse::inverse(out.view_mut(), l, par, stack);
        mirror_lower(out.as_mut_slice(), k);
    }
}

/// The thin singular value decomposition of a matrix n×m with n ≤ m: `w = u·diag(s)·vᵀ`.
pub struct Svd {
    /// n×n.
    pub u: Matrix,
    /// n singular values, falling.
    pub s: Vec<f32>,
    /// m×n.
    pub v: Matrix,
}

/// Decomposes `w`; `None` when faer's iteration does not converge. On one thread: its result depends on their number.
pub fn svd(w: &Matrix) -> Option<Svd> {
    let (n, m) = w.shape();
    let (mut u, mut s, mut v) = (Matrix::zeros(n, n), vec![0.0; n], Matrix::zeros(m, n));
    let thin = faer_svd::ComputeSvdVectors::Thin;
    let need = faer_svd::svd_scratch::<f32>(n, m, thin, thin, Par::Seq, Default::default());
    let singular = DiagMut::from_slice_mut(&mut s);
    let (u_view, v_view) = (Some(u.view_mut()), Some(v.view_mut()));
    let mut memory = MemBuffer::new(need);
    let stack = MemStack::new(&mut memory);
    faer_svd::svd(w.view(), singular, u_view, v_view, Par::Seq, stack, Default::default()).ok()?;
    Some(Svd { u, s, v })
}

/// Room for `need` in `buffer`, kept for the next time.
fn scratch(buffer: &mut Option<MemBuffer>, need: faer::dyn_stack::StackReq) -> &mut MemStack {
    let room = buffer.as_mut().map_or(0, |buffer| MemStack::new(buffer).len_bytes());
    if room < need.unaligned_bytes_required() {
        *buffer = Some(MemBuffer::new(need));
    }
    MemStack::new(buffer.as_mut().expect("just filled"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_pcg::{
        Pcg64Mcg,
        rand_core::{Rng, SeedableRng},
    };

    fn random(rows: usize, cols: usize, seed: u64) -> Matrix {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        Matrix::from_fn(rows, cols, |_, _| (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0)
    }

    fn assert_close(got: &Matrix, want: impl Fn(usize, usize) -> f64, tolerance: f64) {
        for i in 0..got.rows() {
            for j in 0..got.cols() {
                let (got, want) = (f64::from(got.get(i, j)), want(i, j));
                assert!((got - want).abs() <= tolerance, "({i}, {j}): {got} instead of {want}");
            }
        }
    }

    #[test]
    fn products_by_their_definition() {
        for (n, k, m) in [(1, 1, 1), (3, 1, 2), (31, 33, 7), (129, 127, 65)] {
            let (a, b) = (random(n, k, 1), random(k, m, 2));
            let mut out = Matrix::zeros(n, m);
            product(&mut out, a.view(), b.view());
            let dot = |i: usize, j: usize| (0..k).map(|l| f64::from(a.get(i, l)) * f64::from(b.get(l, j))).sum();
            assert_close(&out, dot, 1e-5 * k as f64);
            let mut g = Matrix::zeros(n, n);
            gram(&mut g, &a);
            let dot = |i: usize, j: usize| (0..k).map(|l| f64::from(a.get(i, l)) * f64::from(a.get(j, l))).sum();
            assert_close(&g, dot, 1e-5 * k as f64);
        }
    }

    #[test]
    fn solving_and_inverting_undo_the_product() {
        for k in [1, 2, 31, 33, 127, 200] {
            let f = random(k, k + 3, 3);
            let mut g = Matrix::zeros(k, k);
            gram(&mut g, &f);
            let shifted = Matrix::from_fn(k, k, |i, j| g.get(i, j) + if i == j { 1.0 } else { 0.0 });
            let mut cholesky = Cholesky::default();
            cholesky.factorize(&g, 1.0).unwrap();
            let x = random(k, 5, 4);
            let (mut y, mut back) = (x.clone(), Matrix::zeros(k, 5));
            cholesky.solve(&mut y);
            product(&mut back, shifted.view(), y.view());
            assert_close(&back, |i, j| f64::from(x.get(i, j)), 2e-4);
            let (mut inverse, mut identity) = (Matrix::zeros(k, k), Matrix::zeros(k, k));
            cholesky.inverse(&mut inverse);
            product(&mut identity, shifted.view(), inverse.view());
            assert_close(&identity, |i, j| f64::from(u8::from(i == j)), 2e-4);
        }
    }

    #[test]
    fn a_matrix_that_is_not_positive_is_named() {
        let g = Matrix::from_vec(2, 2, vec![1.0, 2.0, 2.0, 1.0]);
        assert_eq!(Cholesky::default().factorize(&g, 0.0), Err(NotPositive { pivot: 1 }));
    }

    /// What the promise 'same seed, same factors' stands on.
    #[test]
    fn the_same_bits_on_any_number_of_threads() {
        let (n, k, m) = (300, 520, 410);
        let (a, b) = (random(n, k, 5), random(k, m, 6));
        let compute = || {
            let (mut out, mut g, mut inverse) = (Matrix::zeros(n, m), Matrix::zeros(k, k), Matrix::zeros(k, k));
            product(&mut out, a.view(), b.view());
            gram(&mut g, &b);
            let mut cholesky = Cholesky::default();
            cholesky.factorize(&g, 1.0).unwrap();
            let mut x = b.clone();
            cholesky.solve(&mut x);
            cholesky.inverse(&mut inverse);
            (out, g, inverse, x)
        };
        let on = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(compute);
        let one = on(1);
        assert!([2, 3, 5].into_iter().all(|threads| on(threads) == one));
    }
}
