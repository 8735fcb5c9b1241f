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
//! One generator, `story::generate`, serves both directions. With a `Sampler` it tells a new story; with a `Scorer` it
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
mod tale;
#[cfg(test)]
mod tests;
mod words;

pub use chooser::{SplitMix64, WordDistribution};
pub use tale::Tale;
pub use words::Word;

use std::collections::BTreeSet;

use chooser::{Recorder, Sampler, Scorer};

/// Samples the story of `seed`.
pub fn sample(seed: u64) -> Tale {
    let mut sampler = Sampler::new(seed);
    story::generate(&mut sampler);
    sampler.finish()
}

/// Samples the story of `seed`, with the true distribution of each word.
pub fn sample_with_distributions(seed: u64) -> (Tale, Vec<WordDistribution>) {
    let mut recorder = Recorder::new(seed);
    story::generate(&mut recorder);
    recorder.finish()
}

/// ln P(text) of a story given by its words.
///
/// # Errors
/// The index of the first word that the generator does not offer (the number of words, if the text ends too early).
pub fn log_prob(words: &[&str]) -> Result<f64, usize> {
    let mut scorer = Scorer::new(words);
    story::generate(&mut scorer);
    scorer.finish()
}

/// A seed for part number `part` of something that has a seed itself.
pub fn mix_seed(seed: u64, part: u64) -> u64 {
    SplitMix64(seed ^ part.wrapping_mul(0xD6E8_FEB8_6659_FD93)).next_u64()
}

/// Consecutive stories, as text to evaluate a model on.
#[derive(Clone, Debug, PartialEq)]
pub struct Passage {
    /// The stories, all complete.
    pub tales: Vec<Tale>,
}

/// As many stories as `tokens` tokens take, from a random stream apart from that of the training with `seed`.
pub fn held_out(seed: u64, tokens: usize) -> Passage {
    let mut passage = Passage { tales: Vec::new() };
    while passage.tales.is_empty() || passage.tokens() < tokens {
        passage.tales.push(sample(mix_seed(!seed, passage.tales.len() as u64)));
    }
    passage
}

impl Passage {
    /// `story </s> <s> story </s>`: a tokenizer that splits at blanks and puts `<s>` before the text turns it into the
    /// tokens of the model's training.
    pub fn text(&self) -> String {
        let tales: Vec<_> = self.tales.iter().map(|tale| tale.text() + " </s>").collect();
        tales.join(" <s> ")
    }

    /// Number of predicted tokens: all of [`Passage::text`] without the first `<s>`.
    pub fn tokens(&self) -> usize {
        self.tales.iter().map(|tale| tale.words.len() + 2).sum::<usize>().saturating_sub(1)
    }

    /// Natural logarithm of the text's probability. The marks between stories are certain.
    pub fn log_prob(&self) -> f64 {
        self.tales.iter().map(|tale| tale.log_prob).sum()
    }

    /// Lowest perplexity that a model can reach on the text: exp of the mean of −ln P.
    pub fn floor(&self) -> f64 {
        (-self.log_prob() / self.tokens() as f64).exp()
    }
}

/// Stories cut into windows that each begin with a story: no word in a window refers to another window, so the
/// probability of every word is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Excerpt {
    /// `story </s> <s> story </s> <s> begin of a sto <s> story …`: as [`Passage::text`], but the last story of each
    /// window is cut off at its end.
    pub text: String,
    /// Number of predicted tokens: all but the first of each window.
    pub predicted: usize,
    /// Natural logarithm of the predicted tokens' probability.
    pub log_prob: f64,
}

impl Excerpt {
    /// Lowest perplexity that a model can reach on these windows: exp of the mean of −ln P.
    pub fn floor(&self) -> f64 {
        (-self.log_prob / self.predicted.max(1) as f64).exp()
    }
}

/// `windows` windows of `context` tokens, of the stories that [`held_out`] samples.
pub fn excerpt(seed: u64, windows: usize, context: usize) -> Excerpt {
    let (mut words, mut log_prob, mut part) = (Vec::new(), 0.0, 0);
    for window in 1..=windows {
        while words.len() < window * context {
            let (tale, distributions) = sample_with_distributions(mix_seed(!seed, part));
            part += 1;
            words.push("<s>");
            for (word, distribution) in tale.words.iter().zip(&distributions) {
                if words.len() < window * context {
                    words.push(word);
                    log_prob += distribution.iter().find(|(offered, _)| offered == word).map_or(0.0, |(_, p)| p.ln());
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

/// The vocabulary: all words of the language, sorted.
///
/// Fixed phrases live in the code of the generator, so the words are collected from 20 000 sampled stories; each word
/// occurs in far more than one, which a test checks against other stories. Takes about half a second.
pub fn vocabulary() -> Vec<Word> {
    let words: BTreeSet<Word> = (0..20_000).flat_map(|seed| sample(seed).words).collect();
    words.into_iter().collect()
}
