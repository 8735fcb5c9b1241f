//! What can be wrong with a language model, or with what it is to read.

/// Why a language model cannot be opened or used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A file of the folder is not there.
    #[error(
        "{folder} has no {file}: give the folder of a Hugging Face model, with config.json, tokenizer.json and its weights"
    )]
    Missing {
        /// The folder's name.
        folder: String,
        /// The file.
        file: &'static str,
    },
    /// A file of the folder cannot be read.
    #[error("{file} cannot be read ({reason}): check that it is a file you may read")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        reason: String,
    },
    /// `config.json` is not what it should be.
    #[error("config.json: {problem}: download it again")]
    Config {
        /// What is wrong.
        problem: String,
    },
    /// Another architecture.
    #[error(
        "config.json: the architecture is {architecture:?}, and only {known} are computed here; `factorize` takes the layers of any model"
    )]
    Architecture {
        /// What it is.
        architecture: String,
        /// What would do.
        known: String,
    },
    /// A feature of the architecture that is not computed here.
    #[error("not supported here: {what}")]
    Unsupported {
        /// The feature.
        what: String,
    },
    /// `tokenizer.json` is not what it should be.
    #[error("tokenizer.json: {problem}: download it again")]
    Tokenizer {
        /// What is wrong.
        problem: String,
    },
    /// The tokenizer and the model do not belong together.
    #[error(
        "the tokenizer gives token {token}, and the model knows {vocabulary}: use the tokenizer.json of this model"
    )]
    Token {
        /// The token's number.
        token: u32,
        /// How many the model knows.
        vocabulary: usize,
    },
    /// A tensor has another shape than the configuration says.
    #[error("{tensor} has shape {shape:?} where config.json asks for {expected:?}: the files do not belong together")]
    Shape {
        /// The tensor.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// What it should be.
        expected: Vec<usize>,
    },
    /// The weights cannot be read.
    #[error(transparent)]
    Weights(#[from] crate::model::Error),
    /// There is not enough text.
    #[error("the text has {tokens} tokens, and a window takes {context}: give more text or a smaller context")]
    TooShort {
        /// Tokens of the text.
        tokens: usize,
        /// Tokens of a window.
        context: usize,
    },
    /// A window in which nothing is predicted.
    #[error("a context of {context} leaves nothing to predict: give at least 2")]
    Context {
        /// Tokens of a window.
        context: usize,
    },
    /// The numbers ran away.
    #[error(
        "the outputs of block {block} are not finite: the weights of this model, or of the layers put in their place, are too large"
    )]
    NotFinite {
        /// Which block, from 0.
        block: usize,
    },
    /// Told to stop.
    #[error("cancelled")]
    Cancelled,
}
