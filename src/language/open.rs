//! Opening a model's folder.

use super::{Error, Llama};
use crate::model::Checkpoint;
use std::path::Path;
use std::sync::Arc;

/// Opens a Hugging Face folder: `config.json`, `tokenizer.json`, and the weights in one file or in shards.
pub fn open(folder: &Path) -> Result<Llama, Error> {
    open_with(folder, Arc::new(crate::model::open(folder)?))
}

/// The same with weights that are open already.
pub fn open_with(folder: &Path, checkpoint: Arc<Checkpoint>) -> Result<Llama, Error> {
    let name = checkpoint.name().to_owned();
    // A file of weights stands for the folder it is in.
    let folder = if folder.is_dir() { folder } else { folder.parent().unwrap_or(Path::new("")) };
    let config = read(folder, &name, "config.json")?;
    let tokenizer = read(folder, &name, "tokenizer.json")?;
    Llama::new(&name, &config, &tokenizer, checkpoint)
}

/// The other files of a model's folder that are needed to load it, by name.
pub fn companions(source: &Path) -> Result<Vec<(String, Vec<u8>)>, Error> {
    const NAMES: [&str; 9] = [
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "generation_config.json",
        "chat_template.jinja",
        "tokenizer.model",
        "model.safetensors.index.json",
    ];
    let folder = if source.is_dir() { source } else { source.parent().unwrap_or(Path::new("")) };
    // Of a model in one file an index beside it is not part.
    let single = folder.join("model.safetensors").exists();
    let wanted =
        NAMES.into_iter().filter(|name| folder.join(name).is_file() && !(single && name.ends_with("index.json")));
    wanted
        .map(|name| match std::fs::read(folder.join(name)) {
            Ok(bytes) => Ok((name.to_owned(), bytes)),
            Err(error) => Err(Error::Unreadable { file: name.to_owned(), reason: error.to_string() }),
        })
        .collect()
}

fn read(folder: &Path, name: &str, file: &'static str) -> Result<Vec<u8>, Error> {
    std::fs::read(folder.join(file)).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::Missing { folder: name.to_owned(), file },
        _ => Error::Unreadable { file: file.to_owned(), reason: error.to_string() },
    })
}
