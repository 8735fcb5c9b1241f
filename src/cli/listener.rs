//! Whoever runs a command in a terminal's place: a program that has this one as a library.

use std::cell::RefCell;
use std::sync::Arc;

/// A receiver of what a command says.
pub trait Listener: Send + Sync {
    /// The share of the work that is done, and what it is about. Returns whether to go on.
    fn progress(&self, share: f64, what: &str) -> bool;

    /// A sentence beside the result.
    fn note(&self, text: &str);

    /// The result, as it would be printed.
    fn result(&self, text: &str);
}

thread_local! {
    static LISTENER: RefCell<Option<Arc<dyn Listener>>> = const { RefCell::new(None) };
}

/// The listener of the command that this thread works for; `None` in a terminal.
pub fn listener() -> Option<Arc<dyn Listener>> {
    LISTENER.with_borrow(Clone::clone)
}

/// Calls `work`, in which this thread works for `listener`.
pub fn with_listener<T>(listener: Option<Arc<dyn Listener>>, work: impl FnOnce() -> T) -> T {
    let before = LISTENER.replace(listener);
    let done = work();
    LISTENER.set(before);
    done
}
