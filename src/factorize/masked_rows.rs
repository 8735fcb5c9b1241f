//! Passes over a panel's rows, 64 entries at a time with their mask in one word.

use crate::compute::{PANEL, PanelRow};
use crate::matrix::MagnitudeHistogram;

/// Eight bit masks for each byte of a mask's word: all ones where its bit is 1, else 0.
static SPREAD: [[u32; 8]; 256] = {
    let mut spread = [[0; 8]; 256];
    let mut at = 0;
    while at < 8 * 256 {
        if (at / 8) >> (at % 8) & 1 == 1 {
            spread[at / 8][at % 8] = u32::MAX;
        }
        at += 1;
    }
    spread
};

/// A word of the mask as 64 bit masks for floats. Computed ahead of their use: inside the arithmetic, the byte lookups
/// would keep it from being vectorized.
#[inline(always)]
fn spread(keep: u64) -> [u32; PANEL] {
    let mut kept = [0; PANEL];
    let eights = kept.as_chunks_mut().0.iter_mut();
    eights.zip(keep.to_le_bytes()).for_each(|(kept, bits)| *kept = SPREAD[usize::from(bits)]);
    kept
}

/// (Z − U)·`weight`: V with its sign turned outside the mask.
#[inline(always)]
pub(super) fn reflect(v: &PanelRow, keep: u64, weight: f32) -> PanelRow {
    let kept = spread(keep);
    std::array::from_fn(|c| weight * f32::from_bits(v[c].to_bits() ^ !kept[c] & 1 << 31))
}

/// Counts one of every eight entries, to find the mask's threshold.
#[inline(always)]
pub(super) fn sample(v: &PanelRow, histogram: &mut MagnitudeHistogram) {
    v.iter().step_by(8).for_each(|&v| histogram.add(v));
}

/// The over-relaxed V from Y: λY + (1 − λ)Z + U.
#[derive(Clone, Copy)]
pub(super) struct Relax {
    y: f32,
    z: f32,
}

impl Relax {
    pub fn new(relaxation: f32) -> Self {
        Self { y: relaxation, z: 1.0 - relaxation }
    }

    /// Updates V from Y; returns ‖Y − M⊙Y‖².
    #[inline(always)]
    pub fn apply(self, v: &mut PanelRow, y: &PanelRow, keep: u64) -> f64 {
        let mut squares = [0.0f32; 8];
        let eights = v.as_chunks_mut::<8>().0.iter_mut().zip(y.as_chunks::<8>().0);
        for ((v, y), bits) in eights.zip(keep.to_le_bytes()) {
            let kept = &SPREAD[usize::from(bits)];
            for lane in 0..8 {
                let kept = kept[lane];
                let outside = f32::from_bits(y[lane].to_bits() & !kept);
                let before = f32::from_bits(self.z.to_bits() & kept | 1f32.to_bits() & !kept);
                squares[lane] += outside * outside;
                v[lane] = self.y * y[lane] + before * v[lane];
            }
        }
        f64::from(squares.iter().sum::<f32>())
    }
}
