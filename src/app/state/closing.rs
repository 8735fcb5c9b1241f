//! Closing the window.

/// Whether the window may close although something was not saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Closing {
    /// The window is not being closed.
    #[default]
    No,
    /// It was tried, and the person is asked.
    Asked,
    /// What was not saved may be lost.
    Agreed,
}
