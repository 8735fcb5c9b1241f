//! The errors of the published code on real weights, at its own settings.
//!
//! The algorithm is chaotic in its last digits: permuting rows and columns scatters the errors by 0.1 to 0.3 %, a second
//! implementation by up to 1.1 % on single rows, 5 % on the planted matrices.

use crate::common;
use dsf_explorer::factorize::{Settings, Solver};
use dsf_explorer::measure;
use dsf_explorer::model::{Orientation, open};

#[test]
fn errors_are_the_published_codes() {
    let Some(data) = common::test_data() else { return };
    let checkpoint = open(&data.join("matrices/weights.safetensors")).unwrap();
    let mut ratios = Vec::new();
    for (name, density, published) in common::PUBLISHED {
        let w = checkpoint.layer(name, Orientation::AsStored).unwrap().weight;
        let square = w.rows() == w.cols();
        let settings = Settings { density, factor_density: square.then_some(0.16), ..Settings::default() };
        let mut solver = Solver::new(&w, &settings).unwrap();
        let mut reported = 0.0;
        while let Some(report) = solver.step().unwrap() {
            reported = report.error;
        }
        let factors = solver.finish();
        let error = measure::relative_error(&w, &factors.a, &factors.b);
        let ratio = error / published;
        println!("{name:18} {density:4}  published {published:.4}  ours {error:.4}  ratio {ratio:.4}");
        assert!((error - reported).abs() < 1e-4, "{name} at {density}: {error} was reported as {reported}");
        let scatter = if name.starts_with("lrs") || name.starts_with("planted") { 1.05 } else { 1.015 };
        assert!(ratio <= scatter, "{name} at {density}: {error:.4} against {published:.4}");
        ratios.push(ratio);
    }
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    println!("mean ratio {mean:.4}");
    assert!(mean <= 1.005, "mean ratio {mean:.4}");
}
