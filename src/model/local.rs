//! Files on disk, read in parts.
//!
//! They are not mapped: a page of a map that another program cuts off ends this process, whereas a read that finds less
//! than there was is an error like any other. It costs a copy, which is short beside converting the values.

use super::Error;
use super::names::one_line;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::Path;

/// Bytes read at once: what fits a processor's caches.
const PIECE: usize = 1 << 18;

/// A file on disk.
pub(crate) struct LocalFile {
    file: File,
    /// Path as given, on one line.
    shown: String,
    /// Length when it was opened, in bytes.
    len: usize,
}

impl LocalFile {
    /// Opens the file at `path`.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let shown = || one_line(&path.display().to_string());
        let failed = |error: io::Error| match error.kind() {
            ErrorKind::NotFound => Error::NotFound { path: shown() },
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
        let file = File::open(path).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        let len = usize::try_from(len).map_err(|_| failed(ErrorKind::FileTooLarge.into()))?;
        Ok(Self { file, shown: shown(), len })
    }

    /// Length of the file when it was opened, in bytes.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Reads a range, which ends within the file.
    pub(super) fn read(&self, range: Range<usize>) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; range.len()];
        self.fill(&mut bytes, range.start)?;
        Ok(bytes)
    }

    /// Hands over a range, which ends within the file, in order and in pieces of whole units of `unit` bytes.
    pub(super) fn read_pieces(
        &self,
        range: Range<usize>,
        unit: usize,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), Error> {
        let piece = (PIECE / unit.max(1)).max(1) * unit.max(1);
        let mut buffer = vec![0; piece.min(range.len())];
        let mut at = range.start;
        while at < range.end {
            let bytes = &mut buffer[..piece.min(range.end - at)];
            self.fill(bytes, at)?;
            take(bytes);
            at += bytes.len();
        }
        Ok(())
    }

    /// Fills `bytes` from the position `at`.
    fn fill(&self, mut bytes: &mut [u8], at: usize) -> Result<(), Error> {
        let mut at = at as u64;
        while !bytes.is_empty() {
            match read_at(&self.file, bytes, at) {
                Ok(0) => {
                    let found = self.file.metadata().map_or(at, |now| now.len());
                    return Err(Error::CutShort { path: self.shown.clone(), expected: self.len as u64, found });
                }
                Ok(read) => {
                    at += read as u64;
                    bytes = &mut bytes[read..];
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(Error::Unreadable { path: self.shown.clone(), reason: error.to_string() });
                }
            }
        }
        Ok(())
    }
}

/// Reads at a position, whatever other threads read meanwhile.
#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, at)
}

#[cfg(windows)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_units_and_make_up_the_range() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let content: Vec<u8> = (0..3 * PIECE + 10).map(|at| (at % 251) as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let file = LocalFile::open(&path).unwrap();
        assert_eq!(file.read(5..PIECE + 7).unwrap(), content[5..PIECE + 7]);
        for unit in [1, 18, 210, 2 * PIECE] {
            let (mut all, end) = (Vec::new(), 5 + (content.len() - 5) / unit * unit);
            file.read_pieces(5..end, unit, |piece| {
                assert_eq!(piece.len() % unit, 0);
                all.extend_from_slice(piece);
            })
            .unwrap();
            assert!(all == content[5..end], "{unit}");
        }
    }

    #[test]
    fn a_file_cut_short_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, vec![1; 100]).unwrap();
        let file = LocalFile::open(&path).unwrap();
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(60).unwrap();
        assert!(file.read(0..60).is_ok());
        assert!(matches!(file.read(0..61), Err(Error::CutShort { expected: 100, found: 60, .. })));
        assert!(file.read_pieces(0..100, 1, |_| {}).is_err());
    }
}
