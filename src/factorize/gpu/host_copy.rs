//! A sparse factor as it comes back from the GPU.

use crate::matrix::{Csr, Matrix, set_bits};

/// A sparse factor Z, k×q, in slabs.
#[derive(Clone)]
pub(in super::super) struct HostCopy {
    k: usize,
    q: usize,
    slabs: Vec<Slab>,
}

/// Consecutive columns of Z.
#[derive(Clone)]
pub(super) struct Slab {
    pub first: usize,
    /// Width of the slab, padding included.
    pub cols: usize,
    /// The mask, 32 entries of a row in a word.
    pub words: Vec<u32>,
    /// The kept values, row by row; what follows them is meaningless.
    pub values: Vec<f32>,
}

impl HostCopy {
    /// From the initial factor; without a mask, its nonzeros are kept.
    pub(super) fn new(z: &Matrix, mask: Option<&[bool]>) -> Self {
        let (k, q) = z.shape();
        let cols = q.next_multiple_of(32);
        let mut slab = Slab { first: 0, cols, words: vec![0; k * cols / 32], values: Vec::new() };
        for (at, &x) in z.as_slice().iter().enumerate() {
            if mask.map_or(x != 0.0, |mask| mask[at]) {
                let at = at / q * cols + at % q;
                slab.words[at / 32] |= 1 << (at % 32);
                slab.values.push(x);
            }
        }
        Self { k, q, slabs: vec![slab] }
    }

    pub(super) fn from_slabs(k: usize, q: usize, slabs: Vec<Slab>) -> Self {
        Self { k, q, slabs }
    }

    /// Number of kept entries.
    pub fn nnz(&self) -> usize {
        self.slabs.iter().flat_map(|slab| &slab.words).map(|word| word.count_ones() as usize).sum()
    }

    /// Number of kept entries that are not zero.
    pub fn used(&self) -> usize {
        let used = |slab: &Slab| {
            let kept = slab.words.iter().map(|word| word.count_ones() as usize).sum();
            slab.values[..kept].iter().filter(|&&x| x != 0.0).count()
        };
        self.slabs.iter().map(used).sum()
    }

    /// Share of the rows that have an entry.
    pub fn filled(&self) -> f32 {
        let has = |slab: &Slab, i: usize| {
            slab.words[i * slab.cols / 32..(i + 1) * slab.cols / 32].iter().any(|&word| word != 0)
        };
        let filled = (0..self.k).filter(|&i| self.slabs.iter().any(|slab| has(slab, i))).count();
        filled as f32 / self.k.max(1) as f32
    }

    /// Converts Z to CSR form.
    pub fn csr(&self) -> Csr {
        let mut csr = Csr::default();
        let mut next = vec![0; self.slabs.len()];
        csr.reserve(self.nnz());
        csr.refill(self.k, self.q, |i, indices, values| {
            for (slab, next) in self.slabs.iter().zip(&mut next) {
                let per_row = slab.cols / 32;
                for (at, &word) in slab.words[i * per_row..(i + 1) * per_row].iter().enumerate() {
                    for bit in set_bits(u64::from(word)) {
                        indices.push((slab.first + 32 * at + bit) as u32);
                        values.push(slab.values[*next]);
                        *next += 1;
                    }
                }
            }
        });
        csr
    }
}
