//! A layer's weight prepared for products.

use super::lanes::{Lanes, Panel, TILE, TILE_LANES};
use super::tiled::Tiled;
use super::values::{ValueFormat, Values, with_values};
use super::{Dense, Instructions, batch, column, plan};
use crate::compute::{Par, chain_product, chunks_of_mut, prelude::*};
use crate::matrix::{Csr, Matrix, Replacement};
use std::borrow::Cow;
use std::sync::Arc;

/// A matrix prepared for products.
#[derive(Clone, Debug)]
pub enum Prepared {
    /// With its zeros. Shared, for an embedding may be the head as well.
    Dense(Arc<Dense>),
    /// In tiles of its nonzeros.
    Tiled(Tiled),
}

/// A weight `[out, in]`: one prepared matrix, or a product of several that is never multiplied out.
#[derive(Clone, Debug)]
pub struct Operator {
    /// From the left; at least one.
    factors: Vec<Prepared>,
}

/// From so many columns on a panel takes less time than a column at a time.
const PANEL_FROM: usize = 6;

/// Below so many multiply-adds, some microseconds, other threads cost more than they bring.
const ALONE: usize = 1 << 17;

/// 64 numbers of one column.
type Column = [Lanes; TILE_LANES];

/// Rows of a dense matrix that are converted to f32 at a time, for a panel of columns.
const CONVERTED: usize = 128;

impl Prepared {
    /// A sparse matrix in the planned format.
    pub fn sparse(matrix: &Csr, format: ValueFormat) -> Self {
        match plan(matrix.rows(), matrix.cols(), matrix.nnz()) {
            Some(positions) => Self::Tiled(Tiled::new(matrix, format, positions)),
            None => Self::dense(&matrix.to_dense(), format),
        }
    }

    /// A matrix with its zeros.
    pub fn dense(matrix: &Matrix, format: ValueFormat) -> Self {
        Self::Dense(Arc::new(Dense::new(matrix, format)))
    }

    /// Shape as `(rows, cols)`.
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Self::Dense(dense) => dense.shape(),
            Self::Tiled(tiled) => tiled.shape(),
        }
    }

    /// Entries that take part in a product.
    pub fn entries(&self) -> usize {
        match self {
            Self::Dense(dense) => dense.shape().0 * dense.shape().1,
            Self::Tiled(tiled) => tiled.nnz(),
        }
    }

    /// Bytes in memory, which a product reads.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Dense(dense) => dense.bytes(),
            Self::Tiled(tiled) => tiled.bytes(),
        }
    }

    /// How it keeps values.
    pub fn values(&self) -> ValueFormat {
        match self {
            Self::Dense(dense) => dense.values(),
            Self::Tiled(tiled) => tiled.values(),
        }
    }

    /// Name of its format: `dense`, `columns` or `differences`.
    pub fn format(&self) -> &'static str {
        match self {
            Self::Dense(_) => "dense",
            Self::Tiled(tiled) => tiled.positions().into(),
        }
    }

    /// The matrix with its zeros, in f32.
    pub fn to_dense(&self) -> Matrix {
        match self {
            Self::Dense(dense) => dense.to_dense(),
            Self::Tiled(tiled) => tiled.to_dense(),
        }
    }

    /// 64 entries of W·x, those of strip number `strip`.
    fn column(&self, instructions: Instructions, strip: usize, x: &[Column], y: &mut Column) {
        match self {
            Self::Dense(dense) => dense.column(instructions, strip * TILE, x, y),
            Self::Tiled(tiled) => with_values!(tiled.all_values(), values => {
                column::multiply(instructions, tiled.strip(strip, values), x, y);
            }),
        }
    }

    /// Number of its strips of 64 rows, at least one.
    fn strips(&self) -> usize {
        self.shape().0.div_ceil(TILE).max(1)
    }

    fn batch<const N: usize>(&self, instructions: Instructions, x: &Panel<N>, par: Par) -> Panel<N> {
        let par = if self.entries() * Panel::<N>::COLUMNS < ALONE { Par::Seq } else { par };
        let mut y = Panel::zeros(self.shape().0);
        match self {
            Self::Dense(dense) if dense.values() == ValueFormat::F32 => dense.batch(0, x.rows(), y.rows_mut(), par),
            Self::Dense(dense) => each(y.rows_mut(), CONVERTED, par, |strip, y| {
                dense.batch(strip * CONVERTED, x.rows(), y, Par::Seq);
            }),
            Self::Tiled(tiled) => each(y.rows_mut(), TILE, par, |strip, y| {
                with_values!(tiled.all_values(), values => {
                    batch::multiply(instructions, tiled.strip(strip, values), x.rows(), y);
                });
            }),
        }
        y
    }
}

impl Operator {
    /// One prepared matrix.
    pub fn one(matrix: Prepared) -> Self {
        Self { factors: vec![matrix] }
    }

    /// The product of `factors`, from the left.
    ///
    /// # Panics
    /// Panics without a factor, or where the columns of one are not the rows of the next.
    pub fn product(factors: Vec<Prepared>) -> Self {
        assert!(!factors.is_empty(), "a factor");
        assert!(factors.windows(2).all(|pair| pair[0].shape().1 == pair[1].shape().0), "shapes fit");
        Self { factors }
    }

    /// What stands in W's place, with values rounded to `format`.
    pub fn new(replacement: &Replacement, format: ValueFormat) -> Self {
        let sparse = |matrix: &Csr| Prepared::sparse(matrix, format);
        Self::product(match replacement {
            Replacement::Factors(factors) | Replacement::Blocks(factors) => {
                vec![sparse(&factors.a), sparse(&factors.b)]
            }
            Replacement::Sparse(one) => vec![sparse(one)],
            Replacement::LowRank { a, b } => vec![Prepared::dense(a, format), Prepared::dense(b, format)],
            Replacement::Chain(chain) => chain.iter().map(sparse).collect(),
        })
    }

    /// The matrices, from the left.
    pub fn factors(&self) -> &[Prepared] {
        &self.factors
    }

    /// Shape `(out, in)` of the weight.
    pub fn shape(&self) -> (usize, usize) {
        let inputs = self.factors.last().map_or(0, |last| last.shape().1);
        (self.factors[0].shape().0, inputs)
    }

    /// Bytes in memory, which a product reads.
    pub fn bytes(&self) -> usize {
        self.factors.iter().map(Prepared::bytes).sum()
    }

    /// The weight with its zeros, in f32: its matrices multiplied.
    pub fn to_dense(&self) -> Matrix {
        let dense = self.factors.iter().map(|factor| Cow::Owned(factor.to_dense()));
        chain_product(dense)
    }

    /// Multiply-adds of a product with one column.
    pub fn entries(&self) -> usize {
        self.factors.iter().map(Prepared::entries).sum()
    }

    /// X·Wᵀ, a row for each row of `x`.
    ///
    /// # Panics
    /// Panics if `x` does not have as many columns as the weight.
    pub fn apply(&self, x: &Matrix, par: Par) -> Matrix {
        self.apply_with(Instructions::best(), x, par)
    }

    /// X·Wᵀ for several weights that read the same X, for one or few rows in fewer parallel passes than one by one.
    ///
    /// # Panics
    /// Panics if `x` does not have as many columns as each weight.
    pub fn apply_all<const COUNT: usize>(operators: [&Self; COUNT], x: &Matrix, par: Par) -> [Matrix; COUNT] {
        let instructions = Instructions::best();
        if x.rows() >= PANEL_FROM {
            return operators.map(|operator| operator.apply_with(instructions, x, par));
        }
        let mut out = operators.map(|operator| {
            assert_eq!(x.cols(), operator.shape().1, "x has as many columns as the weight");
            Matrix::zeros(x.rows(), operator.shape().0)
        });
        for (row, x) in x.as_slice().chunks_exact(x.cols().max(1)).enumerate() {
            let y = columns(&operators, instructions, x, par);
            for (out, y) in out.iter_mut().zip(y) {
                let width = out.cols();
                out.as_mut_slice()[row * width..(row + 1) * width].copy_from_slice(&bytemuck::cast_slice(&y)[..width]);
            }
        }
        out
    }

    /// [`Operator::apply`] with these instructions, which the processor must have.
    pub fn apply_with(&self, instructions: Instructions, x: &Matrix, par: Par) -> Matrix {
        let (outputs, inputs) = self.shape();
        assert_eq!(x.cols(), inputs, "x has as many columns as the weight");
        let mut out = Matrix::zeros(x.rows(), outputs);
        if out.is_empty() {
            return out;
        }
        if x.rows() < PANEL_FROM {
            for (x, y) in x.as_slice().chunks_exact(inputs.max(1)).zip(out.as_mut_slice().chunks_exact_mut(outputs)) {
                let product = columns(&[self], instructions, x, par);
                y.copy_from_slice(&bytemuck::cast_slice(&product[0])[..outputs]);
            }
            return out;
        }
        let rows = Panel::<4>::COLUMNS;
        let parts = x.as_slice().chunks(rows * inputs).zip(out.as_mut_slice().chunks_mut(rows * outputs));
        for (x, y) in parts {
            match y.len() / outputs {
                0..=16 => self.panel::<1>(instructions, x, y, par),
                17..=32 => self.panel::<2>(instructions, x, y, par),
                _ => self.panel::<4>(instructions, x, y, par),
            }
        }
        out
    }

    fn panel<const N: usize>(&self, instructions: Instructions, x: &[f32], y: &mut [f32], par: Par) {
        let (outputs, inputs) = self.shape();
        self.multiply_panel::<N>(instructions, &Panel::transposed(x, inputs), par).store_transposed(y, outputs);
    }

    /// W·X for a panel of columns.
    pub fn multiply_panel<const N: usize>(&self, instructions: Instructions, x: &Panel<N>, par: Par) -> Panel<N> {
        let (last, others) = self.factors.split_last().expect("a factor");
        others.iter().rev().fold(last.batch(instructions, x, par), |x, factor| factor.batch(instructions, &x, par))
    }
}

/// W·x of each weight, padded to whole tiles: in as many parallel passes as the one with the most factors takes.
fn columns(operators: &[&Operator], instructions: Instructions, x: &[f32], par: Par) -> Vec<Vec<Column>> {
    /// 64 entries to be computed.
    struct Strip<'a> {
        factor: &'a Prepared,
        strip: usize,
        x: &'a [Column],
        y: &'a mut Column,
    }

    let mut first = vec![[Lanes::default(); TILE_LANES]; x.len().div_ceil(TILE)];
    bytemuck::cast_slice_mut(&mut first)[..x.len()].copy_from_slice(x);
    let mut middles: Vec<Vec<Column>> = vec![Vec::new(); operators.len()];
    let passes = operators.iter().map(|operator| operator.factors.len()).max().unwrap_or(0);
    for pass in 0..passes {
        let mut outputs = middles.clone();
        let mut strips = Vec::new();
        for ((operator, middle), output) in operators.iter().zip(&middles).zip(&mut outputs) {
            let Some(factor) = operator.factors.iter().rev().nth(pass) else { continue };
            output.resize(factor.shape().0.div_ceil(TILE), [Lanes::default(); TILE_LANES]);
            let x = if pass == 0 { &first } else { middle };
            strips.extend(output.iter_mut().enumerate().map(|(strip, y)| Strip { factor, strip, x, y }));
        }
        let entries: usize = strips.iter().map(|strip| strip.factor.entries() / strip.factor.strips()).sum();
        each(&mut strips, 1, if entries < ALONE { Par::Seq } else { par }, |_, strips| {
            for Strip { factor, strip, x, y } in strips {
                factor.column(instructions, *strip, x, y);
            }
        });
        drop(strips);
        middles = outputs;
    }
    middles
}

/// Calls `work` with the number of each strip of `size` items and with the strip.
fn each<T: Send>(out: &mut [T], size: usize, par: Par, work: impl Fn(usize, &mut [T]) + Sync) {
    /// Parts for each thread, so that one which is held up keeps no other waiting.
    const PARTS: usize = 2;
    let threads = match par {
        Par::Seq => 1,
        #[cfg(not(target_arch = "wasm32"))]
        _ => par.degree(),
    };
    if threads < 2 {
        return out.chunks_mut(size).enumerate().for_each(|(strip, out)| work(strip, out));
    }
    let strips = out.len().div_ceil(size).div_ceil(PARTS * threads).max(1);
    chunks_of_mut(out, strips * size).enumerate().for_each(|(part, out)| {
        out.chunks_mut(size).enumerate().for_each(|(strip, out)| work(part * strips + strip, out));
    });
}

#[cfg(test)]
mod tests {
    use super::super::Positions;
    use super::*;
    use rand_pcg::Pcg64Mcg;
    use rand_pcg::rand_core::{Rng, SeedableRng};

    /// Small whole numbers, whose products and sums are exact in any order and in every number format.
    fn number(random: &mut Pcg64Mcg) -> f32 {
        (random.next_u64() % 15) as f32 - 7.0
    }

    fn sparse(rows: usize, cols: usize, density: f64, seed: u64) -> Csr {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        Csr::from_dense(&Matrix::from_fn(rows, cols, |_, _| {
            let kept = (random.next_u64() >> 11) as f64 * 0.5f64.powi(53) < density;
            let x = number(&mut random);
            if kept { if x == 0.0 { 8.0 } else { x } } else { 0.0 }
        }))
    }

    fn inputs(rows: usize, cols: usize) -> Matrix {
        let mut random = Pcg64Mcg::seed_from_u64(77);
        Matrix::from_fn(rows, cols, |_, _| number(&mut random))
    }

    /// X·Wᵀ by its definition.
    fn expected(x: &Matrix, w: &Matrix) -> Matrix {
        Matrix::from_fn(x.rows(), w.rows(), |i, j| x.row(i).iter().zip(w.row(j)).map(|(x, w)| x * w).sum())
    }

    const FORMATS: [ValueFormat; 3] = [ValueFormat::F32, ValueFormat::F16, ValueFormat::Bf16];

    fn check(name: &str, operator: &Operator, w: &Matrix) {
        for rows in [0, 1, 5, 6, 16, 17, 33, 70] {
            let x = inputs(rows, w.cols());
            let expected = expected(&x, w);
            for instructions in Instructions::available() {
                for par in [Par::Seq, Par::rayon(3)] {
                    let got = operator.apply_with(instructions, &x, par);
                    assert!(got == expected, "{name}, {rows} columns, {instructions:?}, {par:?}");
                }
            }
        }
    }

    #[test]
    fn sparse_products_by_their_definition_on_all_instructions() {
        let mut cases: Vec<(String, Csr)> = Vec::new();
        for (rows, cols) in [(1, 1), (3, 70), (64, 64), (65, 129), (130, 63), (1, 300), (300, 1)] {
            for density in [0.0, 0.03, 0.25, 0.5, 1.0] {
                let seed = cases.len() as u64;
                cases.push((format!("{rows}×{cols} at {density}"), sparse(rows, cols, density, seed)));
            }
        }
        // One full row, the others empty; columns further apart than a difference may be; one full column.
        cases.push((
            "one row".into(),
            Csr::from_dense(&Matrix::from_fn(70, 200, |i, j| f32::from(i == 66) * (j % 7) as f32)),
        ));
        cases.push((
            "far apart".into(),
            Csr::from_dense(&Matrix::from_fn(64, 256, |i, j| f32::from(j % 64 == 63 - i % 2))),
        ));
        cases.push(("one column".into(), Csr::from_dense(&Matrix::from_fn(100, 100, |_, j| f32::from(j == 99)))));
        for (name, matrix) in &cases {
            let dense = matrix.to_dense();
            for format in FORMATS {
                for positions in [Positions::Columns, Positions::Differences] {
                    let tiled = Tiled::new(matrix, format, positions);
                    assert!(tiled.to_dense() == dense, "{name} in tiles");
                    assert_eq!((tiled.shape(), tiled.nnz()), (matrix.shape(), matrix.nnz()));
                    let name = format!("{name}, {format:?}, {positions:?}");
                    check(&name, &Operator::one(Prepared::Tiled(tiled)), &dense);
                }
            }
        }
    }

    #[test]
    fn dense_products_by_their_definition_on_all_instructions() {
        for (rows, cols) in [(1, 1), (3, 70), (64, 64), (65, 129), (130, 16)] {
            let dense = sparse(rows, cols, 0.9, 5).to_dense();
            for format in FORMATS {
                let prepared = Prepared::dense(&dense, format);
                assert!(prepared.to_dense() == dense);
                check(&format!("dense {rows}×{cols}, {format:?}"), &Operator::one(prepared), &dense);
            }
        }
    }

    #[test]
    fn products_of_factors_are_the_product_of_their_matrices() {
        let (a, b) = (sparse(70, 90, 0.2, 1), sparse(90, 130, 0.08, 2));
        let w = crate::compute::multiplied(&a.to_dense(), &b.to_dense());
        let replacement = Replacement::Factors(crate::matrix::Factors { a: a.clone(), b: b.clone() });
        let operator = Operator::new(&replacement, ValueFormat::F16);
        assert_eq!(operator.factors().iter().map(Prepared::format).collect::<Vec<_>>(), ["differences", "columns"]);
        assert_eq!((operator.shape(), operator.entries()), ((70, 130), a.nnz() + b.nnz()));
        check("A·B", &operator, &w);
        let low_rank = Replacement::LowRank { a: a.to_dense(), b: b.to_dense() };
        check("low rank", &Operator::new(&low_rank, ValueFormat::F32), &w);
        let chain = Replacement::Chain(vec![a, b, sparse(130, 40, 0.1, 3)]);
        check("a chain", &Operator::new(&chain, ValueFormat::Bf16), &chain.to_dense());
    }

    #[test]
    fn weights_that_read_the_same_are_applied_together() {
        let one = Operator::one(Prepared::sparse(&sparse(200, 130, 0.3, 4), ValueFormat::F16));
        let (a, b) = (sparse(70, 90, 0.2, 5), sparse(90, 130, 0.1, 6));
        let two = Operator::new(&Replacement::Factors(crate::matrix::Factors { a, b }), ValueFormat::F32);
        let dense = Operator::one(Prepared::dense(&sparse(3, 130, 0.9, 7).to_dense(), ValueFormat::Bf16));
        for rows in [1, 3, 20] {
            let x = inputs(rows, 130);
            for par in [Par::Seq, Par::rayon(3)] {
                let together = Operator::apply_all([&one, &two, &dense], &x, par);
                assert!(
                    together == [&one, &two, &dense].map(|operator| operator.apply(&x, Par::Seq)),
                    "{rows}, {par:?}"
                );
            }
        }
    }

    #[test]
    fn values_are_rounded_to_nearest() {
        let one = Csr::from_dense(&Matrix::from_vec(1, 2, vec![1.0 + 1.0 / 2048.0, 3.0 + 3.0 / 512.0]));
        let rounded = |format| Tiled::new(&one, format, Positions::Columns).to_dense().into_vec();
        assert_eq!(rounded(ValueFormat::F32), one.values());
        // Ties to even at f16's last bit, 2⁻¹⁰; 3.005859375 lies between 3 and 3.015625 of bf16.
        assert_eq!(rounded(ValueFormat::F16), [1.0, 3.0 + 3.0 / 512.0]);
        assert_eq!(rounded(ValueFormat::Bf16), [1.0, 3.0]);
    }
}
