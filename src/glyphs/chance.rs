//! Random draws that are the same on every platform.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng;

/// A random stream for one picture.
pub struct Chance(Pcg64Mcg);

/// A bijection of 64 bits that scrambles them (the last step of SplitMix64).
fn scramble(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

impl Chance {
    /// The stream of picture number `index` of `seed`. Neighbours, in either number, have nothing in common.
    pub fn new(seed: u64, index: u64) -> Self {
        let high = scramble(scramble(seed ^ 0x9E37_79B9_7F4A_7C15).wrapping_add(index));
        let low = scramble(high.wrapping_add(0xD6E8_FEB8_6659_FD93));
        Self(Pcg64Mcg::new(u128::from(high) << 64 | u128::from(low)))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// True once in `times` draws.
    pub fn once_in(&mut self, times: u32) -> bool {
        self.below(times) == 0
    }

    /// A number in `[low, high)`: 24 random bits, which f32 holds exactly.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * ((self.0.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0))
    }

    /// 1 or −1.
    pub fn sign(&mut self) -> f32 {
        if self.once_in(2) { -1.0 } else { 1.0 }
    }

    /// A vector of length 1, within about `reach`·90° of `(1, 0)` to either side; `reach` is at most 1.
    ///
    /// It is the rational parametrization of the circle: sine and cosine differ between platforms in their last bits.
    pub fn turn(&mut self, reach: f32) -> [f32; 2] {
        let t = self.between(-reach, reach);
        let scale = 1.0 / (1.0 + t * t);
        [(1.0 - t * t) * scale, 2.0 * t * scale]
    }

    /// A vector of length 1 that points anywhere.
    pub fn direction(&mut self) -> [f32; 2] {
        let [x, y] = self.turn(1.0);
        let sign = self.sign();
        [sign * x, sign * y]
    }
}
