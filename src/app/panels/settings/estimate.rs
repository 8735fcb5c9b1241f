//! What a run would take, before it is started.

use crate::app::state::run::Run;
use crate::app::widgets::text::duration;
use crate::factorize::Settings;
use crate::job::bench::floor_flops;

/// Before there was a run, so many operations a second are expected of a processor core.
const GUESS: f64 = 2e10;
/// What a step takes at least, in seconds.
const STEP: f64 = 8e-4;

/// Memory and time of a run on a W `rows`×`cols`, as a sentence. The time is from the runs that ended here.
pub fn estimate(rows: usize, cols: usize, settings: &Settings, runs: &[Run], threads: usize) -> String {
    let speeds = runs.iter().filter_map(|run| {
        let (ended, settings) = (run.ended.as_ref()?, run.settings.as_ref()?);
        let ((rows, cols), progress) = (ended.replacement.shape(), run.progress.as_ref()?);
        let seconds = ended.seconds;
        // Of a small run a good part is what every step costs, however small; at most two thirds.
        let seconds = (seconds - STEP * progress.steps as f64).max(seconds / 3.0);
        (progress.step == progress.steps && seconds > 0.0).then(|| work(rows, cols, settings) / seconds)
    });
    // The fastest: pictures of a run in sight slow others down.
    let speed = speeds.reduce(f64::max).unwrap_or(GUESS * threads as f64);
    let seconds = work(rows, cols, settings) / speed;
    format!("would take about {} and {}", duration(seconds), megabytes(memory(rows, cols, settings)))
}

/// Grows as the operations of a run do; a larger inner dimension makes each a little longer.
fn work(rows: usize, cols: usize, settings: &Settings) -> f64 {
    floor_flops(rows, cols, settings) * settings.expansion.max(1.0)
}

/// Bytes of W, its transpose and the panels of both factors while the solver works, and of the window's pictures.
pub fn memory(rows: usize, cols: usize, settings: &Settings) -> f64 {
    let (w, k) = ((rows * cols) as f64, settings.inner_dim(rows, cols) as f64);
    let factors = k * (rows + cols) as f64;
    let smaller = k.min(rows.min(cols) as f64);
    // Measured at 1024×1024: 58 MB for k = n without pictures.
    let solver = 2.0 * w + 4.0 * factors + 2.0 * smaller * smaller;
    let pictures = 1.5 * (3.0 * w + factors);
    4.0 * (solver + pictures)
}

fn megabytes(bytes: f64) -> String {
    if bytes < 1e9 { format!("{:.0} MB of memory", bytes / 1e6) } else { format!("{:.1} GB of memory", bytes / 1e9) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_takes_longer() {
        let settings = Settings::default();
        let text = estimate(4096, 4096, &settings, &[], 2);
        assert!(text.starts_with("would take about") && text.contains("GB"), "{text}");
        // Twice the side: eight times the operations, four times the bytes.
        let times = work(2048, 2048, &settings) / work(1024, 1024, &settings);
        assert!((times - 8.0).abs() < 0.1, "{times}");
        let bytes = memory(2048, 2048, &settings) / memory(1024, 1024, &settings);
        assert!((bytes - 4.0).abs() < 0.1, "{bytes}");
    }
}
