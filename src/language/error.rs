//! What can be wrong with a language model, or with what it is to read.

use crate::hint::{Explain, Hint};

/// Why a language model cannot be opened or used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A file of the folder is not there.
    #[error("{folder} has no {file}")]
    Missing {
        /// Name of the folder.
        folder: String,
        /// Name of the file.
        file: &'static str,
    },
    /// A file of the folder cannot be read.
    #[error("{file} cannot be read ({reason})")]
    Unreadable {
        /// Name of the file.
        file: String,
        /// Message of the operating system.
        reason: String,
    },
    /// `config.json` is not what it should be.
    #[error("config.json: {problem}")]
    Config {
        /// Description of the problem.
        problem: String,
    },
    /// An architecture that is not supported.
    #[error(
        "config.json: the architecture is {architecture:?}, which is not among those that are computed here: {known}"
    )]
    Architecture {
        /// Name of the architecture.
        architecture: String,
        /// Names of the supported architectures.
        known: String,
    },
    /// Weights in integers or 8-bit floats.
    #[error("not supported here: quantized weights")]
    Quantized,
    /// A feature of the architecture that is not computed here.
    #[error("not supported here: {what}")]
    Unsupported {
        /// Name of the feature.
        what: String,
    },
    /// A file of the tokenizer is not what it should be.
    #[error("{file}: {problem}")]
    Tokenizer {
        /// Name of the file.
        file: &'static str,
        /// Description of the problem.
        problem: String,
    },
    /// A regular expression of the tokenizer that cannot be followed exactly.
    #[error("tokenizer.json: the pattern {pattern:?} cannot be followed here: {problem}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Description of the problem.
        problem: String,
    },
    /// The tokenizer is a SentencePiece model alone.
    #[error("{folder} has no tokenizer.json: its tokenizer.model is in SentencePiece's format, which is not read here")]
    SentencePiece {
        /// Name of the folder.
        folder: String,
    },
    /// The tokenizer and the model do not belong together.
    #[error("the tokenizer gives token {token}, and the model knows {vocabulary}")]
    Token {
        /// Number of the token.
        token: u32,
        /// Number of tokens that the model knows.
        vocabulary: usize,
    },
    /// A tensor has another shape than the configuration says.
    #[error("{tensor} has shape {shape:?} where config.json asks for {expected:?}")]
    Shape {
        /// Name of the tensor.
        tensor: String,
        /// Shape of the tensor.
        shape: Vec<usize>,
        /// Shape that the configuration asks for.
        expected: Vec<usize>,
    },
    /// The weights cannot be read.
    #[error(transparent)]
    Weights(#[from] crate::model::Error),
    /// There is not enough text.
    #[error("the text has {tokens} tokens, and a window takes {context}")]
    TooShort {
        /// Tokens of the text.
        tokens: usize,
        /// Tokens of a window.
        context: usize,
    },
    /// A text longer than there is room for.
    #[error("prompt and new tokens are {tokens} together, and there is room for {positions}")]
    TooLong {
        /// Tokens of the prompt and new ones.
        tokens: usize,
        /// Tokens that there is room for.
        positions: usize,
    },
    /// A text longer than the model has learned positions.
    #[error("{tokens} tokens are more than the {positions} positions that this model has learned")]
    NoPosition {
        /// Tokens of the text.
        tokens: usize,
        /// Positions of the model.
        positions: usize,
    },
    /// A window in which nothing is predicted.
    #[error("a context of {context} leaves nothing to predict")]
    Context {
        /// Tokens of a window.
        context: usize,
    },
    /// Outputs are infinite or NaN.
    #[error("the outputs of block {block} are not finite")]
    NotFinite {
        /// Index of the block.
        block: usize,
    },
    /// The loss is infinite or NaN, although the blocks' outputs are not.
    #[error("the loss is not a finite number")]
    LossNotFinite,
    /// The work was cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl Explain for Error {
    fn hint(&self) -> Option<Hint> {
        Some(match self {
            Self::Missing { .. } => {
                Hint::say("give the folder of a Hugging Face model, with config.json, tokenizer.json and its weights")
            }
            Self::Unreadable { .. } => Hint::say("check that it is a file you may read"),
            Self::Config { .. } => Hint::say("compare it with the model's own, and download that again"),
            Self::Tokenizer { .. } => Hint::say("download it again"),
            Self::Architecture { .. } | Self::Pattern { .. } => Hint::FactorizeLayers,
            Self::SentencePiece { .. } => Hint::say(
                "convert it in Python, with the packages transformers and sentencepiece: \
                 AutoTokenizer.from_pretrained(folder).save_pretrained(folder)",
            ),
            Self::Quantized => Hint::say("use the model's f32, f16 or bf16 weights"),
            Self::Token { .. } => Hint::say("use the tokenizer.json of this model"),
            Self::Shape { .. } => Hint::say("the files do not belong together"),
            Self::Weights(error) => return error.hint(),
            Self::TooShort { .. } => Hint::MoreTextOrSmallerContext,
            Self::TooLong { .. } => Hint::say("shorten the prompt, or ask for fewer tokens"),
            Self::NoPosition { .. } => Hint::say("take shorter texts: a smaller context, or fewer tokens"),
            Self::Context { .. } => Hint::say("give at least 2"),
            Self::LossNotFinite | Self::NotFinite { .. } => {
                Hint::say("the weights of this model, or of the layers put in their place, are too large")
            }
            Self::Unsupported { .. } | Self::Cancelled => return None,
        })
    }
}
