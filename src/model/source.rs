//! Whatever can be opened, behind one name.

use super::names::one_line;
#[cfg(target_arch = "wasm32")]
use super::remote::{Chosen, Far};
use super::{Checkpoint, Error};
use serde::{Deserialize, Serialize};
#[cfg(not(target_arch = "wasm32"))]
use std::path::{Path, PathBuf};

/// Where something is opened from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Source {
    /// A file or a folder.
    #[cfg(not(target_arch = "wasm32"))]
    Path(PathBuf),
    /// What was chosen together in a page, or dropped on it: a file, or several that belong together.
    #[cfg(target_arch = "wasm32")]
    Files(Vec<Chosen>),
    /// An address, of which a page reads no more than is needed.
    #[cfg(target_arch = "wasm32")]
    Url(String),
}

#[cfg(not(target_arch = "wasm32"))]
impl Source {
    /// The tensors in it; see [`super::open`].
    pub fn open(&self) -> Result<Checkpoint, Error> {
        let Self::Path(path) = self;
        super::open(path)
    }

    /// The file's or folder's name.
    pub fn name(&self) -> String {
        let Self::Path(path) = self;
        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
    }

    /// A file of this name beside the weights; none if there is no such file.
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

    /// All of it, a file.
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
    /// The tensors in it: one file, the index and the shards of a checkpoint, or shards without their index. Only in a
    /// Worker, where one can wait for a file.
    pub fn open(&self) -> Result<Checkpoint, Error> {
        match self {
            Self::Files(files) => {
                let far = |file: &Chosen| Far::File(file.clone());
                if let Some(index) = files.iter().find(|file| file.name.ends_with(".index.json")) {
                    let text = far(index).read_all()?;
                    let name = index.name.strip_suffix(".safetensors.index.json").unwrap_or(&index.name);
                    return Checkpoint::from_far(name, &index.name, &text, |shard| {
                        files.iter().find(|file| file.name == shard).map(far).ok_or(None)
                    });
                }
                let tensors = |file: &&Chosen| {
                    let name = file.name.to_ascii_lowercase();
                    name.ends_with(".safetensors") || name.ends_with(".npy")
                };
                let found: Vec<&Chosen> = files.iter().filter(tensors).collect();
                match (found.as_slice(), files.first()) {
                    ([], Some(first)) => Checkpoint::of_far(far(first)),
                    ([], None) => Err(Error::NotFound { path: "a file".into() }),
                    ([one], _) => Checkpoint::of_far(far(one)),
                    (several, _) => Checkpoint::of_several(several.iter().map(|file| far(file))),
                }
            }
            Self::Url(url) if url.split(['?', '#']).next().unwrap_or_default().ends_with(".index.json") => {
                let text = Far::at(url)?.read_all()?;
                Checkpoint::from_far(&self.name(), &self.name(), &text, |shard| {
                    Far::at(&sibling(url, shard)).map_err(Some)
                })
            }
            Self::Url(url) => Checkpoint::of_far(Far::at(url)?),
        }
    }

    /// The file's name; of several the first one's.
    pub fn name(&self) -> String {
        match self {
            Self::Files(files) => files.first().map(|file| file.name.clone()).unwrap_or_default(),
            Self::Url(url) => Far::name_of(url),
        }
    }

    /// A file of this name beside the weights; none if there is no such file.
    pub fn beside(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Files(files) => {
                files.iter().find(|file| file.name == name).map(|file| Far::File(file.clone()).read_all()).transpose()
            }
            // A host says in many ways that there is nothing.
            Self::Url(url) => Ok(Far::at(&sibling(url, name)).and_then(|far| far.read_all()).ok()),
        }
    }

    /// All of it, a file.
    pub fn read(&self) -> Result<Vec<u8>, Error> {
        match self {
            Self::Files(files) => match files.first() {
                Some(file) => Far::File(file.clone()).read_all(),
                None => Err(Error::NotFound { path: one_line("a file") }),
            },
            Self::Url(url) => Far::at(url)?.read_all(),
        }
    }
}

/// The address of another file in the same folder.
#[cfg(target_arch = "wasm32")]
fn sibling(url: &str, name: &str) -> String {
    let (path, rest) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
    let folder = path.rfind('/').map_or("", |at| &path[..=at]);
    format!("{folder}{name}{rest}")
}
