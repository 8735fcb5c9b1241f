//! A vector of four f32: a register of WebAssembly's simd128, and an array elsewhere, for tests.

/// F32x4 f32, computed at once.
#[derive(Clone, Copy)]
pub(super) struct F32x4(imp::F32x4);

impl F32x4 {
    /// `x` in all four lanes.
    #[inline(always)]
    pub fn splat(x: f32) -> Self {
        Self(imp::from_array([x; 4]))
    }

    /// Loads four numbers from memory.
    #[inline(always)]
    pub fn load(from: &[f32; 4]) -> Self {
        Self(imp::from_array(*from))
    }

    /// Stores the four numbers.
    #[inline(always)]
    pub fn store(self, to: &mut [f32; 4]) {
        *to = imp::to_array(self.0);
    }

    /// `self · other`, lane by lane.
    #[inline(always)]
    pub fn mul(self, other: Self) -> Self {
        Self(imp::multiply(self.0, other.0))
    }

    /// `self + a·b`, rounded once where WebAssembly's relaxed-simd may be used, else twice.
    #[inline(always)]
    pub fn mul_add(self, a: Self, b: Self) -> Self {
        Self(imp::multiply_add(self.0, a.0, b.0))
    }
}

#[cfg(target_arch = "wasm32")]
mod imp {
    use std::arch::wasm32::*;

    pub type F32x4 = v128;

    #[inline(always)]
    pub fn from_array([a, b, c, d]: [f32; 4]) -> v128 {
        f32x4(a, b, c, d)
    }

    #[inline(always)]
    pub fn to_array(x: v128) -> [f32; 4] {
        [f32x4_extract_lane::<0>(x), f32x4_extract_lane::<1>(x), f32x4_extract_lane::<2>(x), f32x4_extract_lane::<3>(x)]
    }

    #[inline(always)]
    pub fn multiply(a: v128, b: v128) -> v128 {
        f32x4_mul(a, b)
    }

    #[cfg(target_feature = "relaxed-simd")]
    #[inline(always)]
    pub fn multiply_add(sum: v128, a: v128, b: v128) -> v128 {
        f32x4_relaxed_madd(a, b, sum)
    }

    #[cfg(not(target_feature = "relaxed-simd"))]
    #[inline(always)]
    pub fn multiply_add(sum: v128, a: v128, b: v128) -> v128 {
        f32x4_add(sum, f32x4_mul(a, b))
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod imp {
    use std::array::from_fn;

    pub type F32x4 = [f32; 4];

    #[inline(always)]
    pub fn from_array(x: [f32; 4]) -> F32x4 {
        x
    }

    #[inline(always)]
    pub fn to_array(x: F32x4) -> [f32; 4] {
        x
    }

    #[inline(always)]
    pub fn multiply(a: F32x4, b: F32x4) -> F32x4 {
        from_fn(|i| a[i] * b[i])
    }

    #[inline(always)]
    pub fn multiply_add(sum: F32x4, a: F32x4, b: F32x4) -> F32x4 {
        from_fn(|i| sum[i] + a[i] * b[i])
    }
}
