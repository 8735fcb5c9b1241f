//! What replaces a layer as a file holds it.

use super::{Error, Layout, Tensor, round, safetensors};
use crate::Named;
use crate::matrix::{Calibration, Csr, Factors, Mask, Matrix, Replacement};
use crate::measure;
use crate::model::{Dtype, Layer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Replacement of a layer, rounded to a file's format, and its layout in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    layout: Layout,
    dtype: Dtype,
    /// As written; of [`Layout::Merged`], which does not write the factors, in f32.
    replacement: Arc<Replacement>,
    /// Ŵ `[out, in]` as [`Layout::Merged`] writes it.
    merged: Option<Matrix>,
    name: String,
    stem: String,
    source: String,
    stored_shape: Vec<usize>,
    transposed: bool,
}

impl Export {
    /// Rounds what replaces `layer` to `dtype`: by default f32, and the layer's own for [`Layout::Merged`], which holds its
    /// product. What is not two factors is written in [`Layout::Merged`] only.
    ///
    /// Rounding turns no nonzero of a matrix into a zero, so the budget stays exact; powers of two may move between the
    /// factors.
    pub fn new(
        layer: &Layer,
        replacement: &Arc<Replacement>,
        layout: Layout,
        dtype: Option<Dtype>,
    ) -> Result<Self, Error> {
        let (merged, two) = (layout == Layout::Merged, replacement.kind().is_two_factors());
        if !merged && !two {
            let parts = if let Replacement::Chain(chain) = &**replacement { chain.len() } else { 1 };
            return Err(Error::NoFactors { layout: layout.name(), parts });
        }
        check_shape(layer, replacement)?;
        if merged && !stored_as(layer) {
            let (shape, weight) = (layer.shape.clone(), layer.weight.shape());
            return Err(Error::Stored { tensor: layer.name.clone(), shape, weight });
        }
        let dtype = dtype.unwrap_or(if merged { layer.dtype } else { Dtype::F32 });
        let rounded = round::replacement(replacement, if merged && two { Dtype::F32 } else { dtype })?;
        let merged = merged.then(|| round::merged(&rounded, dtype)).transpose()?;
        Ok(Self {
            layout,
            dtype,
            replacement: rounded,
            merged,
            name: layer.name.clone(),
            stem: layer.stem().to_owned(),
            source: source(layer),
            stored_shape: layer.shape.clone(),
            transposed: layer.transposed,
        })
    }

    /// Layout in the file.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Number format of the values.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Name of the layer's tensor.
    pub fn tensor(&self) -> &str {
        &self.name
    }

    /// Common start of the names of the factors' tensors.
    pub fn stem(&self) -> &str {
        &self.stem
    }

    /// Returns the replacement of W with the values that are written; for [`Layout::Merged`], which does not write the
    /// factors, in f32.
    pub fn replacement(&self) -> &Replacement {
        &self.replacement
    }

    /// Ŵ `[out, in]` as [`Layout::Merged`] writes it.
    pub fn merged(&self) -> Option<&Matrix> {
        self.merged.as_ref()
    }

    /// Nonzeros of A and of B, where there are two factors.
    pub fn nnz_of_factors(&self) -> Option<[usize; 2]> {
        self.replacement.kind().is_two_factors().then(|| self.replacement.nnz_of_factors())
    }

    /// ‖W − Ŵ‖_F / ‖W‖_F in f64, of the values as written; `layer` is the one given to [`Export::new`].
    pub fn relative_error(&self, layer: &Layer) -> f64 {
        match &self.merged {
            Some(merged) => measure::relative_difference(&layer.weight, merged),
            None => self.replacement.relative_error(&layer.weight),
        }
    }

    /// tr((W−Ŵ)·XᵀX·(W−Ŵ)ᵀ) / tr(W·XᵀX·Wᵀ) in f64, of the values as written.
    pub fn layer_error(&self, layer: &Layer, inputs: &Calibration) -> f64 {
        match &self.merged {
            Some(merged) => measure::layer_difference(&layer.weight, merged, inputs.xtx()),
            None => self.replacement.layer_error(&layer.weight, inputs.xtx()),
        }
    }

    /// The file's bytes: the tensors, and as metadata their source, and `settings` and `report` as JSON.
    ///
    /// The same input gives the same bytes.
    pub fn to_bytes(&self, settings: &serde_json::Value, report: &serde_json::Value) -> Vec<u8> {
        safetensors(self.tensors(), &self.metadata(settings, report))
    }

    /// Returns the metadata of the file.
    pub(super) fn metadata(
        &self,
        settings: &serde_json::Value,
        report: &serde_json::Value,
    ) -> BTreeMap<String, String> {
        let metadata = [
            ("format", "pt".to_owned()), // transformers refuses files without it
            ("dsf.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("dsf.layout", self.layout.name().to_owned()),
            ("dsf.source", self.source.clone()),
            ("dsf.settings", settings.to_string()),
            ("dsf.report", report.to_string()),
        ];
        metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// The tensors of the file.
    pub fn tensors(&self) -> Vec<Tensor> {
        match &self.merged {
            Some(merged) => vec![self.merged_tensor(merged)],
            None => factor_tensors(&self.stem, &self.replacement, self.layout, self.dtype),
        }
    }

    fn merged_tensor(&self, merged: &Matrix) -> Tensor {
        let turned = self.transposed.then(|| merged.transposed());
        let stored = turned.as_ref().unwrap_or(merged);
        Tensor::values(&self.name, self.dtype, &self.stored_shape, stored.as_slice())
    }
}

/// The tensors `<stem>.A…` and `<stem>.B…` of a layout that keeps the factors apart, or those of one sparse matrix under
/// `<stem>` itself, with values of `dtype`; none where the layout does not hold it.
pub fn factor_tensors(stem: &str, replacement: &Replacement, layout: Layout, dtype: Dtype) -> Vec<Tensor> {
    let names = ["A", "B"].map(|factor| format!("{stem}.{factor}"));
    let tensors = |name: &String, matrix: &Csr| match layout {
        Layout::Csr => csr(name, matrix, dtype),
        Layout::Bitmask => bitmask(name, matrix, dtype),
        Layout::Dense | Layout::Merged => vec![dense(name, &matrix.to_dense(), dtype)],
    };
    match replacement {
        Replacement::Factors(Factors { a, b }) | Replacement::Blocks(Factors { a, b }) => {
            names.iter().zip([a, b]).flat_map(|(name, matrix)| tensors(name, matrix)).collect()
        }
        Replacement::LowRank { a, b } => {
            let factors = names.iter().zip([a, b]);
            match layout {
                Layout::Dense => factors.map(|(name, matrix)| dense(name, matrix, dtype)).collect(),
                _ => factors.flat_map(|(name, matrix)| tensors(name, &Csr::from_dense(matrix))).collect(),
            }
        }
        Replacement::Sparse(one) => match layout {
            Layout::Csr => csr(stem, one, dtype),
            Layout::Bitmask => bitmask(stem, one, dtype),
            Layout::Dense | Layout::Merged => Vec::new(),
        },
        Replacement::Chain(_) => Vec::new(),
    }
}

/// Returns the replacement of W as one matrix `[out, in]`, as [`Layout::Merged`] writes it for a tensor of format
/// `dtype`.
pub fn merged(replacement: &Arc<Replacement>, dtype: Dtype) -> Result<Matrix, Error> {
    let two = replacement.kind().is_two_factors();
    let rounded = round::replacement(replacement, if two { Dtype::F32 } else { dtype })?;
    round::merged(&rounded, dtype)
}

/// A replacement with its values rounded to `dtype`, as the layouts that keep factors apart write them.
pub fn rounded(replacement: &Arc<Replacement>, dtype: Dtype) -> Result<Arc<Replacement>, Error> {
    round::replacement(replacement, dtype)
}

fn check_shape(layer: &Layer, replacement: &Replacement) -> Result<(), Error> {
    let (tensor, weight) = (|| layer.name.clone(), layer.weight.shape());
    let of_factors = match replacement {
        Replacement::Factors(Factors { a, b }) | Replacement::Blocks(Factors { a, b }) => Some((a.shape(), b.shape())),
        Replacement::LowRank { a, b } => Some((a.shape(), b.shape())),
        Replacement::Sparse(_) | Replacement::Chain(_) => None,
    };
    match of_factors {
        Some((a, b)) if weight != (a.0, b.1) || a.1 != b.0 => Err(Error::Shapes { tensor: tensor(), weight, a, b }),
        None if weight != replacement.shape() => {
            Err(Error::Stored { tensor: tensor(), shape: layer.shape.clone(), weight })
        }
        _ => Ok(()),
    }
}

/// Whether the tensor's shape is its matrix's, flattened from the second dimension on or transposed.
fn stored_as(layer: &Layer) -> bool {
    let (rows, cols) = layer.weight.shape();
    match (layer.transposed, &layer.shape[..]) {
        (true, &[first, second]) => (first, second) == (cols, rows),
        (false, [first, rest @ ..]) => (*first, rest.iter().product()) == (rows, cols),
        _ => false,
    }
}

/// The file's and the tensor's name. Never a folder: a file that is passed on must not tell where it was made.
fn source(layer: &Layer) -> String {
    let file = layer.file.rsplit(['/', '\\']).next().unwrap_or_default();
    format!("{file}:{}", layer.name)
}

fn dense(name: &str, matrix: &Matrix, dtype: Dtype) -> Tensor {
    Tensor::values(format!("{name}.weight"), dtype, &[matrix.rows(), matrix.cols()], matrix.as_slice())
}

/// The parts of a `torch.sparse_csr_tensor`; safetensors has no sparse tensors of its own.
fn csr(name: &str, matrix: &Csr, dtype: Dtype) -> Vec<Tensor> {
    let part = |part: &str| format!("{name}.{part}");
    vec![
        Tensor::integers(part("crow_indices"), &[matrix.rows() + 1], matrix.row_starts().iter().copied()),
        Tensor::integers(part("col_indices"), &[matrix.nnz()], matrix.indices().iter().map(|&j| j as usize)),
        Tensor::values(part("values"), dtype, &[matrix.nnz()], matrix.values()),
        Tensor::integers(part("shape"), &[2], [matrix.rows(), matrix.cols()]),
    ]
}

/// The parts of compressed-tensors' `sparse-bitmask`: the nonzeros row by row, and a bit for each position.
fn bitmask(name: &str, matrix: &Csr, dtype: Dtype) -> Vec<Tensor> {
    let mask = Mask::of_csr(matrix);
    let part = |part: &str| format!("{name}.{part}");
    let (rows, cols) = matrix.shape();
    let bits = (0..rows).flat_map(|i| mask.row_bytes(i)).collect();
    vec![
        Tensor::integers(part("shape"), &[2], [rows, cols]),
        Tensor::values(part("compressed"), dtype, &[matrix.nnz()], matrix.values()),
        Tensor::bytes(part("bitmask"), &[rows, cols.div_ceil(8)], bits),
        Tensor::integers(part("row_offsets"), &[rows], matrix.row_starts()[..rows].iter().copied()),
    ]
}
