//! The iterations of a run, kept in few bytes, so that one can go back to each of them.

use crate::factorize::Factors;
use crate::job::Snapshot;
use crate::matrix::{Mask, Packed};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A and B at one moment.
#[derive(Serialize, Deserialize)]
pub struct Shot {
    /// After which step; 0 is the start.
    pub step: usize,
    a: Packed,
    b: Packed,
}

impl Shot {
    /// Packs them.
    pub fn of(snapshot: &Snapshot) -> Self {
        let Factors { a, b } = &snapshot.factors;
        Self { step: snapshot.step, a: Packed::of(a), b: Packed::of(b) }
    }

    /// The factors again, to eleven binary digits.
    pub fn factors(&self) -> Factors {
        Factors { a: self.a.to_matrix(), b: self.b.to_matrix() }
    }

    /// The masks of A and B.
    pub fn masks(&self) -> [&Mask; 2] {
        [self.a.mask(), self.b.mask()]
    }

    /// The memory it takes.
    pub fn bytes(&self) -> usize {
        self.a.bytes() + self.b.bytes()
    }
}

/// The shots of a run, in order. When they outgrow their memory every second one is given up, and from then on only
/// every second is taken.
pub struct Film {
    shots: Vec<Arc<Shot>>,
    bytes: usize,
    limit: usize,
    every: usize,
    offered: usize,
}

impl Film {
    /// Within so many bytes.
    pub fn new(limit: usize) -> Self {
        Self { shots: Vec::new(), bytes: 0, limit, every: 1, offered: 0 }
    }

    /// Takes the next shot, if it is one of those to be kept.
    pub fn add(&mut self, shot: &Arc<Shot>) {
        let wanted = self.offered.is_multiple_of(self.every);
        self.offered += 1;
        if !wanted {
            return;
        }
        self.bytes += shot.bytes();
        self.shots.push(shot.clone());
        while self.bytes > self.limit && self.shots.len() > 1 {
            self.thin();
        }
    }

    /// Gives up every second shot; the first stays.
    fn thin(&mut self) {
        self.every *= 2;
        let mut at = 0;
        self.shots.retain(|_| {
            at += 1;
            at % 2 == 1
        });
        self.bytes = self.shots.iter().map(|shot| shot.bytes()).sum();
    }

    /// All shots, oldest first.
    pub fn shots(&self) -> &[Arc<Shot>] {
        &self.shots
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
        (self.shots, self.bytes) = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;

    fn shot(step: usize) -> Arc<Shot> {
        let ones = |rows, cols| Matrix::from_fn(rows, cols, |_, _| 1.0);
        let factors = Factors { a: ones(4, 64), b: ones(64, 64) };
        Arc::new(Shot::of(&Snapshot { step, factors }))
    }

    #[test]
    fn it_thins_out_and_stays_within_its_memory() {
        // Each shot: 68 words of mask, 68·64 values.
        let one = 68 * 8 + 68 * 64 * 2;
        assert_eq!(shot(0).bytes(), one);
        let mut film = Film::new(5 * one);
        for step in 0..100 {
            film.add(&shot(step));
            assert!(film.bytes() <= 5 * one && film.bytes() == film.shots().len() * one);
        }
        let steps: Vec<usize> = film.shots().iter().map(|shot| shot.step).collect();
        assert_eq!(steps, [0, 32, 64, 96]);
        assert_eq!(film.every(), 32);
        // Even one that is too large by itself is kept: there is always something to go back to.
        let mut small = Film::new(1);
        (0..5).for_each(|step| small.add(&shot(step)));
        assert_eq!(small.shots().len(), 1);
    }
}
