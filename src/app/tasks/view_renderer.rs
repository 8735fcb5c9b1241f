//! Keeps the pictures on screen up to date.

use super::async_memo::AsyncMemo;
use super::by_identity::ByIdentity;
use super::pictures::{DrawRequest, Drawn, Pictures};
use crate::app::widgets::picture::Pyramid;
use crate::model::Layer;
use crate::tasks::{Queue, SilentTask, shared};
use eframe::egui::Context;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Draws W as it is stored: one picture for all iterations.
#[derive(Serialize, Deserialize)]
pub struct DrawLayer(#[serde(with = "shared")] Arc<Layer>);

impl SilentTask for DrawLayer {
    const NAME: &'static str = "draw layer";
    const QUEUE: Queue = Queue::Views;
    type Output = Pyramid;

    fn make(self) -> Pyramid {
        Pyramid::new(self.0.weight.clone())
    }
}

impl SilentTask for DrawRequest {
    const NAME: &'static str = "draw";
    const QUEUE: Queue = Queue::Views;
    type Output = Drawn;

    fn make(self) -> Drawn {
        Drawn::new(&self)
    }
}

/// Sees that the pictures of what is wanted are made.
#[derive(Default)]
pub struct ViewRenderer {
    layer: AsyncMemo<ByIdentity<Layer>, DrawLayer>,
    drawn: AsyncMemo<DrawRequest, DrawRequest>,
    /// Pictures that were made last, put together.
    pictures: Option<Arc<Pictures>>,
}

impl ViewRenderer {
    /// Sees that the pictures of `request` are drawn, not more often than every `pause`.
    pub fn want(&mut self, ctx: &Context, request: DrawRequest, pause: Duration) {
        if let Some(layer) = &request.layer {
            self.layer.want(ctx, ByIdentity(layer.clone()), |ByIdentity(layer)| DrawLayer(layer.clone()));
        }
        self.drawn.want_slowly(ctx, request, pause, Clone::clone);
        let Some((request, drawn)) = self.drawn.entry() else { return };
        let layer = request.layer.as_ref().and_then(|layer| self.layer.of(&ByIdentity(layer.clone())));
        let w = drawn.arranged_w.as_ref().or(layer);
        let same = |pictures: &Arc<Pictures>| {
            pictures.is_of(drawn) && pictures.w.as_ref().map(Arc::as_ptr) == w.map(Arc::as_ptr)
        };
        // Another layer's factors do not stand beside this one: the last pictures stay until W's is there.
        if !self.pictures.as_ref().is_some_and(same) && (w.is_some() || request.layer.is_none()) {
            self.pictures = Some(Arc::new(Pictures::new(w.cloned(), drawn.clone())));
        }
    }

    /// The pictures made last.
    pub fn latest(&self) -> Option<&Arc<Pictures>> {
        self.pictures.as_ref()
    }

    /// Whether they are those that were wanted last.
    pub fn is_settled(&self) -> bool {
        let whole = |pictures: &Arc<Pictures>| self.drawn.latest().is_some_and(|drawn| pictures.is_of(drawn));
        self.drawn.is_settled() && self.pictures.as_ref().is_some_and(whole)
    }
}
