//! CIFAR-10's binary files: records of a label and 32×32 pixels, without a header.

use super::super::{Error, Pictures};
use crate::model::Bytes;
use std::ops::Range;

/// Names of the ten classes.
pub(super) const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Rows and columns of a picture.
pub(super) const SIDE: usize = 32;

/// Bytes of a record: the label, then the red, the green and the blue values, row by row.
const RECORD: usize = 1 + 3 * SIDE * SIDE;

/// A file of records.
pub(super) struct CifarFile {
    name: String,
    bytes: Bytes,
}

impl CifarFile {
    /// Checks the size of a file.
    pub(super) fn new(name: &str, bytes: Bytes) -> Result<Self, Error> {
        let found = bytes.len();
        if found == 0 || !found.is_multiple_of(RECORD) {
            return Err(Error::NotRecords { file: name.to_owned(), bytes: found as u64, record: RECORD });
        }
        Ok(Self { name: name.to_owned(), bytes })
    }

    /// Number of pictures.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() / RECORD
    }

    /// Adds the pictures of a range, which ends within the file.
    pub(super) fn read(&self, range: Range<usize>, pictures: &mut Pictures) -> Result<(), Error> {
        let bytes = self.bytes.read(range.start * RECORD..range.end * RECORD)?;
        for (at, record) in range.zip(bytes.chunks_exact(RECORD)) {
            let label = usize::from(record[0]);
            if label >= CLASSES.len() {
                return Err(Error::CifarLabel { file: self.name.clone(), record: at, label });
            }
            pictures.labels.push(label);
            pictures.pixels.extend_from_slice(&record[1..]);
        }
        Ok(())
    }
}
