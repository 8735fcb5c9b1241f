//! Four numbers that are computed with at once: a register of WebAssembly's simd128, and an array for tests elsewhere.

/// Four f32.
#[derive(Clone, Copy)]
pub(super) struct Four(imp::Four);

impl Four {
    /// `x`, four times.
    #[inline(always)]
    pub fn splat(x: f32) -> Self {
        Self(imp::from_array([x; 4]))
    }

    /// The four numbers of memory.
    #[inline(always)]
    pub fn load(from: &[f32; 4]) -> Self {
        Self(imp::from_array(*from))
    }

    /// To memory.
    #[inline(always)]
    pub fn store(self, to: &mut [f32; 4]) {
        *to = imp::to_array(self.0);
    }

    /// `self·other`.
    #[inline(always)]
    pub fn times(self, other: Self) -> Self {
        Self(imp::multiply(self.0, other.0))
    }

    /// `self + a·b`, rounded once where WebAssembly's relaxed-simd may be used, else twice.
    #[inline(always)]
    pub fn plus(self, a: Self, b: Self) -> Self {
        Self(imp::multiply_add(self.0, a.0, b.0))
    }
}

#[cfg(target_arch = "wasm32")]
mod imp {
    use std::arch::wasm32::*;

    pub type Four = v128;

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

    pub type Four = [f32; 4];

    #[inline(always)]
    pub fn from_array(x: [f32; 4]) -> Four {
        x
    }

    #[inline(always)]
    pub fn to_array(x: Four) -> [f32; 4] {
        x
    }

    #[inline(always)]
    pub fn multiply(a: Four, b: Four) -> Four {
        from_fn(|i| a[i] * b[i])
    }

    #[inline(always)]
    pub fn multiply_add(sum: Four, a: Four, b: Four) -> Four {
        from_fn(|i| sum[i] + a[i] * b[i])
    }
}
