//! Files that say how a text becomes tokens.

use crate::language::Error;
use crate::model::Source;

/// Contents of the files beside a model's weights that say how a text becomes tokens, of those that are there.
#[derive(Clone, Debug, Default)]
pub struct TokenizerFiles {
    /// `tokenizer.json`: vocabulary, and how a text is split.
    pub tokenizer: Option<Vec<u8>>,
    /// `tokenizer_config.json`: class, special tokens, further tokens.
    pub config: Option<Vec<u8>>,
    /// `special_tokens_map.json`: special tokens, as older folders have them.
    pub special_tokens: Option<Vec<u8>>,
    /// `added_tokens.json`: tokens outside of the vocabulary, as older folders have them.
    pub added_tokens: Option<Vec<u8>>,
    /// `vocab.json`: GPT-2's vocabulary, for a folder without `tokenizer.json`.
    pub vocabulary: Option<Vec<u8>>,
    /// `merges.txt`: what is merged, in order; belongs to `vocab.json`.
    pub merges: Option<Vec<u8>>,
}

impl TokenizerFiles {
    /// Names of all files that count.
    pub const NAMES: [&str; 6] = [
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "vocab.json",
        "merges.txt",
    ];

    /// A `tokenizer.json` alone.
    pub fn of(tokenizer: &[u8]) -> Self {
        Self { tokenizer: Some(tokenizer.to_vec()), ..Self::default() }
    }

    /// Reads the files beside the weights of the model `name` at `source`. Fails if no tokenizer can be made of them.
    pub fn beside(source: &Source, name: &str) -> Result<Self, Error> {
        let read = |file: &str| -> Result<Option<Vec<u8>>, Error> {
            // Some hosts have a page for everything that they have not.
            Ok(source.beside(file)?.filter(|bytes| !bytes.trim_ascii_start().starts_with(b"<")))
        };
        let mut files = Self {
            tokenizer: source.beside("tokenizer.json")?,
            config: read("tokenizer_config.json")?,
            special_tokens: read("special_tokens_map.json")?,
            added_tokens: read("added_tokens.json")?,
            ..Self::default()
        };
        if files.tokenizer.is_none() {
            (files.vocabulary, files.merges) = (read("vocab.json")?, read("merges.txt")?);
            let folder = name.to_owned();
            match (&files.vocabulary, &files.merges) {
                (Some(_), Some(_)) => {}
                (Some(_), None) => return Err(Error::Missing { folder, file: "merges.txt" }),
                (None, _) if read("tokenizer.model")?.is_some() => return Err(Error::SentencePiece { folder }),
                (None, _) => return Err(Error::Missing { folder, file: "tokenizer.json" }),
            }
        }
        Ok(files)
    }
}
