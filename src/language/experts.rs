//! A feed-forward part of experts, of which each token uses a few.
//!
//! For a row x of the normed stream: p = softmax(x·Routerᵀ), and the sum of pₑ·expertₑ(x) over the experts with the largest
//! pₑ, which some models scale to sum to one.

use super::config::Experts;
use crate::compute::Par;
use crate::compute::Weight;
use crate::matrix::Matrix;

/// Which tokens of a text use which experts.
#[derive(Clone, Debug)]
pub(super) struct Routes {
    /// For each expert the tokens that use it, ascending, and the weights of its outputs.
    pub by_expert: Vec<Vec<(usize, f32)>>,
}

/// What a token's choice of experts came from.
struct Choice {
    /// e^(logit − largest logit) of each expert.
    shares: Vec<f64>,
    /// The experts that are used, the likeliest first.
    chosen: Vec<usize>,
    /// What the shares are divided by.
    sum: f64,
}

impl Choice {
    fn new(experts: Experts, logits: &[f32]) -> Self {
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let shares: Vec<f64> = logits.iter().map(|&logit| f64::from(logit - most).exp()).collect();
        let mut chosen: Vec<usize> = (0..experts.count).collect();
        chosen.sort_by(|&a, &b| shares[b].total_cmp(&shares[a]));
        chosen.truncate(experts.per_token);
        let sum = match experts.normalized {
            true => chosen.iter().map(|&expert| shares[expert]).sum(),
            false => shares.iter().sum(),
        };
        Self { shares, chosen, sum }
    }

    /// Gradients with respect to the logits, given those with respect to the weights of the chosen experts' outputs; the
    /// choice itself does not change.
    fn backward(&self, experts: Experts, of_weights: &[f64]) -> Vec<f32> {
        let weight = |expert: usize| self.shares[expert] / self.sum;
        let mean: f64 = self.chosen.iter().map(|&expert| weight(expert) * of_weights[expert]).sum();
        let slope = |expert: usize| match self.chosen.contains(&expert) {
            true => weight(expert) * (of_weights[expert] - mean),
            false if experts.normalized => 0.0,
            false => -weight(expert) * mean,
        };
        (0..experts.count).map(|expert| slope(expert) as f32).collect()
    }
}

impl Routes {
    /// The routes of the rows of `x`; `router` is `[experts, hidden]`.
    pub fn new(experts: Experts, router: &Weight, x: &Matrix, par: Par) -> Self {
        let mut by_expert = vec![Vec::new(); experts.count];
        let logits = router.apply(x, par);
        for (token, logits) in logits.as_slice().chunks_exact(experts.count).enumerate() {
            let Choice { shares, chosen, sum } = Choice::new(experts, logits);
            chosen.iter().for_each(|&expert| by_expert[expert].push((token, (shares[expert] / sum) as f32)));
        }
        Self { by_expert }
    }

    /// Gradients with respect to the router's logits `[tokens, experts]` of the rows of `x`, given those with respect to the
    /// weights of the experts' outputs: for each expert, of the tokens that use it, in order.
    pub fn backward(&self, experts: Experts, router: &Weight, x: &Matrix, of_weights: &[Vec<f64>], par: Par) -> Matrix {
        let mut by_token = vec![vec![0.0; experts.count]; x.rows()];
        for (expert, (tokens, slopes)) in self.by_expert.iter().zip(of_weights).enumerate() {
            tokens.iter().zip(slopes).for_each(|(&(token, _), slope)| by_token[token][expert] = *slope);
        }
        let mut logits = router.apply(x, par);
        for (logits, slopes) in logits.as_mut_slice().chunks_exact_mut(experts.count).zip(&by_token) {
            let slopes = Choice::new(experts, logits).backward(experts, slopes);
            logits.copy_from_slice(&slopes);
        }
        logits
    }

    /// Rows of `x` that use an expert, in order.
    pub fn rows(&self, expert: usize, x: &Matrix) -> Matrix {
        let tokens = &self.by_expert[expert];
        let values = tokens.iter().flat_map(|&(token, _)| x.row(token).iter().copied()).collect();
        Matrix::from_vec(tokens.len(), x.cols(), values)
    }

    /// Adds an expert's outputs, a row for each of its tokens, to the rows of `out`.
    pub fn add(&self, expert: usize, outputs: &Matrix, out: &mut Matrix) {
        let width = out.cols();
        let rows = outputs.as_slice().chunks_exact(width);
        for (&(token, share), output) in self.by_expert[expert].iter().zip(rows) {
            let row = &mut out.as_mut_slice()[token * width..][..width];
            row.iter_mut().zip(output).for_each(|(out, x)| *out += share * x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn by_hand() {
        // Logits ln 1, ln 2, ln 5 for the first token; the other way round for the second.
        let x = Matrix::from_vec(2, 3, vec![1.0, 2f32.ln(), 5f32.ln(), 5f32.ln(), 2f32.ln(), 0.0]);
        let router = Weight::from(Arc::new(Matrix::from_vec(3, 3, vec![0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0])));
        let experts = Experts { count: 3, per_token: 2, feed_forward: 1, normalized: false };
        let near = |routes: &Routes, expert: usize, wanted: &[(usize, f32)]| {
            let got = &routes.by_expert[expert];
            assert_eq!(got.len(), wanted.len(), "{got:?}");
            got.iter().zip(wanted).for_each(|(a, b)| assert!(a.0 == b.0 && (a.1 - b.1).abs() < 1e-6, "{a:?} {b:?}"));
        };
        let routes = Routes::new(experts, &router, &x, Par::Seq);
        // Second token: logits 0, ln 2, 0: of equal ones the first.
        near(&routes, 0, &[(1, 0.25)]);
        near(&routes, 1, &[(0, 0.25), (1, 0.5)]);
        near(&routes, 2, &[(0, 0.625)]);
        let routes = Routes::new(Experts { normalized: true, ..experts }, &router, &x, Par::Seq);
        near(&routes, 1, &[(0, 2.0 / 7.0), (1, 2.0 / 3.0)]);
        let mut out = Matrix::zeros(2, 3);
        routes.add(1, &routes.rows(1, &x), &mut out);
        assert!(
            (out.get(0, 1) - 2.0 / 7.0 * 2f32.ln()).abs() < 1e-6
                && (out.get(1, 0) - 2.0 / 3.0 * 5f32.ln()).abs() < 1e-6
        );
    }
}
