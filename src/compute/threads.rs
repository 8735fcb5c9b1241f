//! Thread pools for parallel passes.

use crate::hint::{Explain, Hint};
use faer::Par;

/// A pool of worker threads; in a browser the calling thread.
pub struct ThreadPool {
    #[cfg(not(target_arch = "wasm32"))]
    pool: rayon::ThreadPool,
}

/// Threads of a pool at most. The system would start more, for minutes.
#[cfg(not(target_arch = "wasm32"))]
const MOST: usize = 1024;

/// The system starts no more threads, or is not asked for so many.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the worker threads could not be started ({reason})")]
pub struct NoThreads {
    /// In the system's words.
    reason: String,
}

impl Explain for NoThreads {
    fn hint(&self) -> Option<Hint> {
        Some(Hint::say("end other programs, or take fewer threads"))
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl ThreadPool {
    /// Starts `count` threads, by default one a processor.
    pub fn new(count: Option<usize>) -> Result<Self, NoThreads> {
        if let Some(count) = count.filter(|&count| count > MOST) {
            return Err(NoThreads { reason: format!("{count} are asked for, and {MOST} are the most") });
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count.unwrap_or(0)).build();
        Ok(Self { pool: pool.map_err(|error| NoThreads { reason: error.to_string() })? })
    }

    /// Runs `work` on the pool.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.pool.install(work)
    }
}

/// Parallelism of one operation on `threads` threads.
#[cfg(not(target_arch = "wasm32"))]
pub fn parallelism(threads: usize) -> Par {
    if threads > 1 { Par::rayon(threads) } else { Par::Seq }
}

/// Parallelism of one operation: the calling thread only.
#[cfg(target_arch = "wasm32")]
pub fn parallelism(_: usize) -> Par {
    Par::Seq
}

#[cfg(target_arch = "wasm32")]
impl ThreadPool {
    /// The calling thread, whatever the number.
    pub fn new(_: Option<usize>) -> Result<Self, NoThreads> {
        Ok(Self {})
    }

    /// Runs `work` on the calling thread.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        work()
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn a_million_threads_are_refused() {
        let refused = ThreadPool::new(Some(1_000_000)).err().map(|error| error.to_string());
        let expected = "the worker threads could not be started (1000000 are asked for, and 1024 are the most)";
        assert_eq!(refused.as_deref(), Some(expected));
    }
}
