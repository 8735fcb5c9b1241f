//! The loss and the way back through the layers outside of the blocks.

use crate::compute::Weight;
use crate::compute::{Par, add_matmul, chunks_of, exp, matmul_with, parallelism_for, prelude::*};
use crate::language::norm::NormGradients;
use crate::language::outer_layers::{Embedding, EmbeddingAndHead};
use crate::language::stream::{Loss, ResidualStreams};
use crate::language::{Error, Windows};
use crate::matrix::Matrix;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a model is to predict.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    /// The windows' own next tokens.
    Tokens,
    /// The distributions that another model, of the same vocabulary, predicts for the same windows (distillation, Hinton et
    /// al., arXiv 1503.02531). The loss is the Kullback-Leibler divergence from it.
    Teacher {
        /// The other model's outer layers.
        outer_layers: &'a EmbeddingAndHead,
        /// Its streams after the last block.
        streams: &'a ResidualStreams,
    },
}

/// Which gradients of outer layers are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OuterWanted {
    /// Of the final norm.
    pub norms: bool,
    /// Of embedding, positions, projections and head, with its bias.
    pub matrices: bool,
}

/// Some tokens in sequence.
struct Rows<'a> {
    /// Streams after the last block, `[tokens, hidden]`.
    h: Matrix,
    /// Streams of the other model, if there is one.
    other: Option<(&'a EmbeddingAndHead, Matrix)>,
    next: &'a [u32],
}

/// What the way back leaves of some tokens.
struct Back {
    /// Sum of the losses.
    loss: f64,
    /// Gradients with respect to the streams.
    g: Matrix,
    norm: Option<NormGradients>,
    /// What the head read and the gradients with respect to its outputs, if wanted; of a projection the same.
    head: Option<(Matrix, Matrix)>,
    projection: Option<(Matrix, Matrix)>,
}

/// Tokens whose logits one thread has in memory.
const ROWS: usize = 64;

/// Parts of [`ROWS`] tokens that are computed at a time. Fixed, because gradients are summed in this order.
const PARTS: usize = 16;

impl EmbeddingAndHead {
    /// Mean loss of the windows' predicted tokens for the `streams` after the last block, its gradients with respect to
    /// those streams, and those of the wanted layers by the names of their tensors.
    pub fn loss_gradients(
        &self,
        streams: &ResidualStreams,
        windows: &Windows,
        target: Target<'_>,
        wanted: OuterWanted,
    ) -> (Loss, ResidualStreams, BTreeMap<String, Vec<f32>>) {
        let hidden = self.config.hidden;
        let predicted = windows.predicted();
        let zeros = |h: &Matrix| Matrix::zeros(h.rows(), h.cols());
        let mut gradients = ResidualStreams { streams: streams.streams.iter().map(zeros).collect() };
        let mut tensors = BTreeMap::new();
        let parts: Vec<(usize, usize, &[u32])> = windows
            .iter()
            .enumerate()
            .flat_map(|(window, tokens)| {
                tokens[1..].chunks(ROWS).enumerate().map(move |(part, next)| (window, part * ROWS, next))
            })
            .collect();
        let mut sum = 0.0;
        for parts in parts.chunks(PARTS) {
            let computed: Vec<Back> = chunks_of(parts, 1)
                .map(|part| {
                    let (window, from, next) = part[0];
                    let rows = |streams: &ResidualStreams| {
                        let width = streams.streams[window].cols();
                        let rows = &streams.streams[window].as_slice()[from * width..][..next.len() * width];
                        Matrix::from_vec(next.len(), width, rows.to_vec())
                    };
                    let other = match target {
                        Target::Tokens => None,
                        Target::Teacher { outer_layers, streams } => Some((outer_layers, rows(streams))),
                    };
                    self.back(Rows { h: rows(streams), other, next }, 1.0 / predicted as f32, wanted)
                })
                .collect();
            for (&(window, from, _), back) in parts.iter().zip(&computed) {
                sum += back.loss;
                gradients.streams[window].as_mut_slice()[from * hidden..][..back.g.len()]
                    .copy_from_slice(back.g.as_slice());
            }
            self.add_outer(&computed, &mut tensors);
        }
        (Loss { nll: sum / predicted as f64, tokens: predicted }, gradients, tensors)
    }

    /// The loss of some tokens, and the way back to their streams; gradients are multiplied by `scale`.
    fn back(&self, rows: Rows<'_>, scale: f32, wanted: OuterWanted) -> Back {
        let Rows { h, other, next } = rows;
        let normed = self.norm.as_ref().map(|norm| norm.of(&h));
        let projected = self.projections.as_ref().map(|[_, out]| out.apply(normed.as_ref().unwrap_or(&h), Par::Seq));
        let x = projected.as_ref().or(normed.as_ref()).unwrap_or(&h);
        let mut logits = self.logits_of(x, Par::Seq);
        let slopes = self.cap_slopes(&logits);
        let teacher = other.map(|(outer_layers, h)| outer_layers.logits(&h, Par::Seq));
        let loss = match teacher {
            Some(mut teacher) => to_divergence_gradients(&mut logits, &mut teacher),
            None => to_loss_gradients(&mut logits, next),
        };
        let scale = scale * self.config.logit_scale;
        let mut g = logits;
        g.as_mut_slice().iter_mut().for_each(|g| *g *= scale);
        if let Some(slopes) = slopes {
            g.as_mut_slice().iter_mut().zip(slopes).for_each(|(g, slope)| *g *= slope);
        }
        let of_head = wanted.matrices.then(|| (x.clone(), g.clone()));
        let mut g = self.head.backward(&g, Par::Seq);
        let mut of_projection = None;
        if let Some([_, out]) = &self.projections {
            of_projection = wanted.matrices.then(|| (normed.as_ref().unwrap_or(&h).clone(), g.clone()));
            g = out.backward(&g, Par::Seq);
        }
        let norm = self.norm.as_ref().map(|norm| norm.backward(&h, &mut g)).filter(|_| wanted.norms);
        Back { loss, g, norm, head: of_head, projection: of_projection }
    }

    /// Derivative of capped logits, if they are capped.
    fn cap_slopes(&self, logits: &Matrix) -> Option<Vec<f32>> {
        let cap = self.config.logit_cap?;
        Some(logits.as_slice().iter().map(|logit| 1.0 - (logit / cap) * (logit / cap)).collect())
    }

    /// Adds the gradients of the layers after the blocks.
    fn add_outer(&self, parts: &[Back], tensors: &mut BTreeMap<String, Vec<f32>>) {
        let names = &self.config.names;
        for part in parts {
            if let Some(norm) = &part.norm {
                add(tensors, format!("{}.weight", names.final_norm()), &norm.weight);
                if let Some(bias) = &norm.bias {
                    add(tensors, format!("{}.bias", names.final_norm()), bias);
                }
            }
            if let (Some((_, g)), true) = (&part.head, self.head_bias.is_some()) {
                let mut bias = vec![0.0; g.cols()];
                for row in g.as_slice().chunks_exact(g.cols()) {
                    bias.iter_mut().zip(row).for_each(|(sum, g)| *sum += g);
                }
                add(tensors, format!("{}.bias", names.head()), &bias);
            }
        }
        let head = if self.head_is_embedding() { names.embedding() } else { names.head_weight() };
        let of_head: Vec<_> = parts.iter().filter_map(|part| part.head.as_ref()).collect();
        let of_projection: Vec<_> = parts.iter().filter_map(|part| part.projection.as_ref()).collect();
        for (tensor, parts) in [(head, of_head), (names.projection(false), of_projection)] {
            let Some((x, g)) = parts.first() else { continue };
            let sum = tensors.remove(&tensor).unwrap_or_else(|| vec![0.0; g.cols() * x.cols()]);
            let mut sum = Matrix::from_vec(g.cols(), x.cols(), sum);
            for (x, g) in parts {
                add_matmul(&mut sum, g.view().transpose(), x.view(), parallelism_for(g.len() * x.cols()));
            }
            tensors.insert(tensor, sum.into_vec());
        }
    }

    fn head_is_embedding(&self) -> bool {
        matches!((&self.embedding, &self.head), (Embedding::Dense(own), Weight::Dense(head)) if Arc::ptr_eq(own, head))
    }

    /// Adds the gradients of embedding, positions and the projection into the stream, given those with respect to the
    /// streams before the first block.
    pub fn embedding_gradients(
        &self,
        windows: &Windows,
        gradients: &ResidualStreams,
        tensors: &mut BTreeMap<String, Vec<f32>>,
    ) -> Result<(), Error> {
        let names = &self.config.names;
        let (vocabulary, width) = (self.config.vocabulary, self.config.embedding_width);
        let mut embedding = vec![0.0; vocabulary * width];
        for (tokens, g) in windows.iter().zip(&gradients.streams) {
            if let (Some(positions), Some(from)) = (&self.positions, self.config.learned_positions) {
                let mut all = vec![0.0; positions.len()];
                all[from * g.cols()..][..g.len()].copy_from_slice(g.as_slice());
                add(tensors, names.positions(), &all);
            }
            let projected = self.projections.as_ref().map(|[into, _]| into.backward(g, Par::Seq));
            if projected.is_some() {
                let x = self.rows_of(tokens)?;
                let mut of_projection = Matrix::zeros(g.cols(), width);
                matmul_with(&mut of_projection, g.view().transpose(), x.view(), parallelism_for(g.len() * x.cols()));
                add(tensors, names.projection(true), of_projection.as_slice());
            }
            let g = projected.as_ref().unwrap_or(g);
            for (&token, row) in tokens.iter().zip(g.as_slice().chunks_exact(width)) {
                let sum = &mut embedding[token as usize * width..][..width];
                sum.iter_mut().zip(row).for_each(|(sum, g)| *sum += self.config.embedding_scale * g);
            }
        }
        add(tensors, names.embedding(), &embedding);
        Ok(())
    }
}

fn add(tensors: &mut BTreeMap<String, Vec<f32>>, name: String, values: &[f32]) {
    let sum = tensors.entry(name).or_insert_with(|| vec![0.0; values.len()]);
    sum.iter_mut().zip(values).for_each(|(sum, more)| *sum += more);
}

/// Turns each row into its softmax; returns the logarithms of the sums of exponentials.
fn softmax(logits: &mut Matrix) -> Vec<f64> {
    let width = logits.cols();
    let rows = logits.as_mut_slice().chunks_exact_mut(width);
    rows.map(|row| {
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row.iter_mut().for_each(|logit| *logit -= most);
        exp(row);
        let sum: f64 = row.iter().map(|&x| f64::from(x)).sum();
        let scale = (1.0 / sum) as f32;
        row.iter_mut().for_each(|x| *x *= scale);
        sum.ln() + f64::from(most)
    })
    .collect()
}

/// Turns logits into gradients of the sum of −ln P of the `next` tokens, which it returns.
fn to_loss_gradients(logits: &mut Matrix, next: &[u32]) -> f64 {
    let width = logits.cols();
    let own: Vec<f64> =
        next.iter().enumerate().map(|(row, &token)| f64::from(logits.get(row, token as usize))).collect();
    let normalizers = softmax(logits);
    for (row, &token) in logits.as_mut_slice().chunks_exact_mut(width).zip(next) {
        row[token as usize] -= 1.0;
    }
    normalizers.iter().zip(own).map(|(normalizer, own)| normalizer - own).sum()
}

/// Turns logits into gradients of the sum of the rows' divergences from the softmax of `teacher`, which it returns.
fn to_divergence_gradients(logits: &mut Matrix, teacher: &mut Matrix) -> f64 {
    let (own_logits, other_logits) = (logits.clone(), teacher.clone());
    let (own, others) = (softmax(logits), softmax(teacher));
    let mut sum = 0.0;
    for row in 0..logits.rows() {
        let shift = own[row] - others[row];
        let both = other_logits.row(row).iter().zip(own_logits.row(row));
        let differences = both.map(|(other, own)| f64::from(*other) - f64::from(*own) + shift);
        sum += teacher.row(row).iter().zip(differences).map(|(share, ln)| f64::from(*share) * ln).sum::<f64>();
    }
    logits.as_mut_slice().iter_mut().zip(teacher.as_slice()).for_each(|(g, share)| *g -= share);
    sum
}
