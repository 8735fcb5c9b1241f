//! Which instructions the products use on this processor.

use super::values::Converter;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// Vector instructions of the products with prepared matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantArray)]
pub enum Instructions {
    /// Vectors of 16, lookups in registers, conversions from f16. (F, BW, CD, DQ, VL: x86-64-v4.)
    #[serde(rename = "avx512")]
    #[strum(serialize = "avx512")]
    Avx512,
    /// Vectors of 8 with fused multiply-add (x86-64-v3).
    #[serde(rename = "avx2")]
    #[strum(serialize = "avx2")]
    Avx2,
    /// Vectors of 4 on ARM.
    #[serde(rename = "neon")]
    #[strum(serialize = "neon")]
    Neon,
    /// Vectors of 4 in a browser.
    #[serde(rename = "simd128")]
    #[strum(serialize = "simd128")]
    Simd128,
    /// What the compiler makes of loops over numbers.
    #[serde(rename = "portable")]
    #[strum(serialize = "portable")]
    Portable,
}

impl Instructions {
    /// The best that this processor has.
    pub fn best() -> Self {
        Self::VARIANTS.iter().copied().find(|one| one.is_available()).unwrap_or(Self::Portable)
    }

    /// What this processor has, the best first.
    pub fn available() -> Vec<Self> {
        Self::VARIANTS.iter().copied().filter(|one| one.is_available()).collect()
    }

    fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => pulp::x86::V4::try_new().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => pulp::x86::V3::try_new().is_some(),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => pulp::aarch64::Neon::try_new().is_some(),
            Self::Simd128 => cfg!(target_arch = "wasm32"),
            Self::Portable => true,
            #[allow(unreachable_patterns, reason = "those of other processors")]
            _ => false,
        }
    }

    /// Its name in sentences.
    pub fn title(self) -> &'static str {
        match self {
            Self::Avx512 => "AVX-512",
            Self::Avx2 => "AVX2",
            Self::Neon => "NEON",
            Self::Simd128 => "SIMD128",
            Self::Portable => "no vector instructions",
        }
    }

    /// What converts values inside of [`Instructions::dispatch`].
    pub(super) fn converter(self) -> Converter {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => pulp::x86::V4::try_new(),
            _ => None,
        }
    }

    /// Runs `work` with these instructions.
    ///
    /// # Panics
    /// Panics if the processor does not have them.
    #[inline(always)]
    pub(super) fn dispatch<W: pulp::WithSimd>(self, work: W) -> W::Output {
        use pulp::Simd;
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Simd::vectorize(pulp::x86::V4::try_new().expect("AVX-512"), work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Simd::vectorize(pulp::x86::V3::try_new().expect("AVX2"), work),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => Simd::vectorize(pulp::aarch64::Neon::try_new().expect("NEON"), work),
            #[cfg(target_arch = "wasm32")]
            Self::Simd128 => pulp::Arch::new().dispatch(work),
            _ => Simd::vectorize(pulp::Scalar, work),
        }
    }
}
