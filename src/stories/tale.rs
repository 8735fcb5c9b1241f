//! A told story.

use super::words::Word;

/// A generated story, with its probability.
#[derive(Clone, Debug, PartialEq)]
pub struct Tale {
    /// Words; punctuation marks are words too.
    pub words: Vec<Word>,
    /// Indices of the words that only memorized facts and songs make certain.
    pub memorized: Vec<usize>,
    /// Natural logarithm of its probability.
    pub log_prob: f64,
}

impl Tale {
    /// The words, joined by blanks.
    pub fn text(&self) -> String {
        self.words.join(" ")
    }
}
