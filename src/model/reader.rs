//! A file's bytes as a stream, for parsers that want one.

use super::Error;
use super::bytes::Bytes;
use super::names::one_line;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// Bytes read ahead.
const AHEAD: usize = 1 << 16;

/// A position in a file.
pub(super) struct Reader<'a> {
    bytes: &'a Bytes,
    at: u64,
}

impl<'a> Reader<'a> {
    /// A buffered stream from the file's first byte.
    pub(super) fn new(bytes: &'a Bytes) -> BufReader<Self> {
        BufReader::with_capacity(AHEAD.min(bytes.len().max(1)), Self { bytes, at: 0 })
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(self.at).unwrap_or(usize::MAX);
        let read = self.bytes.read(start..start.saturating_add(buffer.len())).map_err(io::Error::other)?;
        buffer[..read.len()].copy_from_slice(&read);
        self.at += read.len() as u64;
        Ok(read.len())
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => (self.bytes.len() as u64).checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = to.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// A failure of the stream, which may have an error of a page's file inside.
pub(super) fn unread(file: &str, error: std::io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::Unreadable { path: file.to_owned(), reason: one_line(&error.to_string()) },
    }
}
