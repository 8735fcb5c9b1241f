//! Factors read from an exported file.
//!
//! `<m>.A` and `<m>.B` each have one of three layouts: dense (`.weight`), compressed sparse rows (`.crow_indices`,
//! `.col_indices`, `.values`, `.shape`), or a bitmask (`.bitmask`, `.compressed`, `.row_offsets`, `.shape`; in files
//! from before 2025 `.weight.bitmask` and so on). One sparse matrix has the last two layouts under `<m>` itself.

use super::names::{natural, nearest, one_line};
use super::{Checkpoint, Dtype, Error, Orientation};
use crate::matrix::{Csr, Factors, Replacement};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Entries allowed for any matrix: 1 GiB as f32.
const ENTRIES: u64 = 1 << 28;

/// Entries allowed for each nonzero beyond that, so that the file's size bounds the memory.
const ENTRIES_PER_NONZERO: u64 = 64;

/// Ending of the tensor that marks each layout.
const LAYOUT_MARKS: [&str; 4] = [".weight", ".crow_indices", ".bitmask", ".weight.bitmask"];

/// Endings that mark one sparse matrix in a weight's place.
const SPARSE_MARKS: [&str; 3] = [".crow_indices", ".bitmask", ".weight.bitmask"];

/// What is stored in place of a weight `<m>.weight`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredSparse {
    /// `(rows, cols)` of the weight.
    pub shape: (usize, usize),
    /// Number format of the values.
    pub dtype: Dtype,
}

/// A factor, and its number of stored nonzeros.
struct StoredFactor {
    matrix: Csr,
    nonzeros: u64,
}

impl Checkpoint {
    /// Names `<m>` of all pairs of factors in the file, in natural order.
    pub fn factorizations(&self) -> Vec<String> {
        let stems: BTreeSet<&str> = self
            .tensors()
            .iter()
            .flat_map(|info| LAYOUT_MARKS.iter().filter_map(|mark| info.name.strip_suffix(mark)?.strip_suffix(".A")))
            .filter(|stem| !stem.is_empty() && self.mark(&format!("{stem}.B")).is_some())
            .collect();
        let mut stems: Vec<_> = stems.into_iter().map(str::to_owned).collect();
        stems.sort_by(|a, b| natural(a, b));
        stems
    }

    /// Names `<m>` of all weights in the file that are stored as factors or as one sparse matrix, in natural order.
    pub fn replacements(&self) -> Vec<String> {
        let is_part = |stem: &str| [".A", ".B"].iter().any(|factor| stem.ends_with(factor));
        let sparse = |mark: &'static str| {
            let stems = self.tensors().iter().filter_map(move |info| info.name.strip_suffix(mark));
            stems.filter(|stem| !is_part(stem)).map(str::to_owned)
        };
        let mut stems: BTreeSet<String> = SPARSE_MARKS.into_iter().flat_map(sparse).collect();
        stems.extend(self.factorizations());
        let mut stems: Vec<_> = stems.into_iter().collect();
        stems.sort_by(|a, b| natural(a, b));
        stems
    }

    /// The factors of `stem`, one of [`Checkpoint::factorizations`].
    pub fn factors(&self, stem: &str) -> Result<Factors, Error> {
        let (a, b) = (format!("{stem}.A"), format!("{stem}.B"));
        let (Some(layout_a), Some(layout_b)) = (self.mark(&a), self.mark(&b)) else {
            let stems = self.factorizations();
            let nearest = nearest(stem, stems.iter().map(String::as_str));
            return Err(Error::NoFactors { file: self.name().to_owned(), stem: stem.to_owned(), nearest });
        };
        let (a, b) = (self.factor(&a, layout_a)?, self.factor(&b, layout_b)?);
        if a.matrix.cols() != b.matrix.rows() {
            let (a, b) = (a.matrix.shape(), b.matrix.shape());
            return Err(Error::InnerDimension { stem: stem.to_owned(), a, b });
        }
        // The product is allocated by most readers of the factors.
        check_size(stem, a.matrix.rows() as u64, b.matrix.cols() as u64, a.nonzeros + b.nonzeros)?;
        let (mut a, mut b) = (a.matrix, b.matrix);
        a.drop_zeros();
        b.drop_zeros();
        Ok(Factors { a, b })
    }

    /// What is stored in place of `<stem>.weight`: factors, or one sparse matrix. Reads no values.
    pub fn stored_sparse(&self, stem: &str) -> Result<Option<StoredSparse>, Error> {
        let shape = |factor: &str, mark: &str| -> Result<(usize, usize), Error> {
            let prefix = mark_prefix(factor, mark);
            match mark {
                ".weight" => match self.tensor(&format!("{factor}.weight"))?.shape[..] {
                    [rows, cols] => Ok((rows, cols)),
                    _ => Err(bad(factor, "its weight does not have two dimensions")),
                },
                _ => {
                    let (rows, cols) = self.shape_of(factor, &format!("{prefix}.shape"))?;
                    Ok((rows as usize, cols as usize))
                }
            }
        };
        let dtype = |factor: &str, mark: &str| -> Result<Dtype, Error> {
            let name = format!("{}.{}", mark_prefix(factor, mark), values_part(mark));
            let info = self.tensor(&name).map_err(|_| missing(factor, &name))?;
            info.format.ok_or_else(|| bad(factor, &format!("{name} is {}, which is not read", info.dtype)))
        };
        let (a, b) = (format!("{stem}.A"), format!("{stem}.B"));
        if let (Some(of_a), Some(of_b)) = (self.mark(&a), self.mark(&b)) {
            let (rows, cols) = (shape(&a, of_a)?.0, shape(&b, of_b)?.1);
            return Ok(Some(StoredSparse { shape: (rows, cols), dtype: dtype(&a, of_a)? }));
        }
        match self.sparse_mark(stem) {
            Some(mark) => Ok(Some(StoredSparse { shape: shape(stem, mark)?, dtype: dtype(stem, mark)? })),
            None => Ok(None),
        }
    }

    /// What is stored in place of `<stem>.weight`.
    pub fn replacement(&self, stem: &str) -> Result<Replacement, Error> {
        match self.sparse_mark(stem) {
            Some(mark) => {
                let StoredFactor { mut matrix, .. } = self.factor(stem, mark)?;
                matrix.drop_zeros();
                Ok(Replacement::Sparse(matrix))
            }
            None => Ok(self.factors(stem)?.into()),
        }
    }

    /// Whether a tensor of this name marks a weight that is stored as factors, or as one sparse matrix.
    pub fn is_part_of_sparse(name: &str) -> bool {
        let of_factor = |mark: &&str| name.strip_suffix(mark).is_some_and(|stem| stem.ends_with(".A"));
        LAYOUT_MARKS.iter().any(of_factor) || SPARSE_MARKS.iter().any(|mark| name.ends_with(mark))
    }

    fn sparse_mark(&self, stem: &str) -> Option<&'static str> {
        SPARSE_MARKS.into_iter().find(|mark| self.has(&format!("{stem}{mark}")))
    }

    /// The mark of the layout that `factor` has.
    fn mark(&self, factor: &str) -> Option<&'static str> {
        LAYOUT_MARKS.into_iter().find(|mark| self.has(&format!("{factor}{mark}")))
    }

    fn factor(&self, factor: &str, mark: &str) -> Result<StoredFactor, Error> {
        match mark {
            ".weight" => {
                let weight = self.layer(&format!("{factor}.weight"), Orientation::AsStored)?;
                if weight.shape.len() != 2 {
                    return Err(bad(factor, "its weight does not have two dimensions"));
                }
                Ok(StoredFactor { nonzeros: weight.weight.len() as u64, matrix: Csr::from_dense(&weight.weight) })
            }
            ".crow_indices" => self.csr(factor),
            ".bitmask" => self.bitmask(factor, factor),
            _ => self.bitmask(factor, &format!("{factor}.weight")),
        }
    }

    fn csr(&self, factor: &str) -> Result<StoredFactor, Error> {
        let part = |part: &str| format!("{factor}.{part}");
        let (rows, cols) = self.shape_of(factor, &part("shape"))?;
        let starts = self.integers(factor, &part("crow_indices"), &[rows.saturating_add(1)])?;
        let values = self.list(factor, &part("values"))?;
        let columns = self.integers(factor, &part("col_indices"), &[values.len() as u64])?;
        if starts.first() != Some(&0) || starts.last() != Some(&(values.len() as i64)) {
            return Err(bad(factor, "crow_indices do not run from 0 to the number of values"));
        }
        check_size(factor, rows, cols, values.len() as u64)?;

        let mut row_starts = Vec::with_capacity(starts.len());
        row_starts.push(0);
        for (row, ends) in starts.windows(2).enumerate() {
            let at = usize::try_from(ends[0]).ok().zip(usize::try_from(ends[1]).ok());
            let Some((columns, (_, end))) = at.and_then(|at| Some((columns.get(at.0..at.1)?, at))) else {
                return Err(bad(factor, &format!("crow_indices do not ascend at row {row}")));
            };
            let mut next = 0;
            for &col in columns {
                if col < next || col as u64 >= cols {
                    return Err(bad(factor, &format!("col_indices leave 0..{cols} or do not ascend in row {row}")));
                }
                next = col + 1;
            }
            row_starts.push(end);
        }
        let columns = columns.into_iter().map(|col| col as u32).collect();
        self.checked(&part("values"), Csr::from_parts(rows as usize, cols as usize, row_starts, columns, values))
    }

    /// Reads a bitmask. `prefix` stands before `.bitmask`: the factor's name, or that with `.weight`.
    fn bitmask(&self, factor: &str, prefix: &str) -> Result<StoredFactor, Error> {
        let part = |part: &str| format!("{prefix}.{part}");
        let (rows, cols) = self.shape_of(factor, &part("shape"))?;
        let offsets = self.integers(factor, &part("row_offsets"), &[rows])?;
        let width = cols.div_ceil(8);
        let mask = self.part(factor, &part("bitmask"), "U8", &[rows, width])?;
        let values = self.list(factor, &part("compressed"))?;
        check_size(factor, rows, cols, values.len() as u64)?;

        let (mut row_starts, mut columns) = (Vec::with_capacity(rows as usize + 1), Vec::with_capacity(values.len()));
        row_starts.push(0);
        for (row, (bits, &offset)) in mask.chunks_exact(width as usize).zip(&offsets).enumerate() {
            if offset != columns.len() as i64 {
                return Err(bad(factor, &format!("row_offsets do not count the bits before row {row}")));
            }
            for (at, byte) in bits.iter().enumerate() {
                for bit in (0..8).filter(|bit| byte >> bit & 1 == 1) {
                    let col = 8 * at + bit;
                    if col as u64 >= cols {
                        return Err(bad(factor, &format!("bitmask has a bit beyond column {cols} in row {row}")));
                    }
                    if columns.len() == values.len() {
                        return Err(bad(factor, "bitmask has more bits than there are values"));
                    }
                    columns.push(col as u32);
                }
            }
            row_starts.push(columns.len());
        }
        if columns.len() < values.len() {
            return Err(bad(factor, "bitmask has fewer bits than there are values"));
        }
        self.checked(&part("compressed"), Csr::from_parts(rows as usize, cols as usize, row_starts, columns, values))
    }

    /// Refuses infinities and NaN among the values, which are the tensor `name`'s.
    fn checked(&self, name: &str, matrix: Csr) -> Result<StoredFactor, Error> {
        match matrix.first_not_finite() {
            None => Ok(StoredFactor { nonzeros: matrix.nnz() as u64, matrix }),
            Some((row, col, value)) => {
                Err(Error::NotFinite { tensor: name.to_owned(), row, col, value: value.to_string() })
            }
        }
    }

    /// Rows and columns, both at least 1.
    fn shape_of(&self, factor: &str, name: &str) -> Result<(u64, u64), Error> {
        let shape = self.integers(factor, name, &[2])?;
        match shape[..] {
            [rows, cols] if rows > 0 && cols > 0 => Ok((rows as u64, cols as u64)),
            _ => Err(bad(factor, &format!("its shape is {shape:?}"))),
        }
    }

    /// Reads an I64 tensor of this shape.
    fn integers(&self, factor: &str, name: &str, shape: &[u64]) -> Result<Vec<i64>, Error> {
        let bytes = self.part(factor, name, "I64", shape)?;
        Ok(bytes.as_chunks().0.iter().map(|&value| i64::from_le_bytes(value)).collect())
    }

    /// Reads a one-dimensional tensor of floats.
    fn list(&self, factor: &str, name: &str) -> Result<Vec<f32>, Error> {
        let info = self.tensor(name).map_err(|_| missing(factor, name))?;
        match info.shape.len() {
            1 => self.values(name),
            _ => Err(bad(factor, &format!("{name} has shape {:?}, not one dimension", info.shape))),
        }
    }

    /// Bytes of a tensor of this format and shape.
    fn part(&self, factor: &str, name: &str, dtype: &str, shape: &[u64]) -> Result<Cow<'_, [u8]>, Error> {
        let info = self.tensor(name).map_err(|_| missing(factor, name))?;
        if info.dtype != dtype || !info.shape.iter().map(|&n| n as u64).eq(shape.iter().copied()) {
            return Err(bad(factor, &format!("{name} is {} {:?}, not {dtype} {shape:?}", info.dtype, info.shape)));
        }
        self.bytes(name)
    }
}

/// What stands before `.shape` and the like.
fn mark_prefix(factor: &str, mark: &str) -> String {
    match mark {
        ".weight.bitmask" => format!("{factor}.weight"),
        _ => factor.to_owned(),
    }
}

/// Name of the tensor with the values.
fn values_part(mark: &str) -> &'static str {
    match mark {
        ".weight" => "weight",
        ".crow_indices" => "values",
        _ => "compressed",
    }
}

fn bad(factor: &str, problem: &str) -> Error {
    Error::BadFactor { factor: factor.to_owned(), problem: one_line(problem) }
}

fn missing(factor: &str, name: &str) -> Error {
    bad(factor, &format!("it has no {name}"))
}

/// Refuses a matrix that is huge but has few nonzeros: whoever draws it allocates every entry.
fn check_size(name: &str, rows: u64, cols: u64, nonzeros: u64) -> Result<(), Error> {
    let limit = nonzeros.saturating_mul(ENTRIES_PER_NONZERO).max(ENTRIES);
    match rows.checked_mul(cols) {
        Some(entries) if entries <= limit && usize::try_from(entries).is_ok() && u32::try_from(cols).is_ok() => Ok(()),
        _ => Err(Error::TooLarge { name: name.to_owned(), rows, cols, nonzeros, limit }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huge_matrices_need_nonzeros() {
        assert!(check_size("a", 1 << 14, 1 << 14, 0).is_ok());
        assert!(check_size("a", 1 << 15, 1 << 14, 0).is_err());
        assert!(check_size("a", 1 << 15, 1 << 14, 1 << 23).is_ok());
        assert!(check_size("a", 1 << 32, 1 << 32, u64::MAX).is_err());
    }
}
