//! The way back through a block, for one text.

use super::record::{Key, Record};
use crate::compute::Weight;
use crate::compute::{Par, matmul_with};
use crate::language::Block;
use crate::language::config::BlockOrder;
use crate::language::experts::Routes;
use crate::language::layers::Linear;
use crate::matrix::Matrix;
use std::sync::Arc;

/// Each window is one thread's work.
const PAR: Par = Par::Seq;

/// A feed-forward part, or an expert, as it was computed.
struct FeedForward {
    expert: Option<usize>,
    x: Arc<Matrix>,
    /// Gates before their activation, where there are gates.
    gate: Option<Matrix>,
    /// Inner values before their activation, where there are no gates, or before gating.
    up: Matrix,
    inner: Arc<Matrix>,
    out: Matrix,
}

impl Block {
    /// The same block with all weights as dense matrices, which the way back reads more than once.
    pub(super) fn with_dense_weights(&self) -> Self {
        let mut block = self.clone();
        let experts = block.experts.iter_mut().flat_map(|experts| &mut experts.experts).flatten();
        for linear in block.linears.iter_mut().chain(experts).flatten() {
            linear.weight = Weight::Dense(linear.weight.to_dense());
        }
        block
    }

    /// Gradients with respect to the stream `h` before the block, `[tokens, hidden]`, given those, `g`, with respect to the
    /// stream after it.
    pub(super) fn backward(&self, h: &Matrix, g: Matrix, record: &mut Record) -> Matrix {
        // The way forward, with what is needed on the way back.
        let x = Arc::new(self.attention_inputs(h));
        let before_norms =
            [Linear::Query, Linear::Key, Linear::Value].map(|linear| self.linear_of(None, linear).apply(&x, PAR));
        let heads = self.rotated(&before_norms);
        let mixed = Arc::new(self.attention().mix(&heads[0], &heads[1], &heads[2], PAR));
        let attention_out = self.linear_of(None, Linear::Output).apply(&mixed, PAR);
        let parallel = match self.config.order {
            BlockOrder::Parallel { one_norm } => Some(one_norm),
            _ => None,
        };
        let feed_forward_x = self.feed_forward_inputs_before(h);
        let mut middle = h.clone();
        self.add_outputs(&mut middle, attention_out.clone(), self.norms[1].as_ref());
        let feed_forward_x = Arc::new(feed_forward_x.unwrap_or_else(|| self.feed_forward_inputs(&middle)));
        let (parts, routes) = self.feed_forward(&feed_forward_x);
        let feed_forward_out = match &routes {
            Some(routes) => {
                let mut out = Matrix::zeros(h.rows(), h.cols());
                parts.iter().for_each(|part| routes.add(part.expert.unwrap_or_default(), &part.out, &mut out));
                out
            }
            None => parts[0].out.clone(),
        };

        // Back through the feed-forward part.
        let (mut g_middle, g_out) = self.back_through_sum(3, &middle, feed_forward_out, g, record);
        let mut g_x = match &routes {
            Some(routes) => self.back_through_experts(parts, routes, &feed_forward_x, &g_out, record),
            None => parts
                .into_iter()
                .next()
                .map_or(Matrix::zeros(0, 0), |part| self.back_through_feed_forward(part, g_out, record)),
        };
        // What flows to the stream before the block, beside what the attention passes on: in parallel blocks the feed-forward
        // part reads that one.
        let (mut g_first_inputs, mut g_first_stream) = (None, None);
        match parallel {
            Some(true) => g_first_inputs = Some(g_x),
            Some(false) => {
                self.back_through_norm(2, h, &mut g_x, record);
                g_first_stream = Some(g_x);
            }
            None => {
                self.back_through_norm(2, &middle, &mut g_x, record);
                add(&mut g_middle, &g_x);
            }
        }

        // Back through the attention.
        let (mut g_h, g_out) = self.back_through_sum(1, h, attention_out, g_middle, record);
        let g_mixed = self.back_through_linear((None, Linear::Output), &mixed, g_out, record);
        let of_heads = self.attention().backward(&heads[0], &heads[1], &heads[2], &g_mixed, PAR);
        let mut g_x = g_first_inputs.unwrap_or_else(|| Matrix::zeros(h.rows(), h.cols()));
        let linears = [Linear::Query, Linear::Key, Linear::Value];
        for (at, (linear, mut g)) in linears.into_iter().zip([of_heads.q, of_heads.k, of_heads.v]).enumerate() {
            if let Some(rope) = self.kind.rope.filter(|_| linear != Linear::Value) {
                let width = g.cols();
                for (position, row) in g.as_mut_slice().chunks_exact_mut(width).enumerate() {
                    self.angles.rotate_back(rope, row, self.config.head_dim, position);
                }
            }
            if let Some(norm) = self.query_key_norms.get(at).and_then(Option::as_ref) {
                record.norm(4 + at, norm.backward(&before_norms[at], &mut g));
            }
            let more = self.back_through_linear((None, linear), &x, g, record);
            add(&mut g_x, &more);
        }
        self.back_through_norm(0, h, &mut g_x, record);
        add(&mut g_h, &g_x);
        g_first_stream.iter().for_each(|g| add(&mut g_h, g));
        g_h
    }

    /// Queries, keys and values as the attention reads them.
    fn rotated(&self, linear: &[Matrix; 3]) -> [Matrix; 3] {
        let mut heads = linear.clone();
        for (heads, norm) in heads.iter_mut().zip(&self.query_key_norms) {
            if let Some(norm) = norm {
                norm.apply(heads);
            }
            self.rotate(heads, &self.angles, 0);
        }
        heads
    }

    /// Gradients of what a layer read, given those of what it gave.
    fn back_through_linear(&self, key: Key, x: &Arc<Matrix>, g: Matrix, record: &mut Record) -> Matrix {
        let of_inputs = self.linear_of(key.0, key.1).weight.backward(&g, PAR);
        record.layer(key, x, g);
        of_inputs
    }

    /// Turns gradients of what norm number `at` gave, if there is one, into those of what it read.
    fn back_through_norm(&self, at: usize, h: &Matrix, g: &mut Matrix, record: &mut Record) {
        if let Some(norm) = &self.norms[at] {
            record.norm(at, norm.backward(h, g));
        }
    }

    /// Back through the sum of the stream `h` and a part's outputs `out`, with norm number `at` if there is one: gradients
    /// of both.
    fn back_through_sum(
        &self,
        at: usize,
        h: &Matrix,
        mut out: Matrix,
        mut g: Matrix,
        record: &mut Record,
    ) -> (Matrix, Matrix) {
        let (scale, after) = (self.config.residual_scale, self.config.order == BlockOrder::NormAfter);
        if after && self.norms[at].is_some() {
            out.as_mut_slice().iter_mut().zip(h.as_slice()).for_each(|(out, h)| *out = h + scale * *out);
            self.back_through_norm(at, &out, &mut g, record);
        }
        let mut g_out = g.clone();
        if scale != 1.0 {
            g_out.as_mut_slice().iter_mut().for_each(|g| *g *= scale);
        }
        if !after {
            self.back_through_norm(at, &out, &mut g_out, record);
        }
        (g, g_out)
    }

    /// The feed-forward part of `x`, or the experts that its rows use.
    fn feed_forward(&self, x: &Arc<Matrix>) -> (Vec<FeedForward>, Option<Routes>) {
        let Some(routes) = self.routes(x, PAR) else { return (vec![self.feed_forward_of(None, x.clone())], None) };
        let used = (0..routes.by_expert.len()).filter(|&expert| !routes.by_expert[expert].is_empty());
        let parts = used.map(|expert| self.feed_forward_of(Some(expert), Arc::new(routes.rows(expert, x)))).collect();
        (parts, Some(routes))
    }

    fn feed_forward_of(&self, expert: Option<usize>, x: Arc<Matrix>) -> FeedForward {
        let up = self.linear_of(expert, Linear::Up).apply(&x, PAR);
        let gate = self.config.gated.then(|| self.linear_of(expert, Linear::Gate).apply(&x, PAR));
        let mut inner = gate.as_ref().unwrap_or(&up).clone();
        self.config.activation.apply(inner.as_mut_slice());
        if gate.is_some() {
            inner.as_mut_slice().iter_mut().zip(up.as_slice()).for_each(|(inner, up)| *inner *= up);
        }
        let out = self.linear_of(expert, Linear::Down).apply(&inner, PAR);
        FeedForward { expert, x, gate, up, inner: Arc::new(inner), out }
    }

    /// Gradients of what the feed-forward part, or an expert, read, given those of what it gave.
    fn back_through_feed_forward(&self, part: FeedForward, g: Matrix, record: &mut Record) -> Matrix {
        let FeedForward { expert, x, gate, mut up, inner, .. } = part;
        let activation = self.config.activation;
        let mut g_up = self.back_through_linear((expert, Linear::Down), &inner, g, record);
        let Some(mut gate) = gate else {
            activation.derivative(up.as_mut_slice());
            multiply(&mut g_up, &up);
            return self.back_through_linear((expert, Linear::Up), &x, g_up, record);
        };
        let mut gated = gate.clone();
        activation.apply(gated.as_mut_slice());
        activation.derivative(gate.as_mut_slice());
        let mut g_gate = g_up.clone();
        multiply(&mut g_gate, &up);
        multiply(&mut g_gate, &gate);
        multiply(&mut g_up, &gated);
        let mut g_x = self.back_through_linear((expert, Linear::Gate), &x, g_gate, record);
        add(&mut g_x, &self.back_through_linear((expert, Linear::Up), &x, g_up, record));
        g_x
    }

    /// Gradients of what all experts and their router read, given those of the sum of what the experts gave.
    fn back_through_experts(
        &self,
        parts: Vec<FeedForward>,
        routes: &Routes,
        x: &Matrix,
        g: &Matrix,
        record: &mut Record,
    ) -> Matrix {
        let mut g_x = Matrix::zeros(x.rows(), x.cols());
        let Some(experts) = &self.experts else { return g_x };
        let width = g.cols();
        let mut of_weights = vec![Vec::new(); routes.by_expert.len()];
        for part in parts {
            let expert = part.expert.unwrap_or_default();
            let tokens = &routes.by_expert[expert];
            let mut of_out = routes.rows(expert, g);
            let both = of_out.as_mut_slice().chunks_exact_mut(width).zip(part.out.as_slice().chunks_exact(width));
            for ((of_out, out), &(_, share)) in both.zip(tokens) {
                let along = of_out.iter().zip(out).map(|(g, out)| f64::from(*g) * f64::from(*out)).sum();
                of_weights[expert].push(along);
                of_out.iter_mut().for_each(|g| *g *= share);
            }
            let of_inputs = self.back_through_feed_forward(part, of_out, record);
            for (&(token, _), row) in tokens.iter().zip(of_inputs.as_slice().chunks_exact(x.cols())) {
                let to = &mut g_x.as_mut_slice()[token * row.len()..][..row.len()];
                to.iter_mut().zip(row).for_each(|(sum, g)| *sum += g);
            }
        }
        let of_logits = routes.backward(experts.description, &experts.router, x, &of_weights, PAR);
        add(&mut g_x, &experts.router.backward(&of_logits, PAR));
        let mut of_router = Matrix::zeros(of_logits.cols(), x.cols());
        matmul_with(&mut of_router, of_logits.view().transpose(), x.view(), PAR);
        record.router(of_router);
        g_x
    }
}

fn add(sum: &mut Matrix, more: &Matrix) {
    sum.as_mut_slice().iter_mut().zip(more.as_slice()).for_each(|(sum, more)| *sum += more);
}

fn multiply(values: &mut Matrix, by: &Matrix) {
    values.as_mut_slice().iter_mut().zip(by.as_slice()).for_each(|(x, by)| *x *= by);
}
