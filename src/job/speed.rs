//! How fast a layer is: W, one pruned matrix, and A·(B·X).

use super::bench_sparse::{Kind, median, random};
use crate::compute::Par;
use crate::compute::sparse::{Instructions, Operator, Prepared, ValueFormat};
use crate::factorize::{Budget, Settings};
use crate::matrix::{Csr, Matrix, Replacement, keep_largest};
use serde::{Deserialize, Serialize};
use web_time::Instant;

/// Numbers of columns that a layer is multiplied with: one token, and batches of them.
pub const COLUMNS: [usize; 3] = [1, 16, 64];

/// Shares of nonzeros of the curve over densities.
const DENSITIES: [f64; 6] = [0.5, 0.35, 0.25, 0.18, 0.125, 0.0625];

/// Passes, over which medians are taken.
const PASSES: usize = 7;

/// Speed of what stands for a layer's weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerSpeed {
    /// What it is.
    pub kind: Kind,
    /// Share of nonzeros, all factors together.
    pub density: f64,
    /// Format of each factor, from the left.
    pub formats: Vec<String>,
    /// Bytes of all factors.
    pub bytes: usize,
    /// Median time of a product with each of [`COLUMNS`], in seconds.
    pub seconds: [f64; COLUMNS.len()],
}

/// Speeds that were measured in turns, the dense weight's first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpeedReport {
    /// Vector instructions used.
    pub instructions: Instructions,
    /// Number of threads.
    pub threads: usize,
    /// Number format of values.
    pub values: ValueFormat,
    /// What was measured.
    pub speeds: Vec<LayerSpeed>,
}

/// Measures `weight`, the same pruned to its `kept` largest entries, and what replaces it.
pub fn layer_speed(
    weight: &Matrix,
    kept: usize,
    replacement: Option<&Replacement>,
    values: ValueFormat,
    (par, threads): (Par, usize),
) -> SpeedReport {
    let one = Csr::from_dense(&keep_largest(weight, kept));
    let mut operators = vec![
        (Kind::Dense, Operator::one(Prepared::dense(weight, values))),
        (Kind::One, Operator::one(Prepared::sparse(&one, values))),
    ];
    operators.extend(replacement.map(|replacement| (Kind::Two, Operator::new(replacement, values))));
    report(operators, values, (par, threads))
}

/// Measures random matrices of this shape over shares of nonzeros: dense, one sparse matrix, and two with the paper's split.
/// Calls `progress` with the share done; `None` when it does not want to go on.
pub fn speed_over_density(
    (rows, cols): (usize, usize),
    values: ValueFormat,
    (par, threads): (Par, usize),
    progress: impl Fn(f64) -> bool,
) -> Option<SpeedReport> {
    let sparse =
        |rows: usize, cols: usize, nnz: usize, seed: u64| Prepared::sparse(&random(rows, cols, nnz, seed), values);
    let dense = || Operator::one(Prepared::dense(&random(rows, cols, rows * cols, 0).to_dense(), values));
    let mut all: Option<SpeedReport> = None;
    for (at, &density) in DENSITIES.iter().enumerate() {
        if !progress(at as f64 / DENSITIES.len() as f64) {
            return None;
        }
        let settings = Settings { density, ..Settings::default() };
        let mut operators = vec![(Kind::Dense, dense())];
        let nonzeros = (density * (rows * cols) as f64) as usize;
        operators.push((Kind::One, Operator::one(sparse(rows, cols, nonzeros, 1))));
        if let Ok(budget) = Budget::new(rows, cols, &settings) {
            let k = settings.inner_dim(rows, cols);
            // The square factor is A where out < in.
            let [a, b] = if rows < cols { [budget.first, budget.second] } else { [budget.second, budget.first] };
            operators.push((Kind::Two, Operator::product(vec![sparse(rows, k, a, 2), sparse(k, cols, b, 3)])));
        }
        let measured = report(operators, values, (par, threads));
        match &mut all {
            None => all = Some(measured),
            Some(all) => all.speeds.extend(measured.speeds.into_iter().filter(|speed| speed.kind != Kind::Dense)),
        }
    }
    all
}

fn report(operators: Vec<(Kind, Operator)>, values: ValueFormat, (par, threads): (Par, usize)) -> SpeedReport {
    let instructions = Instructions::best();
    let operators: Vec<(Kind, Vec<Operator>)> = operators
        .into_iter()
        .map(|(kind, operator)| {
            let copies = copies(operator.shape());
            (kind, vec![operator; copies])
        })
        .collect();
    let mut seconds = vec![[0.0; COLUMNS.len()]; operators.len()];
    for (at, &columns) in COLUMNS.iter().enumerate() {
        let inputs = operators[0].1[0].shape().1;
        let x = Matrix::from_fn(columns, inputs, |i, j| ((i * 31 + j * 17) % 64) as f32 / 32.0 - 1.0);
        let mut times = vec![Vec::with_capacity(PASSES); operators.len()];
        for _ in 0..PASSES {
            for ((_, copies), times) in operators.iter().zip(&mut times) {
                let begun = Instant::now();
                copies.iter().for_each(|operator| drop(operator.apply_with(instructions, &x, par)));
                times.push(begun.elapsed().as_secs_f64() / copies.len() as f64);
            }
        }
        for (seconds, times) in seconds.iter_mut().zip(&mut times) {
            seconds[at] = median(times);
        }
    }
    let speeds = operators.iter().zip(seconds).map(|((kind, copies), seconds)| {
        let (operator, (rows, cols)) = (&copies[0], copies[0].shape());
        LayerSpeed {
            kind: *kind,
            density: operator.entries() as f64 / (rows * cols).max(1) as f64,
            formats: operator.factors().iter().map(|factor| factor.format().to_owned()).collect(),
            bytes: operator.bytes(),
            seconds,
        }
    });
    SpeedReport { instructions, threads, values, speeds: speeds.collect() }
}

/// How many copies take turns, so that they come from memory as a whole model's layers do, within bounds.
fn copies((rows, cols): (usize, usize)) -> usize {
    /// Bytes of all copies of the dense weight, at four bytes an entry.
    const BYTES: usize = 96 << 20;
    const MOST: usize = 32;
    (BYTES / (4 * rows * cols).max(1)).clamp(1, MOST)
}
