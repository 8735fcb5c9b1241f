//! The factors of a layer as a file holds them.

use super::{Error, Layout, Tensor, round, safetensors};
use crate::matrix::{Calibration, Csr, Factors, Mask, Matrix};
use crate::measure;
use crate::methods::Kept;
use crate::model::{Dtype, Layer};
use std::collections::BTreeMap;

/// Factors, or one matrix in W's place, rounded to a file's format, and the way they are laid out in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    layout: Layout,
    dtype: Dtype,
    values: Values,
    name: String,
    stem: String,
    source: String,
    stored_shape: Vec<usize>,
    transposed: bool,
}

/// What is written.
#[derive(Clone, Debug, PartialEq)]
enum Values {
    /// A and B.
    Apart(Factors),
    /// Their product, made of these.
    Product(Factors, Matrix),
    /// One matrix that is no product of two.
    One(Matrix),
}

impl Export {
    /// Rounds what replaces `layer`, made by whichever method: two factors as [`Export::new`] does, anything else as one
    /// matrix, in [`Layout::Merged`] only.
    pub fn of(layer: &Layer, kept: &Kept, layout: Layout, dtype: Option<Dtype>) -> Result<Self, Error> {
        let one = match kept {
            Kept::Factors(factors) => return Self::new(layer, factors, layout, dtype),
            one => one.matrix(),
        };
        if layout != Layout::Merged {
            let parts = if let Kept::Chain(chain) = kept { chain.len() } else { 1 };
            return Err(Error::NoFactors { layout: layout.name(), parts });
        }
        let weight = layer.weight.shape();
        if weight != one.shape() || !stored_as(layer) {
            return Err(Error::Stored { tensor: layer.name.clone(), shape: layer.shape.clone(), weight });
        }
        let dtype = dtype.unwrap_or(layer.dtype);
        Ok(Self::with(layer, layout, dtype, Values::One(pruned(kept, &one, dtype)?)))
    }

    /// Rounds the factors of `layer` to `dtype`: by default f32, and the layer's own for [`Layout::Merged`], which
    /// multiplies them first.
    ///
    /// Rounding turns no nonzero of a factor into a zero, so the budget stays exact; powers of two may move between the
    /// factors.
    pub fn new(layer: &Layer, factors: &Factors, layout: Layout, dtype: Option<Dtype>) -> Result<Self, Error> {
        let weight = layer.weight.shape();
        let (a, b) = (factors.a.shape(), factors.b.shape());
        if weight != (a.0, b.1) || a.1 != b.0 {
            return Err(Error::Shapes { tensor: layer.name.clone(), weight, a, b });
        }
        let (dtype, values) = match layout {
            Layout::Merged => {
                if !stored_as(layer) {
                    return Err(Error::Stored { tensor: layer.name.clone(), shape: layer.shape.clone(), weight });
                }
                let dtype = dtype.unwrap_or(layer.dtype);
                let factors = round::factors(factors, Dtype::F32)?;
                let product = round::product(&factors.product(), dtype)?;
                (dtype, Values::Product(factors, product))
            }
            Layout::Dense | Layout::Csr | Layout::Bitmask => {
                let dtype = dtype.unwrap_or(Dtype::F32);
                (dtype, Values::Apart(round::factors(factors, dtype)?))
            }
        };
        Ok(Self::with(layer, layout, dtype, values))
    }

    fn with(layer: &Layer, layout: Layout, dtype: Dtype, values: Values) -> Self {
        Self {
            layout,
            dtype,
            values,
            name: layer.name.clone(),
            stem: layer.stem().to_owned(),
            source: source(layer),
            stored_shape: layer.shape.clone(),
            transposed: layer.transposed,
        }
    }

    /// The layout.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The format of the values.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The tensor's name.
    pub fn tensor(&self) -> &str {
        &self.name
    }

    /// What the names of the factors' tensors begin with.
    pub fn stem(&self) -> &str {
        &self.stem
    }

    /// A and B as written; for [`Layout::Merged`], which does not write them, in f32. `None` where there are none.
    pub fn factors(&self) -> Option<&Factors> {
        match &self.values {
            Values::Apart(factors) | Values::Product(factors, _) => Some(factors),
            Values::One(_) => None,
        }
    }

    /// A·B `[out, in]`, or the one matrix in W's place, as [`Layout::Merged`] writes it.
    pub fn merged(&self) -> Option<&Matrix> {
        match &self.values {
            Values::Product(_, merged) | Values::One(merged) => Some(merged),
            Values::Apart(_) => None,
        }
    }

    /// Nonzeros of A and of B as written.
    pub fn nnz_of_factors(&self) -> Option<[usize; 2]> {
        self.factors().map(|factors| [factors.a.nnz(), factors.b.nnz()])
    }

    /// ‖W − AB‖_F / ‖W‖_F in f64, of the values as written; `layer` is the one given to [`Export::new`].
    pub fn relative_error(&self, layer: &Layer) -> f64 {
        match &self.values {
            Values::Product(_, merged) | Values::One(merged) => measure::relative_difference(&layer.weight, merged),
            Values::Apart(Factors { a, b }) => measure::relative_error(&layer.weight, a, b),
        }
    }

    /// tr((W−AB)·XᵀX·(W−AB)ᵀ) / tr(W·XᵀX·Wᵀ) in f64, of the values as written.
    pub fn layer_error(&self, layer: &Layer, inputs: &Calibration) -> f64 {
        let (w, xtx) = (&*layer.weight, inputs.xtx());
        match &self.values {
            Values::Product(_, merged) | Values::One(merged) => measure::layer_difference(w, merged, xtx),
            Values::Apart(Factors { a, b }) => measure::layer_error(w, a, b, xtx),
        }
    }

    /// The file: the tensors, and in the metadata where they come from, `settings` and `report` as JSON.
    ///
    /// The same input gives the same bytes.
    pub fn to_bytes(&self, settings: &serde_json::Value, report: &serde_json::Value) -> Vec<u8> {
        let metadata = [
            ("format", "pt".to_owned()), // transformers refuses files without it
            ("dsf.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("dsf.layout", self.layout.name().to_owned()),
            ("dsf.source", self.source.clone()),
            ("dsf.settings", settings.to_string()),
            ("dsf.report", report.to_string()),
        ];
        let metadata: BTreeMap<_, _> = metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        safetensors(self.tensors(), &metadata)
    }

    /// The tensors of the file.
    pub fn tensors(&self) -> Vec<Tensor> {
        match &self.values {
            Values::Product(_, merged) | Values::One(merged) => vec![self.merged_tensor(merged)],
            Values::Apart(factors) => factor_tensors(&self.stem, factors, self.layout, self.dtype),
        }
    }

    fn merged_tensor(&self, merged: &Matrix) -> Tensor {
        let turned = self.transposed.then(|| merged.transposed());
        let stored = turned.as_ref().unwrap_or(merged);
        Tensor::values(&self.name, self.dtype, &self.stored_shape, stored.as_slice())
    }
}

/// The tensors `<stem>.A…` and `<stem>.B…` of a layout that keeps the factors apart, with values of `dtype`.
pub fn factor_tensors(stem: &str, factors: &Factors, layout: Layout, dtype: Dtype) -> Vec<Tensor> {
    let parts = [("A", &factors.a), ("B", &factors.b)].into_iter().flat_map(|(factor, matrix)| {
        let name = format!("{stem}.{factor}");
        match layout {
            Layout::Csr => csr(&name, matrix, dtype),
            Layout::Bitmask => bitmask(&name, matrix, dtype),
            Layout::Dense | Layout::Merged => vec![dense(&name, matrix, dtype)],
        }
    });
    parts.collect()
}

/// What replaces W as one matrix `[out, in]`, as [`Layout::Merged`] writes it for a tensor of format `dtype`.
pub fn merged(kept: &Kept, dtype: Dtype) -> Result<Matrix, Error> {
    match kept {
        Kept::Factors(factors) => round::product(&round::factors(factors, Dtype::F32)?.product(), dtype),
        one => pruned(one, &one.matrix(), dtype),
    }
}

/// Of one sparse matrix no nonzero may become 0: it would leave the mask.
fn pruned(kept: &Kept, one: &Matrix, dtype: Dtype) -> Result<Matrix, Error> {
    match kept {
        Kept::Pruned(_) => round::pruned(one, dtype),
        _ => round::product(one, dtype),
    }
}

/// Whether the tensor's shape is its matrix's, flattened from the second dimension on, or exchanged.
fn stored_as(layer: &Layer) -> bool {
    let (rows, cols) = layer.weight.shape();
    match (layer.transposed, &layer.shape[..]) {
        (true, &[first, second]) => (first, second) == (cols, rows),
        (false, [first, rest @ ..]) => (*first, rest.iter().product()) == (rows, cols),
        _ => false,
    }
}

/// The file's name and the tensor's. Never a folder: a file that is passed on shall not tell where it was made.
fn source(layer: &Layer) -> String {
    let file = layer.file.rsplit(['/', '\\']).next().unwrap_or_default();
    format!("{file}:{}", layer.name)
}

fn dense(name: &str, matrix: &Matrix, dtype: Dtype) -> Tensor {
    Tensor::values(format!("{name}.weight"), dtype, &[matrix.rows(), matrix.cols()], matrix.as_slice())
}

/// The parts of `torch.sparse_csr_tensor`; safetensors holds no sparse tensors of its own.
fn csr(name: &str, matrix: &Matrix, dtype: Dtype) -> Vec<Tensor> {
    let csr = Csr::from_dense(matrix);
    let part = |part: &str| format!("{name}.{part}");
    vec![
        Tensor::integers(part("crow_indices"), &[csr.rows() + 1], csr.row_starts().iter().copied()),
        Tensor::integers(part("col_indices"), &[csr.nnz()], csr.indices().iter().map(|&j| j as usize)),
        Tensor::values(part("values"), dtype, &[csr.nnz()], csr.values()),
        Tensor::integers(part("shape"), &[2], [csr.rows(), csr.cols()]),
    ]
}

/// compressed-tensors' `sparse-bitmask`: the nonzeros row by row, and where they are, one bit a position.
fn bitmask(name: &str, matrix: &Matrix, dtype: Dtype) -> Vec<Tensor> {
    let (csr, mask) = (Csr::from_dense(matrix), Mask::of(matrix));
    let part = |part: &str| format!("{name}.{part}");
    let (rows, cols) = matrix.shape();
    let bits = (0..rows).flat_map(|i| mask.row_bytes(i)).collect();
    vec![
        Tensor::integers(part("shape"), &[2], [rows, cols]),
        Tensor::values(part("compressed"), dtype, &[csr.nnz()], csr.values()),
        Tensor::bytes(part("bitmask"), &[rows, cols.div_ceil(8)], bits),
        Tensor::integers(part("row_offsets"), &[rows], csr.row_starts()[..rows].iter().copied()),
    ]
}
