//! Matrix products, Cholesky factorization and SVD in f32, through faer. In a browser the first two use our own tiles
//! (`gemm`, `triangle`), which are several times as fast there; elsewhere solves for panels use `packed`.

use super::gemm::{Region, add_product};
#[cfg(not(target_arch = "wasm32"))]
use super::packed::Packed;
use super::triangle::Triangle;
use super::{NotPositive, PANEL, PanelRow, prelude::*};
use crate::matrix::Matrix;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::linalg::matmul::{matmul as faer_matmul, triangular};
use faer::linalg::svd as faer_svd;
use faer::{Accum, MatMut, MatRef, Par, diag::DiagMut};

/// Whether products and factorizations use tiles. faer has no kernel for vectors four wide.
const TILES: bool = cfg!(target_arch = "wasm32");

/// Parallelism that pays off for an operation of this many multiply-adds.
#[cfg(not(target_arch = "wasm32"))]
pub fn parallelism_for(multiply_adds: usize) -> Par {
    /// Below this a second thread costs more than it brings.
    const PARALLEL_FROM: usize = 1 << 23;
    let worth_it = multiply_adds >= PARALLEL_FROM && rayon::current_num_threads() > 1;
    if worth_it { Par::rayon(0) } else { Par::Seq }
}

/// Parallelism that pays off: the calling thread only.
#[cfg(target_arch = "wasm32")]
pub fn parallelism_for(_: usize) -> Par {
    Par::Seq
}

/// `out = left · right`.
pub fn matmul(out: &mut Matrix, left: MatRef<'_, f32>, right: MatRef<'_, f32>) {
    matmul_with(out, left, right, parallelism_for(left.nrows() * left.ncols() * right.ncols()));
}

/// `out = left · right` on `par` threads.
pub fn matmul_with(out: &mut Matrix, left: MatRef<'_, f32>, right: MatRef<'_, f32>, par: Par) {
    if TILES {
        out.as_mut_slice().fill(0.0);
        return add_product(out, left, right, Region::Full);
    }
    faer_matmul(out.view_mut(), Accum::Replace, left, right, 1.0, par);
}

/// `out = left · right` for views, on `par` threads.
pub fn matmul_views(mut out: MatMut<'_, f32>, left: MatRef<'_, f32>, right: MatRef<'_, f32>, par: Par) {
    if TILES {
        let mut product = Matrix::zeros(left.nrows(), right.ncols());
        add_product(&mut product, left, right, Region::Full);
        return out.copy_from(product.view());
    }
    faer_matmul(out, Accum::Replace, left, right, 1.0, par);
}

/// `out += left · right` on `par` threads.
pub fn add_matmul(out: &mut Matrix, left: MatRef<'_, f32>, right: MatRef<'_, f32>, par: Par) {
    if TILES {
        return add_product(out, left, right, Region::Full);
    }
    faer_matmul(out.view_mut(), Accum::Add, left, right, 1.0, par);
}

/// `out = left · right` for a panel `right`, on the calling thread.
pub fn panel_product(out: &mut [PanelRow], left: MatRef<'_, f32>, right: &[PanelRow]) {
    let right = MatRef::from_row_major_slice(right.as_flattened(), right.len(), PANEL);
    if TILES {
        let mut product = Matrix::zeros(out.len(), PANEL);
        add_product(&mut product, left, right, Region::Full);
        return out.as_flattened_mut().copy_from_slice(product.as_slice());
    }
    let rows = out.len();
    let out = MatMut::from_row_major_slice_mut(out.as_flattened_mut(), rows, PANEL);
    faer_matmul(out, Accum::Replace, left, right, 1.0, Par::Seq);
}

/// `out = F·Fᵀ`, k×k for F k×p: one triangle is computed, the other copied.
pub fn gram(out: &mut Matrix, f: &Matrix) {
    let k = f.rows();
    if TILES {
        out.as_mut_slice().fill(0.0);
        add_product(out, f.view(), f.view().transpose(), Region::Lower);
        return mirror_lower(out.as_mut_slice(), k);
    }
    let par = parallelism_for(k * k * f.cols() / 2);
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

/// Cholesky factorization G = L·Lᵀ of a symmetric positive definite k×k matrix, and solves with it. Reuses its memory.
#[derive(Default)]
pub struct Cholesky {
    /// First G, then L unless it is in `tiles`; column-major, k×k. What is above the diagonal does not matter.
    lower: Vec<f32>,
    k: usize,
    tiles: Triangle,
    /// L once more, where that makes solves faster.
    #[cfg(not(target_arch = "wasm32"))]
    packed: Option<Packed>,
    scratch: Option<MemBuffer>,
}

/// Largest system whose factor is packed: what a larger one's takes of memory's bandwidth is more than it saves.
#[cfg(not(target_arch = "wasm32"))]
const LARGEST_PACKED: usize = 2048;

impl Cholesky {
    /// The lower triangle of G, column-major, k×k; to be filled before [`Cholesky::factorize`].
    pub fn lower_mut(&mut self) -> &mut Vec<f32> {
        &mut self.lower
    }

    /// Factorizes the k×k matrix in [`Cholesky::lower_mut`] plus `shift`·I, in place.
    pub fn factorize(&mut self, k: usize, shift: f32) -> Result<(), NotPositive> {
        self.k = k;
        (0..k).for_each(|i| self.lower[i * k + i] += shift);
        if TILES {
            return self.tiles.factorize(&self.lower, k);
        }
        // faer's factorization is the slower one on two threads up to about 500 (measured).
        let par = parallelism_for(k * k * k / 24);
        let stack =
            scratch(&mut self.scratch, llt::factor::cholesky_in_place_scratch::<f32>(k, par, Default::default()));
        let l = MatMut::from_column_major_slice_mut(&mut self.lower, k, k);
        llt::factor::cholesky_in_place(l, Default::default(), par, stack, Default::default())
            .map_err(|llt::factor::LltError::NonPositivePivot { index }| NotPositive { pivot: index })?;
        #[cfg(not(target_arch = "wasm32"))]
        if k <= LARGEST_PACKED && Packed::pays() {
            self.packed.get_or_insert_default().fill(&self.lower, k);
        } else {
            self.packed = None;
        }
        Ok(())
    }

    /// `x ← G⁻¹x` for a panel of k rows, on the calling thread.
    pub fn solve(&self, x: &mut [PanelRow]) {
        if TILES {
            return self.tiles.solve(x);
        }
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(packed) = &self.packed {
            return packed.solve(x);
        }
        let par = Par::Seq;
        // faer needs none here as of this version.
        let mut memory = MemBuffer::new(llt::solve::solve_in_place_scratch::<f32>(self.k, PANEL, par));
        let x = MatMut::from_row_major_slice_mut(x.as_flattened_mut(), self.k, PANEL);
        let l = MatRef::from_column_major_slice(&self.lower, self.k, self.k);
        llt::solve::solve_in_place(l, x, par, MemStack::new(&mut memory));
    }

    /// `out = G⁻¹`, k×k.
    pub fn inverse(&self, out: &mut Matrix) {
        let k = self.k;
        out.resize(k, k);
        // A panel of the inverse is the solution for a panel of the identity; G⁻¹ is symmetric, so its columns are our
        // rows.
        super::chunks_of_mut(out.as_mut_slice(), PANEL * k).enumerate().for_each(|(at, rows)| {
            super::with_panel(k, |panel| {
                panel.fill([0.0; PANEL]);
                (0..rows.len() / k).for_each(|c| panel[at * PANEL + c][c] = 1.0);
                self.solve(panel);
                for (c, row) in rows.chunks_mut(k).enumerate() {
                    row.iter_mut().zip(&*panel).for_each(|(out, column)| *out = column[c]);
                }
            });
        });
    }
}

/// Thin singular value decomposition `w = u·diag(s)·vᵀ` of a matrix n×m, with r = min(n, m).
pub struct Svd {
    /// Left singular vectors in columns, n×r.
    pub u: Matrix,
    /// The r singular values, descending.
    pub s: Vec<f32>,
    /// Right singular vectors in columns, m×r.
    pub v: Matrix,
}

/// Decomposes `w`; `None` when faer's iteration does not converge. On one thread: faer's result depends on their
/// number.
pub fn svd(w: &Matrix) -> Option<Svd> {
    let (n, m) = w.shape();
    let rank = n.min(m);
    let (mut u, mut s, mut v) = (Matrix::zeros(n, rank), vec![0.0; rank], Matrix::zeros(m, rank));
    let thin = faer_svd::ComputeSvdVectors::Thin;
    let need = faer_svd::svd_scratch::<f32>(n, m, thin, thin, Par::Seq, Default::default());
    let singular = DiagMut::from_slice_mut(&mut s);
    let (u_view, v_view) = (Some(u.view_mut()), Some(v.view_mut()));
    let mut memory = MemBuffer::new(need);
    let stack = MemStack::new(&mut memory);
    faer_svd::svd(w.view(), singular, u_view, v_view, Par::Seq, stack, Default::default()).ok()?;
    Some(Svd { u, s, v })
}

/// Scratch memory of at least `need` in `buffer`, grown when it is too small.
pub(super) fn scratch(buffer: &mut Option<MemBuffer>, need: faer::dyn_stack::StackReq) -> &mut MemStack {
    let buffer = buffer.get_or_insert_with(|| MemBuffer::new(need));
    if MemStack::new(buffer).len_bytes() < need.unaligned_bytes_required() {
        *buffer = MemBuffer::new(need);
    }
    MemStack::new(buffer)
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
            matmul(&mut out, a.view(), b.view());
            let dot = |i: usize, j: usize| (0..k).map(|l| f64::from(a.get(i, l)) * f64::from(b.get(l, j))).sum();
            assert_close(&out, dot, 1e-5 * k as f64);
            let mut g = Matrix::zeros(n, n);
            gram(&mut g, &a);
            let dot = |i: usize, j: usize| (0..k).map(|l| f64::from(a.get(i, l)) * f64::from(a.get(j, l))).sum();
            assert_close(&g, dot, 1e-5 * k as f64);
        }
    }

    #[test]
    fn solving_undoes_the_product() {
        for k in [1, 2, 31, 33, 127, 200] {
            let f = random(k, k + 3, 3);
            let mut g = Matrix::zeros(k, k);
            gram(&mut g, &f);
            let shifted = Matrix::from_fn(k, k, |i, j| g.get(i, j) + if i == j { 1.0 } else { 0.0 });
            let mut cholesky = Cholesky::default();
            cholesky.lower_mut().extend_from_slice(g.as_slice());
            cholesky.factorize(k, 1.0).unwrap();
            let x = random(k, PANEL, 4);
            let (mut y, mut back) = (x.clone(), Matrix::zeros(k, PANEL));
            cholesky.solve(y.as_mut_slice().as_chunks_mut().0);
            matmul(&mut back, shifted.view(), y.view());
            assert_close(&back, |i, j| f64::from(x.get(i, j)), 2e-4);
            let (mut inverse, mut identity) = (Matrix::default(), Matrix::zeros(k, k));
            cholesky.inverse(&mut inverse);
            matmul(&mut identity, shifted.view(), inverse.view());
            assert_close(&identity, |i, j| f64::from(u8::from(i == j)), 2e-4);
        }
    }

    #[test]
    fn a_matrix_that_is_not_positive_is_named() {
        let mut cholesky = Cholesky::default();
        cholesky.lower_mut().extend([1.0, 2.0, 2.0, 1.0]);
        assert_eq!(cholesky.factorize(2, 0.0), Err(NotPositive { pivot: 1 }));
    }

    /// Basis of the promise 'same seed, same factors'.
    #[test]
    fn the_same_bits_on_any_number_of_threads() {
        let (n, k, m) = (300, 640, 410);
        let (a, b) = (random(n, k, 5), random(k, m, 6));
        let compute = || {
            let (mut out, mut g) = (Matrix::zeros(n, m), Matrix::zeros(k, k));
            matmul(&mut out, a.view(), b.view());
            gram(&mut g, &b);
            let mut cholesky = Cholesky::default();
            cholesky.lower_mut().extend_from_slice(g.as_slice());
            cholesky.factorize(k, 1.0).unwrap();
            let mut x = Matrix::from_fn(k, PANEL, |i, j| b.get(i, j));
            cholesky.solve(x.as_mut_slice().as_chunks_mut().0);
            (out, g, x)
        };
        let on = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(compute);
        let one = on(1);
        assert!([2, 3, 5].into_iter().all(|threads| on(threads) == one));
    }
}
