//! How fast products with sparse matrices are, beside dense ones: the paper's Table 5, with the factors that DSF has.
//!
//! All matrices of a pass are read once, so that they come from memory and not from a cache, as in a model. Passes of
//! all kinds take turns, and medians are compared, because machines are not quiet.

use super::bench::{gaussian, gemm_gflops};
use crate::compute::sparse::{Instructions, Operator, Panel, Positions, Prepared, Tiled, ValueFormat};
use crate::compute::{Par, ThreadPool, parallelism};
use crate::factorize::{Budget, Preset, Settings};
use crate::matrix::{Csr, Matrix};
use rand_pcg::{
    Pcg64Mcg,
    rand_core::{Rng, SeedableRng},
};
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};
use web_time::Instant;

/// What stands for a layer's weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Kind {
    /// W with all its entries.
    Dense,
    /// One sparse matrix.
    One,
    /// A·(B·X) with the paper's split: 0.16 of a square matrix for the first factor, the rest for the other.
    Two,
    /// A·(B·X), each of half the density.
    Halves,
    /// A·(B·X) with k = 2n and the split of the preset `best`.
    Expanded,
}

/// What is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Side n of the matrices, n×n.
    pub size: usize,
    /// Number of layers, each read once in a pass.
    pub layers: usize,
    /// Share of nonzeros of the layer, both factors together; above 0, at most 1.
    pub density: f64,
    /// Number format of values.
    pub values: ValueFormat,
    /// Numbers of columns of X.
    pub batches: Vec<usize>,
    /// Numbers of threads.
    pub threads: Vec<usize>,
    /// Instructions, which the processor must have.
    pub instructions: Instructions,
    /// How columns are kept; without it as planned.
    pub positions: Option<Positions>,
    /// Passes of each kind; medians are taken over them.
    pub passes: usize,
}

/// Time of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// What was measured.
    pub kind: Kind,
    /// Number of rows of a layer's weight.
    pub rows: usize,
    /// Number of columns of a layer's weight.
    pub cols: usize,
    /// Number of layers.
    pub layers: usize,
    /// Share of nonzeros, both factors together; 1 if dense.
    pub density: f64,
    /// Number of columns of X.
    pub batch: usize,
    /// Number of threads.
    pub threads: usize,
    /// Number format of values.
    pub values: ValueFormat,
    /// Format of each factor.
    pub format: Vec<&'static str>,
    /// Vector instructions used.
    pub instructions: Instructions,
    /// Median time of a pass over all layers, in seconds.
    pub seconds: f64,
    /// Bytes of all matrices, which a pass reads.
    pub bytes: usize,
    /// Operations of a pass: two for each nonzero and column.
    pub flops: f64,
    /// Ratio of the dense product's median to this one's, from the same passes.
    pub speedup: f64,
}

/// Speeds of the machine that bound a product.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Limits {
    /// Number of threads.
    pub threads: usize,
    /// Bytes that the threads read from memory in a second, in 10⁹.
    pub read_gbytes: f64,
    /// Speed of f32 products of 1024² matrices, in 10⁹ operations a second.
    pub gemm_gflops: f64,
}

/// Measures all kinds.
pub fn measure(plan: &Plan) -> Vec<Measured> {
    let sets: Vec<(Kind, Vec<Operator>)> = <Kind as VariantArray>::VARIANTS
        .iter()
        .filter_map(|&kind| {
            let layers = (0..plan.layers).map(|layer| operator(plan, kind, layer as u64)).collect::<Option<Vec<_>>>();
            layers.map(|layers| (kind, layers))
        })
        .collect();
    let mut out = Vec::new();
    for &threads in &plan.threads {
        let pool = ThreadPool::new(Some(threads)).expect("worker threads");
        for &batch in &plan.batches {
            let times = pool.run(|| times(plan, &sets, batch, parallelism(threads)));
            let dense = times[0];
            for ((kind, layers), seconds) in sets.iter().zip(times) {
                let entries: usize = layers.iter().map(Operator::entries).sum();
                out.push(Measured {
                    kind: *kind,
                    rows: plan.size,
                    cols: plan.size,
                    layers: plan.layers,
                    density: if *kind == Kind::Dense { 1.0 } else { plan.density },
                    batch,
                    threads,
                    values: plan.values,
                    format: layers[0].factors().iter().map(Prepared::format).collect(),
                    instructions: plan.instructions,
                    seconds,
                    bytes: layers.iter().map(Operator::bytes).sum(),
                    flops: 2.0 * entries as f64 * batch as f64,
                    speedup: dense / seconds,
                });
            }
        }
    }
    out
}

/// Median times of a pass of each kind.
fn times(plan: &Plan, sets: &[(Kind, Vec<Operator>)], batch: usize, par: Par) -> Vec<f64> {
    let x = gaussian(batch, plan.size);
    let pass = |layers: &[Operator]| match batch {
        0..=15 => layers.iter().for_each(|layer| drop(layer.apply_with(plan.instructions, &x, par))),
        16 => panel_pass::<1>(plan, layers, &x, par),
        17..=32 => panel_pass::<2>(plan, layers, &x, par),
        64 => panel_pass::<4>(plan, layers, &x, par),
        _ => layers.iter().for_each(|layer| drop(layer.apply_with(plan.instructions, &x, par))),
    };
    let mut times = vec![Vec::new(); sets.len()];
    for _ in 0..plan.passes.max(1) {
        for ((_, layers), times) in sets.iter().zip(&mut times) {
            let begun = Instant::now();
            pass(layers);
            times.push(begun.elapsed().as_secs_f64());
        }
    }
    times.iter_mut().map(|times| median(times)).collect()
}

/// A pass over layers that take and give panels, as the factors of a layer do among themselves.
fn panel_pass<const N: usize>(plan: &Plan, layers: &[Operator], x: &Matrix, par: Par) {
    let x = Panel::<N>::transposed(x.as_slice(), x.cols());
    layers.iter().for_each(|layer| drop(layer.multiply_panel(plan.instructions, &x, par)));
}

/// Median of times.
pub(crate) fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// A random layer; nothing where the budget does not allow this kind.
fn operator(plan: &Plan, kind: Kind, seed: u64) -> Option<Operator> {
    let n = plan.size;
    let prepared = |rows: usize, cols: usize, nnz: usize, seed: u64| {
        let matrix = random(rows, cols, nnz, seed);
        match plan.positions {
            Some(positions) => Prepared::Tiled(Tiled::new(&matrix, plan.values, positions)),
            None => Prepared::sparse(&matrix, plan.values),
        }
    };
    let product = |inner: usize, [a, b]: [usize; 2]| {
        Operator::product(vec![prepared(n, inner, a, 2 * seed), prepared(inner, n, b, 2 * seed + 1)])
    };
    let all = (plan.density * (n * n) as f64) as usize;
    let split = |preset: Preset| {
        let settings = Settings { density: plan.density, ..Settings::default() }.with_preset(preset);
        let budget = Budget::new(n, n, &settings).ok()?;
        Some((settings.inner_dim(n, n), [budget.second, budget.first]))
    };
    Some(match kind {
        Kind::Dense => Operator::one(Prepared::dense(&random(n, n, n * n, seed).to_dense(), plan.values)),
        Kind::One => Operator::one(prepared(n, n, all, seed)),
        Kind::Halves => product(n, [all / 2, all - all / 2]),
        Kind::Two | Kind::Expanded => {
            let (inner, nonzeros) = split(if kind == Kind::Two { Preset::Published } else { Preset::Best })?;
            product(inner, nonzeros)
        }
    })
}

/// A matrix with about `nnz` nonzeros at random places.
pub(super) fn random(rows: usize, cols: usize, nnz: usize, seed: u64) -> Csr {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let share = nnz as f64 / (rows * cols) as f64;
    let limit = (share * 2f64.powi(32)) as u64;
    let (mut row_starts, mut indices, mut values) = (vec![0], Vec::with_capacity(nnz), Vec::with_capacity(nnz));
    for _ in 0..rows {
        for column in 0..cols {
            let bits = random.next_u64();
            if bits >> 32 < limit {
                indices.push(column as u32);
                values.push((bits as u32 as f32 / 2f32.powi(32)) - 0.5);
            }
        }
        row_starts.push(indices.len());
    }
    Csr::from_parts(rows, cols, row_starts, indices, values)
}

/// Measures what bounds a product on so many threads.
pub fn limits(threads: usize) -> Limits {
    /// Bytes read at a time: more than any cache holds.
    const BYTES: usize = 256 << 20;
    let pool = ThreadPool::new(Some(threads)).expect("worker threads");
    let read_gbytes = pool.run(|| {
        let numbers = vec![1u64; BYTES / 8];
        let mut times: Vec<f64> = (0..5)
            .map(|_| {
                let begun = Instant::now();
                std::hint::black_box(sum(&numbers, threads));
                begun.elapsed().as_secs_f64()
            })
            .collect();
        BYTES as f64 / median(&mut times) * 1e-9
    });
    Limits { threads, read_gbytes, gemm_gflops: pool.run(|| gemm_gflops(1024, threads)) }
}

/// Sum of numbers, as fast as they can be read.
fn sum(numbers: &[u64], threads: usize) -> u64 {
    use crate::compute::{chunks_of, prelude::*};
    let part = |numbers: &[u64]| {
        let mut sums = [0u64; 32];
        for numbers in numbers.as_chunks::<32>().0 {
            sums.iter_mut().zip(numbers).for_each(|(sum, x)| *sum = sum.wrapping_add(*x));
        }
        sums.iter().fold(0u64, |sum, x| sum.wrapping_add(*x))
    };
    let parts: Vec<u64> = chunks_of(numbers, numbers.len().div_ceil(threads)).map(part).collect();
    parts.iter().sum()
}
