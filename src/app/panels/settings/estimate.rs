//! What a run would take, before it is started.

use crate::app::state::run::Run;
use crate::app::widgets::text::duration;
use crate::factorize::Settings;
use crate::measure::cost;

/// Memory and time of a run on a W `rows`×`cols` with its effective settings, as a sentence. The time is from the runs that ended here.
pub fn estimate(rows: usize, cols: usize, settings: &Settings, runs: &[Run], threads: usize) -> String {
    let speeds = runs.iter().filter_map(|run| {
        let (ended, settings) = (run.outcome.as_ref()?, run.spec.settings.as_ref()?);
        let ((rows, cols), progress) = (ended.replacement.shape(), run.progress.as_ref()?);
        let (size, seconds) = (settings.effective(ended.layer.is_some()).size(rows, cols), ended.seconds);
        let is_whole = progress.step == progress.steps && seconds > 0.0;
        is_whole.then(|| cost::speed_of_run(size.flops(), seconds, progress.steps))
    });
    // The fastest: pictures of a run in sight slow others down.
    let speed = speeds.reduce(f64::max).unwrap_or(cost::CORE_FLOPS * threads as f64);
    let size = settings.size(rows, cols);
    let bytes = size.solver_bytes() + size.picture_bytes();
    format!("would take about {} and {}", duration(size.flops() / speed), megabytes(bytes))
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
        let [large, small] = [2048, 1024].map(|side| settings.size(side, side));
        let times = large.flops() / small.flops();
        assert!((times - 8.0).abs() < 0.1, "{times}");
        let [bytes, fewer] = [large, small].map(|size| size.solver_bytes() + size.picture_bytes());
        let bytes = bytes / fewer;
        assert!((bytes - 4.0).abs() < 0.1, "{bytes}");
    }
}
