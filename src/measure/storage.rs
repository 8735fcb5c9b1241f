//! Bytes, counted as the paper does: 16-bit values.

use serde::{Deserialize, Serialize};

/// What a matrix or a pair of factors takes to store, in bytes, with 16-bit values (the paper's section 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// W itself.
    pub dense: u64,
    /// The nonzeros and one bit for each position of A and B.
    pub bitmask: u64,
    /// The nonzeros with a column index each, 16 bits up to 65 536 columns, else 32; row starts not counted.
    pub csr: u64,
}

impl Storage {
    /// For W `rows`×`cols` ≈ A·B with inner dimension k and so many nonzeros.
    pub fn of_factors(rows: usize, cols: usize, k: usize, nnz_a: usize, nnz_b: usize) -> Self {
        let (a, b) = (Self::of_matrix(rows, k, nnz_a), Self::of_matrix(k, cols, nnz_b));
        Self { dense: 2 * (rows * cols) as u64, bitmask: a.bitmask + b.bitmask, csr: a.csr + b.csr }
    }

    /// For one sparse matrix `rows`×`cols`.
    pub fn of_matrix(rows: usize, cols: usize, nnz: usize) -> Self {
        Self {
            dense: 2 * (rows * cols) as u64,
            bitmask: 2 * nnz as u64 + (rows * cols).div_ceil(8) as u64,
            csr: nnz as u64 * if cols <= 1 << 16 { 4 } else { 6 },
        }
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
