//! Compression of a whole model in one call.

use super::{Compression, Error, Inputs, Memory, Plan, Step};
use crate::export::RunReport;
use crate::language::{LayerId, Llama};
use crate::methods::ProgressFn;
use web_time::Instant;

/// A model with its layers replaced, and a report for each replaced layer.
pub type Replaced = (Llama, Vec<(LayerId, RunReport)>);

/// Compresses `model` by `plan`. `progress` receives the share done and returns whether to continue; `None` when it
/// cancels.
pub fn compressed(
    model: &Llama,
    plan: &Plan,
    inputs: &Inputs,
    progress: ProgressFn<'_>,
) -> Result<Option<Replaced>, Error> {
    let start = Instant::now();
    let clock = Box::new(move || start.elapsed().as_secs_f64());
    let mut work = Compression::new(model, plan.clone(), inputs, Box::new(Memory::default()), clock)?;
    let costs = plan.costs(model.config());
    let all = costs.values().sum::<f64>().max(f64::MIN_POSITIVE);
    let cost = |id: &LayerId| costs.get(id).copied().unwrap_or(0.0);
    let (mut changed, mut reports, mut done) = (model.clone(), Vec::new(), 0.0);
    loop {
        let inside = |id: LayerId, share: f64| progress((done + share * cost(&id)) / all);
        let step = match work.step_with_progress(&inside) {
            Ok(Some(step)) => step,
            Ok(None) => return Ok(Some((changed, reports))),
            Err(Error::Cancelled) => return Ok(None),
            Err(error) => return Err(error),
        };
        let share = match step {
            Step::Finished(layer) => {
                done += cost(&layer.id);
                changed.replace(layer.id, layer.weight.clone());
                reports.push((layer.id, layer.report.clone()));
                done
            }
            Step::Layer(id, progress) => done + progress.done * cost(&id),
            Step::Statistics(_) | Step::Found(_) | Step::Advanced => done,
        };
        if !progress(share / all) {
            return Ok(None);
        }
    }
}
