//! The best split of the nonzeros, searched for when it is asked for.

use super::async_memo::AsyncMemo;
use crate::app::state::error::Error;
use crate::app::state::hints::sentence;
use crate::compute::ThreadPool;
use crate::factorize::{Inputs, Search, Settings, Split};
use crate::hint::Failure;
use crate::job::{self, ComputeConfig};
use crate::matrix::Problem;
use crate::tasks::{Queue, Task};
use eframe::egui::Context;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A search with these settings.
#[derive(Serialize, Deserialize)]
pub struct FindSplit {
    problem: Problem,
    settings: Settings,
    compute: ComputeConfig,
}

/// Result of a search for the split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Of the first factor.
    factor_density: Option<f64>,
    /// Relative reduction of the error against the paper's split.
    gain: f64,
    /// Notes about the device meanwhile.
    notes: Vec<String>,
}

impl Task for FindSplit {
    const NAME: &'static str = "find split";
    const QUEUE: Queue = Queue::Slow;
    type Progress = f64;
    type Output = Result<Found, Failure>;

    fn run(self, progress: &(dyn Fn(f64) -> bool + Sync)) -> Result<Found, Failure> {
        ThreadPool::new(self.compute.threads)?.run(|| self.search(progress))
    }
}

impl FindSplit {
    fn search(&self, progress: &(dyn Fn(f64) -> bool + Sync)) -> Result<Found, Failure> {
        // What a run would factorize.
        let Problem { weight, calibration, .. } = &self.problem;
        let w = self.settings.objective.target(weight, calibration.as_deref())?;
        let settings = Settings { split: Split::Auto, factor_density: None, ..self.settings.clone() };
        let ComputeConfig { backend, .. } = self.compute;
        let (device, note) = job::device(backend, w.shape(), &settings, self.compute.thread_count());
        let mut notes: Vec<String> = note.into_iter().collect();
        let inputs = calibration
            .clone()
            .filter(|_| settings.objective.scales())
            .map(|inputs| Inputs::new(inputs, None, settings.objective));
        let mut search = Search::with_inputs(&w, inputs.as_ref(), &settings, &device)?.ok_or(Error::FixedMask)?;
        let (mut step, steps) = (0, search.steps());
        while search.step()? {
            step += 1;
            notes.extend(search.note());
            if !progress(step as f64 / steps as f64) {
                return Err(Error::Cancelled.into());
            }
        }
        let gain = search.gain().unwrap_or(0.0);
        Ok(Found { factor_density: search.finish().factor_density, gain, notes })
    }
}

/// A layer and settings, compared by identity and value.
#[derive(Clone)]
struct Key(Problem, Settings);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        let inputs = |key: &Self| key.0.calibration.as_ref().map(Arc::as_ptr);
        // A density that is found is one of those that changes.
        let asked = |key: &Self| Settings { factor_density: None, split: Split::Auto, ..key.1.clone() };
        Arc::ptr_eq(&self.0.weight, &other.0.weight) && inputs(self) == inputs(other) && asked(self) == asked(other)
    }
}

/// The search, and what the last one found.
#[derive(Default)]
pub struct SplitSearch {
    memo: AsyncMemo<Key, FindSplit>,
    wanted: Option<Key>,
    /// Message of the last search, and the layer and settings it was for.
    said: Option<(Key, String)>,
}

impl SplitSearch {
    /// Begins to search for the best split of this problem with these settings.
    pub fn start(&mut self, problem: Problem, settings: Settings) {
        self.wanted = Some(Key(problem, settings));
        self.said = None;
    }

    /// Gives the search up.
    pub fn cancel(&mut self) {
        *self = Self::default();
    }

    /// The share that is done, while it is searched for.
    pub fn progress(&self) -> Option<f64> {
        self.wanted.as_ref().map(|_| self.memo.news().copied().unwrap_or(0.0))
    }

    /// Returns the message of the last search, if it was of this problem with these settings.
    pub fn said(&self, problem: &Problem, settings: &Settings) -> Option<&str> {
        let now = Key(problem.clone(), settings.clone());
        self.said.as_ref().filter(|(of, _)| *of == now).map(|(_, said)| said.as_str())
    }

    /// Goes on with the search, for what is open now. The first factor's density, once it is found.
    pub fn poll(
        &mut self,
        ctx: &Context,
        problem: Option<Problem>,
        settings: &Settings,
        compute: ComputeConfig,
    ) -> Option<f64> {
        let key = self.wanted.clone()?;
        // A split that is found for something else is of no use.
        let same = problem.is_some_and(|problem| key == Key(problem, settings.clone()));
        if !same || self.memo.has_given_up() {
            self.cancel();
            return None;
        }
        self.memo.want(ctx, key.clone(), |Key(problem, settings)| FindSplit {
            problem: problem.clone(),
            settings: settings.clone(),
            compute,
        });
        let found = self.memo.of(&key).map(|found| (**found).clone())?;
        // The same can be searched for again.
        (self.wanted, self.memo) = Default::default();
        match found {
            Ok(Found { factor_density, gain, notes }) => {
                let said = match gain > 0.0 {
                    true => format!("{:.1} % less error than with the paper's split", 100.0 * gain),
                    false => "The paper's split is the best one".into(),
                };
                let said = std::iter::once(said).chain(notes).collect::<Vec<_>>().join("; ");
                self.said = Some((key, said));
                factor_density
            }
            Err(why) => {
                self.said = Some((key, sentence(&why)));
                None
            }
        }
    }
}
