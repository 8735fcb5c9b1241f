//! What a window's way back through a block leaves, and its sums over windows.

use super::gradients::{BlockGradients, Wanted};
use crate::compute::{add_matmul, parallelism_for};
use crate::language::Block;
use crate::language::config::names::NormPlace;
use crate::language::config::{Config, NormSpan};
use crate::language::layers::{LayerId, Linear};
use crate::language::norm::NormGradients;
use crate::matrix::Matrix;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A layer of a block: its expert, if it belongs to one, and its role.
pub(super) type Key = (Option<usize>, Linear);

/// What one window's way back through a block leaves.
pub(super) struct Record {
    wanted: Wanted,
    /// Of each layer the inputs `[tokens, in]` and the gradients with respect to its outputs `[tokens, out]`.
    layers: Vec<(Key, Arc<Matrix>, Matrix)>,
    /// In the order of [`NormPlace::ALL`], then of queries and keys.
    norms: [Option<NormGradients>; 6],
    /// `[experts, hidden]`.
    router: Option<Matrix>,
}

impl Record {
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted, layers: Vec::new(), norms: Default::default(), router: None }
    }

    /// Keeps a layer's inputs and the gradients with respect to its outputs.
    pub fn layer(&mut self, key: Key, x: &Arc<Matrix>, g: Matrix) {
        if self.wanted != Wanted::default() {
            self.layers.push((key, x.clone(), g));
        }
    }

    /// Adds the gradients of norm number `at`, which a block may use twice.
    pub fn norm(&mut self, at: usize, gradients: NormGradients) {
        let Some(sum) = &mut self.norms[at] else {
            self.norms[at] = Some(gradients);
            return;
        };
        add(&mut sum.weight, &gradients.weight);
        if let (Some(sum), Some(bias)) = (&mut sum.bias, &gradients.bias) {
            add(sum, bias);
        }
    }

    pub fn router(&mut self, gradients: Matrix) {
        self.router = Some(gradients);
    }
}

fn add(sum: &mut [f32], more: &[f32]) {
    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

/// Adds what windows left to the sums of block number `number`.
pub(super) fn add_all(block: &Block, number: usize, records: Vec<Record>, wanted: Wanted, sums: &mut BlockGradients) {
    let mut by_layer: BTreeMap<Key, Vec<(Arc<Matrix>, Matrix)>> = BTreeMap::new();
    for mut record in records {
        for (key, x, g) in record.layers.drain(..) {
            by_layer.entry(key).or_default().push((x, g));
        }
        if wanted.tensors {
            add_tensors(block, number, &record, &mut sums.tensors);
        }
    }
    for ((expert, linear), parts) in by_layer {
        let id = LayerId { block: number, expert, linear };
        if wanted.weights {
            let (out, inputs) = block.config.shape(id);
            let sum = sums.weights.entry(id).or_insert_with(|| Matrix::zeros(out, inputs));
            let (x, g) = (joined(parts.iter().map(|(x, _)| &**x)), joined(parts.iter().map(|(_, g)| g)));
            add_matmul(sum, g.view().transpose(), x.view(), parallelism_for(g.rows() * out * inputs));
        }
        if wanted.output_squares {
            let sum = sums.output_squares.entry(id).or_insert_with(|| vec![0.0; block.config.shape(id).0]);
            for row in parts.iter().flat_map(|(_, g)| rows(g)) {
                sum.iter_mut().zip(row).for_each(|(sum, &g)| *sum += f64::from(g) * f64::from(g));
            }
        }
        if wanted.tensors && block.config.has_bias(id.linear) {
            let mut bias = vec![0.0; block.config.shape(id).0];
            parts.iter().flat_map(|(_, g)| rows(g)).for_each(|row| add(&mut bias, row));
            add_bias(&block.config, id, &bias, &mut sums.tensors);
        }
    }
}

fn rows(matrix: &Matrix) -> impl Iterator<Item = &[f32]> {
    matrix.as_slice().chunks_exact(matrix.cols().max(1))
}

/// Matrices of equal width, stacked vertically.
fn joined<'a>(parts: impl Iterator<Item = &'a Matrix> + Clone) -> Matrix {
    let cols = parts.clone().next().map_or(0, Matrix::cols);
    let values: Vec<f32> = parts.flat_map(|part| part.as_slice()).copied().collect();
    Matrix::from_vec(values.len() / cols.max(1), cols, values)
}

/// Adds gradients of a layer's bias to those of the tensor that holds it, alone or with others.
fn add_bias(config: &Config, id: LayerId, bias: &[f32], tensors: &mut BTreeMap<String, Vec<f32>>) {
    let place = config.place(id);
    let sum = tensors.entry(format!("{}.bias", place.stem)).or_insert_with(|| vec![0.0; config.outputs_with(id)]);
    match place.outputs {
        Some(outputs) => outputs.into_iter().flatten().zip(bias).for_each(|(at, x)| sum[at] += x),
        None => add(sum, bias),
    }
}

/// Adds gradients of norms and router under the names that the file has for them.
fn add_tensors(block: &Block, number: usize, record: &Record, tensors: &mut BTreeMap<String, Vec<f32>>) {
    let config = &block.config;
    let mut to = |name: String, values: &[f32]| {
        let sum = tensors.entry(name).or_insert_with(|| vec![0.0; values.len()]);
        add(sum, values);
    };
    let mut norm = |stems: Vec<String>, gradients: &NormGradients| {
        let width = gradients.weight.len() / stems.len();
        for (at, stem) in stems.into_iter().enumerate() {
            let range = at * width..(at + 1) * width;
            to(format!("{stem}.weight"), &gradients.weight[range.clone()]);
            if let Some(bias) = &gradients.bias {
                to(format!("{stem}.bias"), &bias[range]);
            }
        }
    };
    let [attention_in, attention_out, feed_in, feed_out, query, key] = &record.norms;
    for (gradients, place) in [attention_in, attention_out, feed_in, feed_out].into_iter().zip(NormPlace::ALL) {
        if let (Some(gradients), Some(stem)) = (gradients, config.names.norm(number, place, config.order)) {
            norm(vec![stem], gradients);
        }
    }
    for (gradients, linear, heads) in [(query, Linear::Query, config.heads), (key, Linear::Key, config.kv_heads)] {
        if let (Some(gradients), Some(of)) = (gradients, config.query_key_norm) {
            let stem = config.names.query_key_norm(number, linear, of);
            let stems = match of.span {
                NormSpan::NumberedHead => (0..heads).map(|head| format!("{stem}.norms.{head}")).collect(),
                _ => vec![stem],
            };
            norm(stems, gradients);
        }
    }
    if let Some(router) = &record.router {
        to(config.names.router(number), router.as_slice());
    }
}
