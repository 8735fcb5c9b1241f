//! Arguments that select a layer and its input statistics.

use super::Failure;
use crate::matrix::Problem;
use crate::model::{self, Checkpoint, Layer, Orientation};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

/// A tensor of a file.
#[derive(clap::Args)]
pub struct LayerArgs {
    /// A .safetensors, .gguf, .bin, .pt or .npy file, a sharded checkpoint's index, or its folder
    file: PathBuf,

    /// Which tensor; not needed when there is only one that fits
    #[arg(long, value_name = "NAME")]
    tensor: Option<String>,

    /// The tensor is stored as [in, out] (GPT-2's Conv1D)
    #[arg(long)]
    transpose: bool,

    #[command(flatten)]
    inputs: InputsArgs,
}

/// Tensors of a file.
#[derive(clap::Args)]
pub struct LayersArgs {
    /// A .safetensors, .gguf, .bin, .pt or .npy file, a sharded checkpoint's index, or its folder [default: the built-in model]
    pub file: Option<PathBuf>,

    /// Which tensors, with commas, or the flag several times; a name that holds commas itself is taken as it is where the
    /// file has it. Not needed when there is only one that fits
    #[arg(long, value_name = "NAME,…")]
    tensor: Vec<String>,

    /// The tensors are stored as [in, out] (GPT-2's Conv1D)
    #[arg(long)]
    transpose: bool,
}

impl LayersArgs {
    /// Opens the layers, at least one.
    pub fn open(&self) -> Result<Vec<Layer>, Failure> {
        let checkpoint = match &self.file {
            Some(file) => super::open_weights(file)?,
            None => model::example(),
        };
        let names = match (self.tensor.is_empty(), &self.file) {
            (false, _) => {
                self.tensor.iter().flat_map(|given| split_names(given, |name| checkpoint.has(name))).collect()
            }
            (true, Some(_)) => vec![chosen(&checkpoint, None)?],
            (true, None) => vec![model::EXAMPLE_LAYER.to_owned()],
        };
        let layer = |name: &String| Ok(checkpoint.layer(name, orientation(self.transpose))?);
        names.iter().map(layer).collect()
    }
}

/// The names in a list with commas. Of what can be read in two ways the longest name that exists is meant: names may hold
/// commas.
fn split_names(given: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = Some(given);
    while let Some(left) = rest {
        let ends: Vec<usize> = left.match_indices(',').map(|(at, _)| at).chain([left.len()]).collect();
        let first = left.find(',').unwrap_or(left.len());
        let end = ends.into_iter().rev().find(|&end| exists(&left[..end])).unwrap_or(first);
        names.push(left[..end].to_owned());
        rest = left.get(end + 1..);
    }
    names
}

fn orientation(transpose: bool) -> Orientation {
    if transpose { Orientation::Transposed } else { Orientation::AsStored }
}

/// Statistics of a layer's inputs, as far as they are known.
#[derive(clap::Args)]
pub struct InputsArgs {
    /// The layer's inputs, for the layer-wise error: a .safetensors with X [samples, in] or XtX [in, in], or a .npy of X
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,

    /// Other inputs, to measure the result with
    #[arg(long, value_name = "FILE", requires = "calibration")]
    held_out: Option<PathBuf>,

    /// How much an error of each output matters: a .npy with the weights [out] of its square, or a .safetensors with them as
    /// output_weights
    #[arg(long, value_name = "FILE")]
    output_weights: Option<PathBuf>,
}

impl LayerArgs {
    /// Opens the layer and its problem.
    pub fn open(&self) -> Result<(Layer, Problem), Failure> {
        let checkpoint = super::open_weights(&self.file)?;
        let layer = checkpoint.layer(&chosen(&checkpoint, self.tensor.as_deref())?, orientation(self.transpose))?;
        let problem = self.inputs.problem(&layer)?;
        Ok((layer, problem))
    }
}

impl InputsArgs {
    /// The problem of a layer: W with its input statistics.
    pub fn problem(&self, layer: &Layer) -> Result<Problem, Failure> {
        let statistics = |file: &Option<PathBuf>| {
            let open = |file| {
                Ok::<_, Failure>(Arc::new(super::open_weights(file)?.calibration(layer.stem(), layer.weight.cols())?))
            };
            file.as_deref().map(open).transpose()
        };
        Ok(Problem {
            weight: layer.weight.clone(),
            calibration: statistics(&self.calibration)?,
            held_out: statistics(&self.held_out)?,
            output_weights: self
                .output_weights
                .as_deref()
                .map(|file| {
                    let weights = super::open_weights(file)?.output_weights(layer.stem(), layer.weight.rows())?;
                    Ok::<_, Failure>(Arc::new(weights))
                })
                .transpose()?,
        })
    }
}

/// Number of processors.
pub fn available() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Name of the tensor asked for, or of the only one that fits.
fn chosen(checkpoint: &Checkpoint, name: Option<&str>) -> Result<String, Failure> {
    let names: Vec<&str> = checkpoint.layers().map(|tensor| tensor.name.as_str()).collect();
    match (name, names.as_slice()) {
        (Some(name), _) => Ok(name.to_owned()),
        (None, [only]) => Ok((*only).to_owned()),
        (None, []) => {
            let what = format!("{} holds no 2-D or 4-D tensor of floats: nothing to factorize", checkpoint.name());
            Err(Failure::unexplained(what))
        }
        (None, several) => Err(Failure::new(
            format!("{} holds {} layers", checkpoint.name(), several.len()),
            format!("name one with --tensor, for example --tensor {}", several[0]),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::split_names;

    #[test]
    fn names_with_commas_are_names() {
        let names = ["a", "b", "b,c", "a,b,c,d", "x,"];
        let split = |given| split_names(given, |name| names.contains(&name));
        assert_eq!(split("a,b"), ["a", "b"]);
        assert_eq!(split("b,c"), ["b,c"], "the longest that exists");
        assert_eq!(split("a,b,c"), ["a", "b,c"]);
        assert_eq!(split("b,c,a,b,c,d,a"), ["b,c", "a,b,c,d", "a"]);
        assert_eq!(split("x,,a"), ["x,", "a"]);
        // What does not exist is said of the name itself.
        assert_eq!(split("a,what"), ["a", "what"]);
        assert_eq!(split(""), [""]);
    }
}
