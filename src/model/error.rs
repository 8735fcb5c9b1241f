//! What can be wrong with a checkpoint.

use super::names::quoted;

/// Why a checkpoint, or a tensor of it, cannot be read.
///
/// Every message is one line: what is wrong, and after the last colon what to do about it. Names that come out of a
/// file are quoted with control characters escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing has this path.
    #[error("{path} does not exist: check the path")]
    NotFound {
        /// The path as given.
        path: String,
    },
    /// A folder where a file has to be.
    #[error("{path} is a folder where a file is expected: remove it, or download the file again")]
    Folder {
        /// The path.
        path: String,
    },
    /// A pipe, a device, a socket.
    #[error("{path} is neither a file nor a folder: save it as a file and open that")]
    NotAFile {
        /// The path.
        path: String,
    },
    /// The operating system refuses.
    #[error("{path} cannot be read ({reason}): check its permissions and the disk")]
    Unreadable {
        /// The path.
        path: String,
        /// In the system's words.
        reason: String,
    },
    /// A folder without a checkpoint.
    #[error(
        "{folder} holds neither model.safetensors nor model.safetensors.index.json but {inside}: open one of its files, or another folder"
    )]
    NoModel {
        /// The folder.
        folder: String,
        /// The first few entries.
        inside: String,
    },
    /// An ending that none of the readers knows.
    #[error("{file} is of no known kind: open a .safetensors, its .safetensors.index.json, their folder, or a .npy")]
    UnknownKind {
        /// The file's name.
        file: String,
    },
    /// An index handed over as bytes, without its shards.
    #[error("{file} only lists the files that hold the weights: open it together with them")]
    IndexAlone {
        /// The file's name.
        file: String,
    },
    /// Not a single byte.
    #[error("{file} is empty: download or export it again")]
    EmptyFile {
        /// The file's name.
        file: String,
    },
    /// What git leaves in place of a large file.
    #[error("{file} is a Git LFS pointer, not the weights: run `git lfs pull` in its folder, or download the file")]
    LfsPointer {
        /// The file's name.
        file: String,
    },
    /// A header beyond any real one, mostly from a file that is something else.
    #[error(
        "{file} claims a header of {bytes} bytes where at most {limit} are allowed: it is damaged or of another kind, download or export it again"
    )]
    HeaderTooLong {
        /// The file's name.
        file: String,
        /// What the file says.
        bytes: u64,
        /// What is accepted.
        limit: u64,
    },
    /// The file ends too early.
    #[error("{file} ends after {found} of {expected} bytes: download or export it again")]
    Truncated {
        /// The file's name.
        file: String,
        /// What its header asks for.
        expected: u64,
        /// Its size.
        found: u64,
    },
    /// The file goes on after its last tensor.
    #[error("{file} has {extra} bytes that belong to no tensor: its header is wrong, download or export it again")]
    ExtraBytes {
        /// The file's name.
        file: String,
        /// How many.
        extra: u64,
    },
    /// A header or an index that contradicts its format or itself.
    #[error("{file} is damaged or of another kind ({problem}): download or export it again")]
    Malformed {
        /// The file's name.
        file: String,
        /// What contradicts what.
        problem: String,
    },
    /// One name for two tensors.
    #[error("{file} lists {} twice: export it again with each name once", quoted(tensor))]
    Duplicate {
        /// The file's name.
        file: String,
        /// The name.
        tensor: String,
    },
    /// A dimension beyond 2³².
    #[error(
        "tensor {} of {file} has a dimension of {dimension}: at most 2^32 is supported, export it again",
        quoted(tensor)
    )]
    Dimension {
        /// The file's name.
        file: String,
        /// The tensor.
        tensor: String,
        /// The dimension.
        dimension: u64,
    },
    /// A NumPy array that is not plain numbers.
    #[error("{file} is a NumPy array of {kind}: save plain numbers, `np.save(file, array.astype('float32'))`")]
    NotPlain {
        /// The file's name.
        file: String,
        /// What it holds.
        kind: String,
    },
    /// A shard's name that could lead out of the folder.
    #[error(
        "{file} names {} as a shard: only the name of a .safetensors file beside the index is accepted, correct its weight_map",
        quoted(shard)
    )]
    ShardName {
        /// The index's name.
        file: String,
        /// The name.
        shard: String,
    },
    /// More shards than any real checkpoint has.
    #[error("{file} names {shards} shards: at most {limit} are supported, merge them")]
    TooManyShards {
        /// The index's name.
        file: String,
        /// How many.
        shards: usize,
        /// What is accepted.
        limit: usize,
    },
    /// A shard is not where the index is.
    #[error("{file} needs {}, which is not beside it: download that file too", quoted(shard))]
    MissingShard {
        /// The index's name.
        file: String,
        /// The shard's name.
        shard: String,
    },
    /// The index and its shard contradict each other.
    #[error(
        "{file} promises tensor {} in {}, which does not hold it: download index and shards from the same place",
        quoted(tensor),
        quoted(shard)
    )]
    NotInShard {
        /// The index's name.
        file: String,
        /// The tensor.
        tensor: String,
        /// The shard's name.
        shard: String,
    },
    /// One name in two shards.
    #[error(
        "tensor {} is both in {} and in {}: download index and shards from the same place",
        quoted(tensor),
        quoted(first),
        quoted(second)
    )]
    TwoShards {
        /// The tensor.
        tensor: String,
        /// One shard.
        first: String,
        /// The other.
        second: String,
    },
    /// No tensor has this name.
    #[error("{file} has no tensor {}: {}", quoted(tensor), suggestion(nearest))]
    UnknownTensor {
        /// The checkpoint's name.
        file: String,
        /// What was asked for.
        tensor: String,
        /// The most similar names there are, best first.
        nearest: Vec<String>,
    },
    /// Neither 2-D nor a convolution.
    #[error(
        "tensor {} has shape {shape:?}: choose one with two dimensions, or a convolution with four",
        quoted(tensor)
    )]
    NotAMatrix {
        /// The tensor.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// No entries.
    #[error("tensor {} has shape {shape:?} and so no values: choose another one", quoted(tensor))]
    EmptyTensor {
        /// The tensor.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// Integers, booleans, 8-bit floats.
    #[error(
        "tensor {} holds {}: only F64, F32, F16 and BF16 can be factorized, convert it first",
        quoted(tensor),
        quoted(dtype)
    )]
    NotFloat {
        /// The tensor.
        tensor: String,
        /// Its format, in the file's words.
        dtype: String,
    },
    /// An infinity, or not a number.
    #[error(
        "tensor {} has {value} in row {row}, column {col} (from 0): only finite values can be factorized, repair the checkpoint",
        quoted(tensor)
    )]
    NotFinite {
        /// The tensor.
        tensor: String,
        /// Row of the stored matrix, from 0.
        row: usize,
        /// Column of the stored matrix, from 0.
        col: usize,
        /// The value as f32.
        value: String,
    },
    /// Only matrices are stored the other way round.
    #[error(
        "tensor {} is a convolution of shape {shape:?}: only two dimensions can be transposed, read it as stored",
        quoted(tensor)
    )]
    TransposedConvolution {
        /// The tensor.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// No pair of factors has this name.
    #[error("{file} has no factors of {}: {}", quoted(stem), suggestion(nearest))]
    NoFactors {
        /// The checkpoint's name.
        file: String,
        /// What was asked for.
        stem: String,
        /// The factorizations there are, most similar name first.
        nearest: Vec<String>,
    },
    /// Parts of an exported factor contradict each other.
    #[error("factor {} is damaged ({problem}): export it again", quoted(factor))]
    BadFactor {
        /// The factor's name, `<m>.A` or `<m>.B`.
        factor: String,
        /// What contradicts what.
        problem: String,
    },
    /// A and B do not multiply.
    #[error(
        "the factors of {} are {}×{} and {}×{}: A needs as many columns as B has rows, export them again",
        quoted(stem), a.0, a.1, b.0, b.1
    )]
    InnerDimension {
        /// The factorization.
        stem: String,
        /// Rows and columns of A.
        a: (usize, usize),
        /// Rows and columns of B.
        b: (usize, usize),
    },
    /// A sparse matrix that claims to be huge without the entries to show for it.
    #[error(
        "{} would be {rows}×{cols} with {nonzeros} nonzeros: at most {limit} entries are supported then, export it again",
        quoted(name)
    )]
    TooLarge {
        /// The factor or factorization.
        name: String,
        /// Rows it claims.
        rows: u64,
        /// Columns it claims.
        cols: u64,
        /// Nonzeros it has.
        nonzeros: u64,
        /// Entries accepted with so many nonzeros.
        limit: u64,
    },
    /// A file of inputs without inputs.
    #[error(
        "{file} holds {} but neither X nor XtX: save the layer's inputs as X [samples, in], or X transposed times X as XtX [in, in]",
        listed(names)
    )]
    NoInputs {
        /// The file's name.
        file: String,
        /// The tensors there are.
        names: Vec<String>,
    },
    /// Inputs of another layer.
    #[error(
        "{} of {file} has shape {shape:?} where {} is expected, this layer having {inputs} inputs: give the inputs of this layer",
        quoted(tensor),
        if *product { format!("[{inputs}, {inputs}]") } else { format!("[samples, {inputs}]") }
    )]
    InputShape {
        /// The file's name.
        file: String,
        /// The tensor.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Whether it is XᵀX.
        product: bool,
        /// How many inputs the layer has.
        inputs: usize,
    },
    /// Inputs that no real samples have.
    #[error("{} of {file}: {problem}", quoted(tensor))]
    Inputs {
        /// The file's name.
        file: String,
        /// The tensor.
        tensor: String,
        /// What is wrong, and what to do about it.
        problem: String,
    },
}

fn suggestion(nearest: &[String]) -> String {
    match nearest {
        [] => "there are none in this file, open another one".to_owned(),
        names => format!("did you mean {}?", names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")),
    }
}

/// The first few names.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 6;
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| quoted(name)).collect();
    match names.len() {
        0 => "nothing".to_owned(),
        n if n > SHOWN => format!("{} and {} more", shown.join(", "), n - SHOWN),
        _ => shown.join(", "),
    }
}
