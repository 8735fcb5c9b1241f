//! A compression of the model that was tried, and what it came to.

/// What the model came to with its layers compressed.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// Version of the compressed layers.
    pub version: usize,
    /// What was compressed, in a few words.
    pub label: String,
    /// Perplexity of the model.
    pub perplexity: f64,
    /// Bytes of all its weights as they run.
    pub bytes: usize,
    /// Tokens a second when it writes a text.
    pub tokens_per_second: Option<f64>,
}
