//! The steps of a compression, with a progress bar.

use super::super::{Failure, output};
use crate::compress::{CompressedLayer, LayerByLayer, LayerKey, Step, TunedBlock};
use crate::measure::cost::remaining_secs;
use std::collections::BTreeMap;
use std::time::Instant;

/// What becomes of finished layers, and of blocks that were tuned after that.
pub trait Sink<K: LayerKey> {
    /// A layer is finished, now or by an earlier start.
    fn layer(&mut self, layer: &CompressedLayer<K>);

    /// A block was tuned.
    fn block(&mut self, _block: &TunedBlock<K>) {}
}

/// Takes all steps of a compression whose layers cost as much as `costs` says, and are called as `stem` says.
pub fn drive<K: LayerKey>(
    costs: &BTreeMap<K, f64>,
    stem: &(dyn Fn(K) -> String + Sync),
    work: &mut dyn LayerByLayer<K>,
    sink: &mut dyn Sink<K>,
) -> Result<(), Failure> {
    let all = costs.values().sum::<f64>().max(f64::MIN_POSITIVE);
    let cost = |key: K| costs.get(&key).copied().unwrap_or(0.0);
    let bar = output::Share::new("compressing");
    let (mut before, mut found) = (0.0, 0.0);
    let begun = Instant::now();
    loop {
        let show = |key: K, done: f64| {
            let share = (before + done * cost(key)) / all;
            let worked = share - found / all;
            let left =
                if worked > 0.0 { remaining_secs(begun.elapsed().as_secs_f64(), worked, 1.0 - share) } else { 0.0 };
            bar.update(share, left, &stem(key))
        };
        let Some(step) = work.step_with_progress(&show)? else { break };
        match step {
            Step::Advanced => {}
            Step::Tuned(block) => {
                let text = format!("block {} tuned: {:.4} → {:.4}", block.block, block.before, block.after);
                output::step(&text);
                sink.block(&block);
                go_on(bar.update(before / all, 0.0, &text))?;
            }
            Step::OutputSquares => go_on(bar.update(before / all, 0.0, "measured what the loss feels"))?,
            Step::Statistics(layers) => {
                let layer = layers.first().map(|&key| stem(key)).unwrap_or_default();
                go_on(bar.update(before / all, 0.0, &format!("{layer}: inputs collected")))?;
            }
            Step::Layer(key, progress) => {
                progress.note.iter().for_each(|note| bar.say(note));
                go_on(show(key, progress.done))?;
            }
            Step::Found(layer) => {
                before += cost(layer.id);
                found += cost(layer.id);
                sink.layer(&layer);
            }
            Step::Finished(layer) => {
                before += cost(layer.id);
                layer.report.notes.iter().for_each(|note| bar.say(&format!("{}: {note}", stem(layer.id))));
                let (share, seconds) = (100.0 * before / all, layer.report.seconds);
                output::step(&format!("{share:3.0} %  {} done in {seconds:.1} s", stem(layer.id)));
                sink.layer(&layer);
            }
        }
    }
    bar.finish();
    if found > 0.0 {
        output::note(&format!("{:.0} % of the work was there already and was taken up", 100.0 * found / all));
    }
    Ok(())
}

/// Ends the work where its listener says so.
fn go_on(wanted: bool) -> Result<(), Failure> {
    if wanted { Ok(()) } else { Err(Failure::cancelled()) }
}
