//! What can be wrong with a vision model, or with the images it is to classify.

use crate::hint::{Explain, Hint};

/// Why a vision model or its images cannot be opened or used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The tensors are not those of a residual network.
    #[error("the tensors of {file} are not named as those of a residual network")]
    NoNetwork {
        /// Name of the file.
        file: String,
    },
    /// A residual network without a classifier.
    #[error("{file} has no classifier: there is no tensor {tensor} or the like")]
    NoClassifier {
        /// Name of the file.
        file: String,
        /// Name of the tensor that most have.
        tensor: String,
    },
    /// Something that is not computed here.
    #[error("not supported here: {what}")]
    Unsupported {
        /// Description of it.
        what: String,
    },
    /// A tensor has another shape than those around it ask for.
    #[error("{tensor} has shape {shape:?} where {}", asked(expected))]
    Shape {
        /// Name of the tensor.
        tensor: String,
        /// Shape of the tensor.
        shape: Vec<usize>,
        /// Shape that is asked for; zeros where any length will do.
        expected: Vec<usize>,
    },
    /// A JSON file is not what it should be.
    #[error("config.json: {problem}")]
    Config {
        /// Description of the problem.
        problem: String,
    },
    /// A file cannot be read.
    #[error("{file} cannot be read ({reason})")]
    Unreadable {
        /// Name of the file.
        file: String,
        /// Message of the operating system.
        reason: String,
    },
    /// The weights cannot be read.
    #[error(transparent)]
    Weights(#[from] crate::model::Error),
    /// Images too small for the network.
    #[error("the images have {height}×{width} pixels, and this network reads no fewer than {least}×{least}")]
    TooSmall {
        /// Rows of an image.
        height: usize,
        /// Columns of an image.
        width: usize,
        /// Least height and width.
        least: usize,
    },
    /// There are no images.
    #[error("there are no images")]
    NoImages,
    /// Images whose classes are not known, where they are needed.
    #[error("the classes of the images are not known")]
    NoLabels,
    /// A class that the network does not know.
    #[error("an image is of class {label}, and the network knows {classes}")]
    Label {
        /// Number of the class, from 0.
        label: usize,
        /// Number of the network's classes.
        classes: usize,
    },
    /// A value that is infinite or NaN.
    #[error("what {tensor} computes is not finite")]
    NotFinite {
        /// Name of the layer's tensor.
        tensor: String,
    },
    /// `preprocessor_config.json` is not what it should be.
    #[error("preprocessor_config.json: {problem}")]
    Preprocessor {
        /// Description of the problem.
        problem: String,
    },
    /// A file of images of no known kind.
    #[error("{file} is of no kind of images that is read")]
    UnknownImages {
        /// Name of the file.
        file: String,
    },
    /// A file that does not consist of CIFAR-10's records.
    #[error("{file} has {bytes} bytes, which are not whole records of CIFAR-10, of {record} bytes each")]
    NotRecords {
        /// Name of the file.
        file: String,
        /// Size of the file, in bytes.
        bytes: u64,
        /// Size of a record, in bytes.
        record: usize,
    },
    /// A record of CIFAR-10 with a class that is not among its ten.
    #[error("record {record} of {file} is of class {label}, and CIFAR-10 has the classes 0 to 9")]
    CifarLabel {
        /// Name of the file.
        file: String,
        /// Number of the record, from 0.
        record: usize,
        /// Number of the class.
        label: usize,
    },
    /// An array that does not hold pictures.
    #[error("{file} holds an array {shape:?} of {dtype}, and pictures are [n, 3, height, width] of u8, row by row")]
    NotPictures {
        /// Name of the file.
        file: String,
        /// Shape of the array.
        shape: Vec<usize>,
        /// NumPy's name of its values' type.
        dtype: String,
    },
    /// A folder without an image.
    #[error("{folder} has no subfolders with images")]
    EmptyFolder {
        /// Path of the folder.
        folder: String,
    },
    /// A folder in which images lie without subfolders.
    #[error("the images in {folder} are not in subfolders, one for each class")]
    NoClasses {
        /// Path of the folder.
        folder: String,
    },
    /// Images all of which are broken or of an unknown kind.
    #[error("none of the {images} images can be read")]
    NoneReadable {
        /// Number of images.
        images: usize,
    },
    /// Images of several sizes, where nothing says which they are brought to.
    #[error(
        "{first} has {}×{} pixels, {other} {}×{}, and nothing says which size they are brought to",
        first_size.0, first_size.1, other_size.0, other_size.1
    )]
    Sizes {
        /// Name of the first image.
        first: String,
        /// Its rows and columns.
        first_size: (usize, usize),
        /// Name of the first image of another size.
        other: String,
        /// Its rows and columns.
        other_size: (usize, usize),
    },
    /// The computation was cancelled.
    #[error("cancelled")]
    Cancelled,
}

fn asked(expected: &[usize]) -> String {
    match expected.iter().all(|&length| length == 0) {
        true => format!("{} dimensions are expected", expected.len()),
        false => format!("{expected:?} is expected"),
    }
}

impl Explain for Error {
    fn hint(&self) -> Option<Hint> {
        Some(match self {
            Self::NoNetwork { .. } => Hint::say(
                "give a network with the names of torchvision, timm or Hugging Face's ResNetForImageClassification",
            ),
            Self::NoClassifier { .. } => Hint::say("give a network that was trained to classify"),
            Self::Unsupported { .. } => Hint::FactorizeLayers,
            Self::Shape { .. } | Self::Config { .. } => Hint::say("download the model again"),
            Self::Unreadable { .. } => Hint::say("check that it is there and may be read"),
            Self::Weights(error) => return error.hint(),
            Self::TooSmall { .. } => Hint::say("give larger images"),
            Self::NoImages => Hint::say("give at least one"),
            Self::NoLabels => Hint::say("give CIFAR-10's files, or a folder with a subfolder for each class"),
            Self::Label { .. } => Hint::say("give images of the classes it was trained on"),
            Self::NotFinite { .. } => Hint::say("check its weights and batch normalization"),
            Self::Preprocessor { .. } => Hint::say("compare it with the model's own, and download that again"),
            Self::UnknownImages { .. } => Hint::say(
                "give a .bin of CIFAR-10, a .npy of [n, 3, height, width] in u8, or a folder with a subfolder for each class",
            ),
            Self::NotRecords { .. } | Self::CifarLabel { .. } => {
                Hint::say("download CIFAR-10's binary version again; CIFAR-100 and the Python version are not read")
            }
            Self::NotPictures { .. } => Hint::say("save `np.ascontiguousarray(array, dtype='uint8')` in that shape"),
            Self::EmptyFolder { .. } | Self::NoneReadable { .. } => {
                Hint::say("give a folder with a subfolder for each class, which holds its PNG and JPEG files")
            }
            Self::NoClasses { .. } => Hint::say("move those of each class to a folder of its own inside of it"),
            Self::Sizes { .. } => {
                Hint::say("put the model's preprocessor_config.json beside its weights, or resize them")
            }
            Self::Cancelled => return None,
        })
    }
}
