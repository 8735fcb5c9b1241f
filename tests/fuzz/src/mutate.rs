//! Changes of inputs, by chance but always the same ones.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// Longest input, in bytes.
const LONGEST: usize = 1 << 16;

/// Makes inputs out of others.
pub struct Mutator(Pcg64Mcg);

impl Mutator {
    /// The one with this seed.
    pub fn new(seed: u64) -> Self {
        Self(Pcg64Mcg::seed_from_u64(seed))
    }

    /// A number below `end`; 0 if that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (u64::from(self.0.next_u32()) * end as u64 >> 32) as usize
    }

    /// An input changed in one to eight places. `other` is another input, `words` are parts of good ones.
    pub fn changed(&mut self, input: &[u8], other: &[u8], words: &[&[u8]]) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..=self.below(8) {
            self.change(&mut bytes, other, words);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8], words: &[&[u8]]) {
        let at = self.below(bytes.len() + 1);
        let length = 1 << self.below(7);
        let end = (at + self.below(length + 1)).min(bytes.len());
        match self.below(12) {
            0 | 1 => self.byte(bytes, |byte, random| byte ^ (1 << (random % 8))),
            2 => self.byte(bytes, |_, random| random),
            3 => self.byte(bytes, |byte, random| byte.wrapping_add(random % 35).wrapping_sub(17)),
            4 => drop(bytes.drain(at..end)),
            5 => {
                let copy = bytes[at..end].to_vec();
                let to = self.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            6 => bytes.truncate(at),
            7 => {
                let from = self.below(other.len() + 1);
                let part = &other[from..(from + length).min(other.len())];
                let end = if self.below(2) == 0 { at } else { (at + part.len()).min(bytes.len()) };
                bytes.splice(at..end, part.iter().copied());
            }
            8 if !words.is_empty() => {
                let word = words[self.below(words.len())];
                let end = if self.below(2) == 0 { at } else { (at + word.len()).min(bytes.len()) };
                bytes.splice(at..end, word.iter().copied());
            }
            9 => self.number(bytes, at),
            10 => self.digits(bytes, at),
            _ => {
                let value = self.0.next_u32() as u8;
                bytes.splice(at..at, std::iter::repeat_n(value, length));
            }
        }
    }

    fn byte(&mut self, bytes: &mut [u8], change: impl Fn(u8, u8) -> u8) {
        let (at, random) = (self.below(bytes.len()), self.0.next_u32() as u8);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = change(*byte, random);
        }
    }

    /// Puts a number where sizes and offsets overflow in place of one, two, four or eight bytes.
    fn number(&mut self, bytes: &mut [u8], at: usize) {
        let edges =
            [0, 1, 31, 255, 256, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 32, 1 << 40, i64::MAX as u64, u64::MAX];
        let mut value = edges[self.below(edges.len())];
        if self.below(3) == 0 {
            value = (bytes.len() as u64).wrapping_add(self.below(65) as u64).wrapping_sub(32);
        }
        let size = 1 << self.below(4);
        if let Some(place) = bytes.get_mut(at..at + size) {
            place.copy_from_slice(&value.to_le_bytes()[..size]);
        }
    }

    /// Another decimal number in place of the first one from `at` on.
    fn digits(&mut self, bytes: &mut Vec<u8>, at: usize) {
        let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit).map(|first| at + first) else { return };
        let end =
            bytes[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(bytes.len(), |last| start + last);
        let numbers = [
            "0",
            "1",
            "2",
            "3",
            "4",
            "8",
            "127",
            "128",
            "4294967295",
            "4294967296",
            "9223372036854775807",
            "18446744073709551616",
        ];
        let number = numbers[self.below(numbers.len())];
        bytes.splice(start..end, number.bytes());
    }
}
