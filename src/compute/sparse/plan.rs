//! Which format a sparse matrix is prepared in.

use super::Positions;

/// From this share of nonzeros on, differences of columns take less memory than columns, by more than the entries that
/// stand in where a difference is large.
///
/// From `bench sparse --positions columns` and `--positions differences` over 1024² matrices. Bits a nonzero with 16-bit
/// values, columns and differences: 25.9 and 21.7 at 50 %, 27.5 and 23.3 at 25 %, 29.8 and 27.1 at 12.5 %, 33.4 and 35.9
/// at 6.25 %.
const DIFFERENCES_FROM: f64 = 0.1;

/// From this share on a dense matrix takes no more memory to speak of, and less time: at 75 %, in f16, 16.8 MB where differences take
/// 16.5 and columns 19.8, and 0.75 to 0.95 of their time.
const DENSE_FROM: f64 = 0.75;

/// The positions to keep for a matrix `rows`×`cols` with `nnz` nonzeros; `None` to keep its zeros instead.
pub fn plan(rows: usize, cols: usize, nnz: usize) -> Option<Positions> {
    let density = nnz as f64 / (rows as f64 * cols as f64).max(1.0);
    if density >= DENSE_FROM {
        None
    } else if density >= DIFFERENCES_FROM {
        Some(Positions::Differences)
    } else {
        Some(Positions::Columns)
    }
}
