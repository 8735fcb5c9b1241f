//! Closing the window.

/// Whether the window may close although something was not saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Closing {
    /// The window is not being closed.
    #[default]
    No,
    /// It was tried, and the person is asked.
    Asked,
    /// The window may close: unsaved work may be lost.
    Agreed,
}
