//! A language of small English stories whose every probability is known.
//!
//! A story is told word by word. Before each word the generator offers the words that may come next, each with a
//! weight, and a `Chooser` takes one of them. The words on offer are pairwise distinct, so the text shows every
//! choice that was made: it has exactly one derivation, and
//!
//! ```text
//! P(text) = product over its words of weight(word) / sum of the weights on offer
//! ```
//!
//! The conditional distribution of the next word is thus the generator's own offer, and the mean of
//! `-ln P(text) / words` over many stories is the entropy of the language: the floor below which no model can go.
//!
//! One generator, `story::tell`, serves both directions. With a `Sampler` it tells a new story; with a `Scorer` it
//! is led by a given text and finds its probability. Weights are integers and so is the random draw: a seed gives the
//! same story on every platform.
//!
//! Two things make the language worth a model. One is what a story mentions early and needs late: who is where and is
//! called `he`, `she` or `it`, who holds how many apples, which spot of which place hides the red ball, what was
//! promised, what somebody likes to eat, where home is. The other one is what holds in all stories and has to be known
//! by heart: whom each of a hundred people knows and which animal they keep, what they always do at which place, and
//! how the verses of some two hundred songs go on. A quarter of all words are of the second kind. They cost nothing at
//! the floor and much without the knowledge, which sits in all the weights of a model: that shows what pruning takes
//! away.
//!
//! ```
//! use dsf_explorer::stories::{held_out, log_prob, sample};
//!
//! let tale = sample(7);
//! assert_eq!(log_prob(&tale.words), Ok(tale.log_prob));
//! let passage = held_out(1, 2000);
//! println!("{} tokens, no model can do better than a perplexity of {:.2}", passage.tokens(), passage.floor());
//! ```

mod acts;
mod chooser;
mod ending;
mod events;
mod facts;
mod opening;
mod places;
mod songs;
mod speech;
mod state;
mod story;
#[cfg(test)]
mod tests;
mod words;

pub use chooser::{Offer, SplitMix64};
pub use words::Word;

use std::collections::BTreeSet;

use chooser::{Recorder, Sampler, Scorer};

/// A told story.
#[derive(Clone, Debug, PartialEq)]
pub struct Tale {
    /// Its words; punctuation marks are words too.
    pub words: Vec<Word>,
    /// The indices of the words that are certain only to those who know them by heart: facts and songs.
    pub by_heart: Vec<usize>,
    /// The natural logarithm of its probability.
    pub log_prob: f64,
}

impl Tale {
    /// The words, separated by blanks.
    pub fn text(&self) -> String {
        self.words.join(" ")
    }
}

/// Tells the story of this seed.
pub fn sample(seed: u64) -> Tale {
    let mut sampler = Sampler::new(seed);
    story::tell(&mut sampler);
    sampler.finish()
}

/// Tells the story of this seed, and says what could have come at each place of it.
pub fn sample_with_offers(seed: u64) -> (Tale, Vec<Offer>) {
    let mut recorder = Recorder::new(seed);
    story::tell(&mut recorder);
    recorder.finish()
}

/// `ln P(text)` of a story given by its words, or where it leaves the language.
///
/// # Errors
/// The index of the first word that the generator does not offer (the number of words, if the text ends too early).
pub fn log_prob(words: &[&str]) -> Result<f64, usize> {
    let mut scorer = Scorer::new(words);
    story::tell(&mut scorer);
    scorer.finish()
}

/// A seed for the `part`-th story of something seeded itself.
pub fn mixed(seed: u64, part: u64) -> u64 {
    SplitMix64(seed ^ part.wrapping_mul(0xD6E8_FEB8_6659_FD93)).next_u64()
}

/// Stories one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Passage {
    /// The stories, all of them whole.
    pub tales: Vec<Tale>,
}

/// Stories of a stream of their own, which no training of that or another small seed sees: as many as it takes for at
/// least so many tokens.
pub fn held_out(seed: u64, tokens: usize) -> Passage {
    let mut passage = Passage { tales: Vec::new() };
    while passage.tales.is_empty() || passage.tokens() < tokens {
        passage.tales.push(sample(mixed(!seed, passage.tales.len() as u64)));
    }
    passage
}

impl Passage {
    /// `story </s> <s> story </s>`: a tokenizer that splits at blanks and puts `<s>` before the whole makes of it the
    /// tokens that the built-in model was trained on.
    pub fn text(&self) -> String {
        let tales: Vec<_> = self.tales.iter().map(|tale| tale.text() + " </s>").collect();
        tales.join(" <s> ")
    }

    /// How many tokens there are to predict: all of [`Passage::text`], that is, without the first `<s>`.
    pub fn tokens(&self) -> usize {
        self.tales.iter().map(|tale| tale.words.len() + 2).sum::<usize>().saturating_sub(1)
    }

    /// The natural logarithm of the probability of the text. The marks between stories are certain.
    pub fn log_prob(&self) -> f64 {
        self.tales.iter().map(|tale| tale.log_prob).sum()
    }

    /// The lowest perplexity that a model can have on texts like this one, as far as this one tells.
    pub fn floor(&self) -> f64 {
        (-self.log_prob() / self.tokens() as f64).exp()
    }
}

/// Stories cut into windows, each of which begins with a story: nothing in a window refers to words outside of it, so that
/// the probability of every word in it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Excerpt {
    /// `story </s> <s> story </s> <s> begin of a sto <s> story …`: as [`Passage::text`], but that the last story of each
    /// window is cut off where the window ends.
    pub text: String,
    /// How many tokens there are to predict: all but the first of each window.
    pub predicted: usize,
    /// The natural logarithm of their probability.
    pub log_prob: f64,
}

impl Excerpt {
    /// The lowest perplexity that a model can have on these windows, as far as they tell.
    pub fn floor(&self) -> f64 {
        (-self.log_prob / self.predicted.max(1) as f64).exp()
    }
}

/// So many windows of `context` tokens, of stories of the stream that [`held_out`] takes them from.
pub fn excerpt(seed: u64, windows: usize, context: usize) -> Excerpt {
    let (mut words, mut log_prob, mut part) = (Vec::new(), 0.0, 0);
    for window in 1..=windows {
        while words.len() < window * context {
            let (tale, offers) = sample_with_offers(mixed(!seed, part));
            part += 1;
            words.push("<s>");
            for (word, offer) in tale.words.iter().zip(&offers) {
                if words.len() < window * context {
                    words.push(word);
                    log_prob += offer.iter().find(|(offered, _)| offered == word).map_or(0.0, |(_, p)| p.ln());
                }
            }
            if words.len() < window * context {
                words.push("</s>");
            }
        }
    }
    // The tokenizer puts the first mark before the text by itself.
    let text = words.get(1..).unwrap_or_default().join(" ");
    Excerpt { text, predicted: windows * context.saturating_sub(1), log_prob }
}

/// All words of the language, sorted.
///
/// Fixed phrases live in the code of the generator, so the words are collected from stories: each word occurs in
/// far more than one of 20 000 of them, which a test checks against other stories. Takes about half a second.
pub fn vocabulary() -> Vec<Word> {
    let words: BTreeSet<Word> = (0..20_000).flat_map(|seed| sample(seed).words).collect();
    words.into_iter().collect()
}
