//! Text to tokens and back, by Hugging Face's reader of `tokenizer.json`.

use super::Error;

/// Tokenizer of a model.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
}

impl Tokenizer {
    /// Parses the contents of a `tokenizer.json`.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let mut inner = tokenizers::Tokenizer::from_bytes(bytes).map_err(problem)?;
        // A text is encoded as a whole: the file's truncation and padding are for batches.
        inner.with_truncation(None).map_err(problem)?;
        inner.with_padding(None);
        Ok(Self { inner })
    }

    /// Tokens of `text`, with what the file's post-processor adds and nothing else.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        Ok(self.inner.encode_fast(text, true).map_err(problem)?.get_ids().to_vec())
    }

    /// Text of `tokens`, without special tokens.
    pub fn decode(&self, tokens: &[u32]) -> Result<String, Error> {
        self.inner.decode(tokens, true).map_err(problem)
    }
}

fn problem(error: tokenizers::Error) -> Error {
    Error::Tokenizer { problem: crate::model::one_line(&error.to_string()) }
}
