//! Hugging Face's `.safetensors`: a length, a header in JSON, the values.

use super::bytes::Bytes;
use super::encoding::Encoding;
use super::float8::Float8;
use super::names::one_line;
use super::tensor::{StoredTensor, TensorInfo, check_dimensions};
use super::{Dtype, Error};
use ::safetensors::{
    Dtype as Kind, SafeTensorError,
    tensor::{Metadata, TensorInfo as Entry},
};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::borrow::Cow;
use std::collections::{BTreeMap, btree_map};
use std::ops::Range;

/// Largest header or index accepted, in bytes: safetensors' own limit.
pub(super) const HEADER_LIMIT: u64 = 100_000_000;

/// The tensors and metadata that a header lists.
#[derive(Default)]
pub(super) struct Contents {
    pub metadata: BTreeMap<String, String>,
    pub tensors: Vec<(TensorInfo, StoredTensor)>,
    /// What a person should know of how the file is read, a sentence each.
    pub notes: Vec<String>,
}

/// Parses the header of `bytes`, a whole file called `file`, and checks that it describes the file exactly.
///
/// Reads only the header, so that a file of any size opens at once.
pub(super) fn read(file: &str, bytes: &Bytes, part: usize) -> Result<Contents, Error> {
    let malformed = |problem: &str| Error::Malformed { file: file.to_owned(), problem: one_line(problem) };
    let (header, data) = split(file, bytes)?;
    let header: Header = serde_json::from_slice(&header).map_err(|error| malformed(&error.to_string()))?;
    if let Some(tensor) = header.duplicate {
        return Err(Error::Duplicate { file: file.to_owned(), tensor });
    }

    // The crate checks the rest: no holes, no overlaps, no overflow, sizes that fit shapes.
    let mut entries: Vec<_> = header.tensors.into_iter().collect();
    entries.sort_by_key(|(_, entry)| entry.data_offsets);
    let layout = Metadata::new(None, entries).map_err(|error| match error {
        SafeTensorError::InvalidOffset(tensor) => {
            malformed(&format!("tensor \"{}\" overlaps another one or leaves a hole", one_line(&tensor)))
        }
        error => malformed(&error.to_string()),
    })?;
    let found = data.len() as u64;
    let expected = layout.data_len() as u64;
    if found < expected {
        let before = data.start as u64;
        return Err(Error::Truncated { file: file.to_owned(), expected: before + expected, found: before + found });
    }
    if found > expected {
        return Err(Error::ExtraBytes { file: file.to_owned(), extra: found - expected });
    }

    let mut tensors = Vec::new();
    for (name, entry) in layout.tensors() {
        check_dimensions(file, &name, entry.shape.iter().map(|&n| n as u64))?;
        let (start, end) = entry.data_offsets;
        let info = TensorInfo {
            name,
            shape: entry.shape.clone(),
            dtype: entry.dtype.to_string(),
            format: encoding(entry.dtype).format(),
            bytes: (end - start) as u64,
            file: file.to_owned(),
            is_scale: false,
        };
        let stored = StoredTensor::plain(part, data.start + start..data.start + end, encoding(entry.dtype));
        tensors.push((info, stored));
    }
    Ok(Contents { metadata: header.metadata, tensors, notes: Vec::new() })
}

/// The header's bytes, and the range of the data.
fn split<'a>(file: &str, bytes: &'a Bytes) -> Result<(Cow<'a, [u8]>, Range<usize>), Error> {
    let file = || file.to_owned();
    let start = bytes.read(0..32)?;
    if start.is_empty() {
        return Err(Error::EmptyFile { file: file() });
    }
    if start.starts_with(b"version https://git-lfs") {
        return Err(Error::LfsPointer { file: file() });
    }
    let found = bytes.len() as u64;
    let Some(length) = start.first_chunk::<8>() else {
        return Err(Error::Truncated { file: file(), expected: 8, found });
    };
    let length = u64::from_le_bytes(*length);
    if length > HEADER_LIMIT {
        return Err(Error::HeaderTooLong { file: file(), bytes: length, limit: HEADER_LIMIT });
    }
    let data = 8 + length as usize;
    match bytes.len() >= data {
        true => Ok((bytes.read(8..data)?, data..bytes.len())),
        false => Err(Error::Truncated { file: file(), expected: 8 + length, found }),
    }
}

fn encoding(kind: Kind) -> Encoding {
    match kind {
        Kind::F64 => Encoding::Float(Dtype::F64),
        Kind::F32 => Encoding::Float(Dtype::F32),
        Kind::F16 => Encoding::Float(Dtype::F16),
        Kind::BF16 => Encoding::Float(Dtype::BF16),
        Kind::F8_E4M3 => Encoding::Float8(Float8::E4M3),
        Kind::F8_E5M2 => Encoding::Float8(Float8::E5M2),
        Kind::F8_E8M0 => Encoding::Float8(Float8::E8M0),
        _ => Encoding::Other(1),
    }
}

/// The header's JSON, entry by entry. The crate's own reader would keep the last of two tensors with one name, and
/// buffer the whole header.
#[derive(Default)]
struct Header {
    metadata: BTreeMap<String, String>,
    tensors: BTreeMap<String, Entry>,
    duplicate: Option<String>,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a map of tensors")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Header, M::Error> {
                let mut header = Header::default();
                let mut has_metadata = false;
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        if std::mem::replace(&mut has_metadata, true) {
                            header.duplicate = Some(name);
                        }
                        header.metadata = map.next_value::<Option<_>>()?.unwrap_or_default();
                        continue;
                    }
                    let entry = map.next_value()?;
                    match header.tensors.entry(name) {
                        btree_map::Entry::Vacant(place) => drop(place.insert(entry)),
                        btree_map::Entry::Occupied(place) => header.duplicate = Some(place.key().clone()),
                    }
                }
                Ok(header)
            }
        }

        deserializer.deserialize_map(Entries)
    }
}
