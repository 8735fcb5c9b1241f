//! Texts that the dense and the changed model write.

use super::lazy_model::{LazyModel, eval_set};
use super::perplexity::Replaced;
use crate::app::state::error::Error;
use crate::app::tasks::on_threads::on_threads;
use crate::compute::parallelism;
use crate::hint::Failure;
use crate::language::{self, LanguageModel, Runtime, Sampling};
use crate::tasks::{Queue, Task, shared};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use web_time::Instant;

/// The longest beginning that is gone on from, in tokens.
const PROMPT: usize = 200;

/// Between two looks at a text that is being written.
const PACE: Duration = Duration::from_millis(30);

/// Texts of the dense and of the changed model, token by token.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Texts {
    /// As the model was trained.
    pub dense: WrittenText,
    /// Text of the model with the change.
    pub changed: Option<WrittenText>,
}

/// A text, and how it came.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct WrittenText {
    /// The words, each as the text up to it adds it.
    pub words: Vec<String>,
    /// Tokens a second after the prompt, once it is written.
    pub tokens_per_second: Option<f64>,
    /// Bytes of the model's weights as they were in memory.
    pub weight_bytes: usize,
}

/// Generates a text with both.
#[derive(Serialize, Deserialize)]
pub struct Generate {
    /// The model, loaded where the task runs.
    #[serde(with = "shared")]
    pub model: Arc<LazyModel>,
    /// Replacement of the model's layers.
    pub replaced: Option<Replaced>,
    /// Beginning of the text.
    pub prompt: String,
    /// Sampling of the continuation.
    pub sampling: Sampling,
    /// Number of worker threads.
    pub threads: Option<usize>,
}

impl Task for Generate {
    const NAME: &'static str = "generate";
    const QUEUE: Queue = Queue::Language;
    type Progress = Texts;
    type Output = Result<Texts, Failure>;

    fn run(self, progress: &(dyn Fn(Texts) -> bool + Sync)) -> Self::Output {
        let set = eval_set(&self.model)?;
        on_threads(self.threads, || {
            let tokenizer = set.model.tokenizer();
            let mut begin = tokenizer.encode(&self.prompt)?;
            begin.truncate(PROMPT);
            if begin.is_empty() {
                begin.extend(set.model.config().bos);
            }
            if begin.is_empty() {
                return Err(Error::NoStart.into());
            }
            let mut texts = Texts::default();
            let dense = written(&set.model, &begin, self.sampling, |text| {
                progress(Texts { dense: text.clone(), changed: None })
            })?;
            texts.dense = dense;
            if let Some(changed) = self.replaced.as_ref().and_then(|replaced| replaced.runnable(&set.model).ok()) {
                let changed = written(&changed, &begin, self.sampling, |text| {
                    progress(Texts { dense: texts.dense.clone(), changed: Some(text.clone()) })
                })?;
                texts.changed = Some(changed);
            }
            Ok(texts)
        })
    }
}

/// The text that a model writes after `begin`; `look` sees it from time to time, and says whether it is still wanted.
fn written(
    model: &LanguageModel,
    begin: &[u32],
    sampling: Sampling,
    look: impl Fn(&WrittenText) -> bool,
) -> Result<WrittenText, language::Error> {
    let tokenizer = model.tokenizer();
    let runtime = Runtime::load(model, begin.len() + sampling.tokens, None)?;
    let mut text = WrittenText { weight_bytes: runtime.weight_bytes(), ..WrittenText::default() };
    let (mut all, mut length) = (begin.to_vec(), tokenizer.decode(begin)?.len());
    let (mut failed, mut looked) = (None, Instant::now());
    let mut told = |token: u32| {
        all.push(token);
        match tokenizer.decode(&all) {
            Ok(so_far) => {
                text.words.push(so_far.get(length..).unwrap_or_default().to_owned());
                length = so_far.len();
            }
            Err(error) => failed = Some(error),
        }
        let due = looked.elapsed() >= PACE;
        if due {
            looked = Instant::now();
        }
        failed.is_none() && (!due || look(&text))
    };
    // As many threads as the pool has that this runs on.
    let generated = runtime.generate(begin, sampling, parallelism(threads()), &mut told)?;
    if let Some(error) = failed {
        return Err(error);
    }
    text.tokens_per_second = generated.decode_rate();
    Ok(text)
}

#[cfg(not(target_arch = "wasm32"))]
fn threads() -> usize {
    rayon::current_num_threads()
}

#[cfg(target_arch = "wasm32")]
fn threads() -> usize {
    1
}
