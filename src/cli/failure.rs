//! Why a command failed.

use super::hints;
use crate::hint::{self, Explain};
use std::fmt;

/// Why a command failed: what is wrong, and what to do about it in the words of the command line.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: Option<String>,
    /// Whether the command's words are at fault, as in what clap finds.
    usage: bool,
}

impl Failure {
    /// Creates a failure that says what is wrong and what to do about it.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()), usage: false }
    }

    /// Creates a failure that says what is wrong, where nothing is known to help.
    pub fn unexplained(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), hint: None, usage: false }
    }

    /// Creates the failure of a command that its listener ended.
    pub fn cancelled() -> Self {
        Self::unexplained("cancelled")
    }

    /// Creates the failure of a command's words that clap found.
    pub fn of_words(error: &clap::Error) -> Self {
        let text = error.to_string();
        let first = text.split("\n\n").next().unwrap_or_default();
        Self::unexplained(first.strip_prefix("error: ").unwrap_or(first)).usage()
    }

    /// Message that says what is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Advice on what to do about it, in the words of the command line, if anything is known to help.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The same as a failure of the command's words.
    pub fn usage(self) -> Self {
        Self { usage: true, ..self }
    }

    /// Whether the command's words are at fault.
    pub fn is_usage(&self) -> bool {
        self.usage
    }

    /// The same, of this.
    pub fn of(self, what: impl fmt::Display) -> Self {
        Self { message: format!("{what}: {}", self.message), ..self }
    }

    /// Of a task, whose error has gone through a channel.
    pub fn of_task(failure: hint::Failure) -> Self {
        let hint = failure.hint.as_ref().map(|hint| hints::words(hint).into_owned());
        Self { message: failure.message, hint, usage: false }
    }
}

impl<E: Explain> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::of_task(error.into())
    }
}

/// One line: what, and after the last colon what to do.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hint {
            Some(hint) => write!(f, "{}: {hint}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Failure {}
