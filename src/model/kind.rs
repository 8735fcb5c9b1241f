//! Kinds of files, told by their names and first bytes.

use super::bytes::Bytes;
use super::safetensors::Contents;
use super::{Error, Foreign, gguf, npy, safetensors, torch};

/// Endings of the names of files that hold weights.
pub const ENDINGS: [&str; 7] = ["safetensors", "npy", "gguf", "bin", "pt", "pth", "ckpt"];

/// A kind of file that is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Safetensors,
    Npy,
    Torch,
    Gguf,
}

impl Kind {
    /// The kind of a file, by its ending, and by its first bytes where that says little.
    pub(super) fn of(file: &str, bytes: &Bytes) -> Result<Self, Error> {
        let name = file.to_ascii_lowercase();
        let ending = |endings: &[&str]| {
            endings.iter().any(|ending| name.strip_suffix(ending).is_some_and(|stem| stem.ends_with('.')))
        };
        let start = bytes.read(0..64)?;
        let file = || file.to_owned();
        // What a host gives to those who ask for the page about a file.
        if start.to_ascii_lowercase().starts_with(b"<!doctype html") || start.to_ascii_lowercase().starts_with(b"<html")
        {
            return Err(Error::Foreign { file: file(), kind: Foreign::WebPage });
        }
        if ending(&["safetensors"]) {
            return Ok(Self::Safetensors);
        } else if ending(&["npy"]) {
            return Ok(Self::Npy);
        } else if ending(&["gguf"]) || start.starts_with(b"GGUF") {
            return Ok(Self::Gguf);
        }
        let torch = ending(&["bin", "pt", "pth", "ckpt"]);
        if torch && bytes.len() == 0 {
            return Err(Error::EmptyFile { file: file() });
        }
        if torch && start.starts_with(b"version https://git-lfs") {
            return Err(Error::LfsPointer { file: file() });
        }
        if torch && start.starts_with(b"PK\x03\x04") {
            return Ok(Self::Torch);
        }
        let kind = match () {
            _ if start.starts_with(b"\x89HDF") || ending(&["h5", "hdf5"]) => Foreign::Hdf5,
            _ if ending(&["keras"]) => Foreign::Keras,
            _ if ["lmgg", "fmgg", "tjgg", "algg"].iter().any(|magic| start.starts_with(magic.as_bytes())) => {
                Foreign::Ggml
            }
            _ if start.starts_with(b"\x80") && (torch || ending(&["pkl", "pickle"])) => Foreign::Pickle,
            _ if ending(&["npz"]) => Foreign::Npz,
            _ if ending(&["msgpack"]) => Foreign::Flax,
            _ if ending(&["onnx"]) => Foreign::Onnx,
            _ if ending(&["pb", "tflite", "meta"]) || name.contains(".ckpt") || name.contains(".data-0000") => {
                Foreign::TensorFlow
            }
            _ if ending(&["distcp"]) => Foreign::Distributed,
            _ if ending(&["nemo", "tar", "gz", "tgz", "zip", "xz", "zst", "7z"]) => Foreign::Archive,
            _ => return Err(Error::UnknownKind { file: file() }),
        };
        Err(Error::Foreign { file: file(), kind })
    }

    /// Reads a file's list of tensors.
    pub(super) fn read(self, file: &str, bytes: &Bytes, part: usize) -> Result<Contents, Error> {
        match self {
            Self::Safetensors => safetensors::read(file, bytes, part),
            Self::Npy => npy::read(file, bytes, part),
            Self::Torch => torch::read(file, bytes, part),
            Self::Gguf => gguf::read(file, bytes, part),
        }
    }
}

/// Whether the name ends as that of a file with weights.
#[cfg(target_arch = "wasm32")]
pub(super) fn has_ending(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}
