//! Floats of eight bits, as in quantized `.safetensors` and in PyTorch.

use serde::{Deserialize, Serialize};

/// A format of eight bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Float8 {
    /// 4 bits of exponent, 3 of mantissa; no infinities (PyTorch's `float8_e4m3fn`).
    E4M3,
    /// 5 bits of exponent, 2 of mantissa; infinities and NaN as in an f16, whose upper half it is.
    E5M2,
    /// 8 bits of exponent, nothing else: powers of two, for scales.
    E8M0,
}

impl Float8 {
    /// The value that `byte` stands for.
    pub(super) fn value(self, byte: u8) -> f32 {
        match self {
            Self::E4M3 => {
                let sign = if byte & 0x80 == 0 { 1.0 } else { -1.0 };
                let (exponent, mantissa) = (i32::from(byte >> 3 & 15), f32::from(byte & 7));
                match (exponent, byte & 7) {
                    (15, 7) => f32::NAN,
                    (0, _) => sign * mantissa * f32::exp2(-9.0),
                    _ => sign * (8.0 + mantissa) * f32::exp2((exponent - 10) as f32),
                }
            }
            Self::E5M2 => half::f16::from_bits(u16::from(byte) << 8).to_f32(),
            Self::E8M0 if byte == 255 => f32::NAN,
            Self::E8M0 => f32::exp2(f32::from(byte) - 127.0),
        }
    }

    /// The values of all bytes.
    pub(super) fn table(self) -> [f32; 256] {
        std::array::from_fn(|byte| self.value(byte as u8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The extremes that the OCP's specification of 8-bit floats lists (version 1.0, table 1), and that of scales (MX,
    /// version 1.0).
    #[test]
    fn the_specifications_extremes() {
        let e4m3 = |byte| Float8::E4M3.value(byte);
        assert_eq!([e4m3(0x7e), e4m3(0x08), e4m3(0x07), e4m3(0x01)], [448.0, 0.015625, 0.013671875, 0.001953125]);
        assert_eq!([e4m3(0x38), e4m3(0xb9), e4m3(0)], [1.0, -1.125, 0.0]);
        assert!(e4m3(0x7f).is_nan() && e4m3(0xff).is_nan());
        let e5m2 = |byte| Float8::E5M2.value(byte);
        assert_eq!(
            [e5m2(0x7b), e5m2(0x04), e5m2(0x03), e5m2(0x01)],
            [57344.0, 2f32.powi(-14), 0.75 * 2f32.powi(-14), 2f32.powi(-16)]
        );
        assert!(e5m2(0x7c).is_infinite() && e5m2(0x7d).is_nan());
        let e8m0 = |byte| Float8::E8M0.value(byte);
        assert_eq!([e8m0(127), e8m0(0), e8m0(254)], [1.0, 2f32.powi(-127), 2f32.powi(127)]);
        assert!(e8m0(255).is_nan());
    }
}
