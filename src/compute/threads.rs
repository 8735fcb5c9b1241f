//! The threads that parallel passes run on.

use faer::Par;

/// A pool of worker threads; where there are none, the calling one.
pub struct Threads {
    #[cfg(not(target_arch = "wasm32"))]
    pool: rayon::ThreadPool,
}

#[cfg(not(target_arch = "wasm32"))]
impl Threads {
    /// So many; as many as there are processors without a number. In a sentence why there are none.
    pub fn new(count: Option<usize>) -> Result<Self, String> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count.unwrap_or(0)).build();
        Ok(Self { pool: pool.map_err(|error| format!("the worker threads could not be started: {error}"))? })
    }

    /// Does something on them.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.pool.install(work)
    }
}

/// One operation on so many of them.
#[cfg(not(target_arch = "wasm32"))]
pub fn on(threads: usize) -> Par {
    if threads > 1 { Par::rayon(threads) } else { Par::Seq }
}

/// One operation on the calling thread.
#[cfg(target_arch = "wasm32")]
pub fn on(_: usize) -> Par {
    Par::Seq
}

#[cfg(target_arch = "wasm32")]
impl Threads {
    /// This one.
    pub fn new(_: Option<usize>) -> Result<Self, String> {
        Ok(Self {})
    }

    /// Does something on it.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        work()
    }
}
