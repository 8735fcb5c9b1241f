//! Random orders of what is read.

use crate::stories::mix_seed;
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// Start of the seeds of generated data to train on, apart from those that are measured on.
const TRAINING: u64 = 0x7475_6e65;

/// Seed of generated data for a tuning of seed `seed`.
pub(super) fn training_seed(seed: u64) -> u64 {
    mix_seed(TRAINING, seed)
}

/// Random numbers of an epoch: they follow from its number alone, so that what was interrupted goes on alike.
pub(super) struct Chance(Pcg64Mcg);

impl Chance {
    /// Of epoch number `epoch` of a tuning of seed `seed`.
    pub fn of_epoch(seed: u64, epoch: usize) -> Self {
        Self(Pcg64Mcg::seed_from_u64(mix_seed(seed, epoch as u64)))
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.0.next_u64() % bound as u64) as usize
    }

    /// Changes the order of `items`.
    pub fn shuffle(&mut self, items: &mut [usize]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}
