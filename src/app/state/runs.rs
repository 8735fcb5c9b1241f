//! The runs of the window: the list, the one on screen, those that wait.

use super::factors_at::FactorsAt;
use super::run::{Run, RunState};
use super::timeline::Timeline;
use crate::factorize::Settings;
use crate::job::Command;
use crate::methods::Method;

/// Beyond so many runs those that moving a slider has started are forgotten, the oldest first.
const MOST_RUNS: usize = 30;

/// Memory that the iterations of all runs together may take, in bytes; the oldest runs' go first.
const HISTORY_BYTES: usize = 384 << 20;

/// The runs so far, and which of them is on screen.
#[derive(Default)]
pub struct Runs {
    /// The runs, oldest first.
    list: Vec<Run>,
    /// Place in the list of the run on screen.
    selected: Option<usize>,
    /// Iteration of the run that is on screen.
    timeline: Timeline,
    /// Number of the last run.
    count: usize,
    /// The run that was deleted last.
    deleted: Option<Run>,
    /// Settings and names of runs that wait for their turn.
    queue: Vec<(Settings, String)>,
    /// The half-step that a link leads to, once its run is over.
    wanted_step: Option<usize>,
}

impl Runs {
    /// All of them, oldest first.
    pub fn all(&self) -> &[Run] {
        &self.list
    }

    /// The run at a place in the list.
    pub fn get_mut(&mut self, at: usize) -> Option<&mut Run> {
        self.list.get_mut(at)
    }

    /// The run of a number.
    pub fn numbered(&mut self, number: usize) -> Option<&mut Run> {
        self.list.iter_mut().find(|run| run.number == number)
    }

    /// Place in the list of the run of a number.
    pub fn position(&self, number: usize) -> Option<usize> {
        self.list.iter().position(|run| run.number == number)
    }

    /// Places in the list as it is shown: starred runs first, newest first.
    pub fn in_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.list.len()).rev().collect();
        order.sort_by_key(|&at| !self.list[at].starred);
        order
    }

    /// Place in the list of the run on screen.
    pub fn selected(&self) -> Option<usize> {
        self.selected
    }

    /// The run on screen.
    pub fn shown(&self) -> Option<&Run> {
        self.selected.and_then(|at| self.list.get(at))
    }

    /// The run on screen, to be changed.
    pub fn shown_mut(&mut self) -> Option<&mut Run> {
        self.selected.and_then(|at| self.list.get_mut(at))
    }

    /// Method that made what is on screen.
    pub fn method_on_screen(&self) -> Method {
        self.shown().map_or(Method::Dsf, |run| run.spec.method)
    }

    /// The number of the next run.
    pub fn next_number(&self) -> usize {
        self.count + 1
    }

    /// Adds a run, and shows it.
    pub fn add(&mut self, run: Run) {
        self.count += 1;
        self.list.push(run);
        // Only what a slider left behind is forgotten, never a run that was asked for.
        if self.list.len() > MOST_RUNS
            && let Some(oldest) = self.list[..self.list.len() - 1].iter().position(|run| run.live && !run.starred)
        {
            self.list.remove(oldest);
        }
        self.select(Some(self.list.len() - 1));
    }

    /// Shows another run, its latest iteration.
    pub fn select(&mut self, at: Option<usize>) {
        self.selected = at;
        self.timeline.latest();
    }

    /// Shows the run above or below in the list as it is shown.
    pub fn select_neighbour(&mut self, below: bool) {
        let order = self.in_order();
        let at = order.iter().position(|&at| Some(at) == self.selected).unwrap_or(0);
        let to = if below { at + 1 } else { at.saturating_sub(1) };
        self.select(order.get(to).or(order.last()).copied());
    }

    /// Ends all runs. Of those that a slider has started, the ones that go on leave the list, and those of the drag that
    /// began at `pressed_at`.
    pub fn make_way(&mut self, pressed_at: Option<f64>) {
        let same_drag = |run: &Run| pressed_at.is_some() && run.pressed_at == pressed_at;
        let goes = |run: &Run| run.live && !run.starred && !run.exported && (run.is_active() || same_drag(run));
        let gone: Vec<usize> = self.list.extract_if(.., |run| goes(run)).map(|run| run.number).collect();
        // Of a drag nobody has seen these for longer than a moment: their numbers are free again. Else a number is of one run.
        while pressed_at.is_some() && gone.contains(&self.count) {
            self.count -= 1;
        }
        self.list.iter_mut().for_each(|run| run.send(Command::Cancel));
    }

    /// Takes a run out of the list, and ends it if it goes on. Its name.
    pub fn delete(&mut self, at: usize) -> String {
        let mut run = self.list.remove(at);
        run.send(Command::Cancel);
        let name = run.name.clone();
        self.deleted = Some(run);
        let selected = match self.selected {
            Some(selected) if selected > at => Some(selected - 1),
            Some(selected) if selected == at => self.list.len().checked_sub(1),
            same => same,
        };
        self.select(selected);
        name
    }

    /// Whether a run was deleted and can be brought back.
    pub fn has_deleted(&self) -> bool {
        self.deleted.is_some()
    }

    /// Takes the deleted run back into the list.
    pub fn bring_back(&mut self) {
        let Some(run) = self.deleted.take() else { return };
        let at = self.list.iter().position(|other| other.number > run.number).unwrap_or(self.list.len());
        self.list.insert(at, run);
        self.select(Some(at));
    }

    /// Takes in what runs have reported by `now`, in seconds; places of those that are over since.
    pub fn poll(&mut self, now: f64) -> Vec<usize> {
        let mut over = Vec::new();
        // A deleted run's thread may still have something to report.
        self.deleted.iter_mut().for_each(|run| run.poll(now, false));
        for (at, run) in self.list.iter_mut().enumerate() {
            let was_active = run.is_active();
            run.poll(now, self.selected == Some(at));
            if was_active && !run.is_active() {
                over.push(at);
            }
        }
        over
    }

    /// Returns the notes of the runs since the last time, with their names.
    pub fn take_notes(&mut self) -> Vec<String> {
        let named = |run: &mut Run| {
            let notes = std::mem::take(&mut run.notes);
            notes.into_iter().map(|note| format!("{}: {note}", run.name)).collect::<Vec<_>>()
        };
        self.list.iter_mut().flat_map(named).collect()
    }

    /// The run that goes on and was asked for, not started by a slider.
    pub fn working(&self) -> Option<&Run> {
        self.list.iter().find(|run| run.is_active() && !run.live)
    }

    /// Whether a run may report something without anything else happening.
    pub fn is_moving(&self) -> bool {
        self.list.iter().any(|run| run.state == RunState::Running || run.is_active() && run.is_cancelling())
    }

    /// Memory of all runs' iterations, in bytes.
    pub fn snapshot_bytes(&self) -> usize {
        self.list.iter().map(|run| run.snapshots.bytes()).sum()
    }

    /// Gives up iterations of the oldest runs, but not of the one on screen, until all fit into their memory.
    pub fn bound_history(&mut self) {
        let mut all = self.snapshot_bytes();
        for (at, run) in self.list.iter_mut().enumerate() {
            if all <= HISTORY_BYTES {
                return;
            }
            if self.selected != Some(at) && !run.is_active() {
                all -= run.snapshots.bytes();
                run.snapshots.clear();
            }
        }
    }
}

/// The iteration on screen.
impl Runs {
    /// Returns which of the kept iterations is on screen.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Returns the factors that the views show.
    pub fn factors_at(&self) -> FactorsAt {
        self.shown().map_or(FactorsAt::Nothing, |run| self.timeline.factors_at(run))
    }

    /// The half-step on screen, when it is not the latest.
    pub fn step(&self) -> Option<usize> {
        self.shown().and_then(|run| self.timeline.step(run))
    }

    /// Follows the run on screen again.
    pub fn go_to_latest(&mut self) {
        self.timeline.latest();
    }

    /// Goes to the kept iteration at or before a half-step of the run on screen; beyond the last one to the latest.
    pub fn go_to(&mut self, step: usize) {
        if let Some(run) = self.selected.and_then(|at| self.list.get(at)) {
            self.timeline.go_to(step, run);
        }
    }

    /// One kept iteration on or back.
    pub fn shift(&mut self, on: bool) {
        if let Some(run) = self.selected.and_then(|at| self.list.get(at)) {
            self.timeline.shift(run, on);
        }
    }

    /// Begins to play the kept iterations at `now`, in seconds, or stops.
    pub fn play(&mut self, now: f64) {
        if let Some(run) = self.selected.and_then(|at| self.list.get(at)) {
            self.timeline.play(run, now);
        }
    }

    /// Goes on playing; seconds until the next iteration is due.
    pub fn advance(&mut self, now: f64) -> Option<f64> {
        let run = self.selected.and_then(|at| self.list.get(at))?;
        self.timeline.advance(run, now)
    }

    /// Goes to this half-step once the run on screen is over.
    pub fn want_step(&mut self, step: Option<usize>) {
        self.wanted_step = step;
    }

    /// Goes to the half-step that was wanted, if the run on screen is over.
    pub fn go_to_wanted_step(&mut self) {
        if self.shown().is_some_and(|run| !run.is_active())
            && let Some(step) = self.wanted_step.take()
        {
            self.go_to(step);
        }
    }
}

/// The queue of runs that wait for their turn.
impl Runs {
    /// Lets runs wait for their turn, in place of those that waited.
    pub fn queue(&mut self, runs: Vec<(Settings, String)>) {
        self.queue = runs;
    }

    /// No run waits any more.
    pub fn clear_queue(&mut self) {
        self.queue.clear();
    }

    /// Settings and name of the next run that waits, when none goes on that was asked for.
    pub fn next_queued(&mut self) -> Option<(Settings, String)> {
        (!self.queue.is_empty() && self.working().is_none()).then(|| self.queue.remove(0))
    }
}
