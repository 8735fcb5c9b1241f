//! Y = W·X for a panel of 16·N columns.

use super::Instructions;
use super::lanes::{LANES, Lanes, TILE};
use super::tiled::{Scratch, Strip, row_of_lane};
use super::values::{Converter, Value};
use pulp::{Simd, WithSimd};

/// Computes 64 rows of Y. `x` has 64 rows a tile.
#[inline(always)]
pub(super) fn multiply<V: Value, const N: usize>(
    instructions: Instructions,
    strip: Strip<'_, V>,
    x: &[[Lanes; N]],
    y: &mut [[Lanes; N]],
) {
    instructions.dispatch(Multiply { strip, x, y, converter: instructions.converter() });
}

struct Multiply<'a, V, const N: usize> {
    strip: Strip<'a, V>,
    x: &'a [[Lanes; N]],
    y: &'a mut [[Lanes; N]],
    converter: Converter,
}

/// Vectors of sums in registers.
const SUMS: usize = 8;

impl<V: Value, const N: usize> WithSimd for Multiply<'_, V, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (N * LANES / S::F32_LANES).min(SUMS) {
            1 => self.multiply::<S, 1, 8>(simd),
            2 => self.multiply::<S, 2, 4>(simd),
            4 => self.multiply::<S, 4, 2>(simd),
            _ => self.multiply::<S, 8, 1>(simd),
        }
    }
}

impl<V: Value, const N: usize> Multiply<'_, V, N> {
    /// With the sums of `ROWS` rows, `PARTS` vectors of each, in registers: as many independent sums as additions take
    /// cycles.
    #[inline(always)]
    fn multiply<S: Simd, const PARTS: usize, const ROWS: usize>(self, simd: S) {
        let Self { strip, x, y, converter } = self;
        let mut slices = strip.slices();
        let mut scratch = Scratch::default();
        y.fill([Lanes::default(); N]);
        let Some(y) = y.as_chunks_mut::<TILE>().0.first_mut() else { return };
        for ((steps, lanes), x) in strip.steps.iter().zip(strip.lanes).zip(x.as_chunks::<TILE>().0) {
            let row_of = row_of_lane(lanes);
            for (row_of, &steps) in row_of.as_chunks::<LANES>().0.iter().zip(steps) {
                if steps == 0 {
                    break;
                }
                let (columns, values) = slices.next(steps, &mut scratch, converter);
                for (group, of_lanes) in row_of.as_chunks::<ROWS>().0.iter().enumerate() {
                    let mut rows = [0; ROWS];
                    for (row, &of_lane) in rows.iter_mut().zip(of_lanes) {
                        *row = usize::from(of_lane) % TILE;
                    }
                    for part in 0..N * LANES / S::F32_LANES / PARTS {
                        let mut sums = [[simd.splat_f32s(0.0); PARTS]; ROWS];
                        for (sums, &row) in sums.iter_mut().zip(&rows) {
                            *sums = *parts::<S, N, PARTS>(&y[row], part);
                        }
                        for (columns, values) in columns.iter().zip(values) {
                            let columns = &columns.as_chunks::<ROWS>().0[group];
                            let values = &values.as_chunks::<ROWS>().0[group];
                            for ((sums, &column), &value) in sums.iter_mut().zip(columns).zip(values) {
                                let value = simd.splat_f32s(value);
                                let x = &x[usize::from(column) % TILE];
                                for (sum, &x) in sums.iter_mut().zip(parts::<S, N, PARTS>(x, part)) {
                                    *sum = simd.mul_add_e_f32s(value, x, *sum);
                                }
                            }
                        }
                        for (&row, sums) in rows.iter().zip(&sums) {
                            let out = S::as_mut_simd_f32s(bytemuck::cast_slice_mut(&mut y[row])).0;
                            out.as_chunks_mut::<PARTS>().0[part] = *sums;
                        }
                    }
                }
            }
        }
    }
}

/// Vectors `PARTS·part..` of a panel's row.
#[inline(always)]
fn parts<S: Simd, const N: usize, const PARTS: usize>(row: &[Lanes; N], part: usize) -> &[S::f32s; PARTS] {
    &S::as_simd_f32s(bytemuck::cast_slice(row)).0.as_chunks::<PARTS>().0[part]
}
