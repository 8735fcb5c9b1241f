//! Whether the time that is left is told right, from the third iteration on: `cargo bench --bench time_left`.

use dsf_explorer::Named;
use dsf_explorer::factorize::{Preset, Settings, Split};
use dsf_explorer::job::{Event, Job, run};
use dsf_explorer::matrix::{Calibration, Matrix, Problem};
use std::sync::Arc;

fn main() {
    let published = Settings::default();
    let both = |exact| Settings { finalize_both: true, rounds: 3, exact, ..Settings::default() };
    for (rows, cols) in [(256, 256), (768, 768), (256, 1024), (1024, 256)] {
        for preset in [Preset::Published, Preset::Fast, Preset::Best] {
            measure(preset.name(), rows, cols, false, &published.with_preset(preset));
            measure(preset.name(), rows, cols, true, &published.with_preset(preset));
        }
        measure("both, ADMM", rows, cols, true, &both(false));
        measure("both, exact", rows, cols, true, &both(true));
        measure("split searched", rows, cols, false, &Settings { split: Split::Auto, ..published.clone() });
    }
}

fn measure(name: &str, rows: usize, cols: usize, layerwise: bool, settings: &Settings) {
    let calibration = layerwise.then(|| Calibration::from_samples(&numbers(2 * cols, cols)).expect("finite numbers"));
    let problem = Problem { calibration: calibration.map(Arc::new), ..Problem::plain(Arc::new(numbers(rows, cols))) };
    let mut told = Vec::new();
    run(Job::new(problem, settings.clone()), |event| {
        if let Event::Stepped(progress) = event {
            told.push((progress.step, progress.seconds, progress.remaining_secs()));
        }
    });
    let end = told.last().map_or(0.0, |last| last.1);
    // The last twentieth, or hundredth of a second, is nothing to wait for.
    let worth = |&&(step, seconds, _): &&(usize, f64, f64)| step >= 6 && end - seconds > (0.05 * end).max(0.01);
    let ratio = |&(step, seconds, left): &(usize, f64, f64)| (left / (end - seconds), step);
    let ratios: Vec<(f64, usize)> = told.iter().filter(worth).map(ratio).collect();
    let off = |ratio: f64| ratio.max(1.0 / ratio);
    let worst = ratios.iter().copied().reduce(|a, b| if off(b.0) > off(a.0) { b } else { a });
    let (Some(first), Some((worst, step))) = (ratios.first(), worst) else { return };
    let kind = if layerwise { ", layer-wise" } else { "" };
    println!(
        "{rows}×{cols} {name}{kind}: {end:.3} s; told / true at step {}: {:.2}, at worst {worst:.2} (step {step} of {})",
        first.1,
        first.0,
        told.len()
    );
}

/// Numbers without pattern, from −½ to ½.
fn numbers(rows: usize, cols: usize) -> Matrix {
    let mut state = 1u32;
    Matrix::from_fn(rows, cols, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    })
}
