//! Contents of an opened file: in memory, on disk, or behind a browser's handle.

use super::Error;
#[cfg(not(target_arch = "wasm32"))]
use super::local::LocalFile;
#[cfg(target_arch = "wasm32")]
use super::remote::RemoteFile;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::ops::Range;

/// A file's contents: in memory, or left in place until a part is read.
#[derive(Serialize, Deserialize)]
pub(crate) enum Bytes {
    /// In memory: fetched by a page, or given by a caller.
    Owned(#[serde(with = "crate::tasks::raw")] Vec<u8>),
    /// On disk: read in parts.
    #[cfg(not(target_arch = "wasm32"))]
    #[serde(skip)]
    File(LocalFile),
    /// A file chosen in a page, or behind an address.
    #[cfg(target_arch = "wasm32")]
    RemoteFile(RemoteFile),
}

impl Bytes {
    /// Length of the file, in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Owned(bytes) => bytes.len(),
            #[cfg(not(target_arch = "wasm32"))]
            Self::File(file) => file.len(),
            #[cfg(target_arch = "wasm32")]
            Self::RemoteFile(file) => file.len(),
        }
    }

    /// Bytes of a range, clipped to the file's end.
    pub(crate) fn read(&self, range: Range<usize>) -> Result<Cow<'_, [u8]>, Error> {
        let range = self.clipped(range);
        Ok(match self {
            Self::Owned(bytes) => Cow::Borrowed(&bytes[range]),
            #[cfg(not(target_arch = "wasm32"))]
            Self::File(file) => Cow::Owned(file.read(range)?),
            #[cfg(target_arch = "wasm32")]
            Self::RemoteFile(file) => Cow::Owned(file.read(range)?),
        })
    }

    /// Hands over the bytes of a range, clipped to the file's end, in order and in pieces of whole units of `unit` bytes,
    /// at least 1. A file on disk is never held as a whole.
    pub(super) fn read_pieces(
        &self,
        range: Range<usize>,
        unit: usize,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), Error> {
        #[cfg(not(target_arch = "wasm32"))]
        if let Self::File(file) = self {
            return file.read_pieces(self.clipped(range), unit, take);
        }
        // A request each would make many pieces slow.
        #[cfg(target_arch = "wasm32")]
        let _ = unit;
        take(&self.read(range)?);
        Ok(())
    }

    fn clipped(&self, range: Range<usize>) -> Range<usize> {
        range.start.min(self.len())..range.end.min(self.len())
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Bytes {
    /// Opens the file at `path`.
    pub(crate) fn open(path: &std::path::Path) -> Result<Self, Error> {
        Ok(Self::File(LocalFile::open(path)?))
    }
}
