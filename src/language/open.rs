//! Opening the folder of a language model.

use super::{Error, LanguageModel, TokenizerFiles};
use crate::model::{Checkpoint, Source};
#[cfg(not(target_arch = "wasm32"))]
use std::path::Path;
use std::sync::Arc;

/// Opens a Hugging Face folder: `config.json`, a tokenizer ([`TokenizerFiles`]), and the weights in one file or in shards.
#[cfg(not(target_arch = "wasm32"))]
pub fn open(folder: &Path) -> Result<LanguageModel, Error> {
    open_with(&Source::from(folder.to_owned()), Arc::new(crate::model::open(folder)?))
}

/// Opens the model at `source` with weights that are open already.
pub fn open_with(source: &Source, checkpoint: Arc<Checkpoint>) -> Result<LanguageModel, Error> {
    let name = checkpoint.name().to_owned();
    let config = source.beside("config.json")?;
    let config = config.ok_or_else(|| Error::Missing { folder: name.clone(), file: "config.json" })?;
    let tokenizer = TokenizerFiles::beside(source, &name)?;
    LanguageModel::new(&name, &config, &tokenizer, checkpoint)
}

/// `config.json`, `tokenizer.json` and the like: the files that make a copy of the weights loadable, as names and
/// contents.
#[cfg(not(target_arch = "wasm32"))]
pub fn companions(source: &Path) -> Result<Vec<(String, Vec<u8>)>, Error> {
    const NAMES: [&str; 5] = [
        "config.json",
        "generation_config.json",
        "chat_template.jinja",
        "tokenizer.model",
        "model.safetensors.index.json",
    ];
    let folder = if source.is_dir() { source } else { source.parent().unwrap_or(Path::new("")) };
    // An index beside a model in one file does not belong to it.
    let single = folder.join("model.safetensors").exists();
    let names = NAMES.into_iter().chain(TokenizerFiles::NAMES);
    let wanted = names.filter(|name| folder.join(name).is_file() && !(single && name.ends_with("index.json")));
    wanted
        .map(|name| match std::fs::read(folder.join(name)) {
            Ok(bytes) => Ok((name.to_owned(), bytes)),
            Err(error) => Err(Error::Unreadable { file: name.to_owned(), reason: error.to_string() }),
        })
        .collect()
}
