//! What a folder holds that can be opened.

use crate::model::ENDINGS;
use std::path::{Path, PathBuf};

/// Ending of an index of shards.
const INDEX: &str = "json";

/// Folders and openable files of a folder, folders first, each by name; hidden ones are left out.
#[derive(Default)]
pub struct Listing {
    /// The folder that is listed.
    pub folder: PathBuf,
    /// Paths in it, and whether each is a folder.
    pub entries: Vec<(PathBuf, bool)>,
}

impl Listing {
    /// Reads a folder.
    pub fn read(folder: &Path) -> std::io::Result<Self> {
        let folder = std::path::absolute(folder)?;
        let mut entries: Vec<(PathBuf, bool)> = std::fs::read_dir(&folder)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| !file_name(path).starts_with('.'))
            // What a link leads to.
            .map(|path| (path.is_dir(), path))
            .map(|(is_folder, path)| (path, is_folder))
            .filter(|(path, is_folder)| *is_folder || can_open(path))
            .collect();
        entries.sort_by_cached_key(|(path, is_folder)| (!is_folder, file_name(path).to_lowercase()));
        Ok(Self { folder, entries })
    }

    /// The folder that `text` names or is in; the current one where it names none.
    pub fn near(text: &str) -> std::io::Result<Self> {
        let path = Path::new(text.trim());
        let folder = if path.is_dir() { Some(path) } else { path.parent().filter(|parent| parent.is_dir()) };
        match folder {
            Some(folder) => Self::read(folder),
            None => Self::read(&std::env::current_dir()?),
        }
    }
}

/// The last part of a path.
pub fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.to_string_lossy().into_owned(), |name| name.to_string_lossy().into_owned())
}

fn can_open(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ENDINGS.iter().chain([&INDEX]).any(|known| ending.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_first_and_only_what_can_be_opened() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.npy", "c.gguf", "pytorch_model.bin", "A.SAFETENSORS", "notes.txt", ".hidden.npy"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("z folder")).unwrap();
        let listing = Listing::near(&folder.path().join("b.npy").to_string_lossy()).unwrap();
        let names: Vec<String> = listing.entries.iter().map(|(path, _)| file_name(path)).collect();
        assert_eq!(names, ["z folder", "A.SAFETENSORS", "b.npy", "c.gguf", "pytorch_model.bin"]);
        assert_eq!(listing.folder, folder.path());
        assert!(Listing::read(&folder.path().join("nowhere")).is_err());
    }
}
