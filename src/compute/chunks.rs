//! Passes over the entries of a matrix in chunks of a fixed size: parallel where there are threads, else one after
//! another.
//!
//! Both forms have `zip`, `map`, `for_each` and `collect`, so a pass is written once:
//!
//! ```
//! use dsf_explorer::compute::{chunks, chunks_mut, prelude::*};
//!
//! let (x, mut y) = (vec![2.0f32; 70_000], vec![1.0f32; 70_000]);
//! let sums: Vec<f64> = chunks_mut(&mut y)
//!     .zip(chunks(&x))
//!     .map(|(y, x)| {
//!         y.iter_mut().zip(x).for_each(|(y, x)| *y += x);
//!         y.iter().map(|&y| f64::from(y)).sum()
//!     })
//!     .collect();
//! assert_eq!(sums.iter().sum::<f64>(), 210_000.0);
//! ```

/// ⟨a, b⟩ summed in f64, in eight lanes, at the speed of memory.
pub fn dot(a: &[f32], b: &[f32]) -> f64 {
    use prelude::*;
    let parts: Vec<f64> = chunks(a)
        .zip(chunks(b))
        .map(|(a, b)| {
            let (a, a_rest) = a.as_chunks::<8>();
            let (b, b_rest) = b.as_chunks::<8>();
            let mut lanes = [0.0f64; 8];
            for (a, b) in a.iter().zip(b) {
                for lane in 0..8 {
                    lanes[lane] += f64::from(a[lane]) * f64::from(b[lane]);
                }
            }
            let rest: f64 = a_rest.iter().zip(b_rest).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
            lanes.iter().sum::<f64>() + rest
        })
        .collect();
    parts.iter().sum()
}

/// Entries of a chunk. Fixed, so that the order of sums does not depend on the number of threads.
const CHUNK: usize = 1 << 14;

#[cfg(not(target_arch = "wasm32"))]
mod imp {
    use rayon::slice::{Chunks, ChunksMut, ParallelSlice, ParallelSliceMut};

    /// The slice in chunks of 2¹⁴ entries.
    pub fn chunks<T: Sync>(slice: &[T]) -> Chunks<'_, T> {
        slice.par_chunks(super::CHUNK)
    }

    /// The slice in chunks of `size`, for entries that are work each, such as row indices.
    pub fn chunks_of<T: Sync>(slice: &[T], size: usize) -> Chunks<'_, T> {
        slice.par_chunks(size)
    }

    /// The slice in mutable chunks of `size`.
    pub fn chunks_of_mut<T: Send>(slice: &mut [T], size: usize) -> ChunksMut<'_, T> {
        slice.par_chunks_mut(size)
    }

    /// Runs both, at the same time where there are threads.
    pub fn join<A: Send, B: Send>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
        rayon::join(a, b)
    }

    /// The slice in mutable chunks of 2¹⁴ entries.
    pub fn chunks_mut<T: Send>(slice: &mut [T]) -> ChunksMut<'_, T> {
        slice.par_chunks_mut(super::CHUNK)
    }
}

#[cfg(target_arch = "wasm32")]
mod imp {
    use std::slice::{Chunks, ChunksMut};

    /// The slice in chunks of 2¹⁴ entries.
    pub fn chunks<T>(slice: &[T]) -> Chunks<'_, T> {
        slice.chunks(super::CHUNK)
    }

    /// The slice in chunks of `size`, for entries that are work each, such as row indices.
    pub fn chunks_of<T>(slice: &[T], size: usize) -> Chunks<'_, T> {
        slice.chunks(size)
    }

    /// The slice in mutable chunks of `size`.
    pub fn chunks_of_mut<T>(slice: &mut [T], size: usize) -> ChunksMut<'_, T> {
        slice.chunks_mut(size)
    }

    /// Runs both, one after the other: a Worker has one thread.
    pub fn join<A, B>(a: impl FnOnce() -> A, b: impl FnOnce() -> B) -> (A, B) {
        (a(), b())
    }

    /// The slice in mutable chunks of 2¹⁴ entries.
    pub fn chunks_mut<T>(slice: &mut [T]) -> ChunksMut<'_, T> {
        slice.chunks_mut(super::CHUNK)
    }
}

pub use imp::{chunks, chunks_mut, chunks_of, chunks_of_mut, join};

/// The iterator traits of chunks: rayon's, or the standard library's.
pub mod prelude {
    #[cfg(not(target_arch = "wasm32"))]
    pub use rayon::iter::{IndexedParallelIterator, ParallelIterator};
    #[cfg(target_arch = "wasm32")]
    pub use std::iter::Iterator;
}
