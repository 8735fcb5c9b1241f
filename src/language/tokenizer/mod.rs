//! Text to tokens and back, by Hugging Face's reader of `tokenizer.json`, as transformers does it.
//!
//! `AutoTokenizer` of transformers 5.24 does not take `tokenizer.json` as it is. Which tokens a text has depends on a
//! class ([`class`]), named by `tokenizer_config.json` or by the kind of model: some classes build their own normalizer and
//! pre-tokenizer from the vocabulary alone ([`rebuild`]). Further tokens come from `tokenizer_config.json`,
//! `special_tokens_map.json` and `added_tokens.json` ([`added`]). Regular expressions are Oniguruma's ([`patterns`]).

mod added;
mod class;
mod files;
mod json;
mod patterns;
mod rebuild;

use super::Error;
use added::AddedTokens;
use class::Class;
pub use files::TokenizerFiles;
use json::{Object, flag, object, problem};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Tokenizer of a model.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// Token in front of every text, beyond what the post-processor adds.
    before: Option<u32>,
    /// Token behind every text.
    after: Option<u32>,
}

impl Tokenizer {
    /// Builds the tokenizer of a model with this `config.json`.
    pub fn read(files: &TokenizerFiles, model: &[u8]) -> Result<Self, Error> {
        let config = match &files.config {
            Some(bytes) => object("tokenizer_config.json", bytes)?,
            None => Object::new(),
        };
        let class = Class::of(&object("config.json", model)?, &config, files.tokenizer.as_deref());
        let (mut json, class) = match &files.tokenizer {
            Some(bytes) => {
                let json = object("tokenizer.json", bytes)?;
                // A vocabulary that is not made of merges is no class's, and is taken as it is.
                let class = if rebuild::has_merges(&json) { class } else { Class::File };
                (json, class)
            }
            // Without the file the class alone says how a text is split.
            None => (rebuild::from_vocabulary(files)?, class.of_bytes()),
        };
        let listed = json.get("added_tokens").and_then(Value::as_array).cloned().unwrap_or_default();
        let added = AddedTokens::read(files, &config, &listed, class)?;
        rebuild::rebuild(class, &mut json, &config, added.text("unk_token"));
        for name in ["normalizer", "pre_tokenizer", "decoder"] {
            if let Some(part) = json.get_mut(name) {
                patterns::translate_all(part, name == "normalizer")?;
            }
        }
        let processed = json.get("post_processor").is_some_and(|processor| !processor.is_null());
        let mut inner: tokenizers::Tokenizer = guarded(|| Ok(serde_json::from_value(Value::Object(json))?))?;
        // A text is encoded as a whole: the file's truncation and padding are for batches.
        inner.with_truncation(None).map_err(problem)?;
        inner.with_padding(None);
        inner.set_encode_special_tokens(flag(&config, "split_special_tokens").unwrap_or(false));
        // A token numbered with the largest number there is overflows in the library.
        catch_unwind(AssertUnwindSafe(|| added.add(&mut inner, class))).unwrap_or_else(|_| Err(contradiction()))?;
        let (mut before, mut after) = (None, None);
        // What a file's post-processor adds stands before what the configuration says; only one class overrules it.
        if class == Class::CodeLlama || (files.tokenizer.is_none() && !processed) {
            let says = |key: &str| files.tokenizer.is_none().then(|| flag(&config, key)).flatten();
            let id = |token: &str| added.text(token).and_then(|text| inner.token_to_id(text));
            if says("add_bos_token").unwrap_or(class == Class::CodeLlama) {
                before = id("bos_token");
            }
            if says("add_eos_token").unwrap_or(false) {
                after = id("eos_token");
            }
        }
        Ok(Self { inner, before, after })
    }

    /// Tokens of `text`, with what the tokenizer adds by itself and nothing else.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        let encoding = guarded(|| self.inner.encode_fast(text, true))?;
        let around = encoding.get_ids().iter().copied();
        Ok(self.before.into_iter().chain(around).chain(self.after).collect())
    }

    /// Text of `tokens`, without special tokens.
    pub fn decode(&self, tokens: &[u32]) -> Result<String, Error> {
        guarded(|| self.inner.decode(tokens, true))
    }
}

fn contradiction() -> Error {
    Error::Tokenizer { file: "tokenizer.json", problem: "it contradicts itself".to_owned() }
}

/// Calls the library, which panics on some files that contradict themselves: on a table of normal forms that is no base64.
fn guarded<T>(work: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(problem),
        Err(_) => Err(contradiction()),
    }
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
        let read = |file: &[u8]| {
            let files = TokenizerFiles { tokenizer: Some(file.to_vec()), ..TokenizerFiles::default() };
            Tokenizer::read(&files, b"{}")
        };
        assert_eq!(read(file("null", "null").as_bytes()).unwrap().encode("aa").unwrap(), [0, 0]);
        let refused = |bytes: &[u8]| assert!(matches!(read(bytes), Err(Error::Tokenizer { .. })));
        refused(b"");
        // Cut off within the decoder.
        let cut = file("null", r#"{"type":"ByteLevel","add_prefix_space":true"#);
        refused(&cut.as_bytes()[..cut.find("\"model\"").unwrap() - 2]);
        refused(file(r#"{"type":"Precompiled","precompiled_charsmap":"?"}"#, "null").as_bytes());
    }
}
