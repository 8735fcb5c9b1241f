//! A language model: its description, its tokenizer, and weights read on demand.

use super::block::{Block, ExpertWeights, LinearWeights};
use super::checked::check_tensors;
use super::config::names::{self, NormPlace};
use super::config::{Config, NormKind, NormSpan};
use super::layers::{LayerId, Linear};
use super::norm::Norm;
use super::note::{Note, unused};
use super::outer_layers::{Embedding, EmbeddingAndHead};
use super::rope::Angles;
use super::{Error, Tokenizer, TokenizerFiles};
use crate::compute::Weight;
use crate::compute::sparse::{Dense, Operator, Prepared, ValueFormat};
use crate::matrix::Matrix;
use crate::model::{Checkpoint, Dtype, Layer, Orientation};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A language model, some of whose layers may be replaced.
///
/// Weights stay in their file; a block's are read when it is computed: dense ones converted to f32, those that are
/// stored as factors or as one sparse matrix prepared for products as they are. Clones share everything, so a model with
/// one layer replaced costs that layer only.
#[derive(Clone)]
pub struct LanguageModel {
    name: String,
    config: Arc<Config>,
    tokenizer: Arc<Tokenizer>,
    checkpoint: Arc<Checkpoint>,
    notes: Arc<[Note]>,
    replaced: BTreeMap<LayerId, Weight>,
    /// Values of other tensors that are replaced, by name, as the file would have them.
    values: BTreeMap<String, Arc<Vec<f32>>>,
}

impl LanguageModel {
    /// Builds a model from the parts of a Hugging Face folder called `name`. Checks that every tensor is there and has
    /// the right shape.
    pub fn new(
        name: &str,
        config: &[u8],
        tokenizer: &TokenizerFiles,
        checkpoint: Arc<Checkpoint>,
    ) -> Result<Self, Error> {
        let tokenizer = Tokenizer::read(tokenizer, config);
        let mut config = Config::read(config)?;
        config.names = config.names.found_in(&checkpoint);
        let tokenizer = tokenizer?;
        let mut model = Self {
            name: name.to_owned(),
            config: Arc::new(config),
            tokenizer: Arc::new(tokenizer),
            checkpoint,
            notes: Arc::new([]),
            replaced: BTreeMap::new(),
            values: BTreeMap::new(),
        };
        let used = check_tensors(&model.config, &model.checkpoint)?;
        model.notes = model.find_notes(&used)?.into();
        Ok(model)
    }

    /// What is worth knowing about the files beside what they say of themselves.
    fn find_notes(&self, used: &[String]) -> Result<Vec<Note>, Error> {
        let mut notes = Vec::new();
        if self.config.tied && self.has_head() && !self.head_is_embedding()? {
            notes.push(Note::OwnHead { tensor: self.head_tensor() });
        }
        let stems: Vec<String> = match self.is_sparse() {
            true => self.config.layers().map(|id| self.config.stem(id)).collect(),
            false => Vec::new(),
        };
        notes.extend(unused(&self.checkpoint, used, &stems));
        Ok(notes)
    }

    fn head_tensor(&self) -> String {
        self.config.names.head_weight()
    }

    /// Whether the file holds an output layer.
    fn has_head(&self) -> bool {
        self.checkpoint.has(&self.head_tensor())
    }

    /// Whether the file's output layer is a copy of the embedding.
    fn head_is_embedding(&self) -> Result<bool, Error> {
        let (head, embedding) = (self.head_tensor(), self.config.names.embedding());
        if self.checkpoint.tensor(&head)?.dtype != self.checkpoint.tensor(&embedding)?.dtype {
            return Ok(false);
        }
        // Another one mostly differs from the first number on.
        let first = |name: &str| self.checkpoint.first_bytes(name, 1 << 16);
        Ok(first(&head)? == first(&embedding)? && self.checkpoint.bytes(&head)? == self.checkpoint.bytes(&embedding)?)
    }

    /// What is worth knowing about the files: said once by whoever opens the model.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Name of its folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sizes and constants of the model.
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn shared_config(&self) -> Arc<Config> {
        self.config.clone()
    }

    /// Tokenizer of the model.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The checkpoint with its weights.
    pub fn checkpoint(&self) -> &Arc<Checkpoint> {
        &self.checkpoint
    }

    /// All linear layers of all blocks, in order of computation.
    pub fn layers(&self) -> impl Iterator<Item = LayerId> + use<> {
        self.config.layers()
    }

    /// Shape `(out, in)` of a layer's weight.
    pub fn shape(&self, id: LayerId) -> (usize, usize) {
        self.config.shape(id)
    }

    /// A layer as stored, whether or not it is replaced; factors are multiplied out.
    pub fn layer(&self, id: LayerId) -> Result<Layer, Error> {
        let stem = self.config.stem(id);
        let Some(stored) = self.checkpoint.stored_sparse(&stem)? else { return self.dense_layer(id) };
        let weight = Arc::new(self.checkpoint.replacement(&stem)?.to_dense());
        let (rows, cols) = stored.shape;
        Ok(Layer {
            name: self.config.tensor(id),
            file: self.checkpoint.name().to_owned(),
            shape: vec![rows, cols],
            transposed: false,
            dtype: stored.dtype,
            weight,
        })
    }

    /// The tensor that holds a layer, alone or with others, as a weight `[out, in]`; factors are multiplied out.
    pub fn tensor_with(&self, id: LayerId) -> Result<Layer, Error> {
        let place = self.config.place(id);
        if place.outputs.is_none() {
            return self.layer(id);
        }
        let orientation = if place.transposed { Orientation::Transposed } else { Orientation::AsStored };
        Ok(self.checkpoint.layer(&self.config.tensor_with(id), orientation)?)
    }

    /// A layer that is stored dense: its part of the tensor that holds it.
    fn dense_layer(&self, id: LayerId) -> Result<Layer, Error> {
        let place = self.config.place(id);
        let orientation = if place.transposed { Orientation::Transposed } else { Orientation::AsStored };
        let whole = self.checkpoint.layer(&format!("{}.weight", place.stem), orientation)?;
        let Some(outputs) = place.outputs else { return Ok(whole) };
        let rows = outputs.into_iter().flatten().flat_map(|row| whole.weight.row(row).iter().copied());
        let (rows, shape) = (rows.collect(), self.config.shape(id));
        let weight = Arc::new(Matrix::from_vec(shape.0, shape.1, rows));
        Ok(Layer { name: self.config.tensor(id), shape: vec![shape.0, shape.1], transposed: false, weight, ..whole })
    }

    /// The stored tensor of this name with replacements in its layers' places, as `[out, in]` or `[in, out]` as the file
    /// has it, or would have it if its layers were not stored sparse; `None` where `find` knows no replacement of any of its layers.
    pub fn with_replaced<E: From<Error>>(
        &self,
        tensor: &str,
        mut find: impl FnMut(LayerId) -> Result<Option<Arc<Matrix>>, E>,
    ) -> Result<Option<Arc<Matrix>>, E> {
        let mut found = Vec::new();
        for id in self.config.layers_in(tensor) {
            found.extend(find(id)?.map(|weight| (self.config.place(id), weight)));
        }
        let Some(transposed) = found.first().map(|(place, _)| place.transposed) else { return Ok(None) };
        let whole = match found.pop_if(|(place, _)| place.outputs.is_none()) {
            Some((_, weight)) => weight,
            None => {
                let orientation = if transposed { Orientation::Transposed } else { Orientation::AsStored };
                let mut whole = match self.checkpoint.has(tensor) {
                    true => (*self.checkpoint.layer(tensor, orientation).map_err(Error::from)?.weight).clone(),
                    // All of its layers are stored sparse.
                    false => {
                        let outputs = found.iter().flat_map(|(place, _)| place.outputs.iter().flatten());
                        let outputs = outputs.map(|range| range.end).max().unwrap_or(0);
                        Matrix::zeros(outputs, found.first().map_or(0, |(_, weight)| weight.cols()))
                    }
                };
                let width = whole.cols();
                for (place, weight) in found {
                    for (row, values) in
                        place.outputs.into_iter().flatten().flatten().zip(weight.as_slice().chunks_exact(width))
                    {
                        whole.as_mut_slice()[row * width..][..width].copy_from_slice(values);
                    }
                }
                Arc::new(whole)
            }
        };
        Ok(Some(if transposed { Arc::new(whole.transposed()) } else { whole }))
    }

    /// Replaces all layers that the tensor of this name holds by their parts of `weight`, `[out, in]`.
    ///
    /// # Panics
    /// Panics if the shape differs.
    pub fn replace_tensor(&mut self, tensor: &str, weight: &Arc<Matrix>) {
        for id in self.config.layers_in(tensor) {
            let Some(outputs) = self.config.place(id).outputs else {
                self.replace(id, weight.clone());
                continue;
            };
            let rows = outputs.into_iter().flatten().flat_map(|row| weight.row(row).iter().copied()).collect();
            let (out, inputs) = self.shape(id);
            self.replace(id, Arc::new(Matrix::from_vec(out, inputs, rows)));
        }
    }

    /// Whether a checkpoint holds a whole model of which layers are stored as factors, or as one sparse matrix.
    pub fn keeps_factors(checkpoint: &Checkpoint) -> bool {
        let marked = |name: &str| names::is_in_block(name) && Checkpoint::is_part_of_sparse(name);
        let names = || checkpoint.tensors().iter().map(|tensor| tensor.name.as_str());
        names().any(names::is_embedding) && names().any(marked)
    }

    /// Whether some of its layers are stored as factors, or as one sparse matrix.
    pub fn is_sparse(&self) -> bool {
        Self::keeps_factors(&self.checkpoint)
            && self
                .layers()
                .any(|id| self.checkpoint.stored_sparse(&self.config.stem(id)).is_ok_and(|stored| stored.is_some()))
    }

    /// Replaces a layer's weight by `weight`, `[out, in]`.
    ///
    /// # Panics
    /// Panics if the shape differs.
    pub fn replace(&mut self, id: LayerId, weight: impl Into<Weight>) {
        let weight = weight.into();
        assert_eq!(weight.shape(), self.shape(id), "the shape of {}", self.config.tensor(id));
        self.replaced.insert(id, weight);
    }

    /// The number format in which a layer's weight, or what stands in its place, is kept in memory when it is stored in this
    /// model's files.
    pub fn value_format(&self, id: LayerId) -> ValueFormat {
        self.dtype(id).into()
    }

    /// The number format in which a layer is stored.
    pub fn dtype(&self, id: LayerId) -> Dtype {
        match self.checkpoint.stored_sparse(&self.config.stem(id)) {
            Ok(Some(stored)) => stored.dtype,
            _ => {
                let stored = self.checkpoint.tensor(&format!("{}.weight", self.config.place(id).stem));
                stored.ok().and_then(|info| info.format).unwrap_or(Dtype::F32)
            }
        }
    }

    /// Restores a layer's own weight, undoing [`LanguageModel::replace`].
    pub fn restore(&mut self, id: LayerId) {
        self.replaced.remove(&id);
    }

    /// The weight that replaces the layer's, if one does.
    pub fn replacement(&self, id: LayerId) -> Option<&Weight> {
        self.replaced.get(&id)
    }

    /// Replaces the values of a tensor that is no layer of a block: a norm, a bias, the embedding, by its name and with values
    /// as the file has them (Gemma's norms without the one). An embedding that is the head as well is replaced as both.
    ///
    /// # Panics
    /// Panics if the model has no such tensor, or their number differs.
    pub fn replace_values(&mut self, tensor: &str, values: Arc<Vec<f32>>) {
        let stored = self.checkpoint.tensor(tensor).map(|info| info.shape.iter().product::<usize>());
        assert_eq!(stored.ok(), Some(values.len()), "the number of values of {tensor}");
        self.values.insert(tensor.to_owned(), values);
    }

    /// Values that replace a tensor's, if some do.
    pub fn replaced_values(&self, tensor: &str) -> Option<&Arc<Vec<f32>>> {
        self.values.get(tensor)
    }

    /// All tensors whose values are replaced, by name.
    pub fn all_replaced_values(&self) -> impl Iterator<Item = (&str, &Arc<Vec<f32>>)> {
        self.values.iter().map(|(tensor, values)| (&**tensor, values))
    }

    /// Values of a tensor that is no layer of a block, replaced or as stored, in f32.
    pub fn tensor_values(&self, tensor: &str) -> Result<Arc<Vec<f32>>, Error> {
        match self.values.get(tensor) {
            Some(values) => Ok(values.clone()),
            None => Ok(Arc::new(self.checkpoint.values(tensor)?)),
        }
    }

    /// Reads a block's weights: dense ones in f32. `angles` must cover the positions of the texts it will see.
    pub fn block(&self, block: usize, angles: &Arc<Angles>) -> Result<Block, Error> {
        self.block_with(block, angles, |id| match self.replaced.get(&id) {
            Some(weight) => Ok(weight.clone()),
            None if self.checkpoint.stored_sparse(&self.config.stem(id))?.is_some() => {
                Ok(self.stored(id, None)?.into())
            }
            None => Ok(self.layer(id)?.weight.into()),
        })
    }

    /// Reads a block's weights to compute with them again and again: all of them prepared, with values as stored or in
    /// `values`.
    pub fn prepared_block(
        &self,
        block: usize,
        angles: &Arc<Angles>,
        values: Option<ValueFormat>,
    ) -> Result<Block, Error> {
        self.block_with(block, angles, |id| match self.replaced.get(&id) {
            Some(Weight::Dense(dense)) => {
                Ok(Operator::one(Prepared::dense(dense, values.unwrap_or(ValueFormat::F32))).into())
            }
            Some(prepared) => Ok(prepared.clone()),
            None => Ok(self.stored(id, values)?.into()),
        })
    }

    /// A layer's own weight prepared for products.
    fn stored(&self, id: LayerId, values: Option<ValueFormat>) -> Result<Operator, Error> {
        let stem = self.config.stem(id);
        if let Some(stored) = self.checkpoint.stored_sparse(&stem)? {
            let values = values.unwrap_or(stored.dtype.into());
            return Ok(Operator::new(&self.checkpoint.replacement(&stem)?, values));
        }
        let layer = self.layer(id)?;
        let values = values.unwrap_or(layer.dtype.into());
        Ok(Operator::one(Prepared::dense(&layer.weight, values)))
    }

    fn block_with(
        &self,
        block: usize,
        angles: &Arc<Angles>,
        weight: impl Fn(LayerId) -> Result<Weight, Error>,
    ) -> Result<Block, Error> {
        let config = &*self.config;
        let mut linears: [Option<LinearWeights>; 7] = Default::default();
        let mut experts = config.experts_of(block).map(|description| -> Result<ExpertWeights, Error> {
            let router = self.matrix(&config.names.router(block))?.into();
            Ok(ExpertWeights { description, router, experts: vec![Default::default(); description.count] })
        });
        let mut experts = experts.take().transpose()?;
        for id in config.layers_of(block) {
            let bias = config.has_bias(id.linear).then(|| self.bias(id)).transpose()?;
            let linear = Some(LinearWeights { weight: weight(id)?, bias });
            match (id.expert, &mut experts) {
                (Some(expert), Some(experts)) => experts.experts[expert][id.linear as usize] = linear,
                _ => linears[id.linear as usize] = linear,
            }
        }
        let mut norms: [Option<Norm>; 4] = Default::default();
        for (norm, place) in norms.iter_mut().zip(NormPlace::ALL) {
            let stem = config.names.norm(block, place, config.order);
            *norm = stem.map(|stem| self.norm(&[stem], config.norm, config.hidden)).transpose()?;
        }
        let mut query_key_norms: [Option<Norm>; 2] = Default::default();
        if let Some(of) = config.query_key_norm {
            let heads = [(Linear::Query, config.heads), (Linear::Key, config.kv_heads)];
            for (norm, (linear, heads)) in query_key_norms.iter_mut().zip(heads) {
                let stem = config.names.query_key_norm(block, linear, of);
                let width = if of.span == NormSpan::All { heads * config.head_dim } else { config.head_dim };
                let stems = match of.span {
                    NormSpan::NumberedHead => (0..heads).map(|head| format!("{stem}.norms.{head}")).collect(),
                    _ => vec![stem],
                };
                *norm = Some(self.norm(&stems, of.kind, width)?);
            }
        }
        let kind = config.block_kinds[block];
        Ok(Block {
            config: self.config.clone(),
            kind,
            angles: angles.clone(),
            norms,
            query_key_norms,
            linears,
            experts,
        })
    }

    /// A layer's bias.
    fn bias(&self, id: LayerId) -> Result<Vec<f32>, Error> {
        let place = self.config.place(id);
        let whole = self.vector(&format!("{}.bias", place.stem))?;
        Ok(match place.outputs {
            Some(outputs) => outputs.into_iter().flat_map(|range| whole[range].iter().copied()).collect(),
            None => whole,
        })
    }

    /// A norm of vectors of this width, whose weights stand one after the other under these names.
    fn norm(&self, stems: &[String], kind: NormKind, width: usize) -> Result<Norm, Error> {
        let all = |end: &str| -> Result<Vec<f32>, Error> {
            let parts = stems.iter().map(|stem| self.vector(&format!("{stem}.{end}")));
            Ok(parts.collect::<Result<Vec<_>, _>>()?.concat())
        };
        let mut weight = all("weight")?;
        if kind == NormKind::RmsFromOne {
            weight.iter_mut().for_each(|weight| *weight += 1.0);
        }
        let bias = kind.has_bias().then(|| all("bias")).transpose()?;
        Ok(Norm { kind, eps: self.config.norm_eps, width, weight, bias })
    }

    /// Rotary angles of texts of `positions` tokens.
    pub fn angles(&self, positions: usize) -> Arc<Angles> {
        Arc::new(Angles::new(&self.config, positions, positions))
    }

    /// The layers before the first block and after the last, in f32.
    pub fn embedding_and_head(&self) -> Result<EmbeddingAndHead, Error> {
        let embedding = self.embedding()?;
        let head =
            if self.has_own_head()? { self.matrix(&self.head_tensor())? } else { self.checked(embedding.clone())? };
        self.outer_layers(Embedding::Dense(embedding), Weight::Dense(head))
    }

    /// The same with values as stored, or in `values`.
    pub fn prepared_embedding_and_head(&self, values: Option<ValueFormat>) -> Result<EmbeddingAndHead, Error> {
        let prepared = |tensor: &str, matrix: &Matrix| -> Result<Arc<Dense>, Error> {
            let stored = self.checkpoint.tensor(tensor)?.format.unwrap_or(Dtype::F32);
            Ok(Arc::new(Dense::new(matrix, values.unwrap_or(stored.into()))))
        };
        let matrix = self.embedding()?;
        let embedding = prepared(&self.config.names.embedding(), &matrix)?;
        let head = match self.has_own_head()? {
            true => prepared(&self.head_tensor(), &*self.matrix(&self.head_tensor())?)?,
            false => self.checked(matrix).map(|_| embedding.clone())?,
        };
        self.outer_layers(Embedding::Prepared(embedding), Operator::one(Prepared::Dense(head)).into())
    }

    /// Whether the output layer is another matrix than the embedding.
    fn has_own_head(&self) -> Result<bool, Error> {
        Ok(!self.config.tied || (self.has_head() && !self.head_is_embedding()?))
    }

    /// The embedding, of which rows that no text uses may be anything.
    fn embedding(&self) -> Result<Arc<Matrix>, Error> {
        let values = Arc::unwrap_or_clone(self.tensor_values(&self.config.names.embedding())?);
        Ok(Arc::new(Matrix::from_vec(self.config.vocabulary, self.config.embedding_width, values)))
    }

    /// The embedding as an output layer, which uses all of its rows.
    fn checked(&self, embedding: Arc<Matrix>) -> Result<Arc<Matrix>, Error> {
        match embedding.first_not_finite() {
            None => Ok(embedding),
            Some((row, col)) => {
                let (tensor, value) = (self.config.names.embedding(), embedding.get(row, col).to_string());
                Err(crate::model::Error::NotFinite { tensor, row, col, value }.into())
            }
        }
    }

    fn outer_layers(&self, embedding: Embedding, head: Weight) -> Result<EmbeddingAndHead, Error> {
        let config = &self.config;
        let positions = config.learned_positions.map(|_| self.matrix(&config.names.positions())).transpose()?;
        let projections = match config.embedding_width == config.hidden {
            true => None,
            false => {
                let [into, out] = [true, false].map(|into| self.matrix(&config.names.projection(into)));
                Some([into?.into(), out?.into()])
            }
        };
        let norm = config.final_norm.then(|| self.norm(&[config.names.final_norm()], config.norm, config.hidden));
        let bias = config.biases.head.then(|| self.vector(&format!("{}.bias", config.names.head())));
        Ok(EmbeddingAndHead {
            config: config.clone(),
            name: config.names.embedding(),
            embedding,
            positions: positions.map(Arc::unwrap_or_clone),
            projections,
            norm: norm.transpose()?,
            head,
            head_bias: bias.transpose()?,
        })
    }

    fn matrix(&self, tensor: &str) -> Result<Arc<Matrix>, Error> {
        let stored = &self.checkpoint.tensor(tensor)?.shape;
        match (self.values.get(tensor), &stored[..]) {
            (Some(values), &[rows, cols]) => Ok(Arc::new(Matrix::from_vec(rows, cols, values.to_vec()))),
            _ => Ok(self.checkpoint.layer(tensor, Orientation::AsStored)?.weight),
        }
    }

    /// Values of a small tensor, all of them in use.
    fn vector(&self, tensor: &str) -> Result<Vec<f32>, Error> {
        let values = Arc::unwrap_or_clone(self.tensor_values(tensor)?);
        match values.iter().position(|x| !x.is_finite()) {
            None => Ok(values),
            Some(at) => {
                let (tensor, value) = (tensor.to_owned(), values[at].to_string());
                Err(crate::model::Error::NotFinite { tensor, row: 0, col: at, value }.into())
            }
        }
    }
}
