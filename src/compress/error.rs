//! Errors of a compression.

use std::path::PathBuf;

/// What stops a compression.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Of the model.
    #[error(transparent)]
    Language(#[from] crate::language::Error),
    /// Of a layer's run.
    #[error("{tensor}: {problem}")]
    Layer {
        /// Its weight.
        tensor: String,
        /// What is wrong.
        problem: String,
    },
    /// Statistics that were to be used are missing or do not fit.
    #[error(transparent)]
    Statistics(#[from] crate::model::Error),
    /// Of what is written.
    #[error(transparent)]
    Export(#[from] crate::export::Error),
    /// The output is there already.
    #[error("{} exists: give another folder, or --force to replace it", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A folder of work that was interrupted belongs to another compression.
    #[error(
        "{} holds the beginnings of another compression ({what}): go on with its settings, give another --out, or --force to drop it",
        path.display()
    )]
    OtherPlan {
        /// The folder of the work.
        path: PathBuf,
        /// What differs.
        what: String,
    },
    /// Another process works there.
    #[error("{} is being worked on by another process: wait for it, or give another --out", path.display())]
    Busy {
        /// The folder of the work.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{} cannot be written ({reason}): layers written before are kept, and the same command goes on from them", path.display())]
    Write {
        /// What was written.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// Told to stop.
    #[error("cancelled: layers that were finished are kept")]
    Cancelled,
    /// A setting outside its range.
    #[error("{0}")]
    Plan(String),
    /// Factors were asked for where there are none.
    #[error("{method} makes no two sparse factors to write: write it with --layout merged")]
    NoFactors {
        /// The method.
        method: &'static str,
    },
    /// A method that needs what the layers read.
    #[error("{method} needs the layers' inputs: give a text with --calibration-text FILE")]
    NeedsText {
        /// The method.
        method: &'static str,
    },
}
