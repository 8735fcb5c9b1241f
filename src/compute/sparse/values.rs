//! Values in the number format in which they are kept.

use super::lanes::LANES;
use bytemuck::Pod;
use half::{bf16, f16};
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// Number format in which a prepared matrix keeps its values. Sums are f32 always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ValueFormat {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of an f32.
    Bf16,
}

impl ValueFormat {
    /// Bytes of one value.
    pub fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }
}

/// AVX-512, where values are to be converted by it.
#[cfg(target_arch = "x86_64")]
pub(super) type Converter = Option<pulp::x86::V4>;
/// Nothing: values are converted by what the compiler makes of it.
#[cfg(not(target_arch = "x86_64"))]
pub(super) type Converter = Option<std::convert::Infallible>;

/// A number format's values, and how they become f32.
pub(super) trait Value: Pod + Send + Sync {
    /// Rounds to nearest.
    fn rounded(value: f32) -> Self;

    /// All of `values` as f32: themselves, or written to `scratch`, which has room for them.
    fn widen<'a>(values: &'a [[Self; LANES]], scratch: &'a mut [[f32; LANES]]) -> &'a [[f32; LANES]];

    /// [`Value::widen`] by `converter`, inlined into code that has its instructions.
    #[inline(always)]
    fn widen_by<'a>(
        values: &'a [[Self; LANES]],
        scratch: &'a mut [[f32; LANES]],
        converter: Converter,
    ) -> &'a [[f32; LANES]] {
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = converter
            && size_of::<Self>() < size_of::<f32>()
        {
            let out = &mut scratch[..values.len()];
            for (out, values) in out.iter_mut().zip(values) {
                *out = pulp::cast(Self::widen_v4(simd, values));
            }
            return out;
        }
        let _ = converter;
        Self::widen(values, scratch)
    }

    /// Sixteen values as one vector.
    #[cfg(target_arch = "x86_64")]
    fn widen_v4(simd: pulp::x86::V4, values: &[Self; LANES]) -> pulp::f32x16;
}

impl Value for f32 {
    fn rounded(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn widen<'a>(values: &'a [[Self; LANES]], _: &'a mut [[f32; LANES]]) -> &'a [[f32; LANES]] {
        values
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn widen_v4(_: pulp::x86::V4, values: &[Self; LANES]) -> pulp::f32x16 {
        pulp::cast(*values)
    }
}

impl Value for f16 {
    fn rounded(value: f32) -> Self {
        Self::from_f32(value)
    }

    #[inline(always)]
    fn widen<'a>(values: &'a [[Self; LANES]], scratch: &'a mut [[f32; LANES]]) -> &'a [[f32; LANES]] {
        each(values, scratch, |value| widened(value.to_bits()))
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn widen_v4(simd: pulp::x86::V4, values: &[Self; LANES]) -> pulp::f32x16 {
        pulp::cast(simd.avx512f._mm512_cvtph_ps(pulp::cast(*values)))
    }
}

/// All of `values` as `wide` makes them, written to `scratch`.
#[inline(always)]
fn each<'a, V: Value>(
    values: &[[V; LANES]],
    scratch: &'a mut [[f32; LANES]],
    wide: impl Fn(V) -> f32,
) -> &'a [[f32; LANES]] {
    let out = &mut scratch[..values.len()];
    for (out, &value) in out.as_flattened_mut().iter_mut().zip(values.as_flattened()) {
        *out = wide(value);
    }
    out
}

/// An f16 as f32, exactly, without a branch: the compiler makes vectors of it wherever there are any.
#[inline(always)]
fn widened(bits: u16) -> f32 {
    /// 2¹¹²: how far apart the exponents of the two formats are.
    const SCALE: f32 = f32::from_bits((127 + 112) << 23);
    let magnitude = f32::from_bits(u32::from(bits & 0x7fff) << 13) * SCALE;
    let not_finite = if bits & 0x7c00 == 0x7c00 { 0x7f80_0000 } else { 0 };
    f32::from_bits(magnitude.to_bits() | not_finite | u32::from(bits & 0x8000) << 16)
}

impl Value for bf16 {
    fn rounded(value: f32) -> Self {
        Self::from_f32(value)
    }

    #[inline(always)]
    fn widen<'a>(values: &'a [[Self; LANES]], scratch: &'a mut [[f32; LANES]]) -> &'a [[f32; LANES]] {
        each(values, scratch, |value| f32::from_bits(u32::from(value.to_bits()) << 16))
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn widen_v4(simd: pulp::x86::V4, values: &[Self; LANES]) -> pulp::f32x16 {
        let wide = simd.avx512f._mm512_cvtepu16_epi32(pulp::cast(*values));
        pulp::cast(simd.avx512f._mm512_slli_epi32::<16>(wide))
    }
}

/// Values, sixteen at a time.
#[derive(Clone, Debug)]
pub(super) enum Values {
    F32(Vec<[f32; LANES]>),
    F16(Vec<[f16; LANES]>),
    Bf16(Vec<[bf16; LANES]>),
}

/// Evaluates an expression with `$values` bound to the values, whatever their format.
macro_rules! with_values {
    ($of:expr, $values:ident => $work:expr) => {
        match $of {
            Values::F32($values) => $work,
            Values::F16($values) => $work,
            Values::Bf16($values) => $work,
        }
    };
}
pub(super) use with_values;

impl Values {
    pub(super) fn empty(format: ValueFormat) -> Self {
        match format {
            ValueFormat::F32 => Self::F32(Vec::new()),
            ValueFormat::F16 => Self::F16(Vec::new()),
            ValueFormat::Bf16 => Self::Bf16(Vec::new()),
        }
    }

    pub(super) fn push(&mut self, values: [f32; LANES]) {
        fn rounded<V: Value>(out: &mut Vec<[V; LANES]>, values: [f32; LANES]) {
            out.push(values.map(V::rounded));
        }
        with_values!(self, out => rounded(out, values));
    }

    pub(super) fn format(&self) -> ValueFormat {
        match self {
            Self::F32(_) => ValueFormat::F32,
            Self::F16(_) => ValueFormat::F16,
            Self::Bf16(_) => ValueFormat::Bf16,
        }
    }

    pub(super) fn len(&self) -> usize {
        with_values!(self, values => values.len())
    }

    pub(super) fn bytes(&self) -> usize {
        self.len() * LANES * self.format().size()
    }

    pub(super) fn shrink(&mut self) {
        with_values!(self, values => values.shrink_to_fit());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_f16_becomes_what_it_is() {
        for bits in 0..=u16::MAX {
            let (ours, expected) = (widened(bits), f16::from_bits(bits).to_f32());
            assert!(ours.to_bits() == expected.to_bits() || (ours.is_nan() && expected.is_nan()), "{bits:#06x}");
        }
    }
}
