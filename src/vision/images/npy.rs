//! Pictures in a NumPy array `[n, 3, height, width]` of bytes, without labels.

use super::super::{Error, Pictures};
use crate::model::{ArrayOfBytes, Bytes};
use std::ops::Range;

/// An array of pictures.
pub(super) struct NpyFile {
    bytes: Bytes,
    /// Where the values begin, in bytes.
    start: usize,
    /// Number of pictures.
    pub(super) len: usize,
    /// Rows and columns of a picture.
    pub(super) size: (usize, usize),
}

impl NpyFile {
    /// Reads the header of a file.
    pub(super) fn new(name: &str, bytes: Bytes) -> Result<Self, Error> {
        let array = ArrayOfBytes::find(name, &bytes)?;
        match (array.start, &array.shape[..]) {
            (Some(start), &[len, 3, height, width]) if len * height * width > 0 => {
                Ok(Self { bytes, start, len, size: (height, width) })
            }
            _ => Err(Error::NotPictures { file: name.to_owned(), shape: array.shape, dtype: array.dtype }),
        }
    }

    /// Adds the pictures of a range, which ends within the array.
    pub(super) fn read(&self, range: Range<usize>, pictures: &mut Pictures) -> Result<(), Error> {
        let values = 3 * self.size.0 * self.size.1;
        let bytes = self.bytes.read(self.start + range.start * values..self.start + range.end * values)?;
        pictures.pixels.extend_from_slice(&bytes);
        Ok(())
    }
}
