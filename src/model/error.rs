//! What can be wrong with a checkpoint.

use super::names::quoted;
use super::{FetchError, Foreign};
use crate::hint::{Explain, Hint};
use crate::matrix::{CalibrationError, OutputWeightsError};

/// Why a checkpoint, or a tensor of it, cannot be read.
///
/// Every message is one line. Names that come out of a file are quoted with control characters escaped.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// Nothing has this path.
    #[error("{path} does not exist")]
    NotFound {
        /// The path as given.
        path: String,
    },
    /// A folder where a file has to be.
    #[error("{path} is a folder where a file is expected")]
    Folder {
        /// Path of the file or folder.
        path: String,
    },
    /// A pipe, a device, a socket.
    #[error("{path} is neither a file nor a folder")]
    NotAFile {
        /// Path of the file or folder.
        path: String,
    },
    /// The operating system refuses.
    #[error("{path} cannot be read ({reason})")]
    Unreadable {
        /// Path of the file or folder.
        path: String,
        /// In the system's words.
        reason: String,
    },
    /// The browser, or the host of an address, gives no bytes.
    #[error("{path} cannot be read ({source})")]
    Fetch {
        /// The file's name, or the address.
        path: String,
        /// Reason why it cannot be fetched.
        source: FetchError,
    },
    /// A file that has become shorter since it was opened.
    #[error("{path} was cut short while it was open: {found} of {expected} bytes are left")]
    CutShort {
        /// Path of the file.
        path: String,
        /// Size when it was opened, in bytes.
        expected: u64,
        /// Size now, in bytes.
        found: u64,
    },
    /// A folder without a checkpoint.
    #[error(
        "{folder} holds neither model.safetensors nor model.safetensors.index.json, nor those of PyTorch, but {inside}"
    )]
    NoModel {
        /// Path of the folder.
        folder: String,
        /// The first few entries.
        inside: String,
    },
    /// An ending that none of the readers knows.
    #[error("{file} is of no known kind")]
    UnknownKind {
        /// Name of the file.
        file: String,
    },
    /// A kind that is known, but not read.
    #[error("{file} is {kind}, which is not read")]
    Foreign {
        /// Name of the file.
        file: String,
        /// Kind of the file.
        kind: Foreign,
    },
    /// Objects of Python without a tensor among them.
    #[error("{file} holds objects of Python ({object}) and no tensors in dictionaries")]
    NotTensors {
        /// Name of the file.
        file: String,
        /// Name of the first one's class.
        object: String,
    },
    /// An index handed over as bytes, without its shards.
    #[error("{file} only lists the files that hold the weights")]
    IndexAlone {
        /// Name of the file.
        file: String,
    },
    /// Not a single byte.
    #[error("{file} is empty")]
    EmptyFile {
        /// Name of the file.
        file: String,
    },
    /// The file is the pointer that git leaves in place of a large file.
    #[error("{file} is a Git LFS pointer, not the weights")]
    LfsPointer {
        /// Name of the file.
        file: String,
    },
    /// A header beyond any real one, mostly from a file that is something else.
    #[error("{file} claims a header of {bytes} bytes where at most {limit} are allowed")]
    HeaderTooLong {
        /// Name of the file.
        file: String,
        /// Length that the file gives for its header, in bytes.
        bytes: u64,
        /// Largest number that is accepted.
        limit: u64,
    },
    /// The file ends too early.
    #[error("{file} ends after {found} of {expected} bytes")]
    Truncated {
        /// Name of the file.
        file: String,
        /// Size that its header asks for, in bytes.
        expected: u64,
        /// Size of the file, in bytes.
        found: u64,
    },
    /// The file goes on after its last tensor.
    #[error("{file} has {extra} bytes that belong to no tensor")]
    ExtraBytes {
        /// Name of the file.
        file: String,
        /// Number found in the file.
        extra: u64,
    },
    /// A header or an index that contradicts its format or itself.
    #[error("{file} is damaged or of another kind ({problem})")]
    Malformed {
        /// Name of the file.
        file: String,
        /// Description of the contradiction.
        problem: String,
    },
    /// One name for two tensors.
    #[error("{file} lists {} twice", quoted(tensor))]
    Duplicate {
        /// Name of the file.
        file: String,
        /// Name found in the file.
        tensor: String,
    },
    /// A dimension beyond 2³².
    #[error("tensor {} of {file} has a dimension of {dimension}, and at most 2^32 is supported", quoted(tensor))]
    Dimension {
        /// Name of the file.
        file: String,
        /// Name of the tensor.
        tensor: String,
        /// Size of the dimension.
        dimension: u64,
    },
    /// A NumPy array that is not plain numbers.
    #[error("{file} is a NumPy array of {kind}")]
    NotPlain {
        /// Name of the file.
        file: String,
        /// Kind of the array's elements.
        kind: String,
    },
    /// A shard's name that could lead out of the folder.
    #[error(
        "{file} names {} as a shard, and only files with weights in the index's folder or below it are accepted",
        quoted(shard)
    )]
    ShardName {
        /// File name of the index.
        file: String,
        /// Name found in the file.
        shard: String,
    },
    /// More shards than any real checkpoint has.
    #[error("{file} names {shards} shards, and at most {limit} are supported")]
    TooManyShards {
        /// File name of the index.
        file: String,
        /// Number found in the file.
        shards: usize,
        /// Largest number that is accepted.
        limit: usize,
    },
    /// A shard is not where the index is.
    #[error("{file} needs {}, which is not there", quoted(shard))]
    MissingShard {
        /// File name of the index.
        file: String,
        /// File name of the shard.
        shard: String,
    },
    /// The index and its shard contradict each other.
    #[error("{file} promises tensor {} in {}, which does not hold it", quoted(tensor), quoted(shard))]
    NotInShard {
        /// File name of the index.
        file: String,
        /// Name of the tensor.
        tensor: String,
        /// File name of the shard.
        shard: String,
    },
    /// One name in two shards.
    #[error("tensor {} is both in {} and in {}", quoted(tensor), quoted(first), quoted(second))]
    TwoShards {
        /// Name of the tensor.
        tensor: String,
        /// File name of the first shard.
        first: String,
        /// File name of the second shard.
        second: String,
    },
    /// No tensor has this name.
    #[error("{file} has no tensor {}", quoted(tensor))]
    UnknownTensor {
        /// Name of the checkpoint.
        file: String,
        /// Name that was asked for.
        tensor: String,
        /// The most similar names there are, best first.
        nearest: Vec<String>,
    },
    /// Neither 2-D nor a convolution.
    #[error("tensor {} has shape {shape:?}, which is no matrix", quoted(tensor))]
    NotAMatrix {
        /// Name of the tensor.
        tensor: String,
        /// Shape of the tensor.
        shape: Vec<usize>,
    },
    /// A tensor without entries.
    #[error("tensor {} has shape {shape:?} and so no values", quoted(tensor))]
    EmptyTensor {
        /// Name of the tensor.
        tensor: String,
        /// Shape of the tensor.
        shape: Vec<usize>,
    },
    /// Integers, booleans, packed values.
    #[error("tensor {} holds {}, which are not read as weights", quoted(tensor), quoted(dtype))]
    NotFloat {
        /// Name of the tensor.
        tensor: String,
        /// Its format, in the file's words.
        dtype: String,
        /// What turns it into weights, if that is known.
        converter: Option<&'static str>,
    },
    /// Quantized weights where a copy of the model is to be written: what belongs to them would not fit new ones.
    #[error("the weights of {file} are quantized ({} in {dtype})", quoted(tensor))]
    Quantized {
        /// Name of the checkpoint.
        file: String,
        /// Name of the first one.
        tensor: String,
        /// Its format, in the file's words.
        dtype: String,
    },
    /// A scale of another shape than its tensor's.
    #[error(
        "tensor {} of shape {shape:?} cannot be multiplied by its scale {} of shape {scale_shape:?}",
        quoted(tensor),
        quoted(scale)
    )]
    ScaleShape {
        /// Name of the tensor.
        tensor: String,
        /// Shape of the tensor.
        shape: Vec<usize>,
        /// Name of the tensor with the scale.
        scale: String,
        /// Shape of the scale.
        scale_shape: Vec<usize>,
    },
    /// A value that is infinite or NaN.
    #[error(
        "tensor {} has {value} in row {row}, column {col} (from 0), and only finite values can be factorized",
        quoted(tensor)
    )]
    NotFinite {
        /// Name of the tensor.
        tensor: String,
        /// Row of the stored matrix, from 0.
        row: usize,
        /// Column of the stored matrix, from 0.
        col: usize,
        /// The value as f32.
        value: String,
    },
    /// Only matrices are stored the other way round.
    #[error("tensor {} is a convolution of shape {shape:?}, and only two dimensions can be transposed", quoted(tensor))]
    TransposedConvolution {
        /// Name of the tensor.
        tensor: String,
        /// Shape of the tensor.
        shape: Vec<usize>,
    },
    /// No pair of factors has this name.
    #[error("{file} has no factors of {}", quoted(stem))]
    NoFactors {
        /// Name of the checkpoint.
        file: String,
        /// Name that was asked for.
        stem: String,
        /// The factorizations there are, most similar name first.
        nearest: Vec<String>,
    },
    /// Parts of an exported factor contradict each other.
    #[error("factor {} is damaged ({problem})", quoted(factor))]
    BadFactor {
        /// The factor's name, `<m>.A` or `<m>.B`.
        factor: String,
        /// Description of the contradiction.
        problem: String,
    },
    /// A and B do not multiply.
    #[error(
        "the factors of {} are {}×{} and {}×{}, and A needs as many columns as B has rows",
        quoted(stem), a.0, a.1, b.0, b.1
    )]
    InnerDimension {
        /// Name of the factorization, `<m>`.
        stem: String,
        /// Rows and columns of A.
        a: (usize, usize),
        /// Rows and columns of B.
        b: (usize, usize),
    },
    /// A sparse matrix that claims to be huge without the entries to show for it.
    #[error(
        "{} would be {rows}×{cols} with {nonzeros} nonzeros, and at most {limit} entries are supported then",
        quoted(name)
    )]
    TooLarge {
        /// The factor or factorization.
        name: String,
        /// Number of rows it claims.
        rows: u64,
        /// Number of columns it claims.
        cols: u64,
        /// Number of nonzeros it has.
        nonzeros: u64,
        /// Entries accepted with so many nonzeros.
        limit: u64,
    },
    /// A file of inputs without inputs.
    #[error("{file} holds {} but neither X nor XtX", listed(names))]
    NoInputs {
        /// Name of the file.
        file: String,
        /// The tensors there are.
        names: Vec<String>,
    },
    /// Inputs of another layer.
    #[error(
        "{} of {file} has shape {shape:?} where {} is expected, this layer having {inputs} inputs",
        quoted(tensor),
        if *product { format!("[{inputs}, {inputs}]") } else { format!("[samples, {inputs}]") }
    )]
    InputShape {
        /// Name of the file.
        file: String,
        /// Name of the tensor.
        tensor: String,
        /// Shape of the tensor.
        shape: Vec<usize>,
        /// Whether it is XᵀX.
        product: bool,
        /// Number of inputs of the layer.
        inputs: usize,
    },
    /// Inputs that no real samples have.
    #[error("{} of {file}: {source}", quoted(tensor))]
    Inputs {
        /// Name of the file.
        file: String,
        /// Name of the tensor.
        tensor: String,
        /// Error that the statistics have.
        source: CalibrationError,
    },
    /// A file of outputs' weights without weights.
    #[error("{file} holds {} but no weights of outputs", listed(names))]
    NoOutputWeights {
        /// Name of the file.
        file: String,
        /// The tensors there are.
        names: Vec<String>,
    },
    /// Numbers that are no weights of this layer's outputs.
    #[error("{} of {file}: {source}", quoted(tensor))]
    OutputWeights {
        /// Name of the file.
        file: String,
        /// Name of the tensor.
        tensor: String,
        /// Error that the weights have.
        source: OutputWeightsError,
    },
    /// Statistics that say nothing of what they are added to.
    #[error("{file} does not say which part of the statistics it holds")]
    NoPart {
        /// Name of the file.
        file: String,
    },
    /// A part of the statistics that no file holds.
    #[error("part {part} of {parts} of the statistics is missing")]
    MissingPart {
        /// Its number, from 1.
        part: usize,
        /// Number of parts.
        parts: usize,
    },
    /// A part of the statistics that would count twice.
    #[error("{file} and {other} both hold part {part} of {parts} of the statistics")]
    SamePart {
        /// Name of the file.
        file: String,
        /// Name of the file before.
        other: String,
        /// Number of the part, from 1.
        part: usize,
        /// Number of parts.
        parts: usize,
    },
    /// Statistics of different samples, models or settings.
    #[error("{file} and {other} are no parts of the same statistics")]
    OtherParts {
        /// Name of the file.
        file: String,
        /// Name of the file before.
        other: String,
    },
}

/// Hint for a file that was damaged on its way.
const AGAIN: Hint = Hint::say("download or export it again");
const EXPORT: Hint = Hint::say("export it again");
const SAME_PLACE: Hint = Hint::say("download index and shards from the same place");

impl Explain for Error {
    fn hint(&self) -> Option<Hint> {
        Some(match self {
            Self::NotFound { .. } => Hint::say("check the path"),
            Self::Folder { .. } => Hint::say("remove it, or download the file again"),
            Self::NotAFile { .. } => Hint::say("save it as a file and open that"),
            Self::Unreadable { .. } => Hint::say("check its permissions and the disk"),
            Self::Fetch { source, .. } => return source.hint(),
            Self::NoModel { .. } => Hint::say("open one of its files, or another folder"),
            Self::CutShort { .. } => Hint::say("leave it as it is while it is read, and run this again"),
            Self::UnknownKind { .. } => {
                Hint::say("open a .safetensors, .gguf, .bin, .pt or .npy, the .index.json of several, or their folder")
            }
            Self::Foreign { kind, .. } => Hint::say(kind.converter()),
            Self::NotTensors { .. } => Hint::say("save the weights alone, `torch.save(model.state_dict(), 'new.pt')`"),
            Self::IndexAlone { .. } => Hint::say("open it together with them"),
            Self::EmptyFile { .. } | Self::Truncated { .. } | Self::Malformed { .. } => AGAIN,
            Self::LfsPointer { .. } => Hint::say("run `git lfs pull` in its folder, or download the file"),
            Self::HeaderTooLong { .. } => Hint::say("it is damaged or of another kind, download or export it again"),
            Self::ExtraBytes { .. } => Hint::say("its header is wrong, download or export it again"),
            Self::Duplicate { .. } => Hint::say("export it again with each name once"),
            Self::NotPlain { .. } => Hint::say("save plain numbers, `np.save(file, array.astype('float32'))`"),
            Self::ShardName { .. } => Hint::say("correct its weight_map"),
            Self::TooManyShards { .. } => Hint::say("merge them"),
            Self::MissingShard { .. } => Hint::say("download that file too"),
            Self::NotInShard { .. } | Self::TwoShards { .. } => SAME_PLACE,
            Self::UnknownTensor { nearest, .. } | Self::NoFactors { nearest, .. } => {
                Hint::OtherName { nearest: nearest.iter().map(|name| quoted(name)).collect() }
            }
            Self::NotAMatrix { .. } => Hint::say("choose one with two dimensions, or a convolution with four"),
            Self::EmptyTensor { .. } => Hint::say("choose another one"),
            Self::NotFloat { converter: Some(converter), .. } => Hint::say(converter),
            Self::NotFloat { converter: None, .. } => Hint::say("convert it first"),
            Self::Quantized { .. } | Self::ScaleShape { .. } => Hint::say("convert the model to BF16 first"),
            Self::NotFinite { .. } => Hint::say("repair the checkpoint"),
            Self::TransposedConvolution { .. } => Hint::say("read it as stored"),
            Self::BadFactor { .. } | Self::Dimension { .. } | Self::TooLarge { .. } => EXPORT,
            Self::InnerDimension { .. } => Hint::say("export them again"),
            Self::NoInputs { .. } => {
                Hint::say("save the layer's inputs as X [samples, in], or X transposed times X as XtX [in, in]")
            }
            Self::InputShape { .. } => Hint::say("give the inputs of this layer"),
            Self::Inputs { source, .. } => return source.hint(),
            Self::NoOutputWeights { .. } => Hint::say("save them as output_weights [out]"),
            Self::OutputWeights { source, .. } => return source.hint(),
            Self::NoPart { .. } => Hint::say("give one file, or all parts of one collection"),
            Self::MissingPart { .. } => Hint::say("give the files of all parts"),
            Self::SamePart { .. } => Hint::say("give each part once"),
            Self::OtherParts { .. } => {
                Hint::say("give parts that were collected of the same model with the same samples and settings")
            }
        })
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
