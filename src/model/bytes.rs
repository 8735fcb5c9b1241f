//! Contents of an opened file: in memory, mapped, or behind a browser's handle.

use super::Error;
#[cfg(target_arch = "wasm32")]
use super::remote::RemoteFile;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::ops::Range;

/// A file's contents: in memory, mapped, or left in place until a part is read.
#[derive(Serialize, Deserialize)]
pub(super) enum Bytes {
    /// In memory: fetched by a page, or given by a caller.
    Owned(#[serde(with = "crate::tasks::raw")] Vec<u8>),
    /// Mapped: the system reads a page of memory when it is accessed.
    #[cfg(not(target_arch = "wasm32"))]
    #[serde(skip)]
    Mapped(memmap2::Mmap),
    /// A file chosen in a page, or behind an address.
    #[cfg(target_arch = "wasm32")]
    RemoteFile(RemoteFile),
}

impl Bytes {
    /// Length of the file, in bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Owned(bytes) => bytes.len(),
            #[cfg(not(target_arch = "wasm32"))]
            Self::Mapped(map) => map.len(),
            #[cfg(target_arch = "wasm32")]
            Self::RemoteFile(file) => file.len(),
        }
    }

    /// Bytes of a range, clipped to the file's end.
    pub(super) fn read(&self, range: Range<usize>) -> Result<Cow<'_, [u8]>, Error> {
        let range = range.start.min(self.len())..range.end.min(self.len());
        Ok(match self {
            Self::Owned(bytes) => Cow::Borrowed(&bytes[range]),
            #[cfg(not(target_arch = "wasm32"))]
            Self::Mapped(map) => Cow::Borrowed(&map[range]),
            #[cfg(target_arch = "wasm32")]
            Self::RemoteFile(file) => Cow::Owned(file.read(range)?),
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
        // Asked before opening, which would wait for a pipe's other end.
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
