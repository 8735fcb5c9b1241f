//! Input statistics of a layer, read from a file, for the layer-wise error.

use super::{Checkpoint, Error};
use crate::matrix::{Calibration, Matrix, OutputWeights, OutputWeightsError};

impl Checkpoint {
    /// Statistics XᵀX `[inputs, inputs]` of the layer `<stem>.weight`, from a file that holds those of many layers as
    /// `<m>.XtX`: its own, or those of a layer of the same block with the same inputs.
    pub fn calibration_of(&self, stem: &str, inputs: usize) -> Result<Calibration, Error> {
        let tensor = self.statistics_of(stem).unwrap_or_else(|| format!("{stem}.XtX"));
        self.calibration_in(tensor, inputs)
    }

    /// Checks that [`Checkpoint::calibration_of`] would find statistics of this shape, without reading them.
    pub fn check_calibration_of(&self, stem: &str, inputs: usize) -> Result<(), Error> {
        let tensor = self.statistics_of(stem).unwrap_or_else(|| format!("{stem}.XtX"));
        self.check_shape(&tensor, inputs)
    }

    /// Name of the tensor with the statistics of the layer `<stem>.weight`.
    pub(super) fn statistics_of(&self, stem: &str) -> Option<String> {
        /// Ends of names, and of the name of another layer with the same inputs. A tensor that holds several layers has
        /// those of its first part.
        const SHARED: [(&str, &str); 9] = [
            ("k_proj", "q_proj"),
            ("v_proj", "q_proj"),
            ("up_proj", "gate_proj"),
            (".w3", ".w1"),
            (".k", ".q"),
            (".v", ".q"),
            (".up", ".gate"),
            ("", ".q"),
            ("", ".gate"),
        ];
        let own = format!("{stem}.XtX");
        let shared = SHARED.iter().filter_map(|(name, first)| Some(format!("{}{first}.XtX", stem.strip_suffix(name)?)));
        std::iter::once(own).chain(shared).find(|name| self.has(name))
    }

    /// Statistics of a layer with `inputs` inputs: from a tensor `XtX` `[in, in]`, or computed from the inputs
    /// themselves, `X` `[samples, in]`. A NumPy array is X unless its file is called `XtX.npy`. X may have more
    /// dimensions, such as `[texts, tokens, in]`.
    ///
    /// In a file with statistics of many layers, those of the layer `<stem>.weight`: see
    /// [`Checkpoint::calibration_of`].
    pub fn calibration(&self, stem: &str, inputs: usize) -> Result<Calibration, Error> {
        let file = || self.name().to_owned();
        let names = || self.tensors().iter().map(|info| info.name.clone()).collect();
        let has = |wanted: &str| self.has(wanted).then(|| wanted.to_owned());
        let single = || match self.tensors() {
            [only] if only.file.to_ascii_lowercase().ends_with(".npy") => Some(only.name.clone()),
            _ => None,
        };
        let tensor = has("XtX")
            .or_else(|| has("X"))
            .or_else(single)
            .or_else(|| self.statistics_of(stem))
            .ok_or_else(|| Error::NoInputs { file: file(), names: names() })?;
        self.calibration_in(tensor, inputs)
    }

    /// Refuses a tensor that cannot be X or XᵀX of a layer with `inputs` inputs.
    fn check_shape(&self, tensor: &str, inputs: usize) -> Result<(), Error> {
        let shape = &self.tensor(tensor)?.shape;
        let product = is_product(tensor);
        let fits = match shape[..] {
            [rows, cols] if product => rows == inputs && cols == inputs,
            [_, .., cols] if !product => cols == inputs && !shape.contains(&0),
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let (file, tensor) = (self.name().to_owned(), tensor.to_owned());
        Err(Error::InputShape { file, tensor, shape: shape.clone(), product, inputs })
    }

    fn calibration_in(&self, tensor: String, inputs: usize) -> Result<Calibration, Error> {
        self.check_shape(&tensor, inputs)?;
        let (file, product) = (|| self.name().to_owned(), is_product(&tensor));
        let values = self.values(&tensor)?;
        let calibration = match (product, inputs) {
            (true, _) => Calibration::from_xtx(Matrix::from_vec(inputs, inputs, values)),
            (false, 0) => Calibration::from_samples(&Matrix::zeros(0, 0)),
            (false, _) => Calibration::from_samples(&Matrix::from_vec(values.len() / inputs, inputs, values)),
        };
        calibration.map_err(|source| Error::Inputs { file: file(), tensor, source })
    }
}

impl Checkpoint {
    /// Weights of the outputs of the layer `<stem>.weight`, which are `outputs`: the tensor `output_weights`, or that of
    /// this layer among those of many, `<stem>.output_weights`, or the only one there is.
    pub fn output_weights(&self, stem: &str, outputs: usize) -> Result<OutputWeights, Error> {
        let file = || self.name().to_owned();
        let of_many = format!("{stem}.output_weights");
        let only = || match self.tensors() {
            [only] => Some(only.name.clone()),
            _ => None,
        };
        let named = ["output_weights", &of_many].into_iter().find(|name| self.has(name));
        let tensor = named.map(str::to_owned).or_else(only).ok_or_else(|| Error::NoOutputWeights {
            file: file(),
            names: self.tensors().iter().map(|info| info.name.clone()).collect(),
        })?;
        let found: usize = self.tensor(&tensor)?.shape.iter().product();
        let weights = match found == outputs {
            true => OutputWeights::new(&self.values(&tensor)?),
            false => Err(OutputWeightsError::Outputs { found, expected: outputs }),
        };
        weights.map_err(|source| Error::OutputWeights { file: file(), tensor, source })
    }
}

/// Reads the weights of the outputs of the layer `<stem>.weight` from a `.safetensors` or a `.npy`: see
/// [`Checkpoint::output_weights`].
#[cfg(not(target_arch = "wasm32"))]
pub fn open_output_weights(path: &std::path::Path, stem: &str, outputs: usize) -> Result<OutputWeights, Error> {
    super::open(path)?.output_weights(stem, outputs)
}

/// Whether a tensor is XᵀX rather than X, by its name.
fn is_product(tensor: &str) -> bool {
    tensor == "XtX" || tensor.ends_with(".XtX")
}

/// Reads the statistics of the layer `<stem>.weight` with `inputs` inputs from a `.safetensors` or a `.npy`: see
/// [`Checkpoint::calibration`].
#[cfg(not(target_arch = "wasm32"))]
pub fn open_calibration(path: &std::path::Path, stem: &str, inputs: usize) -> Result<Calibration, Error> {
    super::open(path)?.calibration(stem, inputs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::{Explain, Hint};
    use safetensors::{Dtype, tensor::TensorView};

    fn file(tensors: &[(&str, &[usize], &[f32])]) -> Checkpoint {
        let views = tensors.iter().map(|(name, shape, values)| {
            (*name, TensorView::new(Dtype::F32, shape.to_vec(), bytemuck::cast_slice(values)).unwrap())
        });
        Checkpoint::from_bytes("inputs.safetensors", safetensors::serialize(views, None).unwrap()).unwrap()
    }

    #[test]
    fn weights_of_outputs_are_found_by_their_names() {
        let expected = OutputWeights::new(&[1.0, 3.0]).unwrap();
        let two: &[f32] = &[1.0, 3.0];
        for tensors in [
            &[("output_weights", &[2][..], two)][..],
            &[("anything", &[2], two)],
            &[("a.output_weights", &[2], two), ("b.output_weights", &[2], &[5.0, 0.0])],
        ] {
            assert_eq!(file(tensors).output_weights("a", 2).unwrap(), expected);
        }
        let refused =
            |tensors: &[(&str, &[usize], &[f32])]| file(tensors).output_weights("c", 2).unwrap_err().to_string();
        assert!(refused(&[("output_weights", &[3], &[1.0; 3])]).contains("3 outputs where 2 are expected"));
        assert!(refused(&[("output_weights", &[2], &[1.0, -1.0])]).contains("output 1 (from 0) is -1"));
        assert!(refused(&[("a.output_weights", &[2], two), ("b", &[2], two)]).contains("no weights of outputs"));
    }

    #[test]
    fn inputs_and_their_product_say_the_same() {
        let x: &[f32] = &[1.0, 0.0, 2.0, 1.0];
        let samples = file(&[("X", &[2, 2], x)]).calibration("", 2).unwrap();
        assert_eq!(samples.xtx().as_slice(), [1.25, 0.5, 0.5, 0.25]);
        assert_eq!(file(&[("XtX", &[2, 2], &[5.0, 2.0, 2.0, 1.0])]).calibration("", 2).unwrap(), samples);
        assert_eq!(file(&[("X", &[1, 2, 2], x)]).calibration("", 2).unwrap(), samples);
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }";
        let header = format!("{header:<117}\n");
        let mut npy = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        npy.extend_from_slice(header.as_bytes());
        npy.extend_from_slice(bytemuck::cast_slice(x));
        assert_eq!(Checkpoint::from_bytes("tokens.npy", npy).unwrap().calibration("", 2).unwrap(), samples);
    }

    #[test]
    fn what_does_not_fit_says_what_would() {
        let explained = |file: Checkpoint, inputs| {
            let error = file.calibration("", inputs).unwrap_err();
            (error.to_string(), error.hint().unwrap())
        };
        let error = |file: Checkpoint, inputs| explained(file, inputs).0;
        assert_eq!(
            explained(file(&[("x", &[1, 1], &[1.0])]), 1),
            (
                "inputs.safetensors holds \"x\" but neither X nor XtX".to_owned(),
                Hint::say("save the layer's inputs as X [samples, in], or X transposed times X as XtX [in, in]")
            )
        );
        assert_eq!(
            explained(file(&[("X", &[1, 2], &[1.0, 2.0])]), 3),
            (
                "\"X\" of inputs.safetensors has shape [1, 2] where [samples, 3] is expected, this layer having 3 inputs"
                    .to_owned(),
                Hint::say("give the inputs of this layer")
            )
        );
        assert!(error(file(&[("XtX", &[1, 2], &[1.0, 2.0])]), 2).contains("where [2, 2] is expected"));
        assert!(error(file(&[("X", &[0, 2], &[])]), 2).contains("[samples, 2]"));
        assert!(error(file(&[("X", &[2], &[1.0, 2.0])]), 2).contains("[samples, 2]"));
        assert!(error(file(&[("X", &[1, 0], &[])]), 0).contains("shape [1, 0]"));
        let negative = error(file(&[("XtX", &[1, 1], &[-1.0])]), 1);
        assert!(negative.starts_with("\"XtX\" of inputs.safetensors: XtX has -1 on the diagonal"), "{negative}");
        let infinite = error(file(&[("X", &[1, 1], &[f32::INFINITY])]), 1);
        assert!(infinite.contains("row 0, column 0 (from 0) is inf"), "{infinite}");
    }
}
