//! The ways to go through a story: to make one up, to make one up for others to learn from, to follow a given one.

use super::{Tale, words::Word};

/// Takes one of the words that may come next.
pub trait Chooser {
    /// Returns the index of the next word among `options`. Words of weight 0 are not on offer; the others are pairwise
    /// distinct, and there is at least one.
    fn choose(&mut self, options: &[(Word, u32)]) -> usize;

    /// Hears that the word chosen last is certain only to those who know it by heart.
    fn by_heart(&mut self) {}
}

/// SplitMix64: the state walks by a constant odd step and a bijection scrambles it. Good enough for stories, five
/// lines, the same everywhere.
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

    /// A number below `bound`; its bias of `bound / 2^64` cannot be seen.
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u32
    }

    /// A number in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (0.5f64).powi(53)
    }
}

/// Chooses at random by weight, and keeps the words and the probability.
pub struct Sampler {
    random: SplitMix64,
    tale: Tale,
}

impl Sampler {
    /// A sampler whose choices follow from `seed` alone.
    pub fn new(seed: u64) -> Self {
        let tale = Tale { words: Vec::new(), by_heart: Vec::new(), log_prob: 0.0 };
        Self { random: SplitMix64(seed), tale }
    }

    /// What was told.
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

    fn by_heart(&mut self) {
        self.tale.by_heart.push(self.tale.words.len() - 1);
    }
}

/// Chooses like a [`Sampler`], and keeps what was on offer before each word: the true distribution of that word.
pub struct Recorder {
    sampler: Sampler,
    offers: Vec<Offer>,
}

/// The words that could have come at one place of a story, each with its probability.
pub type Offer = Vec<(Word, f64)>;

impl Recorder {
    /// A recorder of the story of this seed.
    pub fn new(seed: u64) -> Self {
        Self { sampler: Sampler::new(seed), offers: Vec::new() }
    }

    /// What was told, and what could have been told instead.
    pub fn finish(self) -> (Tale, Vec<Offer>) {
        (self.sampler.finish(), self.offers)
    }
}

impl Chooser for Recorder {
    fn choose(&mut self, options: &[(Word, u32)]) -> usize {
        let total = options.iter().map(|option| option.1).sum();
        let offered = options.iter().filter(|option| option.1 > 0);
        self.offers.push(offered.map(|&(word, weight)| (word, share(weight, total))).collect());
        self.sampler.choose(options)
    }

    fn by_heart(&mut self) {
        self.sampler.by_heart();
    }
}

/// Chooses what a given text says, and adds up its probability.
pub struct Scorer<'a> {
    words: &'a [&'a str],
    at: usize,
    log_prob: f64,
    error: Option<usize>,
}

impl<'a> Scorer<'a> {
    /// Follows `words`.
    pub fn new(words: &'a [&'a str]) -> Self {
        Self { words, at: 0, log_prob: 0.0, error: None }
    }

    /// `ln P` of the words, or the index of the first one that is not of the language.
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
            // The story is over; the generator is led to its end by any choices, since every story is finite.
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

/// Whether no word is on offer twice: what makes the derivation of a text unique.
fn distinct(options: &[(Word, u32)]) -> bool {
    let words: Vec<_> = options.iter().filter(|option| option.1 > 0).map(|option| option.0).collect();
    let once = |index: usize| !words[..index].contains(&words[index]);
    !words.is_empty() && (0..words.len()).all(once)
}
