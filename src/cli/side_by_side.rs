//! Several measurements at a time.

use super::Failure;
use super::layer::available;
use crate::compute::ThreadPool;
use std::sync::Mutex;

/// Calls `work` for each of `0..count`, as many at a time as there are processors for, each on `threads` of its own, so
/// that their times are comparable. `done` receives the results one after the other.
pub fn side_by_side<T: Send>(
    count: usize,
    threads: usize,
    work: impl Fn(usize) -> Result<T, Failure> + Sync,
    done: impl FnMut(usize, Result<T, Failure>) + Send,
) {
    let (next, done) = (Mutex::new(0..count), Mutex::new(done));
    let take = || next.lock().ok().and_then(|mut next| next.next());
    std::thread::scope(|scope| {
        for _ in 0..(available() / threads).max(1) {
            scope.spawn(|| {
                while let Some(at) = take() {
                    let pool = ThreadPool::new(Some(threads)).map_err(Failure::from);
                    let made = pool.and_then(|pool| pool.run(|| work(at)));
                    if let Ok(mut done) = done.lock() {
                        done(at, made);
                    }
                }
            });
        }
    });
}
