//! Queues of tasks: tasks of one queue run one after another in a page.

/// Queue of a task. A page has one Worker for each queue in use, or a few; tasks of one Worker run in order. On the
/// desktop every task has a thread of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// The window's factorization run.
    Run,
    /// Pictures and figures on screen.
    Views,
    /// Reading and writing files, and work nobody waits for.
    Files,
    /// The language model: perplexity and text generation.
    Language,
    /// The vision model: answers on images.
    Vision,
    /// Tasks of minutes that are started by hand.
    Slow,
    /// Compression of a model's layers.
    Compressing,
    /// Measurement of the layers' sensitivity.
    Measuring,
    /// Comparison of methods, several tasks at once.
    Comparing,
}

impl Queue {
    /// Whether a task of this queue is cancelled by terminating its Worker, where it is the Worker's only one.
    pub fn cancels_by_terminating(self) -> bool {
        matches!(self, Self::Slow | Self::Compressing | Self::Measuring | Self::Comparing)
    }
}
