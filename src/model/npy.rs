//! NumPy's `.npy`, which holds one array.

use super::bytes::Bytes;
use super::names::one_line;
use super::safetensors::Contents;
use super::tensor::{StoredTensor, TensorInfo, check_dimensions};
use super::{Dtype, Error};
use npyz::{DType, Endianness, NpyHeader, Order, TypeChar, TypeStr};

/// Largest header accepted, in bytes: NumPy's own limit.
const HEADER_LIMIT: u64 = 10_000;

/// Parses the header of `bytes`, a whole file called `file`, and checks that it describes the file exactly.
pub(super) fn read(file: &str, bytes: &Bytes, part: usize) -> Result<Contents, Error> {
    let malformed = |problem: &str| Error::Malformed { file: file.to_owned(), problem: one_line(problem) };
    let start = bytes.read(0..HEADER_LIMIT as usize + 12)?;
    let (header, text) = split(file, &start, bytes.len())?;
    check_text(text).map_err(|problem| match problem {
        Problem::Structured => Error::NotPlain { file: file.to_owned(), kind: "structured values".to_owned() },
        Problem::Text(problem) => malformed(problem),
    })?;
    let start = header.len();
    let header = NpyHeader::from_reader(header).map_err(|error| malformed(&error.to_string()))?;
    let not_plain = |kind: String| Error::NotPlain { file: file.to_owned(), kind: one_line(&kind) };
    let kind = match header.dtype() {
        DType::Plain(kind) if kind.uses_pickled_array() => return Err(not_plain("Python objects".to_owned())),
        DType::Plain(kind) => kind,
        other => return Err(not_plain(other.descr())),
    };

    let name = file.strip_suffix(".npy").unwrap_or(file).to_owned();
    check_dimensions(file, &name, header.shape().iter().copied())?;
    let lying = || malformed("its shape is larger than any file");
    let shape: Vec<usize> =
        header.shape().iter().map(|&n| usize::try_from(n)).collect::<Result<_, _>>().map_err(|_| lying())?;
    let size = shape
        .iter()
        .try_fold(1usize, |all, &n| all.checked_mul(n))
        .and_then(|values| values.checked_mul(kind.num_bytes()?))
        .ok_or_else(lying)?;
    let end = start.checked_add(size).ok_or_else(lying)?;
    let found = bytes.len();
    if found < end {
        return Err(Error::Truncated { file: file.to_owned(), expected: end as u64, found: found as u64 });
    }
    if found > end {
        return Err(Error::ExtraBytes { file: file.to_owned(), extra: (found - end) as u64 });
    }
    let info = TensorInfo {
        name,
        shape,
        dtype: kind.to_string(),
        format: format(&kind),
        bytes: size as u64,
        file: file.to_owned(),
    };
    let stored = StoredTensor {
        part,
        range: start..end,
        big_endian: kind.endianness() == Endianness::Big,
        fortran: header.order() == Order::Fortran,
    };
    Ok(Contents { metadata: Default::default(), tensors: vec![(info, stored)] })
}

fn format(kind: &TypeStr) -> Option<Dtype> {
    match (kind.type_char(), kind.size_field()) {
        (TypeChar::Float, 8) => Some(Dtype::F64),
        (TypeChar::Float, 4) => Some(Dtype::F32),
        (TypeChar::Float, 2) => Some(Dtype::F16),
        _ => None,
    }
}

/// Splits the first bytes of a file of `all` bytes: everything before the values, and the header's text alone.
fn split<'a>(file: &str, bytes: &'a [u8], all: usize) -> Result<(&'a [u8], &'a [u8]), Error> {
    let file = || file.to_owned();
    let found = all as u64;
    if bytes.is_empty() {
        return Err(Error::EmptyFile { file: file() });
    }
    if bytes.starts_with(b"version https://git-lfs") {
        return Err(Error::LfsPointer { file: file() });
    }
    if !bytes.starts_with(b"\x93NUMPY") {
        return Err(Error::Malformed { file: file(), problem: "it does not start as a NumPy array does".to_owned() });
    }
    // Six bytes of magic, two of version, then the length: two bytes in version 1, four since.
    let (before, length) = match *bytes {
        [_, _, _, _, _, _, 1, _, a, b, ..] => (10, u64::from(u16::from_le_bytes([a, b]))),
        [_, _, _, _, _, _, 2 | 3, _, a, b, c, d, ..] => (12, u64::from(u32::from_le_bytes([a, b, c, d]))),
        [_, _, _, _, _, _, 1..=3, ..] | [_, _, _, _, _, _] => {
            return Err(Error::Truncated { file: file(), expected: 12, found });
        }
        _ => return Err(Error::Malformed { file: file(), problem: "its version is not 1, 2 or 3".to_owned() }),
    };
    if length > HEADER_LIMIT {
        return Err(Error::HeaderTooLong { file: file(), bytes: length, limit: HEADER_LIMIT });
    }
    let end = before + length as usize;
    match bytes.get(..end) {
        Some(header) => Ok((header, &header[before..])),
        None => Err(Error::Truncated { file: file(), expected: end as u64, found }),
    }
}

enum Problem {
    Structured,
    Text(&'static str),
}

/// Accepts only the simple form of header: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
///
/// npyz takes any Python literal, in a time exponential in the depth of brackets, and multiplies dimensions unchecked.
fn check_text(text: &[u8]) -> Result<(), Problem> {
    let text = str::from_utf8(text).map_err(|_| Problem::Text("its header is not text"))?;
    let count = |wanted: char| text.chars().filter(|&c| c == wanted).count();
    if count('[') > 0 {
        return Err(Problem::Structured);
    }
    if ['{', '}', '(', ')'].into_iter().any(|bracket| count(bracket) != 1) || count('\\') > 0 {
        return Err(Problem::Text("its header is not the usual dictionary"));
    }
    let (_, shape) = text.split_once('(').ok_or(Problem::Text("its header has no shape"))?;
    let (shape, _) = shape.split_once(')').ok_or(Problem::Text("its header has no shape"))?;
    let mut values = 1u64;
    let mut dimensions = shape.split(',').map(str::trim).filter(|number| !number.is_empty());
    dimensions.try_for_each(|number| {
        let plain = number.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.parse::<u64>().ok().filter(|_| plain);
        let number = number.ok_or(Problem::Text("its shape is not made of whole numbers"))?;
        // A zero must not hide an overflow among the others: the strides are products of some of them.
        values = values.checked_mul(number.max(1)).ok_or(Problem::Text("its shape is larger than any file"))?;
        Ok(())
    })
}
