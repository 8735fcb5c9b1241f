//! Number formats of weights.

use crate::compute::sparse::ValueFormat;
use half::{bf16, f16};
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// Floating-point format of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Dtype {
    /// IEEE double precision, 64 bits.
    F64,
    /// IEEE single precision, 32 bits.
    F32,
    /// IEEE half precision: 5 bits of exponent.
    F16,
    /// The upper half of an f32: 8 bits of exponent.
    BF16,
}

impl Dtype {
    /// Bytes of one value.
    pub fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
        }
    }

    /// Converts little-endian values to f32. `bytes` holds whole values; an f64 beyond f32's range becomes infinite.
    pub fn decode(self, bytes: &[u8]) -> Vec<f32> {
        let mut values = Vec::with_capacity(bytes.len() / self.size());
        self.decode_into(bytes, &mut values);
        values
    }

    /// The same, appended to `values`.
    pub(super) fn decode_into(self, bytes: &[u8], values: &mut Vec<f32>) {
        fn each<const N: usize>(bytes: &[u8], values: &mut Vec<f32>, value: impl Fn([u8; N]) -> f32) {
            values.extend(bytes.as_chunks::<N>().0.iter().map(|&bytes| value(bytes)));
        }
        match self {
            Self::F64 => each(bytes, values, |b| f64::from_le_bytes(b) as f32),
            Self::F32 => each(bytes, values, f32::from_le_bytes),
            Self::F16 => each(bytes, values, |b| f16::from_le_bytes(b).to_f32()),
            Self::BF16 => each(bytes, values, |b| bf16::from_le_bytes(b).to_f32()),
        }
    }

    /// Converts to this format, little-endian, rounded to nearest.
    pub fn encode(self, values: &[f32]) -> Vec<u8> {
        match self {
            Self::F64 => values.iter().flat_map(|&x| f64::from(x).to_le_bytes()).collect(),
            Self::F32 => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::F16 => values.iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect(),
            Self::BF16 => values.iter().flat_map(|&x| bf16::from_f32(x).to_le_bytes()).collect(),
        }
    }
}

/// The number format in which values of this one are prepared for products; f64 becomes f32.
impl From<Dtype> for ValueFormat {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F64 | Dtype::F32 => Self::F32,
            Dtype::F16 => Self::F16,
            Dtype::BF16 => Self::Bf16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_exact_in_every_format_survive() {
        let values = [0.0, 1.5, -2.0, 0.25, 96.0];
        for dtype in [Dtype::F64, Dtype::F32, Dtype::F16, Dtype::BF16] {
            let bytes = dtype.encode(&values);
            assert_eq!(bytes.len(), 5 * dtype.size());
            assert_eq!(dtype.decode(&bytes), values);
        }
        assert_eq!(Dtype::F16.encode(&[1.0]), [0x00, 0x3c]);
        assert_eq!(Dtype::BF16.encode(&[1.0]), [0x80, 0x3f]);
    }
}
