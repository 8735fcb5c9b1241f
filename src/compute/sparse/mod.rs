//! Matrices prepared for products: sparse ones that beat dense ones from half density down.
//!
//! A sparse matrix is cut into tiles of 64×64 ([`Tiled`]). In a tile the rows are sorted by their number of entries and
//! taken sixteen at a time, a row to a lane, in the manner of SELL-C-σ (Kreutzer et al., 2014, with C = 16 and σ = 64).
//! Sixteen entries, one of each row, are a step: their columns in one byte each, or as differences to the last column in
//! four bits each (as MACKO has them along rows, Macko and Boža, 2025), and their values in f32, f16 or bf16.
//!
//! *One column* (`column`): the tile's 64 numbers of x stay in registers, and a step looks sixteen of them up there with
//! two permutations, where there is AVX-512; elsewhere it reads them from the cache. Nothing depends on a branch, and
//! every load is aligned. *Several columns* (`batch`): a panel of 16, 32 or 64 columns of X, of which the tile needs
//! 16 KB at most, so that they stay in the first-level cache; sums of several rows stay in registers.
//!
//! An [`Operator`] is one such matrix, a dense one ([`Dense`]), or a product of several, computed from the right: A·(B·X)
//! with the middle in the cache.
//!
//! A strip of 64 rows is one thread's work, so results are the same bits on any number of threads. Instructions are
//! chosen when the program runs; there is no `unsafe` here: pulp has what the processors have. Results on different
//! instructions differ by rounding.

mod batch;
mod column;
mod dense;
mod instructions;
mod lanes;
mod operator;
mod plan;
mod tiled;
mod values;

pub use dense::Dense;
pub use instructions::Instructions;
pub use lanes::{Lanes, Panel};
pub use operator::{Operator, Prepared};
pub use plan::plan;
pub use tiled::{Positions, Tiled};
pub use values::ValueFormat;
