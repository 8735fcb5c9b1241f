//! What is worth knowing about a model's files.

use super::config::names::Names;
use crate::model::Checkpoint;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;

/// Something about a model's files that a person might not expect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// The embedding should be the output layer too, and the file holds another one, which counts.
    OwnHead {
        /// Name of the output layer.
        tensor: String,
    },
    /// Tensors that the computation does not use.
    Unused {
        /// Names of the first ones.
        first: Vec<String>,
        /// Number of all.
        count: usize,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnHead { tensor } => {
                write!(
                    f,
                    "config.json says that the embedding is the output layer (tie_word_embeddings), and the file holds \
                    another one: {tensor} counts"
                )
            }
            Self::Unused { first, count } => {
                let names: Vec<String> = first.iter().map(|name| crate::model::one_line(name)).collect();
                let more = if *count > first.len() { ", …" } else { "" };
                let tensors = if *count == 1 { "1 tensor is" } else { "tensors are" };
                let count = if *count == 1 { String::new() } else { format!("{count} ") };
                write!(f, "{count}{tensors} not used by the computation: {}{more}", names.join(", "))
            }
        }
    }
}

/// The note on tensors that are neither among the used ones nor of a layer that is stored sparse under one of `stems`.
pub(super) fn unused(checkpoint: &Checkpoint, used: &[String], stems: &[String]) -> Option<Note> {
    /// Names that are told.
    const TOLD: usize = 3;
    let used: HashSet<&str> = used.iter().map(String::as_str).collect();
    let stems: HashSet<&str> = stems.iter().map(String::as_str).collect();
    // `<stem>.A.bitmask`, `<stem>.shape`: a start of the name is a stem.
    let of_sparse = |name: &str| name.match_indices('.').any(|(at, _)| stems.contains(&name[..at]));
    let names = checkpoint.tensors().iter().map(|tensor| tensor.name.as_str());
    let unused: Vec<&str> =
        names.filter(|name| !used.contains(name) && !Names::is_computed(name) && !of_sparse(name)).collect();
    let first: Vec<String> = unused.iter().take(TOLD).map(|&name| name.to_owned()).collect();
    (!unused.is_empty()).then_some(Note::Unused { first, count: unused.len() })
}
