//! y = W·x for one column x.

use super::Instructions;
use super::lanes::{LANES, Lanes, TILE, TILE_LANES};
use super::tiled::{Scratch, Strip};
use super::values::Value;
use pulp::{Simd, WithSimd};

/// Computes 64 entries of y. `x` has 64 numbers a tile.
#[inline(always)]
pub(super) fn multiply<V: Value>(
    instructions: Instructions,
    strip: Strip<'_, V>,
    x: &[[Lanes; TILE_LANES]],
    y: &mut [Lanes; TILE_LANES],
) {
    match instructions {
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 => {
            let simd = pulp::x86::V4::try_new().expect("AVX-512");
            Simd::vectorize(simd, avx512::Multiply { simd, strip, x, y });
        }
        _ => instructions.dispatch(Multiply { strip, x, y }),
    }
}

/// With a tile's numbers of x in registers.
#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::super::tiled::Positions;
    use super::*;
    use pulp::x86::V4;
    use std::arch::x86_64::{__m512, __m512i};

    pub(super) struct Multiply<'a, V> {
        pub(super) simd: V4,
        pub(super) strip: Strip<'a, V>,
        pub(super) x: &'a [[Lanes; TILE_LANES]],
        pub(super) y: &'a mut [Lanes; TILE_LANES],
    }

    // Nothing here is a closure that the standard library calls: what is not inlined is compiled without these
    // instructions.
    impl<V: Value> WithSimd for Multiply<'_, V> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            match self.strip.positions {
                Positions::Columns => self.multiply::<false>(),
                Positions::Differences => self.multiply::<true>(),
            }
        }
    }

    impl<V: Value> Multiply<'_, V> {
        #[inline(always)]
        fn multiply<const DIFFERENCES: bool>(self) {
            let Self { simd, strip, x, y } = self;
            let zero = simd.avx512f._mm512_setzero_ps();
            let mut slices = strip.slices();
            let mut out = [zero; TILE_LANES];
            for ((steps, lanes), x) in strip.steps.iter().zip(strip.lanes).zip(x) {
                let table = [pulp::cast(x[0].0), pulp::cast(x[1].0), pulp::cast(x[2].0), pulp::cast(x[3].0)];
                let mut sums = [zero; TILE_LANES];
                for (sum, &steps) in sums.iter_mut().zip(steps) {
                    let (columns, values) = slices.take(steps);
                    *sum = match DIFFERENCES {
                        true => by_differences(simd, columns, values, &table),
                        false => by_columns(simd, columns, values, &table),
                    };
                }
                for (out, lanes) in out.iter_mut().zip(lanes.as_chunks::<LANES>().0) {
                    let lanes = simd.avx512f._mm512_cvtepu8_epi32(pulp::cast(*lanes));
                    *out = simd.avx512f._mm512_add_ps(*out, look_up(simd, &sums, lanes));
                }
            }
            for (y, out) in y.iter_mut().zip(out) {
                y.0 = pulp::cast(out);
            }
        }
    }

    /// Sixteen of 64 numbers: `at` has their places in its lower six bits.
    #[inline(always)]
    fn look_up(simd: V4, table: &[__m512; TILE_LANES], at: __m512i) -> __m512 {
        let low = simd.avx512f._mm512_permutex2var_ps(table[0], at, table[1]);
        let high = simd.avx512f._mm512_permutex2var_ps(table[2], at, table[3]);
        let upper_half = simd.avx512f._mm512_test_epi32_mask(at, simd.avx512f._mm512_set1_epi32(TILE as i32 / 2));
        simd.avx512f._mm512_mask_blend_ps(upper_half, low, high)
    }

    #[inline(always)]
    fn add<V: Value>(
        simd: V4,
        sum: __m512,
        values: &[V; LANES],
        table: &[__m512; TILE_LANES],
        columns: __m512i,
    ) -> __m512 {
        let values = pulp::cast(V::widen_v4(simd, values));
        simd.avx512f._mm512_fmadd_ps(values, look_up(simd, table, columns), sum)
    }

    #[inline(always)]
    fn by_columns<V: Value>(
        simd: V4,
        columns: &[[u8; LANES]],
        values: &[[V; LANES]],
        table: &[__m512; TILE_LANES],
    ) -> __m512 {
        let mut sum = simd.avx512f._mm512_setzero_ps();
        for (columns, values) in columns.iter().zip(values) {
            sum = add(simd, sum, values, table, simd.avx512f._mm512_cvtepu8_epi32(pulp::cast(*columns)));
        }
        sum
    }

    #[inline(always)]
    fn by_differences<V: Value>(
        simd: V4,
        columns: &[[u8; LANES]],
        values: &[[V; LANES]],
        table: &[__m512; TILE_LANES],
    ) -> __m512 {
        let mut sum = simd.avx512f._mm512_setzero_ps();
        let mut at = simd.avx512f._mm512_setzero_si512();
        let (pairs, last) = values.as_chunks::<2>();
        let low = simd.avx512f._mm512_set1_epi32(15);
        for (columns, values) in columns.iter().zip(pairs) {
            let both = simd.avx512f._mm512_cvtepu8_epi32(pulp::cast(*columns));
            at = simd.avx512f._mm512_add_epi32(at, simd.avx512f._mm512_and_si512(both, low));
            sum = add(simd, sum, &values[0], table, at);
            at = simd.avx512f._mm512_add_epi32(at, simd.avx512f._mm512_srli_epi32::<4>(both));
            sum = add(simd, sum, &values[1], table, at);
        }
        if let ([values], Some(columns)) = (last, columns.last()) {
            let both = simd.avx512f._mm512_cvtepu8_epi32(pulp::cast(*columns));
            at = simd.avx512f._mm512_add_epi32(at, simd.avx512f._mm512_and_si512(both, low));
            sum = add(simd, sum, values, table, at);
        }
        sum
    }
}

/// With lookups in the cache.
struct Multiply<'a, V> {
    strip: Strip<'a, V>,
    x: &'a [[Lanes; TILE_LANES]],
    y: &'a mut [Lanes; TILE_LANES],
}

impl<V: Value> WithSimd for Multiply<'_, V> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match LANES / S::F32_LANES {
            1 => self.multiply::<S, 1>(simd),
            2 => self.multiply::<S, 2>(simd),
            4 => self.multiply::<S, 4>(simd),
            _ => self.multiply::<S, LANES>(simd),
        }
    }
}

impl<V: Value> Multiply<'_, V> {
    /// With sixteen lanes in `PARTS` vectors.
    #[inline(always)]
    fn multiply<S: Simd, const PARTS: usize>(self, simd: S) {
        let Self { strip, x, y } = self;
        let mut slices = strip.slices();
        let mut scratch = Scratch::default();
        let y = bytemuck::cast_mut::<[Lanes; TILE_LANES], [f32; TILE]>(y);
        *y = [0.0; TILE];
        for ((steps, lanes), x) in strip.steps.iter().zip(strip.lanes).zip(x) {
            let x = bytemuck::cast_ref::<[Lanes; TILE_LANES], [f32; TILE]>(x);
            let mut sums = [[0.0; LANES]; TILE_LANES];
            for (sums, &steps) in sums.iter_mut().zip(steps) {
                let (columns, values) = slices.next(steps, &mut scratch, None);
                let mut parts = [simd.splat_f32s(0.0); PARTS];
                for (columns, values) in columns.iter().zip(values) {
                    let mut gathered = [0.0; LANES];
                    for (out, &column) in gathered.iter_mut().zip(columns) {
                        *out = x[usize::from(column) % TILE];
                    }
                    let (x, values) = (S::as_simd_f32s(&gathered).0, S::as_simd_f32s(values).0);
                    for ((part, &x), &value) in parts.iter_mut().zip(x).zip(values) {
                        *part = simd.mul_add_e_f32s(value, x, *part);
                    }
                }
                S::as_mut_simd_f32s(sums).0.copy_from_slice(&parts);
            }
            let sums = sums.as_flattened();
            y.iter_mut().zip(lanes).for_each(|(y, &lane)| *y += sums[usize::from(lane) % TILE]);
        }
    }
}
