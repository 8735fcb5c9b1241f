//! A source to open: a path, chosen files, or an address.

#[cfg(target_arch = "wasm32")]
use super::kind::has_ending;
use super::names::one_line;
#[cfg(target_arch = "wasm32")]
use super::remote::{ChosenFile, RemoteFile};
use super::{Checkpoint, Error};
use serde::{Deserialize, Serialize};
#[cfg(not(target_arch = "wasm32"))]
use std::path::{Path, PathBuf};

/// A source to open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Source {
    /// A file or a folder.
    #[cfg(not(target_arch = "wasm32"))]
    Path(PathBuf),
    /// Files chosen or dropped together in a page: one, or several that belong together.
    #[cfg(target_arch = "wasm32")]
    Files(Vec<ChosenFile>),
    /// An address, of which a page reads only the parts it needs.
    #[cfg(target_arch = "wasm32")]
    Url(String),
}

#[cfg(not(target_arch = "wasm32"))]
impl Source {
    /// Opens the checkpoint; see [`super::open`].
    pub fn open(&self) -> Result<Checkpoint, Error> {
        let Self::Path(path) = self;
        super::open(path)
    }

    /// Name of the file or folder.
    pub fn name(&self) -> String {
        let Self::Path(path) = self;
        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
    }

    /// Contents of the file `name` beside the weights; `None` if there is no such file.
    pub fn beside(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let Self::Path(path) = self;
        // A file of weights stands for the folder it is in.
        let folder = if path.is_dir() { path.as_path() } else { path.parent().unwrap_or(Path::new("")) };
        match std::fs::read(folder.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::Unreadable { path: one_line(name), reason: error.to_string() }),
        }
    }

    /// Contents of the source, which must be a file.
    pub fn read(&self) -> Result<Vec<u8>, Error> {
        let Self::Path(path) = self;
        std::fs::read(path).map_err(|error| {
            let path = one_line(&path.display().to_string());
            match error.kind() {
                std::io::ErrorKind::NotFound => Error::NotFound { path },
                _ => Error::Unreadable { path, reason: error.to_string() },
            }
        })
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl From<PathBuf> for Source {
    fn from(path: PathBuf) -> Self {
        Self::Path(path)
    }
}

#[cfg(target_arch = "wasm32")]
impl Source {
    /// Opens the checkpoint: one file, the index and the shards, or shards without their index. Only in a Worker, where
    /// reading may block.
    pub fn open(&self) -> Result<Checkpoint, Error> {
        match self {
            Self::Files(files) => {
                let remote = |file: &ChosenFile| RemoteFile::File(file.clone());
                let index = |ending: &str| files.iter().find(|file| file.name.ends_with(ending));
                if let Some(index) = index(".safetensors.index.json").or_else(|| index(".index.json")) {
                    let text = remote(index).read_all()?;
                    let name = index.name.strip_suffix(".index.json").unwrap_or(&index.name);
                    let name = name.strip_suffix(".safetensors").or(name.strip_suffix(".bin")).unwrap_or(name);
                    return Checkpoint::from_remote_shards(name, &index.name, &text, |shard| {
                        // Files that are chosen come without their folders.
                        let shard = shard.rsplit('/').next().unwrap_or(shard);
                        files.iter().find(|file| file.name == shard).map(remote).ok_or(None)
                    });
                }
                let mut found: Vec<&ChosenFile> = files.iter().filter(|file| has_ending(&file.name)).collect();
                // As in a folder: the same weights are often there for PyTorch too.
                let preferred = |file: &&ChosenFile| file.name.to_ascii_lowercase().ends_with(".safetensors");
                if found.iter().any(preferred) {
                    found.retain(preferred);
                }
                match (found.as_slice(), files.first()) {
                    ([], Some(first)) => Checkpoint::from_remote(remote(first)),
                    ([], None) => Err(Error::NotFound { path: "a file".into() }),
                    ([one], _) => Checkpoint::from_remote(remote(one)),
                    (several, _) => Checkpoint::from_remote_files(several.iter().map(|file| remote(file))),
                }
            }
            Self::Url(url) if url.split(['?', '#']).next().unwrap_or_default().ends_with(".index.json") => {
                let text = RemoteFile::at(url)?.read_all()?;
                Checkpoint::from_remote_shards(&self.name(), &self.name(), &text, |shard| {
                    RemoteFile::at(&sibling(url, shard)).map_err(Some)
                })
            }
            Self::Url(url) => Checkpoint::from_remote(RemoteFile::at(url)?),
        }
    }

    /// Name of the file; of several the first one's.
    pub fn name(&self) -> String {
        match self {
            Self::Files(files) => files.first().map(|file| file.name.clone()).unwrap_or_default(),
            Self::Url(url) => RemoteFile::name_of(url),
        }
    }

    /// Contents of the file `name` beside the weights; `None` if there is no such file.
    pub fn beside(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Files(files) => files
                .iter()
                .find(|file| file.name == name)
                .map(|file| RemoteFile::File(file.clone()).read_all())
                .transpose(),
            // A host may answer in many ways that there is nothing.
            Self::Url(url) => Ok(RemoteFile::at(&sibling(url, name)).and_then(|file| file.read_all()).ok()),
        }
    }

    /// Contents of the source, which must be a file.
    pub fn read(&self) -> Result<Vec<u8>, Error> {
        match self {
            Self::Files(files) => match files.first() {
                Some(file) => RemoteFile::File(file.clone()).read_all(),
                None => Err(Error::NotFound { path: one_line("a file") }),
            },
            Self::Url(url) => RemoteFile::at(url)?.read_all(),
        }
    }
}

/// Address of another file in the same folder.
#[cfg(target_arch = "wasm32")]
fn sibling(url: &str, name: &str) -> String {
    let (path, rest) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
    let folder = path.rfind('/').map_or("", |at| &path[..=at]);
    format!("{folder}{name}{rest}")
}
