//! Storage in bytes, counted as in the paper: values of 16 bits.

use crate::matrix::{Csr, Factors, Replacement};
use serde::{Deserialize, Serialize};

/// Bytes that a matrix or a pair of factors takes to store, with 16-bit values (the paper's section 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// Bytes of W, dense.
    pub dense: u64,
    /// As bitmask: the nonzeros, and one bit for each entry of A and B.
    pub bitmask: u64,
    /// As CSR: the nonzeros with a column index each, 16 bits up to 65 536 columns, else 32; row starts not counted.
    pub csr: u64,
}

impl Storage {
    /// Storage of W `rows`×`cols` ≈ A·B with inner dimension `k` and these numbers of nonzeros.
    pub fn of_factors(rows: usize, cols: usize, k: usize, nnz_a: usize, nnz_b: usize) -> Self {
        let (a, b) = (Self::of_matrix(rows, k, nnz_a), Self::of_matrix(k, cols, nnz_b));
        Self { dense: 2 * (rows * cols) as u64, bitmask: a.bitmask + b.bitmask, csr: a.csr + b.csr }
    }

    /// Storage of one sparse matrix `rows`×`cols` with `nnz` nonzeros.
    pub fn of_matrix(rows: usize, cols: usize, nnz: usize) -> Self {
        Self {
            dense: 2 * (rows * cols) as u64,
            bitmask: 2 * nnz as u64 + (rows * cols).div_ceil(8) as u64,
            csr: nnz as u64 * if cols <= 1 << 16 { 4 } else { 6 },
        }
    }
}

/// Storage of a replacement, in bytes, with 16-bit values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// With one bit for each position; `None` where positions need not be stored.
    pub bitmask: Option<u64>,
    /// With an index for each nonzero; `None` where positions need not be stored.
    pub csr: Option<u64>,
    /// The least of what it can be stored in.
    pub bytes: u64,
}

impl Stored {
    /// Storage of a replacement.
    pub fn of(replacement: &Replacement) -> Self {
        if !replacement.kind().has_positions() {
            return Self { bitmask: None, csr: None, bytes: 2 * replacement.entries() as u64 };
        }
        let one = |matrix: &Csr| Storage::of_matrix(matrix.rows(), matrix.cols(), matrix.nnz());
        let parts = match replacement {
            Replacement::Factors(Factors { a, b }) => vec![one(a), one(b)],
            Replacement::Sparse(matrix) => vec![one(matrix)],
            Replacement::Chain(chain) => chain.iter().map(one).collect(),
            Replacement::LowRank { .. } | Replacement::Blocks(_) => Vec::new(),
        };
        let (bitmask, csr) = parts.iter().fold((0, 0), |(bits, csr), part| (bits + part.bitmask, csr + part.csr));
        Self { bitmask: Some(bitmask), csr: Some(csr), bytes: bitmask.min(csr) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // 256² at 25 %: 16384 nonzeros; two masks of 65536 bits.
        let storage = Storage::of_factors(256, 256, 256, 5899, 10485);
        assert_eq!(storage, Storage { dense: 131_072, bitmask: 32_768 + 2 * 8192, csr: 65_536 });
    }
}
