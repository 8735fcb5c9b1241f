//! Which tasks wait for each other.

/// A page has one Worker for each lane that something was sent to; tasks of one lane follow each other. On the desktop
/// every task has a thread of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// The run in work.
    Run,
    /// What is on screen.
    Views,
    /// Files, and what nobody waits for.
    Aside,
    /// The language model's perplexity and its texts.
    Language,
    /// What takes minutes: cancelling it ends the Worker.
    Long,
}

impl Lane {
    /// All lanes.
    pub const ALL: [Self; 5] = [Self::Run, Self::Views, Self::Aside, Self::Language, Self::Long];
}
