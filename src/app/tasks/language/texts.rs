//! The texts that the dense and the changed model write, side by side.

use super::generate::{Generate, Texts};
use super::lazy_model::LazyModel;
use super::perplexities::{all_replaced, alone};
use crate::app::state::compressed_layers::CompressedLayers;
use crate::app::state::text_request::TextRequest;
use crate::app::tasks::async_memo::AsyncMemo;
use crate::app::tasks::whole_model::replaced_layers::SingleLayer;
use crate::hint::Failure;
use crate::language::LayerId;
use eframe::egui::Context;
use std::sync::Arc;
use std::time::Duration;

/// Layers of a model that are replaced in a text.
#[derive(Clone, PartialEq)]
enum InText {
    /// Those that were compressed, as of this version.
    Compressed(usize),
    /// One, by the run on screen.
    Single(SingleLayer<LayerId>),
    /// No layers are replaced.
    Nothing,
}

/// A text that was asked for.
#[derive(Clone, PartialEq)]
struct TextKey {
    model: usize,
    replaced: InText,
    prompt: String,
    temperature: f32,
    seed: u64,
}

/// The last generated texts of the model.
#[derive(Default)]
pub struct ModelTexts {
    memo: AsyncMemo<TextKey, Generate>,
}

impl ModelTexts {
    /// Sees that the dense model and the one with its layers replaced write a text; not more often than every so often while
    /// the replaced layers change.
    pub fn want(
        &mut self,
        ctx: &Context,
        (number, model): (usize, &Arc<LazyModel>),
        (layers, on_screen): (&CompressedLayers, Option<&SingleLayer<LayerId>>),
        request: &TextRequest,
        (working, threads): (bool, Option<usize>),
    ) {
        // Layers that were compressed; else the one that is being tuned.
        let (replaced, in_text) = match on_screen {
            _ if !layers.is_empty() => (Some(all_replaced(layers)), InText::Compressed(layers.version())),
            Some(on_screen) => (Some(alone(on_screen)), InText::Single(on_screen.clone())),
            None => (None, InText::Nothing),
        };
        let moving = matches!(&in_text, InText::Single(single) if single.factors.step().is_some());
        let pause = Duration::from_millis(if moving || working { 700 } else { 50 });
        let TextRequest { prompt, sampling } = request.clone();
        let (temperature, seed) = (sampling.temperature, sampling.seed);
        let key = TextKey { model: number, replaced: in_text, prompt, temperature, seed };
        self.memo.want_slowly(ctx, key, pause, |key| {
            let (model, prompt) = (model.clone(), key.prompt.clone());
            Generate { model, replaced, prompt, sampling, threads }
        });
    }

    /// Takes in what was written.
    pub fn poll(&mut self) {
        self.memo.poll();
    }

    /// The texts that are being written, else the last ones, or why there are none.
    pub fn latest(&self) -> Option<Result<&Texts, &Failure>> {
        self.memo.news().map(Ok).or_else(|| self.memo.latest().map(|texts| texts.as_ref().as_ref()))
    }

    /// The texts of the model with its layers compressed as of this version.
    pub fn of_compressed(&self, version: usize) -> Option<&Texts> {
        let (key, texts) = self.memo.entry()?;
        texts.as_ref().as_ref().ok().filter(|_| key.replaced == InText::Compressed(version))
    }
}
