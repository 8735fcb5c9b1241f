//! The ways through a story: sample one, sample one with its distributions, or score a given one.

use super::tale::Tale;
use super::words::Word;

/// Chooses each next word of a story.
pub trait Chooser {
    /// Returns the index of the next word among `options`: words and weights. Words of weight 0 are not on offer; the
    /// others are pairwise distinct, and there is at least one.
    fn choose(&mut self, options: &[(Word, u32)]) -> usize;

    /// Marks the word chosen last as one that only memorized facts make certain.
    fn memorized(&mut self) {}
}

/// The SplitMix64 generator: a counter with a constant odd step, scrambled by a bijection. Good enough for stories, and
/// the same on every platform.
#[derive(Clone, Debug)]
pub struct SplitMix64(pub u64);

impl SplitMix64 {
    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`, with a bias of at most `bound / 2^64`.
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u32
    }

    /// A number in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (0.5f64).powi(53)
    }
}

/// Samples words by weight, and keeps them with their probability.
pub struct Sampler {
    random: SplitMix64,
    tale: Tale,
}

impl Sampler {
    /// A sampler seeded with `seed`.
    pub fn new(seed: u64) -> Self {
        let tale = Tale { words: Vec::new(), memorized: Vec::new(), log_prob: 0.0 };
        Self { random: SplitMix64(seed), tale }
    }

    /// The story so far.
    pub fn finish(self) -> Tale {
        self.tale
    }
}

impl Chooser for Sampler {
    fn choose(&mut self, options: &[(Word, u32)]) -> usize {
        debug_assert!(distinct(options), "two derivations: {options:?}");
        let total = options.iter().map(|option| option.1).sum();
        let mut rest = self.random.below(total);
        let index = options
            .iter()
            .position(|&(_, weight)| {
                let here = rest < weight;
                rest = rest.saturating_sub(weight);
                here
            })
            .expect("the weights add up to more than the draw");
        self.tale.words.push(options[index].0);
        self.tale.log_prob += share(options[index].1, total).ln();
        index
    }

    fn memorized(&mut self) {
        self.tale.memorized.push(self.tale.words.len() - 1);
    }
}

/// Samples as a [`Sampler`] does, and keeps the true distribution of each word.
pub struct Recorder {
    sampler: Sampler,
    distributions: Vec<WordDistribution>,
}

/// Distribution of the next word at one position of a story: words and probabilities.
pub type WordDistribution = Vec<(Word, f64)>;

impl Recorder {
    /// A recorder of the story of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { sampler: Sampler::new(seed), distributions: Vec::new() }
    }

    /// The story, and the distribution of each of its words.
    pub fn finish(self) -> (Tale, Vec<WordDistribution>) {
        (self.sampler.finish(), self.distributions)
    }
}

impl Chooser for Recorder {
    fn choose(&mut self, options: &[(Word, u32)]) -> usize {
        let total = options.iter().map(|option| option.1).sum();
        let offered = options.iter().filter(|option| option.1 > 0);
        self.distributions.push(offered.map(|&(word, weight)| (word, share(weight, total))).collect());
        self.sampler.choose(options)
    }

    fn memorized(&mut self) {
        self.sampler.memorized();
    }
}

/// Follows a given text, and adds up its probability.
pub struct Scorer<'a> {
    words: &'a [&'a str],
    at: usize,
    log_prob: f64,
    error: Option<usize>,
}

impl<'a> Scorer<'a> {
    /// A scorer of the text `words`.
    pub fn new(words: &'a [&'a str]) -> Self {
        Self { words, at: 0, log_prob: 0.0, error: None }
    }

    /// ln P of the words, or the index of the first one that is not of the language.
    pub fn finish(self) -> Result<f64, usize> {
        match self.error {
            Some(at) => Err(at),
            None if self.at < self.words.len() => Err(self.at),
            None => Ok(self.log_prob),
        }
    }
}

impl Chooser for Scorer<'_> {
    fn choose(&mut self, options: &[(Word, u32)]) -> usize {
        let said = self.words.get(self.at).filter(|_| self.error.is_none());
        let found = options.iter().position(|&(word, weight)| weight > 0 && Some(&word) == said);
        let Some(index) = found else {
            // The story has left the text; any choices lead the generator to its end, since every story is finite.
            self.error.get_or_insert(self.at);
            return options.iter().position(|option| option.1 > 0).unwrap_or(0);
        };
        self.at += 1;
        let total = options.iter().map(|option| option.1).sum();
        self.log_prob += share(options[index].1, total).ln();
        index
    }
}

fn share(weight: u32, total: u32) -> f64 {
    f64::from(weight) / f64::from(total)
}

/// Whether no word is on offer twice, which makes the derivation of a text unique.
fn distinct(options: &[(Word, u32)]) -> bool {
    let words: Vec<_> = options.iter().filter(|option| option.1 > 0).map(|option| option.0).collect();
    let once = |index: usize| !words[..index].contains(&words[index]);
    !words.is_empty() && (0..words.len()).all(once)
}
