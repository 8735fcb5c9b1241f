//! Work on the threads that runs may have.

use crate::compute::ThreadPool;
use crate::hint::Failure;

/// Computes on as many threads as a run may have.
pub fn on_threads<T: Send>(
    threads: Option<usize>,
    work: impl FnOnce() -> Result<T, Failure> + Send,
) -> Result<T, Failure> {
    ThreadPool::new(threads)?.run(work)
}
