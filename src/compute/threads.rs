//! Thread pools for parallel passes.

use faer::Par;

/// A pool of worker threads; in a browser the calling thread.
pub struct ThreadPool {
    #[cfg(not(target_arch = "wasm32"))]
    pool: rayon::ThreadPool,
}

#[cfg(not(target_arch = "wasm32"))]
impl ThreadPool {
    /// Starts `count` threads, by default one a processor. The error is a sentence.
    pub fn new(count: Option<usize>) -> Result<Self, String> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count.unwrap_or(0)).build();
        Ok(Self { pool: pool.map_err(|error| format!("the worker threads could not be started: {error}"))? })
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
    pub fn new(_: Option<usize>) -> Result<Self, String> {
        Ok(Self {})
    }

    /// Runs `work` on the calling thread.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        work()
    }
}
