//! The GPU that all runs share: opened on first use, and reopened after it was lost.

use super::{Error, Gpu};
use std::sync::Arc;
use std::task::Poll;

/// The shared GPU. Blocks while it is opened.
#[cfg(not(target_arch = "wasm32"))]
pub fn shared() -> Poll<Result<Arc<Gpu>, Error>> {
    use std::sync::{Mutex, PoisonError};
    static SHARED: Mutex<Option<Arc<Gpu>>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(gpu) = shared.as_ref().filter(|gpu| gpu.check().is_ok()) {
        return Poll::Ready(Ok(gpu.clone()));
    }
    let opened = pollster::block_on(Gpu::open()).map(Arc::new);
    *shared = opened.clone().ok();
    Poll::Ready(opened)
}

/// Replaces a lost GPU: by the shared one, or by one with the same binding limit.
pub fn reopen(lost: &Gpu) -> Result<Arc<Gpu>, Error> {
    if let (None, Poll::Ready(shared)) = (lost.binding_limit_asked(), shared()) {
        return shared;
    }
    let most = lost.binding_limit_asked().unwrap_or(lost.binding_limit());
    Ok(Arc::new(pollster::block_on(Gpu::with_binding_limit(most))?.with_tiles(lost.tiles())))
}

/// The shared GPU. Pending while the browser opens it: call again when the actor is woken.
#[cfg(target_arch = "wasm32")]
pub fn shared() -> Poll<Result<Arc<Gpu>, Error>> {
    use std::cell::RefCell;
    enum Shared {
        Closed,
        Opening,
        Opened(Result<Arc<Gpu>, Error>),
    }
    thread_local! {
        static SHARED: RefCell<Shared> = const { RefCell::new(Shared::Closed) };
    }
    SHARED.with_borrow_mut(|shared| match shared {
        Shared::Opened(Ok(gpu)) if gpu.check().is_ok() => Poll::Ready(Ok(gpu.clone())),
        Shared::Opened(Err(why)) => {
            let why = why.clone();
            // The next call tries again.
            *shared = Shared::Closed;
            Poll::Ready(Err(why))
        }
        Shared::Opening => Poll::Pending,
        Shared::Closed | Shared::Opened(_) => {
            *shared = Shared::Opening;
            wasm_bindgen_futures::spawn_local(async {
                let opened = Gpu::open().await.map(Arc::new);
                SHARED.with_borrow_mut(|shared| *shared = Shared::Opened(opened));
                crate::tasks::wake();
            });
            Poll::Pending
        }
    })
}
