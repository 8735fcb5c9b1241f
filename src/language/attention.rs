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
            self.weigh(&mut scores, None);
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

    /// Turns scores, a row for each of a text's last tokens, into weights: softmax over the tokens that are seen, 0 for the
    /// others. `capped` gets the scores between cap and softmax, where they are capped.
    fn weigh(&self, scores: &mut Matrix, mut capped: Option<&mut Matrix>) {
        let (tokens, seen) = scores.shape();
        for (row, scores) in scores.as_mut_slice().chunks_exact_mut(seen).enumerate() {
            let (earlier, later) = scores.split_at_mut(seen - tokens + row + 1);
            let first = self.window.map_or(0, |width| earlier.len().saturating_sub(width));
            let (far, visible) = earlier.split_at_mut(first);
            if let Some(cap) = self.cap {
                visible.iter_mut().for_each(|score| *score = cap * (*score / cap).tanh());
                if let Some(capped) = &mut capped {
                    capped.as_mut_slice()[row * seen + first..][..visible.len()].copy_from_slice(visible);
                }
            }
            softmax(visible);
            far.fill(0.0);
            later.fill(0.0);
        }
    }
}

/// Gradients with respect to queries, keys and values.
pub(super) struct AttentionGradients {
    pub q: Matrix,
    pub k: Matrix,
    pub v: Matrix,
}

impl Attention {
    /// Gradients with respect to q, k and v of a whole text, given those, `g`, with respect to what [`Attention::mix`]
    /// gives.
    ///
    /// With P = softmax(S): dV = Pᵀ·g, and dS = P ⊙ (g·Vᵀ − rowsum(P ⊙ g·Vᵀ)), through the cap c times 1 − (S/c)².
    pub fn backward(&self, q: &Matrix, k: &Matrix, v: &Matrix, g: &Matrix, par: Par) -> AttentionGradients {
        use triangular::BlockStructure::{Rectangular, TriangularLower, TriangularUpper};
        let (width, shared, tokens) = (self.width, self.heads / self.kv_heads, q.rows());
        let zeros = |of: &Matrix| Matrix::zeros(of.rows(), of.cols());
        let mut gradients = AttentionGradients { q: zeros(q), k: zeros(k), v: zeros(v) };
        let (mut weights, mut slopes) = (Matrix::zeros(tokens, tokens), Matrix::zeros(tokens, tokens));
        let mut capped = self.cap.map(|cap| (cap, Matrix::zeros(tokens, tokens)));
        // Half of all entries are of later tokens, and not computed.
        let lower = |out: &mut Matrix, left: MatRef<'_, f32>, right: MatRef<'_, f32>, scale: f32| {
            let (out, right) = (out.view_mut(), right.transpose());
            triangular::matmul(out, TriangularLower, Accum::Replace, left, Rectangular, right, Rectangular, scale, par);
        };
        let add =
            |out: &mut Matrix, head: usize, left: MatRef<'_, f32>, structure, right: MatRef<'_, f32>, scale: f32| {
                let out = out.view_mut().subcols_mut(head * width, width);
                triangular::matmul(out, Rectangular, Accum::Add, left, structure, right, Rectangular, scale, par);
            };
        for at in 0..self.heads {
            let of = at / shared;
            let (q, k, v, g) = (head(q, at, width), head(k, of, width), head(v, of, width), head(g, at, width));
            lower(&mut weights, q, k, self.scale);
            self.weigh(&mut weights, capped.as_mut().map(|(_, scores)| scores));
            lower(&mut slopes, g, v, 1.0);
            let rows = weights.as_slice().chunks_exact(tokens).zip(slopes.as_mut_slice().chunks_exact_mut(tokens));
            for (row, (weights, slopes)) in rows.enumerate() {
                let (weights, slopes) = (&weights[..=row], &mut slopes[..=row]);
                let mean: f32 = weights.iter().zip(&*slopes).map(|(weight, slope)| weight * slope).sum();
                slopes.iter_mut().zip(weights).for_each(|(slope, weight)| *slope = weight * (*slope - mean));
            }
            if let Some((cap, scores)) = &capped {
                let shares = scores.as_slice().iter().map(|score| score / cap);
                slopes.as_mut_slice().iter_mut().zip(shares).for_each(|(slope, share)| *slope *= 1.0 - share * share);
            }
            add(&mut gradients.v, of, weights.view().transpose(), TriangularUpper, g, 1.0);
            add(&mut gradients.q, at, slopes.view(), TriangularLower, k, self.scale);
            add(&mut gradients.k, of, slopes.view().transpose(), TriangularUpper, q, self.scale);
        }
        gradients
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
