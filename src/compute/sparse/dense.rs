//! Dense matrices in the number format of their file.

use super::Instructions;
use super::lanes::{LANES, Lanes, TILE, TILE_LANES};
use super::values::{Value, ValueFormat, Values, with_values};
use crate::compute::{Par, matmul_views, vectorized};
use crate::matrix::Matrix;
use faer::{MatMut, MatRef};
use pulp::{Simd, WithSimd};

/// A dense matrix that keeps its number format; a product converts its values as it reads them.
#[derive(Clone, Debug)]
pub struct Dense {
    rows: usize,
    cols: usize,
    /// Row by row, each filled up with zeros to a multiple of sixteen.
    values: Values,
}

impl Dense {
    /// Prepares `matrix`, with values rounded to `format`.
    pub fn new(matrix: &Matrix, format: ValueFormat) -> Self {
        let mut values = Values::empty(format);
        for row in matrix.as_slice().chunks(matrix.cols().max(1)) {
            let (whole, rest) = row.as_chunks::<LANES>();
            whole.iter().for_each(|&part| values.push(part));
            if !rest.is_empty() {
                let mut part = [0.0; LANES];
                part[..rest.len()].copy_from_slice(rest);
                values.push(part);
            }
        }
        values.shrink();
        Self { rows: matrix.rows(), cols: matrix.cols(), values }
    }

    /// Shape as `(rows, cols)`.
    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// How it keeps values.
    pub fn values(&self) -> ValueFormat {
        self.values.format()
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.values.bytes()
    }

    /// The matrix in f32.
    pub fn to_dense(&self) -> Matrix {
        let mut out = Matrix::zeros(self.rows, self.cols);
        (0..self.rows).for_each(|row| self.copy_row(row, &mut out.as_mut_slice()[row * self.cols..][..self.cols]));
        out
    }

    /// Writes row `at` in f32.
    pub fn copy_row(&self, at: usize, out: &mut [f32]) {
        fn widened<V: Value>(values: &[[V; LANES]], out: &mut [f32]) {
            for (values, out) in values.iter().zip(out.chunks_mut(LANES)) {
                let mut scratch = [[0.0; LANES]];
                let wide = V::widen(std::slice::from_ref(values), &mut scratch);
                out.copy_from_slice(&wide[0][..out.len()]);
            }
        }
        let width = self.cols.div_ceil(LANES);
        with_values!(&self.values, values => widened(&values[at * width..(at + 1) * width], out));
    }

    /// Computes 64 entries of W·x, from row `first` on.
    pub(super) fn column(
        &self,
        instructions: Instructions,
        first: usize,
        x: &[[Lanes; TILE_LANES]],
        y: &mut [Lanes; TILE_LANES],
    ) {
        let (width, rows) = (self.cols.div_ceil(LANES), (self.rows - first).min(TILE));
        let at = first * width..(first + rows) * width;
        let x = &x.as_flattened()[..width];
        with_values!(&self.values, values => multiply(instructions, &values[at], x, y));
    }

    /// Computes rows `first..` of W·X, as many as `y` has room for.
    pub(super) fn batch<const N: usize>(&self, first: usize, x: &[[Lanes; N]], y: &mut [[Lanes; N]], par: Par) {
        fn product<V: Value, const N: usize>(
            values: &[[V; LANES]],
            cols: usize,
            x: &[[Lanes; N]],
            y: &mut [[Lanes; N]],
            par: Par,
        ) {
            let width = cols.div_ceil(LANES);
            let rows = values.len() / width.max(1);
            let room = if size_of::<V>() < size_of::<f32>() { values.len() } else { 0 };
            let mut scratch = vec![[0.0; LANES]; room];
            let wide = vectorized(
                #[inline(always)]
                || V::widen(values, &mut scratch),
            );
            let left = MatRef::from_row_major_slice(wide.as_flattened(), rows, width * LANES).subcols(0, cols);
            let x: &[f32] = bytemuck::cast_slice(&x[..cols]);
            let y: &mut [f32] = bytemuck::cast_slice_mut(&mut y[..rows]);
            let out = MatMut::from_row_major_slice_mut(y, rows, N * LANES);
            matmul_views(out, left, MatRef::from_row_major_slice(x, cols, N * LANES), par);
        }
        let (width, rows) = (self.cols.div_ceil(LANES), (self.rows - first).min(y.len()));
        let at = first * width..(first + rows) * width;
        with_values!(&self.values, values => product(&values[at], self.cols, x, y, par));
    }
}

/// Computes an entry of `y` for each row of `values`; 0 in the others.
fn multiply<V: Value>(instructions: Instructions, values: &[[V; LANES]], x: &[Lanes], y: &mut [Lanes; TILE_LANES]) {
    let y = bytemuck::cast_mut::<[Lanes; TILE_LANES], [f32; TILE]>(y);
    *y = [0.0; TILE];
    if x.is_empty() {
        return;
    }
    match instructions {
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 => {
            let simd = pulp::x86::V4::try_new().expect("AVX-512");
            Simd::vectorize(simd, Converting { simd, values, x, y });
        }
        _ => instructions.dispatch(Multiply { values, x, y }),
    }
}

/// Values are converted in registers.
#[cfg(target_arch = "x86_64")]
struct Converting<'a, V> {
    simd: pulp::x86::V4,
    values: &'a [[V; LANES]],
    x: &'a [Lanes],
    y: &'a mut [f32; TILE],
}

#[cfg(target_arch = "x86_64")]
impl<V: Value> WithSimd for Converting<'_, V> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        /// Independent sums, as many as additions take cycles.
        const SUMS: usize = 4;
        let Self { simd, values, x, y } = self;
        let add =
            |sum, values: &[V; LANES], x: &Lanes| simd.mul_add_e_f32s(V::widen_v4(simd, values), pulp::cast(x.0), sum);
        for (row, y) in values.chunks_exact(x.len()).zip(y) {
            let mut sums = [simd.splat_f32s(0.0); SUMS];
            let ((row, row_rest), (x, x_rest)) = (row.as_chunks::<SUMS>(), x.as_chunks::<SUMS>());
            for (values, x) in row.iter().zip(x) {
                for ((sum, values), x) in sums.iter_mut().zip(values).zip(x) {
                    *sum = add(*sum, values, x);
                }
            }
            for (values, x) in row_rest.iter().zip(x_rest) {
                sums[0] = add(sums[0], values, x);
            }
            let [a, b, c, d] = sums;
            *y = simd.reduce_sum_f32s(simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d)));
        }
    }
}

/// Values are converted in the cache, a part of a row at a time.
struct Multiply<'a, V> {
    values: &'a [[V; LANES]],
    x: &'a [Lanes],
    y: &'a mut [f32; TILE],
}

impl<V: Value> WithSimd for Multiply<'_, V> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        /// Lanes of a row converted at a time.
        const PART: usize = 64;
        /// Independent sums.
        const SUMS: usize = 4;
        let Self { values, x, y } = self;
        let mut scratch = [[0.0; LANES]; PART];
        for (row, y) in values.chunks_exact(x.len()).zip(y) {
            let mut sums = [simd.splat_f32s(0.0); SUMS];
            for (values, x) in row.chunks(PART).zip(x.chunks(PART)) {
                let wide = V::widen(values, &mut scratch).as_flattened();
                let (wide, x) = (S::as_simd_f32s(wide).0, S::as_simd_f32s(bytemuck::cast_slice(x)).0);
                let ((wide, wide_rest), (x, x_rest)) = (wide.as_chunks::<SUMS>(), x.as_chunks::<SUMS>());
                for (wide, x) in wide.iter().zip(x) {
                    for ((sum, &wide), &x) in sums.iter_mut().zip(wide).zip(x) {
                        *sum = simd.mul_add_e_f32s(wide, x, *sum);
                    }
                }
                for (&wide, &x) in wide_rest.iter().zip(x_rest) {
                    sums[0] = simd.mul_add_e_f32s(wide, x, sums[0]);
                }
            }
            let [a, b, c, d] = sums;
            *y = simd.reduce_sum_f32s(simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d)));
        }
    }
}
