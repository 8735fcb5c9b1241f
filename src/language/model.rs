//! A language model of the Llama family: configuration, tokenizer, and weights read on demand.

use super::block::{Block, norm};
use super::layers::{LayerId, Linear};
use super::rope::Angles;
use super::{Config, Error, Tokenizer, TokenizerFiles, Weight};
use crate::Named;
use crate::compute::sparse::{Dense, Operator, Prepared, ValueFormat};
use crate::compute::{Par, exp};
use crate::matrix::Matrix;
use crate::model::{Checkpoint, Layer, Orientation};
use std::collections::BTreeMap;
use std::sync::Arc;

const EMBEDDING: &str = "model.embed_tokens.weight";
const FINAL_NORM: &str = "model.norm.weight";
const HEAD: &str = "lm_head.weight";

/// A language model, some of whose layers may be replaced.
///
/// Weights stay in their mapped file; a block's are read when it is computed: dense ones converted to f32, those that are
/// stored as factors or as one sparse matrix prepared for products as they are. Clones share everything, so a model with
/// one layer replaced costs that layer only.
#[derive(Clone)]
pub struct LanguageModel {
    name: String,
    config: Arc<Config>,
    tokenizer: Arc<Tokenizer>,
    checkpoint: Arc<Checkpoint>,
    replaced: BTreeMap<LayerId, Weight>,
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
        let config = Config::read(config)?;
        let tokenizer = tokenizer?;
        let model = Self {
            name: name.to_owned(),
            config: Arc::new(config),
            tokenizer: Arc::new(tokenizer),
            checkpoint,
            replaced: BTreeMap::new(),
        };
        model.check_shapes()?;
        Ok(model)
    }

    fn check_shapes(&self) -> Result<(), Error> {
        let Config { hidden, vocabulary, blocks, tied, .. } = *self.config;
        let check = |tensor: String, expected: &[usize]| -> Result<(), Error> {
            let info = self.checkpoint.tensor(&tensor)?;
            if info.shape != expected {
                return Err(Error::Shape { tensor, shape: info.shape.clone(), expected: expected.to_vec() });
            }
            if info.format.is_none() {
                return Err(Error::Unsupported { what: format!("{tensor} in the format {}", info.dtype) });
            }
            Ok(())
        };
        check(EMBEDDING.into(), &[vocabulary, hidden])?;
        check(FINAL_NORM.into(), &[hidden])?;
        if !tied {
            check(HEAD.into(), &[vocabulary, hidden])?;
        }
        for block in 0..blocks {
            for norm in ["input_layernorm", "post_attention_layernorm"] {
                check(format!("model.layers.{block}.{norm}.weight"), &[hidden])?;
            }
            for &linear in Linear::ALL {
                let (rows, cols) = linear.shape(&self.config);
                let id = LayerId { block, linear };
                match self.checkpoint.stored_sparse(&id.stem())? {
                    None => check(id.tensor(), &[rows, cols])?,
                    Some(stored) if stored.shape == (rows, cols) => {}
                    Some(stored) => {
                        let shape = vec![stored.shape.0, stored.shape.1];
                        return Err(Error::Shape { tensor: id.stem(), shape, expected: vec![rows, cols] });
                    }
                }
                if linear.has_bias(&self.config) {
                    check(format!("{}.bias", id.stem()), &[rows])?;
                }
            }
        }
        Ok(())
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
        let Some(stored) = self.checkpoint.stored_sparse(&id.stem())? else {
            return Ok(self.checkpoint.layer(&id.tensor(), Orientation::AsStored)?);
        };
        let weight = Arc::new(self.checkpoint.replacement(&id.stem())?.to_dense());
        let (rows, cols) = stored.shape;
        Ok(Layer {
            name: id.tensor(),
            file: self.checkpoint.name().to_owned(),
            shape: vec![rows, cols],
            transposed: false,
            dtype: stored.dtype,
            weight,
        })
    }

    /// Whether a checkpoint holds a whole model of which layers are stored as factors, or as one sparse matrix.
    pub fn keeps_factors(checkpoint: &Checkpoint) -> bool {
        let sparse = |linear: &Linear| {
            let stem = LayerId { block: 0, linear: *linear }.stem();
            checkpoint.stored_sparse(&stem).is_ok_and(|stored| stored.is_some())
        };
        checkpoint.has(EMBEDDING) && Linear::ALL.iter().any(sparse)
    }

    /// Whether some of its layers are stored as factors, or as one sparse matrix.
    pub fn is_sparse(&self) -> bool {
        self.layers().any(|id| self.checkpoint.stored_sparse(&id.stem()).is_ok_and(|stored| stored.is_some()))
    }

    /// Replaces a layer's weight by `weight`, `[out, in]`.
    ///
    /// # Panics
    /// Panics if the shape differs.
    pub fn replace(&mut self, id: LayerId, weight: impl Into<Weight>) {
        let weight = weight.into();
        assert_eq!(weight.shape(), self.shape(id), "the shape of {}", id.tensor());
        self.replaced.insert(id, weight);
    }

    /// The number format in which a layer's weight, or what stands in its place, is kept in memory when it is stored in this
    /// model's files.
    pub fn value_format(&self, id: LayerId) -> ValueFormat {
        match self.checkpoint.stored_sparse(&id.stem()) {
            Ok(Some(stored)) => stored.dtype.into(),
            _ => self
                .checkpoint
                .tensor(&id.tensor())
                .ok()
                .and_then(|info| info.format)
                .map_or(ValueFormat::F32, Into::into),
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

    /// Reads a block's weights: dense ones in f32. `angles` must cover the positions of the texts it will see.
    pub fn block(&self, block: usize, angles: &Arc<Angles>) -> Result<Block, Error> {
        self.block_with(block, angles, |id| match self.replaced.get(&id) {
            Some(weight) => Ok(weight.clone()),
            None if self.checkpoint.stored_sparse(&id.stem())?.is_some() => Ok(self.stored(id, None)?.into()),
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
        if let Some(stored) = self.checkpoint.stored_sparse(&id.stem())? {
            let values = values.unwrap_or(stored.dtype.into());
            return Ok(Operator::new(&self.checkpoint.replacement(&id.stem())?, values));
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
        let bias = |linear: Linear| -> Result<Option<Vec<f32>>, Error> {
            let wanted = linear.has_bias(&self.config);
            wanted.then(|| self.vector(&format!("{}.bias", LayerId { block, linear }.stem()))).transpose()
        };
        let norm = |norm: &str| self.vector(&format!("model.layers.{block}.{norm}.weight"));
        let mut weights = Vec::with_capacity(Linear::ALL.len());
        let mut biases: [Option<Vec<f32>>; 7] = Default::default();
        for (linear, place) in Linear::ALL.iter().copied().zip(&mut biases) {
            weights.push(weight(LayerId { block, linear })?);
            *place = bias(linear)?;
        }
        let weights = weights.try_into().map_err(|_| ()).expect("one for each linear layer");
        Ok(Block {
            config: self.config.clone(),
            angles: angles.clone(),
            attention_norm: norm("input_layernorm")?,
            feed_forward_norm: norm("post_attention_layernorm")?,
            weights,
            biases,
        })
    }

    /// Rotary angles of the first `positions` positions.
    pub fn angles(&self, positions: usize) -> Arc<Angles> {
        Arc::new(Angles::new(&self.config, positions))
    }

    /// The layers before the first block and after the last, in f32.
    pub fn embedding_and_head(&self) -> Result<EmbeddingAndHead, Error> {
        let embedding = self.matrix(EMBEDDING)?;
        let head = if self.config.tied { embedding.clone() } else { self.matrix(HEAD)? };
        let (embedding, head) = (Embedding::Dense(embedding), Weight::Dense(head));
        Ok(EmbeddingAndHead { embedding, norm: self.vector(FINAL_NORM)?, head, eps: self.config.norm_eps })
    }

    /// The same with values as stored, or in `values`.
    pub fn prepared_embedding_and_head(&self, values: Option<ValueFormat>) -> Result<EmbeddingAndHead, Error> {
        let prepared = |tensor: &str| -> Result<Arc<Dense>, Error> {
            let layer = self.checkpoint.layer(tensor, Orientation::AsStored)?;
            Ok(Arc::new(Dense::new(&layer.weight, values.unwrap_or(layer.dtype.into()))))
        };
        let embedding = prepared(EMBEDDING)?;
        let head = if self.config.tied { embedding.clone() } else { prepared(HEAD)? };
        Ok(EmbeddingAndHead {
            embedding: Embedding::Prepared(embedding),
            norm: self.vector(FINAL_NORM)?,
            head: Operator::one(Prepared::Dense(head)).into(),
            eps: self.config.norm_eps,
        })
    }

    fn matrix(&self, tensor: &str) -> Result<Arc<Matrix>, Error> {
        Ok(self.checkpoint.layer(tensor, Orientation::AsStored)?.weight)
    }

    fn vector(&self, tensor: &str) -> Result<Vec<f32>, Error> {
        Ok(self.checkpoint.values(tensor)?)
    }
}

/// The layers outside of the blocks: embedding, final norm and output head.
pub struct EmbeddingAndHead {
    embedding: Embedding,
    norm: Vec<f32>,
    head: Weight,
    eps: f32,
}

/// A vector for each token of the vocabulary.
enum Embedding {
    Dense(Arc<Matrix>),
    Prepared(Arc<Dense>),
}

impl EmbeddingAndHead {
    /// Residual stream `[tokens, hidden]` before the first block.
    pub fn embed(&self, tokens: &[u32]) -> Result<Matrix, Error> {
        let (vocabulary, hidden) = match &self.embedding {
            Embedding::Dense(dense) => dense.shape(),
            Embedding::Prepared(dense) => dense.shape(),
        };
        let mut h = Matrix::zeros(tokens.len(), hidden);
        for (&token, row) in tokens.iter().zip(h.as_mut_slice().chunks_mut(hidden)) {
            match &self.embedding {
                _ if token as usize >= vocabulary => return Err(Error::Token { token, vocabulary }),
                Embedding::Dense(dense) => row.copy_from_slice(dense.row(token as usize)),
                Embedding::Prepared(dense) => dense.copy_row(token as usize, row),
            }
        }
        Ok(h)
    }

    /// Bytes of both in memory; a matrix that is both counts once.
    pub fn bytes(&self) -> usize {
        match (&self.embedding, &self.head) {
            (Embedding::Prepared(embedding), Weight::Prepared(head)) => match head.factors() {
                [Prepared::Dense(own)] if Arc::ptr_eq(own, embedding) => own.bytes(),
                _ => embedding.bytes() + head.bytes(),
            },
            (Embedding::Dense(embedding), Weight::Dense(head)) if Arc::ptr_eq(embedding, head) => self.head.bytes(),
            (Embedding::Dense(embedding), head) => head.bytes() + embedding.len() * ValueFormat::F32.size(),
            (Embedding::Prepared(embedding), head) => head.bytes() + embedding.bytes(),
        }
    }

    /// Logits `[tokens, vocabulary]` for the stream `h` after the last block.
    pub fn logits(&self, h: &Matrix, par: Par) -> Matrix {
        self.head.apply(&norm(h, &self.norm, self.eps), par)
    }

    /// −ln P of each `next` token, given the row of the stream `h` after the last block at the token before it.
    pub fn losses(&self, h: &Matrix, next: &[u32], par: Par) -> Vec<f64> {
        /// Rows of logits in memory at a time.
        const ROWS: usize = 128;
        let width = h.cols();
        let mut losses = Vec::with_capacity(next.len());
        for (rows, next) in h.as_slice().chunks(ROWS * width).zip(next.chunks(ROWS)) {
            let rows = Matrix::from_vec(rows.len() / width, width, rows.to_vec());
            let mut logits = self.logits(&rows, par);
            let vocabulary = logits.cols();
            losses.extend(logits.as_mut_slice().chunks_mut(vocabulary).zip(next).map(|(row, &token)| loss(row, token)));
        }
        losses
    }
}

/// −ln softmax(logits)\[token\], summed in f64; overwrites the logits.
fn loss(logits: &mut [f32], token: u32) -> f64 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let own = f64::from(logits[token as usize]);
    logits.iter_mut().for_each(|logit| *logit -= most);
    exp(logits);
    let sum: f64 = logits.iter().map(|&x| f64::from(x)).sum();
    sum.ln() + f64::from(most) - own
}
