//! Answers with one layer changed, a portion of the images after the other.

use super::evaluate_layer::EvaluateLayer;
use crate::app::tasks::async_memo::AsyncMemo;
use crate::vision::Evaluation;
use eframe::egui::Context;
use std::ops::Range;
use std::time::Duration;

/// Images of a portion: in a page it takes a quarter of a second, on the built-in network.
const PORTION: usize = 256;

/// Answers by what was changed, measured portion by portion: the first are there soon, and what is wanted next waits for the
/// portion in work alone.
pub struct ByPortions<K> {
    portions: AsyncMemo<(K, usize), EvaluateLayer>,
    /// The newest answers, on the first images or on all.
    so_far: Option<(K, Evaluation)>,
    /// The newest on all images.
    whole: Option<(K, Evaluation)>,
}

impl<K> Default for ByPortions<K> {
    fn default() -> Self {
        Self { portions: AsyncMemo::default(), so_far: None, whole: None }
    }
}

impl<K: Clone + PartialEq> ByPortions<K> {
    /// Sees that the change `key` is measured on all `images`; another one not sooner than after `pause`, see
    /// [`AsyncMemo::want_slowly`]. `task` measures some of the images.
    pub fn want(
        &mut self,
        ctx: &Context,
        key: K,
        images: usize,
        pause: Duration,
        task: impl FnOnce(Range<usize>) -> EvaluateLayer,
    ) {
        self.portions.poll();
        self.take(images);
        let done = self.so_far.as_ref().filter(|(of, _)| *of == key).map_or(0, |(_, made)| made.images());
        if done < images {
            let pause = if done == 0 { pause } else { Duration::ZERO };
            self.portions.want_slowly(ctx, (key, done), pause, |_| task(done..images.min(done + PORTION)));
        }
    }

    /// Adds the last portion, if it is new.
    fn take(&mut self, images: usize) {
        let Some(((key, from), made)) = self.portions.entry() else { return };
        let Ok(portion) = &**made else { return };
        match &mut self.so_far {
            Some((of, so_far)) if of == key => match so_far.images() == *from {
                true => so_far.append(portion),
                false => return,
            },
            _ if *from == 0 => self.so_far = Some((key.clone(), portion.clone())),
            _ => return,
        }
        if let Some(all) = self.so_far.as_ref().filter(|(_, made)| made.images() >= images) {
            self.whole = Some(all.clone());
        }
    }

    /// The newest answers, perhaps on the first images alone, and with which change.
    pub fn so_far(&self) -> Option<(&K, &Evaluation)> {
        self.so_far.as_ref().map(|(key, made)| (key, made))
    }

    /// The newest answers on all images, and with which change.
    pub fn whole(&self) -> Option<(&K, &Evaluation)> {
        self.whole.as_ref().map(|(key, made)| (key, made))
    }
}
