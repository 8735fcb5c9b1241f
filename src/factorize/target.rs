//! Target of a half-step, and the error of the factors.

use crate::compute::{PANEL, PanelRow, chunks_of_mut, fill_transposed, prelude::*, spmm, store_transposed, with_panel};
use crate::matrix::{Csr, Matrix};

/// T, p×q: a matrix or its transpose, times a factor. A power of two, the factor changes no digit.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    /// The stored matrix, p×q or q×p.
    pub matrix: &'a Matrix,
    /// Whether it is q×p.
    pub turned: bool,
    pub factor: f32,
}

impl Target<'_> {
    /// Fills a panel with columns of T, from column `first` on.
    pub fn fill(self, panel: &mut [PanelRow], first: usize) {
        let Self { matrix: t, turned, factor } = self;
        if turned {
            /// Values of a row taken at a time, so that the panel's rows they go to stay in the cache.
            const RUN: usize = 16;
            let span = PANEL.min(t.rows() - first);
            for (at, out) in panel.chunks_mut(RUN).enumerate() {
                for c in 0..PANEL {
                    let row = if c < span { &t.row(first + c)[at * RUN..at * RUN + out.len()] } else { &[0.0; RUN] };
                    out.iter_mut().zip(row).for_each(|(out, &value)| out[c] = value * factor);
                }
            }
            return;
        }
        let span = PANEL.min(t.cols() - first);
        for (i, out) in panel.iter_mut().enumerate() {
            out[..span].iter_mut().zip(&t.row(i)[first..first + span]).for_each(|(out, value)| *out = value * factor);
            out[span..].fill(0.0);
        }
    }
}

/// ‖W − FᵀX‖² for F with Fᵀ `ft` (p×k) and X with Xᵀ `xt` (q×k), W p×q not turned; each column's sum in f64.
pub(super) fn residual_squared(target: Target<'_>, ft: &Csr, xt: &Csr) -> f64 {
    let Target { matrix: w, factor, .. } = target;
    let mut panels = vec![0.0f64; w.cols().div_ceil(PANEL)];
    chunks_of_mut(&mut panels, 1).enumerate().for_each(|(at, square)| {
        let first = at * PANEL;
        let span = PANEL.min(w.cols() - first);
        with_panel(ft.cols(), |panel| {
            fill_transposed(panel, xt, first);
            let mut sum = 0.0f64;
            spmm(
                ft,
                0..ft.rows(),
                panel,
                #[inline(always)]
                |i, row| {
                    let mut lanes = [0.0f32; 8];
                    let (w, rest) = w.row(i)[first..first + span].as_chunks::<8>();
                    let (product, product_rest) = row[..span].as_chunks::<8>();
                    for (w, product) in w.iter().zip(product) {
                        (0..8).for_each(|lane| lanes[lane] += (w[lane] * factor - product[lane]).powi(2));
                    }
                    rest.iter().zip(product_rest).for_each(|(w, product)| lanes[0] += (w * factor - product).powi(2));
                    sum += f64::from(lanes.iter().sum::<f32>());
                },
            );
            square[0] = sum;
        });
    });
    panels.iter().sum()
}

/// (T − FᵀX)ᵀ, q×p, for F with Fᵀ `ft` (p×k) and X with Xᵀ `xt` (q×k).
pub(super) fn residual(target: Target<'_>, ft: &Csr, xt: &Csr) -> Matrix {
    let (p, q) = (ft.rows(), xt.rows());
    let mut out = Matrix::zeros(q, p);
    chunks_of_mut(out.as_mut_slice(), PANEL * p.max(1)).enumerate().for_each(|(at, rows)| {
        let first = at * PANEL;
        with_panel(ft.cols() + p, |buffer| {
            let (panel, t) = buffer.split_at_mut(ft.cols());
            fill_transposed(panel, xt, first);
            target.fill(t, first);
            spmm(
                ft,
                0..p,
                panel,
                #[inline(always)]
                |i, row| (0..PANEL).for_each(|c| t[i][c] -= row[c]),
            );
            store_transposed(t, rows);
        });
    });
    out
}
