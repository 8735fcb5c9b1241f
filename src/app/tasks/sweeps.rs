//! The sweeps: one for each of the paper's figures that was asked for.

use super::sweep::SweepWork;
use crate::Named;
use crate::app::state::hints::sentence;
use crate::app::state::loaded_layer::LoadedLayer;
use crate::compare::{Candidate, Figure};
use crate::hint::Failure;
use crate::matrix::Problem;
use eframe::egui::Context;
use std::collections::BTreeMap;

/// A sweep for each figure that was asked for, and which figure is on screen.
pub struct Sweeps {
    figure: Figure,
    sweeps: BTreeMap<&'static str, SweepWork>,
    problem: Option<String>,
}

impl Default for Sweeps {
    fn default() -> Self {
        Self { figure: Figure::Density, sweeps: BTreeMap::new(), problem: None }
    }
}

impl Sweeps {
    /// The figure on screen.
    pub fn figure(&self) -> Figure {
        self.figure
    }

    /// The sweep of the figure on screen.
    pub fn shown(&self) -> Option<&SweepWork> {
        self.sweeps.get(self.figure.name())
    }

    /// Why the last sweep could not be started.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Shows the sweep of another figure.
    pub fn show(&mut self, figure: Figure) {
        (self.figure, self.problem) = (figure, None);
    }

    /// Measures a figure anew, and shows it.
    pub fn start(
        &mut self,
        figure: Figure,
        layer: LoadedLayer,
        problem: Problem,
        base: Candidate,
    ) -> Result<(), Failure> {
        let work = SweepWork::new(figure, layer, problem, base)?;
        self.sweeps.insert(figure.name(), work);
        self.show(figure);
        Ok(())
    }

    /// Says why the sweep of the figure on screen cannot be started.
    pub fn fail(&mut self, why: &Failure) {
        self.problem = Some(sentence(why));
    }

    /// Begins nothing new on the figure on screen.
    pub fn pause(&mut self) {
        self.sweeps.get_mut(self.figure.name()).into_iter().for_each(SweepWork::pause);
    }

    /// Goes on with it.
    pub fn resume(&mut self) {
        self.sweeps.get_mut(self.figure.name()).into_iter().for_each(SweepWork::resume);
    }

    /// Takes in what has happened, and begins what waits: one figure at a time, the one on screen first.
    pub fn poll(&mut self, ctx: &Context, at_once: usize) {
        let shown = self.figure.name();
        let busy = self.sweeps.iter().find(|(name, work)| **name != shown && work.is_going()).map(|(name, _)| *name);
        let first = self.sweeps.get(shown).filter(|work| work.is_going()).map(|_| shown).or(busy);
        for (name, work) in &mut self.sweeps {
            work.poll(ctx, if Some(*name) == first { at_once } else { 0 });
        }
    }
}
