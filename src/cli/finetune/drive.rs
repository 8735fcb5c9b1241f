//! The steps of a tuning, with a progress bar.

use super::super::{Failure, output};
use super::summary::stopped;
use crate::compress::TunedFolder;
use crate::finetune::{Subject, Tuning};
use crate::measure::cost::remaining_secs;
use std::time::Instant;

/// Takes all steps with a progress bar, and keeps the state about every half a minute.
pub fn drive<S: Subject>(tuning: &mut Tuning<S>, folder: Option<&TunedFolder>) -> Result<(), Failure> {
    /// Seconds between two states that are kept; after a held-out loss they may be fewer.
    const KEEP_SECS: [f64; 2] = [30.0, 2.0];
    /// The most of the time that keeping takes.
    const KEEP_SHARE: f64 = 0.05;
    let bar = output::Share::new("tuning");
    let (begun, before) = (Instant::now(), tuning.done());
    let (mut kept, mut keeping) = (Instant::now(), 0.0);
    let (mut held_out, mut accuracy) = (None, None);
    while let Some(progress) = tuning.step()? {
        let share = progress.step as f64 / progress.steps as f64;
        let done = (progress.step - before) as f64;
        let left = remaining_secs(begun.elapsed().as_secs_f64(), done, (progress.steps - progress.step) as f64);
        held_out = progress.held_out.or(held_out);
        accuracy = progress.accuracy.or(accuracy);
        let percent = accuracy.map_or(String::new(), |share: f64| format!(", accuracy {:.2} %", 100.0 * share));
        let loss = |name: &str, loss: Option<f64>| loss.map_or(String::new(), |loss| format!(", {name} {loss:.4}"));
        let what = format!(
            "step {} of {}{}{}{percent}",
            progress.step,
            progress.steps,
            loss("loss", progress.loss),
            loss("held out", held_out)
        );
        let wanted = bar.update(share, if done > 0.0 { left } else { 0.0 }, &what);
        if progress.held_out.is_some() {
            output::step(&format!("{:3.0} %  {what}", 100.0 * share));
        }
        if progress.restarted {
            let step = progress.step;
            bar.say(&format!(
                "step {step}: worse than untuned; back to those values, on at a quarter of the learning rate"
            ));
        }
        if let Some(stop) = progress.stopped {
            bar.say(&stopped(stop));
        }
        let since = kept.elapsed().as_secs_f64();
        let due = since >= KEEP_SECS[usize::from(progress.held_out.is_some())] && since * KEEP_SHARE >= keeping;
        if let (Some(folder), true) = (folder, (due || !wanted) && progress.step > 0) {
            let start = Instant::now();
            folder.keep(|out| tuning.save(out))?;
            (kept, keeping) = (Instant::now(), start.elapsed().as_secs_f64());
        }
        if !wanted {
            return Err(Failure::cancelled());
        }
    }
    bar.finish();
    Ok(())
}
