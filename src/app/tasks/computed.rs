//! Everything that is computed in the background for the window.

use super::adapter::AdapterSearch;
use super::async_memo::AsyncMemo;
use super::baselines::BaselineMemo;
use super::bench::Bench;
use super::comparison::Comparison;
use super::loader::Loader;
use super::masks::CompareMasks;
use super::norms::Norms;
use super::speed::MeasureSpeed;
use super::split::SplitSearch;
use super::sweeps::Sweeps;
use super::view_renderer::ViewRenderer;
use eframe::egui::Context;

/// Values that were computed, and those that are being computed.
pub struct Computed {
    /// Files that are read and written.
    pub loader: Loader,
    /// The pictures of the linked views.
    pub renderer: ViewRenderer,
    /// Errors of other methods on the layer on screen.
    pub baselines: BaselineMemo,
    /// Two masks laid over each other.
    pub masks: AsyncMemo<CompareMasks, CompareMasks>,
    /// How fast the layer on screen is, dense and compressed.
    pub speed: AsyncMemo<MeasureSpeed, MeasureSpeed>,
    /// Norms of the checkpoint's layers.
    pub norms: Norms,
    /// The best split of the nonzeros.
    pub split: SplitSearch,
    /// Methods side by side.
    pub comparison: Option<Comparison>,
    /// Sweeps of the paper's figures.
    pub sweeps: Sweeps,
    /// The graphics adapter that runs can be computed on.
    pub adapter: AdapterSearch,
    /// The speed of the solver, for the side of a matrix.
    pub bench: Option<(usize, AsyncMemo<usize, Bench>)>,
}

impl Computed {
    /// Nothing yet; wakes `ctx` when something is there.
    pub fn new(ctx: Context) -> Self {
        Self {
            loader: Loader::new(ctx),
            renderer: ViewRenderer::default(),
            baselines: BaselineMemo::default(),
            masks: AsyncMemo::default(),
            speed: AsyncMemo::default(),
            norms: Norms::default(),
            split: SplitSearch::default(),
            comparison: None,
            sweeps: Sweeps::default(),
            adapter: AdapterSearch::default(),
            bench: None,
        }
    }

    /// Whether methods wait or go on.
    pub fn is_comparing(&self) -> bool {
        self.comparison.as_ref().is_some_and(Comparison::is_going)
    }
}
