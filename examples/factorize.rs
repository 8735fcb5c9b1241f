//! Factorizes a layer of the built-in model: `cargo run --example factorize`

use dsf_explorer::factorize::{Preset, Solver};
use dsf_explorer::model::{self, Orientation};
use dsf_explorer::{matrix, measure};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // `model::open(path)` opens a checkpoint of yours.
    let layer = model::example().layer(model::EXAMPLE_LAYER, Orientation::AsStored)?;
    let w = &layer.weight;

    let mut solver = Solver::new(w, &Preset::Fast.settings())?;
    while let Some(report) = solver.step()? {
        println!("half-step {:2} of {}: relative error {:.4}", report.step, solver.steps(), report.error);
    }
    let factors = solver.finish();

    let error = measure::relative_error(w, &factors.a, &factors.b);
    let pruned = measure::relative_difference(w, &matrix::keep_largest(w, factors.nnz()));
    println!("{} of {} entries kept", factors.nnz(), w.rows() * w.cols());
    println!("two sparse factors {error:.4}, magnitude pruning {pruned:.4}");
    Ok(())
}
