//! The bytes of an opened file.

use super::Error;
#[cfg(target_arch = "wasm32")]
use super::remote::Far;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::ops::Range;

/// A file's content: in memory, mapped, or left where it is until some of it is wanted.
#[derive(Serialize, Deserialize)]
pub(super) enum Bytes {
    /// Handed over: what a page has fetched, or a test's.
    Owned(#[serde(with = "crate::tasks::raw")] Vec<u8>),
    /// Read by the system page by page when it is looked at.
    #[cfg(not(target_arch = "wasm32"))]
    #[serde(skip)]
    Mapped(memmap2::Mmap),
    /// A file that was chosen in a page, or one behind an address.
    #[cfg(target_arch = "wasm32")]
    Far(Far),
}

impl Bytes {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Owned(bytes) => bytes.len(),
            #[cfg(not(target_arch = "wasm32"))]
            Self::Mapped(map) => map.len(),
            #[cfg(target_arch = "wasm32")]
            Self::Far(far) => far.len(),
        }
    }

    /// Some of them; what lies beyond the end is left out.
    pub(super) fn read(&self, range: Range<usize>) -> Result<Cow<'_, [u8]>, Error> {
        let range = range.start.min(self.len())..range.end.min(self.len());
        Ok(match self {
            Self::Owned(bytes) => Cow::Borrowed(&bytes[range]),
            #[cfg(not(target_arch = "wasm32"))]
            Self::Mapped(map) => Cow::Borrowed(&map[range]),
            #[cfg(target_arch = "wasm32")]
            Self::Far(far) => Cow::Owned(far.read(range)?),
        })
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Bytes {
    /// Maps the file at `path`.
    pub(super) fn map(path: &std::path::Path) -> Result<Self, Error> {
        let shown = || super::names::one_line(&path.display().to_string());
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::NotFound { path: shown() },
            _ => Error::Unreadable { path: shown(), reason: error.to_string() },
        };
        // Asked before opening: opening a pipe would wait for its other end.
        let kind = std::fs::metadata(path).map_err(failed)?;
        if kind.is_dir() {
            return Err(Error::Folder { path: shown() });
        }
        if !kind.is_file() {
            return Err(Error::NotAFile { path: shown() });
        }
        let file = std::fs::File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() == 0 {
            return Ok(Self::Owned(Vec::new())); // nothing to map
        }
        // SAFETY: The map is only read, and stays valid after `file` is closed. Should another program change the file
        // meanwhile, other values are read, as from any file; should it shrink the file, the system ends this process
        // on the next look beyond its end. Every reader of weights at this size accepts that, safetensors' own too.
        #[allow(unsafe_code)]
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(failed)?;
        Ok(Self::Mapped(map))
    }
}
