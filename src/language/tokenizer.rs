//! Text to tokens and back, by Hugging Face's reader of `tokenizer.json`.

use super::Error;
use serde::de::IgnoredAny;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Tokenizer of a model.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
}

impl Tokenizer {
    /// Parses the contents of a `tokenizer.json`.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| problem(&error))?;
        guarded(|| {
            let mut inner = tokenizers::Tokenizer::from_bytes(bytes)?;
            // A text is encoded as a whole: the file's truncation and padding are for batches.
            inner.with_truncation(None)?;
            inner.with_padding(None);
            Ok(Self { inner })
        })
    }

    /// Tokens of `text`, with what the file's post-processor adds and nothing else.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        guarded(|| Ok(self.inner.encode_fast(text, true)?.get_ids().to_vec()))
    }

    /// Text of `tokens`, without special tokens.
    pub fn decode(&self, tokens: &[u32]) -> Result<String, Error> {
        guarded(|| self.inner.decode(tokens, true))
    }
}

/// Calls the library, which panics on some files that contradict themselves: on a table of normal forms that is no
/// base64, or (until it is known to be JSON) on a decoder that ends early.
fn guarded<T>(work: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| problem(&error)),
        Err(_) => Err(Error::Tokenizer { problem: "it contradicts itself".to_owned() }),
    }
}

fn problem(error: &dyn std::fmt::Display) -> Error {
    Error::Tokenizer { problem: crate::model::one_line(&error.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_files_are_refused_without_a_panic() {
        let file = |normalizer: &str, decoder: &str| {
            let model = r#"{"type":"BPE","vocab":{"a":0},"merges":[]}"#;
            format!(
                r#"{{"version":"1.0","added_tokens":[],"normalizer":{normalizer},"decoder":{decoder},"model":{model}}}"#
            )
        };
        assert_eq!(Tokenizer::read(file("null", "null").as_bytes()).unwrap().encode("aa").unwrap(), [0, 0]);
        let refused = |bytes: &[u8]| assert!(matches!(Tokenizer::read(bytes), Err(Error::Tokenizer { .. })));
        refused(b"");
        // Cut off within the decoder.
        let cut = file("null", r#"{"type":"ByteLevel","add_prefix_space":true"#);
        refused(&cut.as_bytes()[..cut.find("\"model\"").unwrap() - 2]);
        refused(file(r#"{"type":"Precompiled","precompiled_charsmap":"?"}"#, "null").as_bytes());
    }
}
