//! Why something cannot be exported.

use crate::hint::{Explain, Hint};
use std::path::PathBuf;

/// Why something cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The factors do not belong to the layer.
    #[error(
        "A {}×{} times B {}×{} is not the shape of {tensor}, {}×{}",
        a.0, a.1, b.0, b.1, weight.0, weight.1
    )]
    Shapes {
        /// Name of the tensor.
        tensor: String,
        /// Rows and columns of W.
        weight: (usize, usize),
        /// Rows and columns of A.
        a: (usize, usize),
        /// Rows and columns of B.
        b: (usize, usize),
    },
    /// A method that makes no two factors.
    #[error(
        "{layout} writes two factors, and this method makes {}",
        if *parts == 1 { "one matrix" } else { "three" }
    )]
    NoFactors {
        /// Name of the layout.
        layout: &'static str,
        /// Number of matrices that the method makes.
        parts: usize,
    },
    /// The layer's matrix is not its tensor's shape flattened.
    #[error("{tensor} is stored as {shape:?}, which is not a {}×{} matrix", weight.0, weight.1)]
    Stored {
        /// Name of the tensor.
        tensor: String,
        /// Its shape in its file.
        shape: Vec<usize>,
        /// Rows and columns of W.
        weight: (usize, usize),
    },
    /// An infinity or something that is not a number would be written.
    #[error("{matrix} holds {value} in row {row}, column {col}")]
    NotFinite {
        /// `A`, `B` or `A·B`.
        matrix: &'static str,
        /// Row of the value, from 0.
        row: usize,
        /// Column of the value, from 0.
        col: usize,
        /// Value that cannot be written.
        value: f32,
    },
    /// A value is too large for the file's number format.
    #[error("{matrix} holds {value} in row {row}, column {col}, and {dtype} ends at {largest}")]
    Range {
        /// `A`, `B` or `A·B`.
        matrix: &'static str,
        /// Row of the value, from 0.
        row: usize,
        /// Column of the value, from 0.
        col: usize,
        /// Value that cannot be written.
        value: f32,
        /// Name of the number format.
        dtype: &'static str,
        /// The format's largest value.
        largest: f32,
        /// Names of formats that hold it.
        fitting: &'static str,
    },
    /// A chart that cannot be drawn.
    #[error("the chart cannot be drawn ({what})")]
    Picture {
        /// Description of the problem.
        what: String,
    },
    /// The target's name promises another kind of file.
    #[error("{} does not end in .{ending}, and what is written there is of this kind", path.display())]
    Ending {
        /// Path of the file to write.
        path: PathBuf,
        /// Ending that fits, without the dot.
        ending: &'static str,
    },
    /// The target exists and was not to be replaced.
    #[error("{} exists", path.display())]
    Exists {
        /// Path of the file to write.
        path: PathBuf,
    },
    /// The target's folder does not exist.
    #[error("{} cannot be written, {} is not a folder", path.display(), folder.display())]
    NoFolder {
        /// Path of the file to write.
        path: PathBuf,
        /// Folder that the file was to be in.
        folder: PathBuf,
    },
    /// The target is something else than a file.
    #[error("{:?} is not a file", path)]
    NotAFile {
        /// Path of the file to write.
        path: PathBuf,
    },
    /// The system refused to write.
    #[error("{} cannot be written ({source})", path.display())]
    Write {
        /// Path of the file to write.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
}

impl Explain for Error {
    fn hint(&self) -> Option<Hint> {
        Some(match self {
            Self::Shapes { .. } => Hint::say("these factors are of another tensor"),
            Self::NoFactors { parts, .. } => Hint::ChooseMerged { product: *parts > 1 },
            Self::Stored { .. } => Hint::ChooseFactors,
            Self::NotFinite { .. } => Hint::say("factorize again with a larger ridge or ρ"),
            Self::Range { fitting, .. } => Hint::ChooseDtype { fitting: (*fitting).into() },
            Self::Picture { .. } => Hint::say("write it as .svg or .csv instead"),
            Self::Ending { path, ending } => {
                Hint::Say(format!("give a name such as {}", path.with_extension(ending).display()).into())
            }
            Self::Exists { .. } => Hint::ReplaceFile,
            Self::NoFolder { .. } => Hint::say("make the folder first"),
            Self::NotAFile { .. } => Hint::say("give the name of a file to write"),
            Self::Write { .. } => Hint::say("nothing was left there; try another folder"),
        })
    }
}
