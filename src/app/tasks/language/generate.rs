//! Texts that the dense and the changed model write.

use super::lazy_model::{LazyModel, eval_set, on_threads};
use super::perplexity::Replaced;
use crate::app::state::error::Error;
use crate::hint::Failure;
use crate::language::{self, Llama, Sampling, generate};
use crate::tasks::{Queue, SilentTask, shared};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The longest beginning that is gone on from, in tokens.
const PROMPT: usize = 200;

/// Texts of the dense and of the changed model, token by token.
#[derive(Serialize, Deserialize)]
pub struct Texts {
    /// As the model was trained.
    pub dense: Vec<String>,
    /// Text of the model with the change.
    pub changed: Option<Vec<String>>,
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

impl SilentTask for Generate {
    const NAME: &'static str = "generate";
    const QUEUE: Queue = Queue::Language;
    type Output = Result<Texts, Failure>;

    fn make(self) -> Self::Output {
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
            let words = |model: &Llama| words(model, &begin, self.sampling);
            let changed = self.replaced.as_ref().and_then(|replaced| replaced.of(&set.model).ok());
            Ok(Texts { dense: words(&set.model)?, changed: changed.as_ref().map(words).transpose()? })
        })
    }
}

/// Returns the text that a model writes after `begin`: word by word, each as the text up to it adds it.
fn words(model: &Llama, begin: &[u32], sampling: Sampling) -> Result<Vec<String>, language::Error> {
    let tokenizer = model.tokenizer();
    let tokens = generate(model, begin, sampling, &language::ignore_progress)?;
    let mut words = Vec::with_capacity(tokens.len());
    let mut length = tokenizer.decode(begin)?.len();
    let mut all = begin.to_vec();
    for token in tokens {
        all.push(token);
        let text = tokenizer.decode(&all)?;
        words.push(text.get(length..).unwrap_or_default().to_owned());
        length = text.len();
    }
    Ok(words)
}
