//! The layers outside of the blocks: embedding, learned positions, final norm and output layer.

use super::Error;
use super::config::Config;
use super::norm::Norm;
use crate::compute::Weight;
use crate::compute::sparse::{Dense, Prepared, ValueFormat};
use crate::compute::{Par, exp};
use crate::matrix::Matrix;
use std::sync::Arc;

/// The layers outside of the blocks.
pub struct EmbeddingAndHead {
    pub(super) config: Arc<Config>,
    /// Name of the embedding, for messages.
    pub(super) name: String,
    pub(super) embedding: Embedding,
    /// A row for each position, if positions are learned, `[positions, hidden]`.
    pub(super) positions: Option<Matrix>,
    /// Projections of an embedding of another width into the stream and out of it.
    pub(super) projections: Option<[Weight; 2]>,
    pub(super) norm: Option<Norm>,
    pub(super) head: Weight,
    pub(super) head_bias: Option<Vec<f32>>,
}

/// A vector for each token of the vocabulary.
pub(super) enum Embedding {
    Dense(Arc<Matrix>),
    Prepared(Arc<Dense>),
}

impl EmbeddingAndHead {
    /// Residual stream `[tokens, hidden]` before the first block, of tokens from position `from` on.
    pub fn embed(&self, tokens: &[u32], from: usize) -> Result<Matrix, Error> {
        let mut h = self.rows_of(tokens)?;
        if let Some([into, _]) = &self.projections {
            h = into.apply(&h, Par::Seq);
        }
        if let Some(positions) = &self.positions {
            let from = from + self.config.learned_positions.unwrap_or(0);
            if from + tokens.len() > positions.rows() {
                let most = positions.rows() - self.config.learned_positions.unwrap_or(0).min(positions.rows());
                return Err(Error::NoPosition { tokens: from + tokens.len(), positions: most });
            }
            let hidden = positions.cols();
            let rows = &positions.as_slice()[from * hidden..][..h.len()];
            h.as_mut_slice().iter_mut().zip(rows).for_each(|(x, position)| *x += position);
        }
        Ok(h)
    }

    /// The tokens' rows of the embedding, scaled, `[tokens, embedding_width]`.
    pub(super) fn rows_of(&self, tokens: &[u32]) -> Result<Matrix, Error> {
        let (vocabulary, width) = match &self.embedding {
            Embedding::Dense(dense) => dense.shape(),
            Embedding::Prepared(dense) => dense.shape(),
        };
        let mut h = Matrix::zeros(tokens.len(), width);
        for (&token, row) in tokens.iter().zip(h.as_mut_slice().chunks_mut(width)) {
            match &self.embedding {
                _ if token as usize >= vocabulary => return Err(Error::Token { token, vocabulary }),
                Embedding::Dense(dense) => row.copy_from_slice(dense.row(token as usize)),
                Embedding::Prepared(dense) => dense.copy_row(token as usize, row),
            }
            // Rows that no text uses may be anything.
            if let Some(col) = row.iter().position(|x| !x.is_finite()) {
                let (tensor, value) = (self.name.clone(), row[col].to_string());
                return Err(crate::model::Error::NotFinite { tensor, row: token as usize, col, value }.into());
            }
        }
        let scale = self.config.embedding_scale;
        if scale != 1.0 {
            h.as_mut_slice().iter_mut().for_each(|x| *x *= scale);
        }
        Ok(h)
    }

    /// Bytes of all of them in memory; a matrix that is both embedding and head counts once.
    pub fn bytes(&self) -> usize {
        let matrices = match (&self.embedding, &self.head) {
            (Embedding::Prepared(embedding), Weight::Prepared(head)) => match head.factors() {
                [Prepared::Dense(own)] if Arc::ptr_eq(own, embedding) => own.bytes(),
                _ => embedding.bytes() + head.bytes(),
            },
            (Embedding::Dense(embedding), Weight::Dense(head)) if Arc::ptr_eq(embedding, head) => self.head.bytes(),
            (Embedding::Dense(embedding), head) => head.bytes() + embedding.len() * ValueFormat::F32.size(),
            (Embedding::Prepared(embedding), head) => head.bytes() + embedding.bytes(),
        };
        let positions = self.positions.as_ref().map_or(0, |positions| size_of_val(positions.as_slice()));
        matrices + positions + self.projections.iter().flatten().map(Weight::bytes).sum::<usize>()
    }

    /// Logits `[tokens, vocabulary]` for the stream `h` after the last block.
    pub fn logits(&self, h: &Matrix, par: Par) -> Matrix {
        let normed = self.norm.as_ref().map(|norm| norm.of(h));
        let mut x = normed.as_ref().unwrap_or(h);
        let projected;
        if let Some([_, out]) = &self.projections {
            projected = out.apply(x, par);
            x = &projected;
        }
        self.logits_of(x, par)
    }

    /// Logits of what the head reads.
    pub(super) fn logits_of(&self, x: &Matrix, par: Par) -> Matrix {
        let mut logits = self.head.apply(x, par);
        if let Some(bias) = &self.head_bias {
            for row in logits.as_mut_slice().chunks_exact_mut(bias.len()) {
                row.iter_mut().zip(bias).for_each(|(x, bias)| *x += bias);
            }
        }
        let Config { logit_scale: scale, logit_cap, .. } = *self.config;
        if scale != 1.0 {
            logits.as_mut_slice().iter_mut().for_each(|x| *x *= scale);
        }
        if let Some(cap) = logit_cap {
            logits.as_mut_slice().iter_mut().for_each(|x| *x = cap * (*x / cap).tanh());
        }
        logits
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
