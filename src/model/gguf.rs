//! llama.cpp's `.gguf`: metadata, a list of tensors, the values.

use super::bytes::Bytes;
use super::encoding::Encoding;
use super::ggml::BlockFormat;
use super::names::{one_line, quoted};
use super::reader::{Reader, unread};
use super::safetensors::{Contents, HEADER_LIMIT};
use super::tensor::{StoredTensor, TensorInfo, check_dimensions};
use super::{Dtype, Error};
use std::collections::{BTreeMap, HashSet};
use std::io::{BufReader, Read};

/// Position at which values begin, a multiple of this unless the metadata say otherwise.
const ALIGNMENT: u64 = 32;

/// Dimensions a tensor may have.
const DIMENSIONS: u32 = 4;

/// Arrays within arrays that are followed.
const DEPTH: usize = 4;

/// Parses the header of `bytes`, a whole file called `file`, and checks it against the file's length.
pub(super) fn read(file: &str, bytes: &Bytes, part: usize) -> Result<Contents, Error> {
    let (count, mut header) = start(file, bytes)?;
    let mut contents = Contents::default();
    header.metadata(&mut contents.metadata)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.push(header.tensor()?);
    }
    let alignment = match contents.metadata.get("general.alignment").map(|text| text.parse()) {
        None => ALIGNMENT,
        Some(Ok(alignment @ 1..)) => alignment,
        Some(_) => return Err(header.malformed("its alignment is no number")),
    };
    let data =
        header.at.checked_next_multiple_of(alignment).ok_or_else(|| header.malformed("its alignment is huge"))?;
    split_note(file, &contents.metadata).into_iter().for_each(|note| contents.notes.push(note));

    let length = bytes.len() as u64;
    let mut names = HashSet::new();
    for entry in entries {
        if !names.insert(entry.name.clone()) {
            return Err(Error::Duplicate { file: file.to_owned(), tensor: entry.name });
        }
        let beyond = || header.malformed(&format!("tensor {} is larger than any file", quoted(&entry.name)));
        let Kind { name: dtype, encoding, values, bytes: unit } = Kind::of(entry.kind);
        if !entry.shape.last().unwrap_or(&1).is_multiple_of(values) {
            let name = quoted(&entry.name);
            return Err(header.malformed(&format!("rows of tensor {name} are not made of blocks of {values}")));
        }
        let start = data.checked_add(entry.offset).ok_or_else(beyond)?;
        let size = entry
            .shape
            .iter()
            .try_fold(1u64, |all, &n| all.checked_mul(n))
            .and_then(|all| (all / values).checked_mul(unit));
        let end = start.checked_add(size.ok_or_else(beyond)?).ok_or_else(beyond)?;
        if end > length {
            return Err(Error::Truncated { file: file.to_owned(), expected: end, found: length });
        }
        check_dimensions(file, &entry.name, entry.shape.iter().copied())?;
        let shape = entry.shape.iter().map(|&n| usize::try_from(n)).collect::<Result<_, _>>().map_err(|_| beyond())?;
        let info = TensorInfo {
            name: entry.name,
            shape,
            dtype,
            format: encoding.format(),
            bytes: end - start,
            file: file.to_owned(),
            is_scale: false,
        };
        // Both fit: they are positions in the file.
        contents.tensors.push((info, StoredTensor::plain(part, start as usize..end as usize, encoding)));
    }
    Ok(contents)
}

/// The number of tensors, and the header from the metadata on.
fn start<'a>(file: &'a str, bytes: &'a Bytes) -> Result<(u64, Header<'a>), Error> {
    if bytes.len() == 0 {
        return Err(Error::EmptyFile { file: file.to_owned() });
    }
    let limit = (bytes.len() as u64).min(HEADER_LIMIT);
    let mut header = Header { file, reader: Reader::new(bytes), at: 0, limit, length: bytes.len() as u64, pairs: 0 };
    let magic: [u8; 4] = header.take()?;
    if magic == *b"vers" {
        return Err(Error::LfsPointer { file: file.to_owned() });
    }
    if magic != *b"GGUF" {
        return Err(header.malformed("it does not start as a GGUF does"));
    }
    match header.u32()? {
        2 | 3 => {}
        1 => return Err(header.malformed("its version is 1, of August 2023, and 2 and 3 are read")),
        version if version.swap_bytes() < 16 => return Err(header.malformed("its numbers are big-endian")),
        version => return Err(header.malformed(&format!("its version is {version}, and 2 and 3 are read"))),
    }
    let count = header.u64()?;
    header.pairs = header.u64()?;
    Ok((count, header))
}

/// A tensor as the header lists it.
struct Entry {
    name: String,
    /// Outermost dimension first, the other way round than in the file.
    shape: Vec<u64>,
    kind: u32,
    /// From where values begin.
    offset: u64,
}

/// The header, read from front to back.
struct Header<'a> {
    file: &'a str,
    reader: BufReader<Reader<'a>>,
    /// Bytes read so far.
    at: u64,
    /// Bytes that may be read.
    limit: u64,
    /// Bytes of the file.
    length: u64,
    /// Pairs of metadata.
    pairs: u64,
}

impl Header<'_> {
    fn malformed(&self, problem: &str) -> Error {
        Error::Malformed { file: self.file.to_owned(), problem: one_line(problem) }
    }

    /// Counts so many bytes as read, if they are there.
    fn advance(&mut self, bytes: u64) -> Result<(), Error> {
        let end = self.at.saturating_add(bytes);
        if end > self.length {
            return Err(Error::Truncated { file: self.file.to_owned(), expected: end, found: self.length });
        }
        if end > self.limit {
            return Err(Error::HeaderTooLong { file: self.file.to_owned(), bytes: end, limit: self.limit });
        }
        self.at = end;
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.advance(N as u64)?;
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes).map_err(|error| unread(self.file, error))?;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, Error> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Error> {
        self.take().map(u64::from_le_bytes)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Error> {
        self.advance(bytes)?;
        // It fits: it is below the limit.
        self.reader.seek_relative(bytes as i64).map_err(|error| unread(self.file, error))
    }

    fn text(&mut self) -> Result<String, Error> {
        let length = self.u64()?;
        self.advance(length)?;
        let mut bytes = vec![0; length as usize]; // no more than the file has
        self.reader.read_exact(&mut bytes).map_err(|error| unread(self.file, error))?;
        // Tokens of some vocabularies are cut within a letter.
        Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// Reads the pairs of metadata, without what arrays hold.
    fn metadata(&mut self, metadata: &mut BTreeMap<String, String>) -> Result<(), Error> {
        for _ in 0..self.pairs {
            let key = self.text()?;
            let kind = self.u32()?;
            let value = self.value(kind)?;
            metadata.insert(key, value);
        }
        Ok(())
    }

    /// A value of metadata, as text.
    fn value(&mut self, kind: u32) -> Result<String, Error> {
        Ok(match kind {
            0 => u8::from_le_bytes(self.take()?).to_string(),
            1 => i8::from_le_bytes(self.take()?).to_string(),
            2 => u16::from_le_bytes(self.take()?).to_string(),
            3 => i16::from_le_bytes(self.take()?).to_string(),
            4 => self.u32()?.to_string(),
            5 => i32::from_le_bytes(self.take()?).to_string(),
            6 => f32::from_le_bytes(self.take()?).to_string(),
            7 => (self.take()? != [0]).to_string(),
            8 => self.text()?,
            9 => {
                let (kind, count) = (self.u32()?, self.u64()?);
                self.skip_array(kind, count, 0)?;
                format!("{count} values")
            }
            10 => self.u64()?.to_string(),
            11 => i64::from_le_bytes(self.take()?).to_string(),
            12 => f64::from_le_bytes(self.take()?).to_string(),
            _ => return Err(self.malformed(&format!("its metadata have a value of type {kind}"))),
        })
    }

    fn skip_array(&mut self, kind: u32, count: u64, depth: usize) -> Result<(), Error> {
        let size = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            10..=12 => 8,
            8 => {
                for _ in 0..count {
                    let length = self.u64()?;
                    self.skip(length)?;
                }
                return Ok(());
            }
            9 if depth < DEPTH => {
                for _ in 0..count {
                    let (kind, count) = (self.u32()?, self.u64()?);
                    self.skip_array(kind, count, depth + 1)?;
                }
                return Ok(());
            }
            _ => return Err(self.malformed(&format!("its metadata have an array of type {kind}"))),
        };
        self.skip(count.saturating_mul(size))
    }

    fn tensor(&mut self) -> Result<Entry, Error> {
        let name = self.text()?;
        let dimensions = self.u32()?;
        if dimensions > DIMENSIONS {
            return Err(self.malformed(&format!("tensor {} has {dimensions} dimensions", quoted(&name))));
        }
        let mut shape = (0..dimensions).map(|_| self.u64()).collect::<Result<Vec<_>, _>>()?;
        shape.reverse();
        Ok(Entry { name, shape, kind: self.u32()?, offset: self.u64()? })
    }
}

/// A type of values.
struct Kind {
    name: String,
    encoding: Encoding,
    /// Values of a block.
    values: u64,
    /// Bytes of a block; 0 where that is unknown.
    bytes: u64,
}

impl Kind {
    /// The type of this number, by llama.cpp's `ggml.h`.
    fn of(number: u32) -> Self {
        let read = |name: &str, encoding: Encoding| {
            let (values, bytes) = (encoding.unit_values() as u64, encoding.unit_bytes() as u64);
            Self { name: name.to_owned(), encoding, values, bytes }
        };
        let float = |name: &str, dtype| read(name, Encoding::Float(dtype));
        let blocks = |format: BlockFormat| read(format.into(), Encoding::Blocks(format));
        let other =
            |name: &str, values, bytes| Self { name: name.to_owned(), encoding: Encoding::Other(1), values, bytes };
        match number {
            0 => float("F32", Dtype::F32),
            1 => float("F16", Dtype::F16),
            2 => blocks(BlockFormat::Q4_0),
            3 => blocks(BlockFormat::Q4_1),
            6 => blocks(BlockFormat::Q5_0),
            7 => blocks(BlockFormat::Q5_1),
            8 => blocks(BlockFormat::Q8_0),
            9 => other("Q8_1", 32, 36),
            10 => blocks(BlockFormat::Q2_K),
            11 => blocks(BlockFormat::Q3_K),
            12 => blocks(BlockFormat::Q4_K),
            13 => blocks(BlockFormat::Q5_K),
            14 => blocks(BlockFormat::Q6_K),
            15 => other("Q8_K", 256, 292),
            16 => other("IQ2_XXS", 256, 66),
            17 => other("IQ2_XS", 256, 74),
            18 => other("IQ3_XXS", 256, 98),
            19 => other("IQ1_S", 256, 50),
            20 => other("IQ4_NL", 32, 18),
            21 => other("IQ3_S", 256, 110),
            22 => other("IQ2_S", 256, 82),
            23 => other("IQ4_XS", 256, 136),
            24 => other("I8", 1, 1),
            25 => other("I16", 1, 2),
            26 => other("I32", 1, 4),
            27 => other("I64", 1, 8),
            28 => float("F64", Dtype::F64),
            29 => other("IQ1_M", 256, 56),
            30 => float("BF16", Dtype::BF16),
            34 => other("TQ1_0", 256, 54),
            35 => other("TQ2_0", 256, 66),
            39 => other("MXFP4", 32, 17),
            40 => other("NVFP4", 64, 36),
            number => other(&format!("GGML type {number}"), 1, 0),
        }
    }
}

/// What turns values of a type that is not read into others.
pub(super) fn converter(file: &str, dtype: &str) -> Option<&'static str> {
    let packed = !matches!(dtype, "I8" | "I16" | "I32" | "I64");
    let convert = "convert the file with llama.cpp's `llama-quantize --allow-requantize old.gguf new.gguf F16`";
    (packed && file.to_ascii_lowercase().ends_with(".gguf")).then_some(convert)
}

/// What to say of a file that is one of several.
fn split_note(file: &str, metadata: &BTreeMap<String, String>) -> Option<String> {
    let number = |key: &str| metadata.get(key)?.parse::<u64>().ok();
    let count = number("split.count").filter(|&count| count > 1)?;
    let which = number("split.no")?.saturating_add(1);
    Some(format!(
        "{file} is part {which} of {count}, and only its tensors are listed: open the others too, or join them with \
         llama-gguf-split --merge"
    ))
}
