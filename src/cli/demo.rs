//! The built-in example in the terminal, for where there is no display.

use super::factorize::solve;
use super::layer::available;
use super::{Failure, output};
use crate::export::{self, Export, Layout, Palette, RunReport};
use crate::factorize::{Budget, Preset, Settings};
use crate::job::{ComputeConfig, Job};
use crate::matrix::{Problem, keep_largest};
use crate::measure::{self, Stored};
use crate::model::{EXAMPLE_LAYER, Orientation, example};
use indicatif::HumanBytes;
use std::path::Path;

const FOLDER: &str = "dsf-explorer-out";

/// Factorizes the example at the paper's densities, prints a table, writes factors and pictures.
pub fn run(threads: Option<usize>) -> Result<(), Failure> {
    let layer = example().layer(EXAMPLE_LAYER, Orientation::AsStored)?;
    let (rows, cols) = layer.weight.shape();
    let threads = threads.unwrap_or_else(available);
    let problem = Problem::plain(layer.weight.clone());
    output::print(&format!("{}, {rows}×{cols}, of the built-in model, replaced by two sparse matrices:", layer.name))?;
    let head = ["density", "nonzeros", "magnitude pruning", "DSF as published", "seconds", "DSF best", "seconds"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    let mut last = None;
    for density in [0.5, 0.4, 0.3, 0.25] {
        let settings = Settings { density, ..Preset::Published.settings() };
        let kept = Budget::new(rows, cols, &settings)?.total();
        let magnitude = measure::relative_difference(&layer.weight, &keep_largest(&layer.weight, kept));
        let mut row = vec![format!("{:.0} %", 100.0 * density), kept.to_string(), format!("{magnitude:.4}")];
        for preset in [Preset::Published, Preset::Best] {
            let job = Job {
                compute: ComputeConfig::on_threads(threads),
                ..Job::new(problem.clone(), settings.with_preset(preset))
            };
            let outcome = solve(&layer, job)?;
            row.extend([format!("{:.4}", outcome.relative_error), format!("{:.2}", outcome.seconds)]);
            last = Some(outcome);
        }
        table.push(row);
    }
    output::print(&output::table(&table))?;
    output::print("(relative errors ‖W − AB‖/‖W‖; magnitude pruning keeps as many entries of W itself)")?;
    let Some(outcome) = last else { return Ok(()) };
    let stored = Stored::of(&outcome.replacement);
    output::print(&format!(
        "(best at 25 % in 16-bit values: {} with bit masks, {} as CSR, W itself {})",
        HumanBytes(stored.bitmask.unwrap_or_default()),
        HumanBytes(stored.csr.unwrap_or_default()),
        HumanBytes(2 * (rows * cols) as u64)
    ))?;

    let folder = Path::new(FOLDER);
    let failed = |error: std::io::Error| {
        Failure::new(format!("{FOLDER} cannot be made here ({error})"), "go to a folder you may write to")
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let (factors, pictures) = (folder.join("factors.safetensors"), folder.join("pictures.png"));
    let export = Export::new(&layer, &outcome.replacement, Layout::Dense, None)?;
    let report = RunReport::of_run(&layer, &problem, Some(Preset::Best), &export, &outcome, threads);
    export.write(&factors, &serde_json::json!(outcome.settings), &report, true)?;
    let sheet = export::factor_sheet(&layer.weight, &outcome.replacement, 384, Palette::Light);
    export::write(&pictures, &sheet.to_png(), true)?;
    output::print(&format!("written: {} and {}", factors.display(), pictures.display()))
}
