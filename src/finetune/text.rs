//! What is read at each step.

use super::chance::{Chance, training_seed};
use super::{Error, Settings};
use crate::language::{LanguageModel, Windows};
use crate::model::Fingerprint;
use crate::stories::{excerpt, mix_seed};
use std::sync::Arc;

/// The text that a model is tuned on. What a step reads follows from the step's number alone, so that a tuning that was
/// interrupted reads on where it was.
#[derive(Clone, Debug, PartialEq)]
pub enum Text {
    /// The tokens of a text. In each epoch it is cut into windows anew, from another offset, and they are shuffled.
    Tokens(Arc<Vec<u32>>),
    /// Stories of the built-in model's language without end; windows begin with a story.
    Stories {
        /// Seed of the stories.
        seed: u64,
    },
}

impl Text {
    /// Divides the tokens of a text: the last tenth, but at least a window of `context` tokens, is held out.
    pub fn split(mut tokens: Vec<u32>, context: usize) -> Result<(Self, Vec<u32>), Error> {
        let held_out = (tokens.len() / 10).max(context);
        if tokens.len() < held_out + context {
            return Err(Error::TooShort { what: "the text", tokens: tokens.len(), context: 2 * context });
        }
        let held_out = tokens.split_off(tokens.len() - held_out);
        Ok((Self::Tokens(Arc::new(tokens)), held_out))
    }

    /// Number of windows of `context` tokens in an epoch; `None` if it has no end.
    pub fn windows(&self, context: usize) -> Option<usize> {
        match self {
            Self::Tokens(tokens) => Some(tokens.len() / context.max(1)),
            Self::Stories { .. } => None,
        }
    }

    /// Identity of the text.
    pub fn fingerprint(&self) -> String {
        match self {
            Self::Tokens(tokens) => {
                let mut hash = Fingerprint::default();
                tokens.iter().for_each(|token| hash.add(&token.to_le_bytes()));
                hash.hex()
            }
            Self::Stories { seed } => format!("stories {seed}"),
        }
    }

    /// The windows of step `step`, from 0, of a tuning with windows of `context` tokens.
    pub fn batch(
        &self,
        model: &LanguageModel,
        settings: &Settings,
        context: usize,
        step: usize,
    ) -> Result<Windows, Error> {
        let batch = settings.batch;
        match self {
            Self::Tokens(tokens) => {
                let count = tokens.len() / context.max(1);
                if count == 0 {
                    return Err(Error::TooShort { what: "the text", tokens: tokens.len(), context });
                }
                let (mut of_batch, mut epoch) = (Vec::with_capacity(batch * context), None);
                for at in step * batch..(step + 1) * batch {
                    if epoch.as_ref().is_none_or(|&(number, _)| number != at / count) {
                        let number = at / count;
                        epoch = Some((number, starts(tokens.len(), context, settings.seed, number)));
                    }
                    let start = epoch.as_ref().map_or(0, |(_, starts)| starts[at % count]);
                    of_batch.extend_from_slice(&tokens[start..start + context]);
                }
                Ok(Windows::from_tokens(model, of_batch, context, None)?)
            }
            Self::Stories { seed } => {
                let excerpt = excerpt(mix_seed(training_seed(*seed), step as u64), batch, context);
                Ok(Windows::from_text(model, &excerpt.text, context, None)?)
            }
        }
    }
}

/// Where the windows of an epoch begin, in the order in which they are read: from an offset on that differs between epochs, the
/// last one moved back into the text.
fn starts(tokens: usize, context: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut chance = Chance::of_epoch(seed, epoch);
    let offset = if epoch == 0 { 0 } else { chance.below(context) };
    let mut starts: Vec<usize> =
        (0..tokens / context).map(|at| (at * context + offset).min(tokens - context)).collect();
    chance.shuffle(&mut starts);
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_epoch_reads_all_windows_in_another_order() {
        let mut first = starts(1000, 30, 7, 0);
        assert_eq!(first, starts(1000, 30, 7, 0), "the same again");
        assert_ne!(first, starts(1000, 30, 8, 0), "another seed");
        assert!(!first.is_sorted());
        first.sort_unstable();
        assert!(first.iter().copied().eq((0..33).map(|at| 30 * at)), "the whole text");
        let mut second = starts(1000, 30, 7, 1);
        second.sort_unstable();
        assert!(second.iter().all(|start| start + 30 <= 1000) && second.len() == 33);
        assert!(second.windows(2).take(31).all(|ends| ends[1] - ends[0] == 30), "{second:?}");
    }

    #[test]
    fn a_tenth_is_held_out() {
        let tokens: Vec<u32> = (0..100).collect();
        let (text, held_out) = Text::split(tokens.clone(), 5).unwrap();
        assert_eq!((text.windows(5), held_out), (Some(18), (90..100).collect()));
        let (text, held_out) = Text::split(tokens.clone(), 40).unwrap();
        assert_eq!((text.windows(40), held_out.len()), (Some(1), 40));
        let error = Text::split(tokens, 51).unwrap_err().to_string();
        assert_eq!(error, "the text has 100 tokens, and a window takes 102");
    }
}
