//! Quantized values of GGML, in blocks: what most tensors of a `.gguf` hold.
//!
//! A block has a few values' bits, packed, and what they are multiplied by. Layouts are those of llama.cpp, bit for bit;
//! `d` and `m` are the scale and the offset in f16, and q is a value's bits as a number.

use half::f16;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// A format of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantArray)]
#[allow(non_camel_case_types)] // the names that people know
pub(super) enum BlockFormat {
    /// 4 bits: d·(q − 8).
    Q4_0,
    /// 4 bits: d·q + m.
    Q4_1,
    /// 5 bits: d·(q − 16).
    Q5_0,
    /// 5 bits: d·q + m.
    Q5_1,
    /// 8 bits: d·q.
    Q8_0,
    /// 2 bits, with 4-bit scales and offsets for 16 values each.
    Q2_K,
    /// 3 bits, with 6-bit scales for 16 values each.
    Q3_K,
    /// 4 bits, with 6-bit scales and offsets for 32 values each.
    Q4_K,
    /// 5 bits, with 6-bit scales and offsets for 32 values each.
    Q5_K,
    /// 6 bits, with 8-bit scales for 16 values each.
    Q6_K,
}

/// Values of a block of the formats whose names end in K.
const SUPER: usize = 256;

impl BlockFormat {
    /// Values of a block.
    pub(super) fn values(self) -> usize {
        match self {
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 => 32,
            Self::Q2_K | Self::Q3_K | Self::Q4_K | Self::Q5_K | Self::Q6_K => SUPER,
        }
    }

    /// Bytes of a block.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Q4_0 => 2 + 16,
            Self::Q4_1 => 4 + 16,
            Self::Q5_0 => 2 + 4 + 16,
            Self::Q5_1 => 4 + 4 + 16,
            Self::Q8_0 => 2 + 32,
            Self::Q2_K => 16 + 64 + 4,
            Self::Q3_K => 32 + 64 + 12 + 2,
            Self::Q4_K => 4 + 12 + 128,
            Self::Q5_K => 4 + 12 + 32 + 128,
            Self::Q6_K => 128 + 64 + 16 + 2,
        }
    }

    /// Appends the values of whole blocks.
    pub(super) fn decode(self, bytes: &[u8], values: &mut Vec<f32>) {
        fn each<const N: usize>(bytes: &[u8], values: &mut Vec<f32>, block: impl Fn(&[u8; N], &mut Vec<f32>)) {
            bytes.as_chunks::<N>().0.iter().for_each(|bytes| block(bytes, values));
        }
        match self {
            Self::Q4_0 => each::<18>(bytes, values, |b, out| nibbles(half(b, 0), -8.0 * half(b, 0), 0, &b[2..], out)),
            Self::Q4_1 => each::<20>(bytes, values, |b, out| nibbles(half(b, 0), half(b, 2), 0, &b[4..], out)),
            Self::Q5_0 => {
                each::<22>(bytes, values, |b, out| nibbles(half(b, 0), -16.0 * half(b, 0), word(b, 2), &b[6..], out));
            }
            Self::Q5_1 => each::<24>(bytes, values, |b, out| nibbles(half(b, 0), half(b, 2), word(b, 4), &b[8..], out)),
            Self::Q8_0 => each::<34>(bytes, values, |b, out| {
                let d = half(b, 0);
                out.extend(b[2..].iter().map(|&q| d * f32::from(q as i8)));
            }),
            Self::Q2_K => each::<84>(bytes, values, q2_k),
            Self::Q3_K => each::<110>(bytes, values, q3_k),
            Self::Q4_K => each::<144>(bytes, values, |b, out| {
                let (scales, low) = b[4..].split_at(12);
                q45_k(b, scales, None, low, out);
            }),
            Self::Q5_K => each::<176>(bytes, values, |b, out| {
                let (scales, rest) = b[4..].split_at(12);
                let (high, low) = rest.split_at(32);
                q45_k(b, scales, Some(high), low, out);
            }),
            Self::Q6_K => each::<210>(bytes, values, q6_k),
        }
    }
}

/// The f16 at `at`.
fn half(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

/// The 32 bits at `at`.
fn word(block: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
}

/// 32 values d·q + m: the lower halves of 16 bytes, then the upper ones; bit i of `fifth` is the fifth bit of value i.
fn nibbles(d: f32, m: f32, fifth: u32, packed: &[u8], out: &mut Vec<f32>) {
    let value = |low: u8, at: usize| d * f32::from(low | (((fifth >> at & 1) as u8) << 4)) + m;
    out.extend(packed.iter().enumerate().map(|(at, byte)| value(byte & 15, at)));
    out.extend(packed.iter().enumerate().map(|(at, byte)| value(byte >> 4, at + 16)));
}

/// Two halves of 128 values. In each, four times 32 bytes give two bits each, and 16 values share a scale and an offset.
fn q2_k(block: &[u8; 84], out: &mut Vec<f32>) {
    let (scales, packed) = (&block[..16], &block[16..80]);
    let (d, m) = (half(block, 80), half(block, 82));
    for (group, scale) in scales.iter().enumerate() {
        let (shift, from) = (group % 8 / 2 * 2, group / 8 * 32 + group % 2 * 16);
        let (d, m) = (d * f32::from(scale & 15), m * f32::from(scale >> 4));
        out.extend(packed[from..from + 16].iter().map(|byte| d * f32::from(byte >> shift & 3) - m));
    }
}

/// As [`q2_k`], with a third bit, which stands for 4 when it is not set, in 32 bytes that go round every 32 values.
fn q3_k(block: &[u8; 110], out: &mut Vec<f32>) {
    let (third, packed, scales, d) = (&block[..32], &block[32..96], &block[96..108], half(block, 108));
    for group in 0..16 {
        let (low, high) = (scales[group % 8] >> (group / 8 * 4) & 15, scales[8 + group % 4] >> (group / 4 * 2) & 3);
        let d = d * (f32::from(low | high << 4) - 32.0);
        let (shift, column) = (group % 8 / 2 * 2, group % 2 * 16);
        let from = group / 8 * 32 + column;
        let bits = packed[from..from + 16].iter().zip(&third[column..column + 16]);
        out.extend(bits.map(|(byte, third)| {
            let q = (byte >> shift & 3) | (third >> (group / 2) & 1) << 2;
            d * (f32::from(q) - 4.0)
        }));
    }
}

/// Eight groups of 32 values, two of them in the halves of the same bytes: d·scale·q − m·offset. `high` holds fifth bits.
fn q45_k(block: &[u8], scales: &[u8], high: Option<&[u8]>, low: &[u8], out: &mut Vec<f32>) {
    let (d, m) = (half(block, 0), half(block, 2));
    for group in 0..8 {
        let (scale, offset) = six_bits(scales, group);
        let (d, m) = (d * f32::from(scale), m * f32::from(offset));
        let (shift, from) = (group % 2 * 4, group / 2 * 32);
        out.extend(low[from..from + 32].iter().enumerate().map(|(at, byte)| {
            let fifth = high.map_or(0, |high| high[at] >> group & 1);
            d * f32::from((byte >> shift & 15) | fifth << 4) - m
        }));
    }
}

/// Scale and offset of a group, 6 bits each, of which the upper two of the last four stand above those of the first.
fn six_bits(packed: &[u8], group: usize) -> (u8, u8) {
    match group {
        0..4 => (packed[group] & 63, packed[group + 4] & 63),
        _ => {
            ((packed[group + 4] & 15) | packed[group - 4] >> 6 << 4, (packed[group + 4] >> 4) | packed[group] >> 6 << 4)
        }
    }
}

/// Two halves of 128 values: 64 bytes with four bits of two values each, 32 bytes with two bits of four values each.
fn q6_k(block: &[u8; 210], out: &mut Vec<f32>) {
    let (low, high, scales, d) = (&block[..128], &block[128..192], &block[192..208], half(block, 208));
    for (group, &scale) in scales.iter().enumerate() {
        let d = d * f32::from(scale as i8);
        // Which 32 of the 128, and which 16 of those.
        let (half, quarter, column) = (group / 8, group % 8 / 2, group % 2 * 16);
        let (low_from, high_from) = (half * 64 + quarter % 2 * 32 + column, half * 32 + column);
        let bits = low[low_from..low_from + 16].iter().zip(&high[high_from..high_from + 16]);
        out.extend(bits.map(|(low, high)| {
            let q = (low >> (quarter / 2 * 4) & 15) | (high >> (quarter * 2) & 3) << 4;
            d * (f32::from(q) - 32.0)
        }));
    }
}
