//! Opening a checkpoint by path: a file, an index or a folder.

use super::bytes::Bytes;
use super::names::{natural, one_line};
use super::{Checkpoint, Error};
use std::path::Path;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
const TORCH_SINGLE: &str = "pytorch_model.bin";
const TORCH_INDEX: &str = "pytorch_model.bin.index.json";
/// Layouts of a compressed model whose factors are in `factors-<layout>.safetensors`.
const FACTOR_LAYOUTS: [&str; 3] = ["bitmask", "csr", "dense"];

/// Opens a `.safetensors`, a `.gguf`, a `.npy`, a `.bin`, `.pt`, `.pth` or `.ckpt` of PyTorch, the `.index.json` of a
/// sharded checkpoint, or a folder with `model.safetensors`, `model.safetensors.index.json`, `pytorch_model.bin` or
/// `pytorch_model.bin.index.json`, in this order. Of a compressed model the factors beside it are opened too.
///
/// Reads only the headers of files, so that a checkpoint of any size opens at once.
pub fn open(source: &Path) -> Result<Checkpoint, Error> {
    if source.is_dir() {
        return open_folder(source);
    }
    let file = name_of(source);
    if file.ends_with(".index.json") {
        return open_index(&file, source);
    }
    Checkpoint::from_part(&file, Bytes::open(source)?)
}

fn open_folder(folder: &Path) -> Result<Checkpoint, Error> {
    let name = name_of(folder);
    let (single, index) = (folder.join(SINGLE), folder.join(INDEX));
    if exists(&single) {
        let mut checkpoint = Checkpoint::from_part(SINGLE, Bytes::open(&single)?)?;
        // A compressed model keeps its factors in a file of their own.
        let layout = checkpoint.metadata().get("dsf.layout").map_or("", String::as_str);
        if FACTOR_LAYOUTS.contains(&layout) {
            let factors = format!("factors-{layout}.safetensors");
            let path = folder.join(&factors);
            if !exists(&path) {
                return Err(Error::MissingShard { file: SINGLE.to_owned(), shard: factors });
            }
            let files = vec![(SINGLE.to_owned(), Bytes::open(&single)?), (factors, Bytes::open(&path)?)];
            checkpoint = Checkpoint::from_files(files)?;
        }
        checkpoint.rename(name);
        Ok(checkpoint)
    } else if exists(&index) {
        open_index(&name, &index)
    } else if exists(&folder.join(TORCH_SINGLE)) {
        let mut checkpoint = Checkpoint::from_part(TORCH_SINGLE, Bytes::open(&folder.join(TORCH_SINGLE))?)?;
        checkpoint.rename(name);
        Ok(checkpoint)
    } else if exists(&folder.join(TORCH_INDEX)) {
        open_index(&name, &folder.join(TORCH_INDEX))
    } else {
        Err(Error::NoModel { folder: shown(folder), inside: inside(folder)? })
    }
}

fn open_index(name: &str, index: &Path) -> Result<Checkpoint, Error> {
    let folder = index.parent().unwrap_or(Path::new(""));
    let bytes = Bytes::open(index)?;
    Checkpoint::assemble(name, &name_of(index), &bytes.read(0..bytes.len())?, |shard| {
        let path = folder.join(shard);
        if !exists(&path) {
            return Err(None);
        }
        Bytes::open(&path).map_err(Some)
    })
}

/// Whether anything is at `path`, even if it cannot be read, which is another error.
fn exists(path: &Path) -> bool {
    path.try_exists().unwrap_or(true)
}

/// The first entries of a folder, as text.
fn inside(folder: &Path) -> Result<String, Error> {
    const SHOWN: usize = 6;
    let entries = std::fs::read_dir(folder)
        .map_err(|error| Error::Unreadable { path: shown(folder), reason: error.to_string() })?;
    let mut names: Vec<_> = entries
        .take(10_000) // enough to say what is there
        .filter_map(|entry| Some(one_line(&entry.ok()?.file_name().to_string_lossy())))
        .collect();
    names.sort_by(|a, b| natural(a, b));
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    Ok(match (names.is_empty(), more) {
        (true, _) => "nothing".to_owned(),
        (false, 0) => names.join(", "),
        (false, more) => format!("{} and {more} more", names.join(", ")),
    })
}

/// The path's last component; for `.` and `..` that of the folder they stand for.
fn name_of(path: &Path) -> String {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    name(path).or_else(|| name(&path.canonicalize().ok()?)).unwrap_or_else(|| path.display().to_string())
}

fn shown(path: &Path) -> String {
    one_line(&path.display().to_string())
}
