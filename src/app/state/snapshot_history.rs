//! The iterations of a run, kept in few bytes, so that one can go back to each of them.

use crate::job::PackedSnapshot;
use std::sync::Arc;

/// The snapshots of a run, in order. When they outgrow their memory every second one is given up, and from then on only
/// every second is taken.
pub struct SnapshotHistory {
    snapshots: Vec<Arc<PackedSnapshot>>,
    bytes: usize,
    limit: usize,
    every: usize,
    offered: usize,
}

impl SnapshotHistory {
    /// Within so many bytes.
    pub fn new(limit: usize) -> Self {
        Self { snapshots: Vec::new(), bytes: 0, limit, every: 1, offered: 0 }
    }

    /// Takes the next snapshot, if it is one of those to be kept.
    pub fn add(&mut self, snapshot: &Arc<PackedSnapshot>) {
        let wanted = self.offered.is_multiple_of(self.every);
        self.offered += 1;
        if !wanted {
            return;
        }
        self.bytes += snapshot.bytes();
        self.snapshots.push(snapshot.clone());
        while self.bytes > self.limit && self.snapshots.len() > 1 {
            self.thin();
        }
    }

    /// Gives up every second snapshot; the first stays.
    fn thin(&mut self) {
        self.every *= 2;
        let mut at = 0;
        self.snapshots.retain(|_| {
            at += 1;
            at % 2 == 1
        });
        self.bytes = self.snapshots.iter().map(|snapshot| snapshot.bytes()).sum();
    }

    /// All snapshots, oldest first.
    pub fn all(&self) -> &[Arc<PackedSnapshot>] {
        &self.snapshots
    }

    /// The memory they take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// One of how many iterations was kept.
    pub fn every(&self) -> usize {
        self.every
    }

    /// Gives up all of them.
    pub fn clear(&mut self) {
        (self.snapshots, self.bytes) = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::{Factors, Matrix};

    fn snapshot(step: usize) -> Arc<PackedSnapshot> {
        let ones = |rows, cols| Matrix::from_fn(rows, cols, |_, _| 1.0);
        Arc::new(PackedSnapshot::new(step, &Factors::from_dense(&ones(4, 64), &ones(64, 64))))
    }

    #[test]
    fn it_thins_out_and_stays_within_its_memory() {
        // Each snapshot: 68 words of mask, 68·64 values.
        let one = 68 * 8 + 68 * 64 * 2;
        assert_eq!(snapshot(0).bytes(), one);
        let mut history = SnapshotHistory::new(5 * one);
        for step in 0..100 {
            history.add(&snapshot(step));
            assert!(history.bytes() <= 5 * one && history.bytes() == history.all().len() * one);
        }
        let steps: Vec<usize> = history.all().iter().map(|snapshot| snapshot.step).collect();
        assert_eq!(steps, [0, 32, 64, 96]);
        assert_eq!(history.every(), 32);
        // Even one that is too large by itself is kept: there is always something to go back to.
        let mut small = SnapshotHistory::new(1);
        (0..5).for_each(|step| small.add(&snapshot(step)));
        assert_eq!(small.all().len(), 1);
    }
}
