//! One factor in work: its sparse values, and the state of its ADMM.

use crate::compute::{PANEL, PanelRow, chunks_of_mut, join, prelude::*, vectorized};
use crate::matrix::{Csr, MagnitudeHistogram, Matrix, Threshold, TopKCandidate, set_bits};

/// A factor X with k rows and q columns.
///
/// Z and U never overlap, so V = Z + U and the mask M are the whole state, and Z − U is V with its sign turned outside
/// the mask. Given the other factor, every column of X is a regression of its own, so X is kept in panels of columns,
/// each a piece of work for one thread; only the choice of the mask looks at all of them. The panels are the same on any
/// number of threads, and so are the numbers.
pub(super) struct FactorState {
    k: usize,
    q: usize,
    /// Whether the mask stays as it is.
    fixed: bool,
    pub panels: Vec<Panel>,
    /// Z, by rows.
    z: Csr,
    /// Zᵀ, by rows.
    zt: Csr,
}

/// [`PANEL`] columns of a [`FactorState`], or what is left of them: then the others hold zeros.
pub(super) struct Panel {
    /// The first column.
    pub first: usize,
    /// V.
    pub v: Vec<PanelRow>,
    /// The mask M: column c is bit c of its row's word.
    pub keep: Vec<u64>,
}

impl FactorState {
    /// Starts from `z`, with dual variables 0. Its zeros are taken as its mask, or else `mask` is, for good.
    pub fn new(z: &Matrix, mask: Option<&[bool]>) -> Self {
        let (k, q) = z.shape();
        let kept = |i: usize, j: usize, x: f32| mask.map_or(x != 0.0, |mask| mask[i * q + j]);
        let panel = |first: usize| {
            let columns = || (0..PANEL.min(q - first)).map(move |c| (c, first + c));
            let mut panel = Panel { first, v: vec![[0.0; PANEL]; k], keep: vec![0; k] };
            for (i, (v, keep)) in panel.v.iter_mut().zip(&mut panel.keep).enumerate() {
                for (c, j) in columns() {
                    v[c] = z.get(i, j);
                    *keep |= u64::from(kept(i, j, v[c])) << c;
                }
            }
            panel
        };
        let panels = (0..q).step_by(PANEL).map(panel).collect();
        let mut sparse = Csr::default();
        sparse.refill(k, q, |i, indices, values| {
            for (j, &x) in z.row(i).iter().enumerate().filter(|(j, x)| kept(i, *j, **x)) {
                indices.push(j as u32);
                values.push(x);
            }
        });
        Self { k, q, fixed: mask.is_some(), panels, zt: sparse.transposed(), z: sparse }
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

    /// Whether the mask stays as it is.
    pub fn is_fixed(&self) -> bool {
        self.fixed
    }

    /// Chooses the mask anew: the `budget` largest entries of V. The histograms hold a sample of each panel.
    pub fn choose(&mut self, budget: usize, choice: &mut Choice) {
        choice.merge(self.panels.len());
        let threshold = Threshold::sampled(&choice.all, budget, self.k * PANEL * self.panels.len());
        if self.mark(&threshold, budget, choice) {
            return;
        }
        each(self.panels.iter_mut().zip(&mut choice.parts), |(panel, part)| {
            part.histogram.clear();
            panel.v.as_flattened().iter().for_each(|&v| part.histogram.add(v));
        });
        choice.merge(self.panels.len());
        self.mark(&Threshold::exact(&choice.all, budget), budget, choice);
    }

    /// Whether `cut` was right about where the `budget` largest entries end.
    fn mark(&mut self, threshold: &Threshold, budget: usize, choice: &mut Choice) -> bool {
        let q = self.q;
        let parts = &mut choice.parts[..self.panels.len()];
        each(self.panels.iter_mut().zip(&mut *parts), |(panel, part)| {
            part.candidates.clear();
            part.kept = vectorized(
                #[inline(always)]
                || {
                    let mut kept = 0;
                    for (i, (v, keep)) in panel.v.iter().zip(&mut panel.keep).enumerate() {
                        *keep = threshold.mark(v, i * q + panel.first, &mut part.candidates);
                        kept += keep.count_ones() as usize;
                    }
                    kept
                },
            );
        });
        choice.undecided.clear();
        parts.iter().for_each(|part| choice.undecided.extend(&part.candidates));
        let kept = parts.iter().map(|part| part.kept).sum();
        let Some(rest) = threshold.resolve(&mut choice.undecided, kept, budget) else { return false };
        for candidate in rest {
            let (i, j) = (candidate.position / q, candidate.position % q);
            self.panels[j / PANEL].keep[i] |= 1 << (j % PANEL);
        }
        true
    }

    /// The panels, to be changed, and Z.
    pub fn panels_and_z(&mut self) -> (&mut [Panel], &Csr) {
        (&mut self.panels, &self.z)
    }

    /// Takes the sparse parts that the panels have put together as Z.
    pub fn assemble(&mut self, parts: &[Parts]) {
        let Self { k, q, panels, z, zt, .. } = self;
        let entries = parts.iter().map(|part| part.z.nnz()).sum();
        let by_rows = || {
            z.reserve(entries);
            z.refill(*k, *q, |i, indices, values| {
                for (part, panel) in parts.iter().zip(&*panels) {
                    let at = part.z.row_starts()[i]..part.z.row_starts()[i + 1];
                    indices.extend(part.z.indices()[at.clone()].iter().map(|j| j + panel.first as u32));
                    values.extend_from_slice(&part.z.values()[at]);
                }
            });
        };
        let by_columns = || {
            zt.reserve(entries);
            zt.refill(*q, *k, |j, indices, values| {
                let part = &parts[j / PANEL].zt;
                let at = part.row_starts()[j % PANEL]..part.row_starts()[j % PANEL + 1];
                indices.extend_from_slice(&part.indices()[at.clone()]);
                values.extend_from_slice(&part.values()[at]);
            });
        };
        join(by_rows, by_columns);
    }
}

impl Panel {
    /// The kept entries of row `i`: their columns in the panel and V's values there.
    #[inline(always)]
    pub fn kept(&self, i: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let v = &self.v[i];
        set_bits(self.keep[i]).map(|c| (c, v[c]))
    }
}

/// What [`FactorState::choose`] works with; its memory is kept.
#[derive(Default)]
pub(super) struct Choice {
    /// Of each panel.
    pub parts: Vec<ChoicePart>,
    all: MagnitudeHistogram,
    undecided: Vec<TopKCandidate>,
}

/// A panel's share of the choice.
#[derive(Default)]
pub(super) struct ChoicePart {
    /// Of a sample of V.
    pub histogram: MagnitudeHistogram,
    candidates: Vec<TopKCandidate>,
    kept: usize,
}

impl Choice {
    /// Makes room for `panels` panels.
    pub fn reserve(&mut self, panels: usize) {
        self.parts.resize_with(panels.max(self.parts.len()), ChoicePart::default);
    }

    fn merge(&mut self, panels: usize) {
        self.all.clear();
        self.parts[..panels].iter().for_each(|part| self.all.merge(&part.histogram));
    }
}

/// A panel's share of Z; columns are counted from the panel's first.
#[derive(Default)]
pub(super) struct Parts {
    /// By rows.
    pub z: Csr,
    /// By columns.
    pub zt: Csr,
}

/// Does `work` on every item, at the same time where there are threads.
pub(super) fn each<T: Send>(items: impl Iterator<Item = T>, work: impl Fn(T) + Sync) {
    let mut items: Vec<Option<T>> = items.map(Some).collect();
    chunks_of_mut(&mut items, 1).for_each(|item| item[0].take().into_iter().for_each(&work));
}
