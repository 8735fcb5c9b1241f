//! Which iteration of a run is on screen.

use super::factors_at::FactorsAt;
use super::run::Run;

/// Snapshots a second while they are played.
const PACE: f64 = 12.0;

/// Iteration to show, and whether iterations are played.
#[derive(Default)]
pub struct Timeline {
    /// The step of a snapshot that was gone back to; the latest without.
    step: Option<usize>,
    /// Time at which the next snapshot is due, while they are played.
    playing: Option<f64>,
}

impl Timeline {
    /// Factors of a run to show.
    pub fn factors_at(&self, run: &Run) -> FactorsAt {
        let snapshots = run.snapshots.all();
        // The last snapshot not after the wanted step.
        let at = self
            .step
            .and_then(|step| snapshots.iter().rev().find(|snapshot| snapshot.step <= step).or(snapshots.first()));
        match (at, &run.outcome, &run.latest) {
            (Some(snapshot), ..) => FactorsAt::Snapshot(snapshot.clone()),
            (_, Some(ended), _) => FactorsAt::End(ended.replacement.clone()),
            (_, _, Some(latest)) => FactorsAt::Snapshot(latest.clone()),
            _ => FactorsAt::Nothing,
        }
    }

    /// The half-step that is looked at, when it is not the latest.
    pub fn step(&self, run: &Run) -> Option<usize> {
        self.step.and(self.factors_at(run).step())
    }

    /// Follows the run again.
    pub fn latest(&mut self) {
        (self.step, self.playing) = (None, None);
    }

    /// Goes to the snapshot at or before a half-step; beyond the last one to the latest.
    pub fn go_to(&mut self, step: usize, run: &Run) {
        let last = run.snapshots.all().last().map_or(0, |snapshot| snapshot.step);
        self.step = (step <= last).then_some(step);
        self.playing = None;
    }

    /// One snapshot on or back.
    pub fn shift(&mut self, run: &Run, on: bool) {
        let snapshots = run.snapshots.all();
        let at = self.at(run);
        let to = if on { at + 1 } else { at.saturating_sub(1) };
        self.step = snapshots.get(to).map(|snapshot| snapshot.step);
        self.playing = None;
    }

    /// Runs through all snapshots, from the start when it is at the end.
    pub fn play(&mut self, run: &Run, now: f64) {
        if self.playing.take().is_some() {
            return;
        }
        if self.step.is_none() {
            self.step = run.snapshots.all().first().map(|snapshot| snapshot.step);
        }
        self.playing = self.step.map(|_| now);
    }

    /// Whether the snapshots are being played.
    pub fn is_playing(&self) -> bool {
        self.playing.is_some()
    }

    /// Goes on playing; seconds until the next snapshot is due.
    pub fn advance(&mut self, run: &Run, now: f64) -> Option<f64> {
        if now >= self.playing? {
            self.shift(run, true);
            self.playing = self.step.map(|_| now + 1.0 / PACE);
        }
        self.playing.map(|_| 1.0 / PACE)
    }

    /// Returns the place of the snapshot that is looked at: one more than the last when it is the latest.
    pub fn at(&self, run: &Run) -> usize {
        let snapshots = run.snapshots.all();
        match self.step {
            Some(step) => snapshots.iter().rposition(|snapshot| snapshot.step <= step).unwrap_or(0),
            None => snapshots.len(),
        }
    }
}
