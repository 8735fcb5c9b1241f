//! Attention: each token's mixture of the values of the tokens that it sees.

use crate::compute::{Par, exp};
use crate::matrix::Matrix;
use faer::linalg::matmul::{matmul, triangular};
use faer::{Accum, MatRef};

/// Heads of attention, and what they see.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attention {
    /// Heads of the queries.
    pub heads: usize,
    /// Heads of keys and values.
    pub kv_heads: usize,
    /// Width of a head.
    pub width: usize,
    /// Factor of the scores.
    pub scale: f32,
    /// Bound of the scores.
    pub cap: Option<f32>,
    /// Number of tokens that are seen, the present one among them; all earlier ones if `None`.
    pub window: Option<usize>,
}

impl Attention {
    /// softmax(scale·q·kᵀ)·v for each head, causal. `q` may hold only the last tokens of the text that `k` and `v` hold.
    /// Each head of keys and values serves `heads / kv_heads` heads of queries.
    pub fn mix(&self, q: &Matrix, k: &Matrix, v: &Matrix, par: Par) -> Matrix {
        let (width, shared) = (self.width, self.heads / self.kv_heads);
        let (tokens, seen) = (q.rows(), k.rows());
        let mut out = Matrix::zeros(tokens, q.cols());
        let mut scores = Matrix::zeros(tokens, seen);
        for at in 0..self.heads {
            let (q, k, v) = (head(q, at, width), head(k, at / shared, width), head(v, at / shared, width));
            matmul(scores.view_mut(), Accum::Replace, q, k.transpose(), self.scale, par);
            for (row, scores) in scores.as_mut_slice().chunks_exact_mut(seen).enumerate() {
                let (earlier, later) = scores.split_at_mut(seen - tokens + row + 1);
                let (far, visible) =
                    earlier.split_at_mut(self.window.map_or(0, |width| earlier.len().saturating_sub(width)));
                if let Some(cap) = self.cap {
                    visible.iter_mut().for_each(|score| *score = cap * (*score / cap).tanh());
                }
                softmax(visible);
                far.fill(0.0);
                later.fill(0.0);
            }
            let mixed = out.view_mut().subcols_mut(at * width, width);
            if tokens == seen && tokens > 1 {
                // Half of the weights are zeros.
                let lower = triangular::BlockStructure::TriangularLower;
                let full = triangular::BlockStructure::Rectangular;
                triangular::matmul(mixed, full, Accum::Replace, scores.view(), lower, v, full, 1.0, par);
            } else {
                matmul(mixed, Accum::Replace, scores.view(), v, 1.0, par);
            }
        }
        out
    }
}

/// Head number `at` of a matrix of heads side by side, each `width` wide.
fn head(matrix: &Matrix, at: usize, width: usize) -> MatRef<'_, f32> {
    matrix.view().subcols(at * width, width)
}

fn softmax(scores: &mut [f32]) {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    scores.iter_mut().for_each(|score| *score -= most);
    exp(scores);
    let scale = 1.0 / scores.iter().sum::<f32>();
    scores.iter_mut().for_each(|score| *score *= scale);
}
