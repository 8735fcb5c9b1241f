//! One factor in work: its sparse values, and the state of its ADMM.

use crate::compute::{PANEL, chunks_of_mut, prelude::*, threads};
use crate::matrix::{Candidate, Csr, Cut, Histogram, Matrix};
use std::ops::Range;

/// A factor X with k rows and q columns.
///
/// Z and U never overlap, so V = Z + U and the mask M are the whole state, and Z − U is V with its sign turned outside
/// the mask. Given the other factor, every column of X is a regression of its own, so a half-step is cut in blocks of
/// columns, each a thread's work; only the choice of the mask looks at all of them.
pub(super) struct Side {
    k: usize,
    q: usize,
    /// How many entries may be kept in the end.
    budget: usize,
    /// Whether the mask stays as it is.
    fixed: bool,
    pub blocks: Vec<Block>,
    /// Z, by rows.
    z: Csr,
    /// Zᵀ, by rows.
    zt: Csr,
}

/// Some columns of a [`Side`].
pub(super) struct Block {
    /// Which columns.
    pub cols: Range<usize>,
    /// V, k×width.
    pub v: Matrix,
    /// The mask M, in V's order.
    pub keep: Vec<bool>,
}

impl Side {
    /// Starts from `z`, whose zeros are taken as its mask, with dual variables 0.
    pub fn new(z: &Matrix, budget: usize, mask: Option<&[bool]>) -> Self {
        let (k, q) = z.shape();
        let cut = blocks(q);
        let blocks = cut.into_iter().map(|cols| {
            let at = |i: usize, c: usize| i * q + cols.start + c;
            let v = Matrix::from_fn(k, cols.len(), |i, c| z.as_slice()[at(i, c)]);
            let flag = |i, c| mask.map_or(z.as_slice()[at(i, c)] != 0.0, |mask| mask[at(i, c)]);
            let keep = (0..v.len()).map(|e| flag(e / cols.len(), e % cols.len())).collect();
            Block { cols, v, keep }
        });
        let sparse = Csr::from_dense(z);
        Self { k, q, budget, fixed: mask.is_some(), blocks: blocks.collect(), zt: sparse.transposed(), z: sparse }
    }

    /// k.
    pub fn rows(&self) -> usize {
        self.k
    }

    /// q.
    pub fn cols(&self) -> usize {
        self.q
    }

    /// Z.
    pub fn z(&self) -> &Csr {
        &self.z
    }

    /// Zᵀ.
    pub fn zt(&self) -> &Csr {
        &self.zt
    }

    /// How many entries may be kept in the end.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// Whether the mask stays as it is.
    pub fn is_fixed(&self) -> bool {
        self.fixed
    }

    /// Chooses the mask anew: the `budget` largest entries of V.
    pub fn choose(&mut self, budget: usize, choice: &mut Choice) {
        choice.all.clear();
        choice.histograms.iter().take(self.blocks.len()).for_each(|one| choice.all.merge(one));
        let cut = Cut::new(&choice.all, budget);
        let q = self.q;
        let work = self.blocks.iter_mut().zip(&mut choice.candidates);
        each(work, |(block, candidates)| {
            candidates.clear();
            let width = block.cols.len();
            for (i, (v, keep)) in block.v.as_slice().chunks(width).zip(block.keep.chunks_mut(width)).enumerate() {
                cut.mark(v, keep, i * q + block.cols.start, candidates);
            }
        });
        choice.undecided.clear();
        choice.candidates.iter().take(self.blocks.len()).for_each(|some| choice.undecided.extend(some));
        for candidate in cut.settle(&mut choice.undecided) {
            let (i, j) = (candidate.position / q, candidate.position % q);
            let block = self.blocks.iter_mut().find(|block| block.cols.contains(&j)).expect("blocks cover all columns");
            block.keep[i * block.cols.len() + j - block.cols.start] = true;
        }
    }

    /// The blocks, to be changed, and Z.
    pub fn blocks_and_z(&mut self) -> (&mut [Block], &Csr) {
        (&mut self.blocks, &self.z)
    }

    /// Takes the sparse parts that the blocks have put together as Z.
    pub fn assemble(&mut self, parts: &[Parts]) {
        let blocks = &self.blocks;
        self.z.refill(self.k, self.q, |i, indices, values| {
            for (part, block) in parts.iter().zip(blocks) {
                let at = part.z.row_starts()[i]..part.z.row_starts()[i + 1];
                indices.extend(part.z.indices()[at.clone()].iter().map(|j| j + block.cols.start as u32));
                values.extend_from_slice(&part.z.values()[at]);
            }
        });
        let mut columns = parts.iter().flat_map(|part| (0..part.zt.rows()).map(move |j| (part, j)));
        self.zt.refill(self.q, self.k, |_, indices, values| {
            if let Some((part, j)) = columns.next() {
                let at = part.zt.row_starts()[j]..part.zt.row_starts()[j + 1];
                indices.extend_from_slice(&part.zt.indices()[at.clone()]);
                values.extend_from_slice(&part.zt.values()[at]);
            }
        });
    }
}

/// What [`Side::choose`] works with; its memory is kept.
#[derive(Default)]
pub(super) struct Choice {
    /// Of each block's V.
    pub histograms: Vec<Histogram>,
    candidates: Vec<Vec<Candidate>>,
    all: Histogram,
    undecided: Vec<Candidate>,
}

impl Choice {
    /// Makes room for `blocks` blocks.
    pub fn reserve(&mut self, blocks: usize) {
        self.histograms.resize_with(blocks.max(self.histograms.len()), Histogram::new);
        self.candidates.resize_with(blocks.max(self.candidates.len()), Vec::new);
    }
}

/// A block's share of Z.
#[derive(Default)]
pub(super) struct Parts {
    /// By rows; columns counted from the block's first.
    pub z: Csr,
    /// By columns.
    pub zt: Csr,
}

/// The columns 0..q in as many blocks as there are threads, cut at multiples of [`PANEL`]: with that, and no block
/// narrower, every column's numbers are the same whichever block it is in.
fn blocks(q: usize) -> Vec<Range<usize>> {
    let panels = (q / PANEL).max(1);
    let count = threads().clamp(1, panels);
    let start = |block: usize| if block == count { q } else { panels * block / count * PANEL };
    (0..count).map(|block| start(block)..start(block + 1)).collect()
}

/// Does `work` on every item, at the same time where there are threads.
pub(super) fn each<T: Send>(items: impl Iterator<Item = T>, work: impl Fn(T) + Sync) {
    let mut items: Vec<Option<T>> = items.map(Some).collect();
    chunks_of_mut(&mut items, 1).for_each(|item| item[0].take().into_iter().for_each(&work));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_all_columns_at_multiples_of_a_panel() {
        let on = |threads: usize, q| {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| blocks(q))
        };
        assert_eq!(on(2, 384), [0..192, 192..384]);
        assert_eq!(on(2, 65), [0..65]);
        assert_eq!(on(2, 200), [0..64, 64..200]);
        assert_eq!(on(3, 1), [0..1]);
        assert_eq!(on(4, 256), [0..64, 64..128, 128..192, 192..256]);
    }
}
