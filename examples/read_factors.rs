//! Writes the factors of a layer and reads them back: `cargo run --example read_factors`

use dsf_explorer::export::{Export, Layout};
use dsf_explorer::factorize::{Preset, Solver};
use dsf_explorer::model::{self, Orientation};
use std::sync::Arc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The file that `dsf-explorer factorize … --layout csr --out q_proj.safetensors` writes.
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("q_proj.safetensors");
    let layer = model::example().layer(model::EXAMPLE_LAYER, Orientation::AsStored)?;
    let settings = Preset::Fast.settings();
    let mut solver = Solver::new(&layer.weight, &settings)?;
    while solver.step()?.is_some() {}
    let export = Export::new(&layer, &Arc::new(solver.finish().into()), Layout::Csr, None)?;
    std::fs::write(&file, export.to_bytes(&serde_json::to_value(&settings)?, &serde_json::Value::Null))?;

    let checkpoint = model::open(&file)?;
    for stem in checkpoint.factorizations() {
        let factors = checkpoint.factors(&stem)?; // A [out, k] and B [k, in], whatever the layout
        println!("{stem}: A {:?}, B {:?}, {} nonzeros", factors.a.shape(), factors.b.shape(), factors.nnz());
    }
    Ok(())
}
