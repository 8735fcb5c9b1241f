//! A text that a language model is to write.

use crate::language::Sampling;

/// Beginning of a text, and the way in which it goes on.
#[derive(Clone)]
pub struct TextRequest {
    /// Words that it begins with.
    pub prompt: String,
    /// Sampling of the next words.
    pub sampling: Sampling,
}

impl Default for TextRequest {
    fn default() -> Self {
        Self { prompt: String::new(), sampling: Sampling { tokens: 240, ..Sampling::default() } }
    }
}
