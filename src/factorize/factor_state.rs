//! The state of a factor that is solved for: its sparse values, and the variables of its ADMM.

use crate::compute::{PANEL, PanelRow, chunks_of_mut, join, prelude::*, vectorized};
use crate::matrix::{Csr, MagnitudeHistogram, Matrix, TopKCandidate, TopKThreshold, set_bits};

/// A factor X with k rows and q columns.
///
/// Z and U never overlap, so V = Z + U and the mask M are the whole state; Z − U is V with its sign turned outside the
/// mask. Given the other factor, every column of X is a regression of its own, so X is kept in panels of columns, each
/// one thread's work; only the choice of the mask looks at all of them. The panels, and so the numbers, are the same on
/// any number of threads.
pub(super) struct FactorState {
    k: usize,
    q: usize,
    /// Whether the mask never changes.
    fixed: bool,
    pub panels: Vec<Panel>,
    /// Z in CSR form, k×q.
    z: Csr,
    /// Zᵀ in CSR form, q×k.
    zt: Csr,
}

/// [`PANEL`] columns of a [`FactorState`]; the last panel is padded with zeros.
pub(super) struct Panel {
    /// Index of the first column.
    pub first: usize,
    /// V, k rows of the panel.
    pub v: Vec<PanelRow>,
    /// The mask M, k words: column c is bit c.
    pub keep: Vec<u64>,
}

impl FactorState {
    /// Starts from `z` with dual variables 0. The mask is that of its nonzeros, or `mask`, which then never changes.
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

    /// Number of rows, k.
    pub fn rows(&self) -> usize {
        self.k
    }

    /// Number of columns, q.
    pub fn cols(&self) -> usize {
        self.q
    }

    /// Z in CSR form, k×q.
    pub fn z(&self) -> &Csr {
        &self.z
    }

    /// Zᵀ in CSR form, q×k.
    pub fn zt(&self) -> &Csr {
        &self.zt
    }

    /// Whether the mask never changes.
    pub fn is_fixed(&self) -> bool {
        self.fixed
    }

    /// Sets the mask to the `budget` largest entries of V. The panels' histograms hold a sample of V.
    pub fn choose(&mut self, budget: usize, choice: &mut Choice) {
        choice.merge(self.panels.len());
        let threshold = TopKThreshold::sampled(&choice.all, budget, self.k * PANEL * self.panels.len());
        if self.mark(&threshold, budget, choice) {
            return;
        }
        each(self.panels.iter_mut().zip(&mut choice.parts), |(panel, part)| {
            part.histogram.clear();
            panel.v.as_flattened().iter().for_each(|&v| part.histogram.add(v));
        });
        choice.merge(self.panels.len());
        self.mark(&TopKThreshold::exact(&choice.all, budget), budget, choice);
    }

    /// Sets the mask by `threshold`; false if it did not bracket the `budget`-th largest entry.
    fn mark(&mut self, threshold: &TopKThreshold, budget: usize, choice: &mut Choice) -> bool {
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

    /// The panels, mutable, and Z.
    pub fn panels_and_z(&mut self) -> (&mut [Panel], &Csr) {
        (&mut self.panels, &self.z)
    }

    /// Replaces Z by the parts that the panels have computed.
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
    /// Kept entries of row `i`: their columns in the panel, and V's values there.
    #[inline(always)]
    pub fn kept(&self, i: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let v = &self.v[i];
        set_bits(self.keep[i]).map(|c| (c, v[c]))
    }
}

/// Memory for [`FactorState::choose`], reused.
#[derive(Default)]
pub(super) struct Choice {
    /// One part for each panel.
    pub parts: Vec<ChoicePart>,
    all: MagnitudeHistogram,
    undecided: Vec<TopKCandidate>,
}

/// A panel's part of the selection.
#[derive(Default)]
pub(super) struct ChoicePart {
    /// Histogram of a sample of V.
    pub histogram: MagnitudeHistogram,
    candidates: Vec<TopKCandidate>,
    kept: usize,
}

impl Choice {
    /// Allocates at least `panels` parts.
    pub fn reserve(&mut self, panels: usize) {
        self.parts.resize_with(panels.max(self.parts.len()), ChoicePart::default);
    }

    fn merge(&mut self, panels: usize) {
        self.all.clear();
        self.parts[..panels].iter().for_each(|part| self.all.merge(&part.histogram));
    }
}

/// A panel's part of Z; columns are counted from the panel's first.
#[derive(Default)]
pub(super) struct Parts {
    /// Rows of Z, in CSR form.
    pub z: Csr,
    /// Rows of Zᵀ, in CSR form.
    pub zt: Csr,
}

/// Calls `work` for every item, in parallel where there are threads.
pub(super) fn each<T: Send>(items: impl Iterator<Item = T>, work: impl Fn(T) + Sync) {
    let mut items: Vec<Option<T>> = items.map(Some).collect();
    chunks_of_mut(&mut items, 1).for_each(|item| item[0].take().into_iter().for_each(&work));
}
