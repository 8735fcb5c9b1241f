//! A text's tokens in windows of equal length.

use super::{Error, LanguageModel};
use serde::{Deserialize, Serialize};

/// Windows of `context` tokens without overlap; tokens that do not fill a last window are dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windows {
    context: usize,
    tokens: Vec<u32>,
}

impl Windows {
    /// Windows of `text`, encoded once with what the tokenizer adds by itself; of the first `limit` tokens only.
    pub fn from_text(model: &LanguageModel, text: &str, context: usize, limit: Option<usize>) -> Result<Self, Error> {
        Self::from_tokens(model, model.tokenizer().encode(text)?, context, limit)
    }

    /// Windows of these tokens; of the first `limit` only.
    pub fn from_tokens(
        model: &LanguageModel,
        mut tokens: Vec<u32>,
        context: usize,
        limit: Option<usize>,
    ) -> Result<Self, Error> {
        if context < 2 {
            return Err(Error::Context { context });
        }
        tokens.truncate(limit.unwrap_or(usize::MAX));
        let vocabulary = model.config().vocabulary;
        if let Some(&token) = tokens.iter().find(|&&token| token as usize >= vocabulary) {
            return Err(Error::Token { token, vocabulary });
        }
        if let Some(positions) = model.config().most_positions().filter(|&positions| positions < context) {
            return Err(Error::NoPosition { tokens: context, positions });
        }
        if tokens.len() < context {
            return Err(Error::TooShort { tokens: tokens.len(), context });
        }
        tokens.truncate(tokens.len() / context * context);
        Ok(Self { context, tokens })
    }

    /// At most `count` windows, evenly spaced.
    pub fn evenly_spaced(self, count: usize) -> Self {
        let (all, count) = (self.len(), count.max(1));
        if count >= all {
            return self;
        }
        let chosen = (0..count).map(|at| at * all / count);
        let window = |at: usize| &self.tokens[at * self.context..][..self.context];
        let tokens = chosen.flat_map(|at| window(at).iter().copied()).collect();
        Self { context: self.context, tokens }
    }

    /// The windows in parts of at most `windows` each.
    pub fn parts(&self, windows: usize) -> Vec<Self> {
        let part = |tokens: &[u32]| Self { context: self.context, tokens: tokens.to_vec() };
        self.tokens.chunks(windows.max(1) * self.context).map(part).collect()
    }

    /// These of the windows; `None` of none.
    pub fn range(&self, windows: std::ops::Range<usize>) -> Option<Self> {
        let tokens = self.tokens.get(windows.start * self.context..windows.end * self.context)?;
        (!tokens.is_empty()).then(|| Self { context: self.context, tokens: tokens.to_vec() })
    }

    /// Tokens of a window.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Number of windows, at least one.
    pub fn len(&self) -> usize {
        self.tokens.len() / self.context
    }

    /// Always false: no constructor makes an empty one.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The windows, as slices of tokens.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        self.tokens.chunks_exact(self.context)
    }

    /// Number of predicted tokens: all but the first of each window.
    pub fn predicted(&self) -> usize {
        self.len() * (self.context - 1)
    }
}
