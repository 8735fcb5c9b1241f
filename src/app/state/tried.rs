//! A compression of the model that was tried, and what it came to.

/// What the language model came to with its layers compressed.
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

/// What the vision model came to with its layers compressed.
#[derive(Clone, Debug, PartialEq)]
pub struct TriedNetwork {
    /// Version of the compressed layers.
    pub version: usize,
    /// What was compressed, in a few words.
    pub label: String,
    /// Its accuracy, or its agreement with the dense network.
    pub score: f64,
    /// The same with batch normalization estimated anew, where there are images for that.
    pub estimated: Option<f64>,
    /// Nonzeros of all layers, as a share of the dense network's weights.
    pub weights: f64,
    /// Multiplications, as a share of the dense network's.
    pub multiplications: f64,
}
