//! `stories`: generate text in the built-in model's language.

use super::{Failure, output};
use crate::stories::excerpt;
use serde_json::json;
use std::num::NonZeroUsize;

/// The command's arguments.
#[derive(clap::Args)]
pub struct Stories {
    /// Of the stories; 101 gives those that the built-in model is measured on
    #[arg(long, value_name = "N", default_value_t = 101)]
    seed: u64,

    /// How many windows of text, each of which begins with a story
    #[arg(long, value_name = "N", default_value = "4")]
    windows: NonZeroUsize,

    /// Tokens of a window: the words and the marks around stories
    #[arg(long, value_name = "N", default_value = "256")]
    context: NonZeroUsize,

    /// One JSON value on standard output
    #[arg(long)]
    json: bool,
}

impl Stories {
    /// Generates the stories and prints them.
    pub fn run(self) -> Result<(), Failure> {
        super::language::bounded(self.windows.get(), self.context.get())?;
        let excerpt = excerpt(self.seed, self.windows.get(), self.context.get());
        match self.json {
            true => output::json(&json!({
                "text": excerpt.text,
                "floor": excerpt.floor(),
                "tokens": excerpt.predicted,
            })),
            false => output::print(&excerpt.text),
        }
    }
}
