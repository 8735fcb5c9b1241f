//! Which tasks wait for each other.

/// A page has one Worker for each queue that something was sent to, or a few; tasks of one Worker follow each other. On the
/// desktop every task has a thread of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// The run in work.
    Run,
    /// What is on screen.
    Views,
    /// Files, and what nobody waits for.
    Aside,
    /// The language model's perplexity and its texts.
    Language,
    /// What takes minutes and is asked for by hand.
    Slow,
    /// Layers being compressed.
    Compressing,
    /// What layers cost being measured.
    Measuring,
    /// Methods being compared, several at once.
    Comparing,
}

impl Queue {
    /// Whether its Worker is ended when nobody waits any more for the only task it has.
    pub fn ends_with_its_task(self) -> bool {
        matches!(self, Self::Slow | Self::Compressing | Self::Measuring | Self::Comparing)
    }
}
