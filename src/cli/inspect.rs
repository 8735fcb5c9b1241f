//! `inspect`: list the contents of a file.

use super::{Failure, output};
use crate::model::{TensorInfo, one_line, printable};
use indicatif::HumanBytes;
use serde_json::json;
use std::path::PathBuf;

/// The command's arguments.
#[derive(clap::Args)]
pub struct Inspect {
    /// A .safetensors, .gguf, .bin, .pt or .npy file, a sharded checkpoint's index, or its folder
    file: PathBuf,

    /// One JSON value on standard output
    #[arg(long)]
    json: bool,
}

impl Inspect {
    /// Prints the tensors.
    pub fn run(self) -> Result<(), Failure> {
        let checkpoint = super::open_weights(&self.file)?;
        if self.json {
            let tensor = |tensor: &TensorInfo| {
                json!({
                    "name": tensor.name,
                    "shape": tensor.shape,
                    "dtype": tensor.dtype,
                    "bytes": tensor.bytes,
                    "file": tensor.file,
                })
            };
            return output::json(&json!({
                "source": checkpoint.name(),
                "tensors": checkpoint.tensors().iter().map(tensor).collect::<Vec<_>>(),
                "factorizations": checkpoint.factorizations(),
                "metadata": checkpoint.metadata(),
            }));
        }
        let head = ["tensor", "shape", "dtype", "size"].map(str::to_owned).to_vec();
        let row = |tensor: &TensorInfo| {
            let shape = tensor.shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×");
            // Shortened: one endless name would make every line as long.
            vec![one_line(&tensor.name), shape, tensor.dtype.clone(), HumanBytes(tensor.bytes).to_string()]
        };
        let rows: Vec<_> = std::iter::once(head).chain(checkpoint.tensors().iter().map(row)).collect();
        output::print(&output::table(&rows))?;
        for stem in checkpoint.factorizations() {
            let stem = one_line(&stem);
            output::print(&format!("factors of {stem}: A and B of a double sparse factorization"))?;
        }
        for (key, value) in checkpoint.metadata() {
            output::print(&format!("{}: {}", printable(key), output::one_line(value)))?;
        }
        Ok(())
    }
}
