//! From stories to token numbers, and to windows for training.

use std::collections::HashMap;

use crate::grammar::{Tale, Word, sample, vocabulary};

/// Number of the token before a story.
pub const BOS: u32 = 0;
/// Number of the token after a story.
pub const EOS: u32 = 1;
/// Number of the token for a word that is not of the language.
pub const UNKNOWN: u32 = 2;

/// The tokens: three special ones, then the words in alphabetic order.
pub struct Tokens {
    /// The text of each token.
    pub texts: Vec<&'static str>,
    numbers: HashMap<Word, u32>,
}

impl Tokens {
    /// All tokens of the language.
    pub fn new() -> Self {
        let texts: Vec<_> = ["<s>", "</s>", "<unk>"].into_iter().chain(vocabulary()).collect();
        let numbers = texts.iter().zip(0..).map(|(&text, number)| (text, number)).collect();
        Self { texts, numbers }
    }

    /// `<s> story </s>` in numbers.
    pub fn encode(&self, tale: &Tale) -> Vec<u32> {
        let number = |word: &Word| self.numbers.get(word).copied().unwrap_or(UNKNOWN);
        [BOS].into_iter().chain(tale.words.iter().map(number)).chain([EOS]).collect()
    }
}

/// A window of `length + 1` tokens: whole stories one after the other, the last one cut off.
///
/// Each window starts with a story, so that nothing in it refers to words outside.
pub fn window(tokens: &Tokens, seed: u64, length: usize) -> Vec<u32> {
    let mut window = Vec::with_capacity(length + 257);
    for part in 0.. {
        if window.len() > length {
            break;
        }
        window.extend(tokens.encode(&sample(mixed(seed, part))));
    }
    window.truncate(length + 1);
    window
}

/// A seed for the `part`-th story of something seeded itself.
pub fn mixed(seed: u64, part: u64) -> u64 {
    crate::grammar::SplitMix64(seed ^ part.wrapping_mul(0xD6E8_FEB8_6659_FD93)).next_u64()
}
