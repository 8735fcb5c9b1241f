//! A compressed layer whose values are parameters and whose positions stay.

use crate::compute::{chunks_of, matmul, prelude::*, times_transposed};
use crate::matrix::{Csr, Factors, Mask, Matrix, Replacement, ReplacementKind};

/// What stands in the place of a weight W `[out, in]`, W ≈ F₁·F₂·…, as packed values and masks of one bit a position (the
/// paper's A.4): it is unpacked to be used, and dropped.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskedLayer {
    kind: ReplacementKind,
    parts: Vec<Part>,
    /// The values of all parts, one after the other, each row by row; of two sparse factors balanced.
    values: Vec<f32>,
    /// Of two sparse factors: a power of two for each column of A, by which it is multiplied in `values` and B's row divided.
    balance: Vec<f32>,
}

/// Where the values of one matrix are.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// At these positions.
    Sparse(Mask),
    /// Everywhere.
    Dense { rows: usize, cols: usize },
}

/// A part with its values.
enum Unpacked {
    Sparse(Csr),
    Dense(Matrix),
}

impl Part {
    fn shape(&self) -> (usize, usize) {
        match *self {
            Self::Sparse(ref mask) => (mask.rows(), mask.cols()),
            Self::Dense { rows, cols } => (rows, cols),
        }
    }

    /// Number of values.
    fn len(&self) -> usize {
        match self {
            Self::Sparse(mask) => mask.count(),
            Self::Dense { rows, cols } => rows * cols,
        }
    }

    fn unpack(&self, values: &[f32]) -> Unpacked {
        match *self {
            Self::Sparse(ref mask) => Unpacked::Sparse(mask.with_values(values)),
            Self::Dense { rows, cols } => Unpacked::Dense(Matrix::from_vec(rows, cols, values.to_vec())),
        }
    }
}

impl Unpacked {
    /// X·F.
    fn times(&self, x: &Matrix) -> Matrix {
        let mut out = Matrix::default();
        match self {
            Self::Sparse(f) => times_transposed(&mut out, x, &f.transposed()),
            Self::Dense(f) => {
                out.resize(x.rows(), f.cols());
                matmul(&mut out, x.view(), f.view());
            }
        }
        out
    }

    /// X·Fᵀ.
    fn times_transposed(&self, x: &Matrix) -> Matrix {
        let mut out = Matrix::default();
        match self {
            Self::Sparse(f) => times_transposed(&mut out, x, f),
            Self::Dense(f) => {
                out.resize(x.rows(), f.rows());
                matmul(&mut out, x.view(), f.view().transpose());
            }
        }
        out
    }

    fn to_dense(&self) -> Matrix {
        match self {
            Self::Sparse(f) => f.to_dense(),
            Self::Dense(f) => f.clone(),
        }
    }

    /// The entries of a dense matrix of its shape at its positions, row by row.
    fn gather(&self, from: &Matrix, out: &mut Vec<f32>) {
        match self {
            Self::Sparse(f) => (0..f.rows()).for_each(|i| {
                let row = from.row(i);
                out.extend(f.row(i).map(|(j, _)| row[j]));
            }),
            Self::Dense(_) => out.extend_from_slice(from.as_slice()),
        }
    }

    /// The same from the matrix's transpose.
    fn gather_transposed(&self, from: &Matrix, out: &mut Vec<f32>) {
        match self {
            Self::Sparse(f) => (0..f.rows()).for_each(|i| out.extend(f.row(i).map(|(j, _)| from.get(j, i)))),
            Self::Dense(_) => out.extend_from_slice(from.transposed().as_slice()),
        }
    }
}

/// Products with a sparse factor run sixteen columns at a time, a dot product at one position does not: below this density the
/// positions are computed one by one.
const FEW: f64 = 1.0 / 16.0;

/// Rows of positions in one piece of work.
const ROWS: usize = 16;

/// Σ over the entries `(n, y)` of row a of `y` of y · x\[b, n\], for each position of `at`: (i, j) has a = j and b = i, or, if
/// `turned`, a = i and b = j.
fn sampled(at: &Csr, x: &Matrix, y: &Csr, turned: bool, out: &mut Vec<f32>) {
    let rows: Vec<usize> = (0..at.rows()).collect();
    let parts: Vec<Vec<f32>> = chunks_of(&rows, ROWS)
        .map(|rows| {
            let of = |i: usize, j: usize| {
                let (x, y_row) = if turned { (x.row(j), i) } else { (x.row(i), j) };
                y.row(y_row).map(|(n, y)| y * x[n]).sum::<f32>()
            };
            rows.iter().flat_map(|&i| at.row(i).map(move |(j, _)| of(i, j))).collect()
        })
        .collect();
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

impl MaskedLayer {
    /// The values of a replacement as parameters.
    pub fn new(replacement: &Replacement) -> Self {
        let (mut parts, mut values) = (Vec::new(), Vec::with_capacity(replacement.entries()));
        let mut sparse = |f: &Csr| {
            parts.push(Part::Sparse(Mask::of_csr(f)));
            values.extend_from_slice(f.values());
        };
        match replacement {
            Replacement::Factors(Factors { a, b }) | Replacement::Blocks(Factors { a, b }) => {
                [a, b].into_iter().for_each(sparse)
            }
            Replacement::Sparse(one) => sparse(one),
            Replacement::Chain(chain) => chain.iter().for_each(sparse),
            Replacement::LowRank { a, b } => {
                for f in [a, b] {
                    parts.push(Part::Dense { rows: f.rows(), cols: f.cols() });
                    values.extend_from_slice(f.as_slice());
                }
            }
        }
        let mut balance = Vec::new();
        if let Some(Factors { a, b }) = replacement.factors() {
            balance = balancing(a, b);
            scale(&mut values, [a, b], &balance);
        }
        Self { kind: replacement.kind(), parts, values, balance }
    }

    /// Shape of W, `(out, in)`.
    pub fn shape(&self) -> (usize, usize) {
        let rows = self.parts.first().map_or(0, |part| part.shape().0);
        (rows, self.parts.last().map_or(0, |part| part.shape().1))
    }

    /// The values, which are the parameters: of F₁, then of F₂ and so on, each row by row.
    ///
    /// A·B stays the same if a column of A is multiplied by a number by which the row of B is divided. Here both are about as
    /// large, so that one learning rate suits both.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The values, to be changed.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// Bytes of the masks.
    pub fn mask_bytes(&self) -> usize {
        let of = |part: &Part| if let Part::Sparse(mask) = part { mask.bytes() } else { 0 };
        self.parts.iter().map(of).sum()
    }

    /// The parts with their values.
    fn unpack(&self) -> Vec<Unpacked> {
        let mut from = 0;
        let mut unpack = |part: &Part| {
            let values = &self.values[from..from + part.len()];
            from += values.len();
            part.unpack(values)
        };
        self.parts.iter().map(&mut unpack).collect()
    }

    /// W `[out, in]`, dense. The same bits on any number of threads.
    pub fn merged(&self) -> Matrix {
        let parts = self.unpack();
        match parts.split_last() {
            None => Matrix::default(),
            Some((last, [])) => last.to_dense(),
            Some((last, others)) => right_product(last, others).transposed(),
        }
    }

    /// Gradients of a loss with respect to the values, in their order, from the loss's gradient `dw` with respect to W,
    /// `[out, in]`.
    ///
    /// With W = L·F·R: dF = Lᵀ·dW·Rᵀ at F's positions, by the chain rule.
    ///
    /// # Panics
    /// Panics if the shape differs.
    pub fn gradients(&self, dw: &Matrix) -> Vec<f32> {
        assert_eq!(dw.shape(), self.shape(), "a gradient of W's shape");
        let parts = self.unpack();
        let mut out = Vec::with_capacity(self.values.len());
        // Lᵀ·dW, and its transpose, of the part at hand.
        let (mut seen, mut turned) = (dw.clone(), Matrix::default());
        for (at, part) in parts.iter().enumerate() {
            let dense = match (&parts[at + 1..], &self.parts[at]) {
                ([], _) if at == 0 => {
                    part.gather(&seen, &mut out);
                    break;
                }
                ([], _) => {
                    part.gather_transposed(&turned, &mut out);
                    break;
                }
                ([Unpacked::Sparse(right)], Part::Sparse(mask)) if is_few(mask) => {
                    if let Unpacked::Sparse(positions) = part {
                        sampled(positions, &seen, right, false, &mut out);
                    }
                    None
                }
                ([right], _) => Some(right.times_transposed(&seen)),
                ([others @ .., last], _) => {
                    let mut dense = Matrix::zeros(seen.rows(), part.cols());
                    let right = right_product(last, others);
                    matmul(&mut dense, seen.view(), right.view());
                    Some(dense)
                }
            };
            if let Some(dense) = dense {
                part.gather(&dense, &mut out);
            }
            if at == 0 {
                turned = dw.transposed();
            }
            // The last part's positions may be few enough to leave the product out.
            if let ([Unpacked::Sparse(last)], Unpacked::Sparse(left), [Part::Sparse(mask)]) =
                (&parts[at + 1..], part, &self.parts[at + 1..])
                && is_few(mask)
            {
                sampled(last, &turned, &left.transposed(), true, &mut out);
                break;
            }
            turned = part.times(&turned);
            if at + 2 < parts.len() {
                seen = turned.transposed();
            }
        }
        out
    }

    /// The replacement with the values of now. Positions stay: a value of a sparse matrix that is 0 becomes the smallest
    /// nonzero, so that the number of nonzeros stays. (Writing in another format keeps them too.)
    pub fn replacement(&self) -> Replacement {
        let mut parts = self.unpack();
        let unscaled = |part: Unpacked| match part {
            Unpacked::Sparse(f) => f,
            Unpacked::Dense(f) => Csr::from_dense(&f),
        };
        let sparse = |part: Unpacked| {
            let mut f = unscaled(part);
            f.map_values(|_, _, x| nonzero(x, x));
            f
        };
        let mut next = || (!parts.is_empty()).then(|| parts.remove(0));
        match self.kind {
            ReplacementKind::LowRank => {
                let [a, b] = [next(), next()].map(|part| part.map_or_else(Matrix::default, |part| part.to_dense()));
                Replacement::LowRank { a, b }
            }
            ReplacementKind::Chain => Replacement::Chain(std::iter::from_fn(next).map(sparse).collect()),
            ReplacementKind::Sparse => Replacement::Sparse(next().map_or_else(Csr::default, sparse)),
            kind @ (ReplacementKind::Factors | ReplacementKind::Blocks) => {
                let [mut a, mut b] = [next(), next()].map(|part| part.map_or_else(Csr::default, &unscaled));
                a.map_values(|_, l, x| nonzero(x / self.balance[l], x));
                b.map_values(|l, _, x| nonzero(x * self.balance[l], x));
                match kind {
                    ReplacementKind::Blocks => Replacement::Blocks(Factors { a, b }),
                    _ => Replacement::Factors(Factors { a, b }),
                }
            }
        }
    }
}

impl Unpacked {
    fn cols(&self) -> usize {
        match self {
            Self::Sparse(f) => f.cols(),
            Self::Dense(f) => f.cols(),
        }
    }
}

/// x, or the smallest number of `sign`'s sign in place of 0.
fn nonzero(x: f32, sign: f32) -> f32 {
    if x == 0.0 { f32::from_bits(1).copysign(sign) } else { x }
}

/// The powers of two that make A's columns and B's rows about as large, by the mean squares of their entries.
fn balancing(a: &Csr, b: &Csr) -> Vec<f32> {
    let mut squares = vec![[(0.0f64, 0u32); 2]; a.cols()];
    let mut add = |l: usize, factor: usize, x: f32| {
        let (sum, count) = &mut squares[l][factor];
        *sum += f64::from(x) * f64::from(x);
        *count += 1;
    };
    for i in 0..a.rows() {
        a.row(i).for_each(|(l, x)| add(l, 0, x));
    }
    for l in 0..b.rows() {
        b.row(l).for_each(|(_, x)| add(l, 1, x));
    }
    let power = |[(a, of_a), (b, of_b)]: [(f64, u32); 2]| {
        let quarter = ((b / f64::from(of_b)) / (a / f64::from(of_a))).log2() / 4.0;
        // A column or row without entries: there is nothing to balance. Powers so large would lose digits.
        if quarter.is_finite() { 2f32.powi((quarter.round() as i32).clamp(-24, 24)) } else { 1.0 }
    };
    squares.into_iter().map(power).collect()
}

/// Multiplies A's columns and divides B's rows.
fn scale(values: &mut [f32], [a, b]: [&Csr; 2], balance: &[f32]) {
    let (of_a, of_b) = values.split_at_mut(a.nnz());
    of_a.iter_mut().zip(a.indices()).for_each(|(x, &l)| *x *= balance[l as usize]);
    for l in 0..b.rows() {
        of_b[b.row_starts()[l]..b.row_starts()[l + 1]].iter_mut().for_each(|x| *x /= balance[l]);
    }
}

fn is_few(mask: &Mask) -> bool {
    (mask.count() as f64) < FEW * (mask.rows() * mask.cols()) as f64
}

/// (`others`·`last`)ᵀ, from the right.
fn right_product(last: &Unpacked, others: &[Unpacked]) -> Matrix {
    others.iter().rev().fold(last.to_dense().transposed(), |right, left| left.times_transposed(&right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_pcg::Pcg64Mcg;
    use rand_pcg::rand_core::{Rng, SeedableRng};

    fn random(rows: usize, cols: usize, density: f64, seed: u64) -> Matrix {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let mut uniform = || f64::from(rng.next_u32()) / f64::from(u32::MAX);
        Matrix::from_fn(rows, cols, |_, _| if uniform() < density { uniform() as f32 + 0.25 } else { 0.0 })
    }

    fn kinds(density: f64) -> Vec<Replacement> {
        let csr = |rows, cols, seed| Csr::from_dense(&random(rows, cols, density, seed));
        let factors = || Factors { a: csr(30, 24, 1), b: csr(24, 40, 2) };
        vec![
            Replacement::Factors(factors()),
            Replacement::Blocks(factors()),
            Replacement::Sparse(csr(30, 40, 3)),
            Replacement::LowRank { a: random(30, 4, 1.0, 4), b: random(4, 40, 1.0, 5) },
            Replacement::Chain(vec![csr(30, 24, 6), csr(24, 24, 7), csr(24, 40, 8)]),
        ]
    }

    /// Of each density, positions are computed one by one or by products.
    const DENSITIES: [f64; 2] = [0.04, 0.4];

    #[test]
    fn it_is_what_it_was_made_of() {
        for replacement in DENSITIES.iter().flat_map(|&density| kinds(density)) {
            let layer = MaskedLayer::new(&replacement);
            assert_eq!((layer.shape(), layer.values().len()), (replacement.shape(), replacement.entries()));
            assert_eq!(layer.replacement(), replacement);
            let (merged, expected) = (layer.merged(), replacement.to_dense());
            let mut pairs = merged.as_slice().iter().zip(expected.as_slice());
            assert!(pairs.all(|(x, y)| (x - y).abs() <= 1e-5 * y.abs()), "{:?}", replacement.kind());
        }
    }

    /// ½‖W − T‖², whose gradient with respect to W is W − T; moved in one value by ±h it is a parabola, so that the central
    /// difference is exact but for rounding.
    #[test]
    fn gradients_are_finite_differences() {
        let target = random(30, 40, 1.0, 9);
        for replacement in DENSITIES.iter().flat_map(|&density| kinds(density)) {
            let mut layer = MaskedLayer::new(&replacement);
            let difference = |layer: &MaskedLayer| {
                let mut w = layer.merged();
                w.as_mut_slice().iter_mut().zip(target.as_slice()).for_each(|(w, t)| *w -= t);
                w
            };
            let loss = |layer: &MaskedLayer| difference(layer).norm_squared() / 2.0;
            let gradients = layer.gradients(&difference(&layer));
            assert_eq!(gradients.len(), layer.values().len());
            for at in (0..gradients.len()).step_by(gradients.len().div_ceil(12)) {
                const H: f32 = 0.0625;
                let x = layer.values()[at];
                let mut moved = [H, -H].map(|h| {
                    layer.values_mut()[at] = x + h;
                    loss(&layer)
                });
                layer.values_mut()[at] = x;
                moved[0] = (moved[0] - moved[1]) / f64::from(2.0 * H);
                let error = (moved[0] - f64::from(gradients[at])).abs();
                assert!(error <= 2e-3 * moved[0].abs().max(1.0), "{:?}: {error} of {}", replacement.kind(), moved[0]);
            }
        }
    }

    #[test]
    fn factors_are_balanced() {
        // Columns of A are 64 and 3 times as large as rows of B, so that they are divided by 8 and by 2.
        let a = Csr::from_dense(&Matrix::from_vec(2, 2, vec![64.0, 0.0, 64.0, 3.0]));
        let b = Csr::from_dense(&Matrix::from_vec(2, 3, vec![1.0, 0.0, -1.0, 0.0, 1.0, 0.0]));
        let replacement = Replacement::Factors(Factors { a, b });
        let layer = MaskedLayer::new(&replacement);
        assert_eq!(layer.values(), [8.0, 8.0, 1.5, 8.0, -8.0, 2.0]);
        assert_eq!((layer.replacement(), layer.merged()), (replacement.clone(), replacement.to_dense()));
    }

    #[test]
    fn no_position_is_lost() {
        for replacement in kinds(0.3) {
            let mut layer = MaskedLayer::new(&replacement);
            layer.values_mut()[..4].copy_from_slice(&[0.0, -0.0, 3.0, 1e-42]);
            let tuned = layer.replacement();
            assert_eq!(tuned.entries(), replacement.entries());
            if replacement.kind() != ReplacementKind::LowRank {
                assert_eq!(tuned.nnz(), replacement.nnz());
                let first = match &tuned {
                    Replacement::Factors(Factors { a, .. }) | Replacement::Blocks(Factors { a, .. }) => a,
                    Replacement::Sparse(one) => one,
                    Replacement::Chain(chain) => &chain[0],
                    Replacement::LowRank { .. } => continue,
                };
                assert_eq!(first.values()[..2], [f32::from_bits(1), -f32::from_bits(1)]);
            }
        }
    }
}
