//! A text that a language model is to write.

use crate::language::Sampling;

/// How the text begins, and how it goes on.
#[derive(Clone)]
pub struct TextRequest {
    /// Words that it begins with.
    pub prompt: String,
    /// How the next words are drawn.
    pub sampling: Sampling,
}

impl Default for TextRequest {
    fn default() -> Self {
        Self { prompt: String::new(), sampling: Sampling { tokens: 240, ..Sampling::default() } }
    }
}
