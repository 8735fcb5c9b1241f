//! The bytes of an opened file.

use std::ops::Deref;

/// A file's content: mapped where there are files, else in memory.
pub(super) enum Bytes {
    /// Handed over: a file dropped into the browser, or a test's.
    Owned(Vec<u8>),
    /// Read by the system page by page when it is looked at.
    #[cfg(not(target_arch = "wasm32"))]
    Mapped(memmap2::Mmap),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            #[cfg(not(target_arch = "wasm32"))]
            Self::Mapped(map) => map,
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Bytes {
    /// Maps the file at `path`.
    pub(super) fn map(path: &std::path::Path) -> Result<Self, super::Error> {
        use super::Error;
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
