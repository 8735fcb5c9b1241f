//! NumPy's `.npy`, which holds one array.

use super::bytes::Bytes;
use super::encoding::Encoding;
use super::names::one_line;
use super::safetensors::Contents;
use super::tensor::{StoredTensor, TensorInfo, check_dimensions};
use super::{Dtype, Error};
use npyz::{DType, Endianness, NpyHeader, Order, TypeChar, TypeStr};

/// First bytes of an array.
const MAGIC: &[u8] = b"\x93NUMPY";

/// Largest header accepted, in bytes: NumPy's own limit.
const HEADER_LIMIT: u64 = 10_000;

/// Parses the header of `bytes`, a whole file called `file`, and checks that it describes the file exactly.
pub(super) fn read(file: &str, bytes: &Bytes, part: usize) -> Result<Contents, Error> {
    let malformed = |problem: &str| Error::Malformed { file: file.to_owned(), problem: one_line(problem) };
    let start = bytes.read(0..HEADER_LIMIT as usize + 12)?;
    let (header, text) = split(file, &start, bytes.len())?;
    let usual = usual_text(text).map_err(|problem| match problem {
        Problem::Structured => Error::NotPlain { file: file.to_owned(), kind: "structured values".to_owned() },
        Problem::Text(problem) => malformed(problem),
    })?;
    let start = header.len();
    let header = NpyHeader::from_reader(&with_text(&usual)[..]).map_err(|error| malformed(&error.to_string()))?;
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
    let mut notes = Vec::new();
    if found > end {
        if !bytes.read(end..end + MAGIC.len())?.starts_with(MAGIC) {
            return Err(Error::ExtraBytes { file: file.to_owned(), extra: (found - end) as u64 });
        }
        notes.push(format!("{file} holds more than one array, saved one after the other: the first is read"));
    }
    if (kind.type_char(), kind.size_field()) == (TypeChar::RawData, 2) {
        notes.push(format!(
            "{file} holds values of two bytes without a type (|V2), as NumPy saves bfloat16: they are read as bfloat16"
        ));
    }
    let encoding = encoding(&kind);
    let info = TensorInfo {
        name,
        shape,
        dtype: kind.to_string(),
        format: encoding.format(),
        bytes: size as u64,
        file: file.to_owned(),
        is_scale: false,
    };
    let mut stored = StoredTensor::plain(part, start..end, encoding);
    stored.big_endian = kind.endianness() == Endianness::Big;
    if header.order() == Order::Fortran {
        let stride = |stride: &mut usize, &n: &usize| Some(std::mem::replace(stride, *stride * n));
        stored.strides = Some(info.shape.iter().scan(1, stride).collect());
    }
    Ok(Contents { metadata: Default::default(), tensors: vec![(info, stored)], notes })
}

/// The array of a file, and where its values stand if they are bytes.
pub(crate) struct ArrayOfBytes {
    /// Its dimensions.
    pub(crate) shape: Vec<usize>,
    /// NumPy's name of its values' type.
    pub(crate) dtype: String,
    /// Where its values begin, last index fastest; `None` if they are not unsigned bytes in that order.
    pub(crate) start: Option<usize>,
}

impl ArrayOfBytes {
    /// Parses the header of `bytes`, a whole file called `file`, and checks that it describes the file exactly.
    pub(crate) fn find(file: &str, bytes: &Bytes) -> Result<Self, Error> {
        let (info, stored) = read(file, bytes, 0)?.tensors.remove(0);
        let start = (info.dtype.ends_with("u1") && stored.strides.is_none()).then_some(stored.range.start);
        Ok(Self { shape: info.shape, dtype: info.dtype, start })
    }
}

fn encoding(kind: &TypeStr) -> Encoding {
    match (kind.type_char(), kind.size_field()) {
        (TypeChar::Float, 8) => Encoding::Float(Dtype::F64),
        (TypeChar::Float, 4) => Encoding::Float(Dtype::F32),
        (TypeChar::Float, 2) => Encoding::Float(Dtype::F16),
        (TypeChar::RawData, 2) => Encoding::Float(Dtype::BF16),
        _ => Encoding::Other(kind.num_bytes().unwrap_or(1)),
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
    if !bytes.starts_with(MAGIC) {
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

/// Accepts only the simple form of header, `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`, and what NumPy
/// takes for the same: numbers of Python 2 (`3L`), and types without an order of bytes (`=f4`, `f4`, `float32`), which
/// are little-endian here. Returns the header in the simple form.
///
/// npyz takes any Python literal, in a time exponential in the depth of brackets, and multiplies dimensions unchecked.
fn usual_text(text: &[u8]) -> Result<String, Problem> {
    let text = str::from_utf8(text).map_err(|_| Problem::Text("its header is not text"))?;
    let count = |wanted: char| text.chars().filter(|&c| c == wanted).count();
    if count('[') > 0 {
        return Err(Problem::Structured);
    }
    if ['{', '}', '(', ')'].into_iter().any(|bracket| count(bracket) != 1) || count('\\') > 0 {
        return Err(Problem::Text("its header is not the usual dictionary"));
    }
    let (before, shape) = text.split_once('(').ok_or(Problem::Text("its header has no shape"))?;
    let (shape, after) = shape.split_once(')').ok_or(Problem::Text("its header has no shape"))?;
    let mut values = 1u64;
    let mut dimensions = String::new();
    for dimension in shape.split(',').map(str::trim).filter(|number| !number.is_empty()) {
        let digits = dimension.strip_suffix(['L', 'l']).unwrap_or(dimension);
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.parse::<u64>().ok().filter(|_| plain);
        let number = number.ok_or(Problem::Text("its shape is not made of whole numbers"))?;
        // A zero must not hide an overflow among the others: the strides are products of some of them.
        values = values.checked_mul(number.max(1)).ok_or(Problem::Text("its shape is larger than any file"))?;
        dimensions += &format!("{number},");
    }
    // In Python a number in brackets is a number.
    if shape.contains(|c: char| c.is_ascii_digit()) && !shape.contains(',') {
        return Err(Problem::Text("its shape is a number, not a tuple"));
    }
    Ok(format!("{}({dimensions}){}", usual_type(before), usual_type(after)))
}

/// The text with the type of values in it as npyz knows it.
fn usual_type(text: &str) -> String {
    let Some((before, after)) = text.split_once("descr").and_then(|(before, rest)| {
        let (colon, after) = rest.split_once(':')?;
        Some((format!("{before}descr{colon}:"), after))
    }) else {
        return text.to_owned();
    };
    let quote = |c: char| matches!(c, '\'' | '"');
    let parts = after.split_once(quote).and_then(|(space, rest)| Some((space, rest.split_once(quote)?)));
    let Some((space, (kind, rest))) = parts else { return text.to_owned() };
    let kind = match kind.strip_prefix('=').unwrap_or(kind) {
        "float16" | "half" | "e" => "<f2".to_owned(),
        "float32" | "single" | "f" => "<f4".to_owned(),
        "float64" | "double" | "d" => "<f8".to_owned(),
        kind if kind.starts_with(|c: char| c.is_ascii_alphabetic()) => format!("<{kind}"),
        kind => kind.to_owned(),
    };
    format!("{before}{space}'{kind}'{rest}")
}

/// A header with this text.
fn with_text(text: &str) -> Vec<u8> {
    let length = (text.len() as u32).to_le_bytes(); // little more than the header's own, which is limited
    [MAGIC, &[2, 0], &length, text.as_bytes()].concat()
}
