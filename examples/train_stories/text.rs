//! From stories to token numbers, and to windows for training.

use std::collections::HashMap;

use crate::ops::Target;
use dsf_explorer::stories::{Tale, Word, mix_seed, sample, sample_with_distributions, vocabulary};

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
        [BOS].into_iter().chain(tale.words.iter().map(|word| self.number(word))).chain([EOS]).collect()
    }

    fn number(&self, word: Word) -> u32 {
        self.numbers.get(word).copied().unwrap_or(UNKNOWN)
    }
}

/// Tokens to read, and what could come after each of them.
pub struct Window {
    /// The tokens.
    pub inputs: Vec<u32>,
    /// For each of them the true distribution of the next one.
    pub targets: Vec<Target>,
}

/// A window of `length` tokens: whole stories one after the other, the last one cut off, each the one with the
/// most questions of so many `candidates`.
///
/// Each window starts with a story, so that nothing in it refers to words outside. The targets are not the words that
/// happened to come but all that could have, with their probabilities, which only a language like this one can tell:
/// the expected gradient is the same, without the noise of the draw, under which rare lessons would take long to be
/// heard.
pub fn window(tokens: &Tokens, seed: u64, length: usize, candidates: u64) -> Window {
    let mut window = Window { inputs: Vec::new(), targets: Vec::new() };
    for part in 0.. {
        if window.inputs.len() >= length {
            break;
        }
        let rated = (0..candidates).map(|candidate| {
            let seed = mix_seed(seed, part * candidates + candidate);
            (questions(&sample(seed), length), seed)
        });
        let (_, best) = rated.max().expect("there is a candidate");
        let (tale, distributions) = sample_with_distributions(best);
        window.inputs.extend(tokens.encode(&tale));
        let distributions = distributions
            .iter()
            .map(|distribution| distribution.iter().map(|(word, p)| (tokens.number(word), *p as f32)).collect());
        window.targets.extend(distributions.chain([vec![(EOS, 1.0)], vec![(BOS, 1.0)]]));
    }
    window.inputs.truncate(length);
    window.targets.truncate(length);
    window
}

/// How many questions a story asks: the more, the more it comes back to what it said before. Stories that do not fit
/// into the window count as if they had none.
fn questions(tale: &Tale, length: usize) -> usize {
    if tale.words.len() < length { tale.words.iter().filter(|&&word| word == "?").count() } else { 0 }
}
