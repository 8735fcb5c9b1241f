//! `perplexity`: how well a language model predicts a text.

use super::{Failure, output};
use dsf_explorer::language::{self, Windows};
use serde_json::json;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

/// The command's arguments.
#[derive(clap::Args)]
pub struct Perplexity {
    /// The folder of a Hugging Face model
    model: PathBuf,

    /// The text
    #[arg(long, value_name = "FILE")]
    text: PathBuf,

    /// Tokens of a window; its first one is not predicted
    #[arg(long, value_name = "N", default_value_t = 256)]
    context: usize,

    /// Only the first so many tokens of the text
    #[arg(long, value_name = "N")]
    tokens: Option<usize>,

    /// Worker threads [default: all processors]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// One JSON value on standard output
    #[arg(long)]
    json: bool,
}

impl Perplexity {
    /// Computes and prints it.
    pub fn run(self) -> Result<(), Failure> {
        let threads = self.threads.map_or(0, NonZeroUsize::get);
        rayon::ThreadPoolBuilder::new().num_threads(threads).build()?.install(|| self.measure())
    }

    fn measure(&self) -> Result<(), Failure> {
        let model = language::open(&self.model)?;
        let text = super::text(&self.text)?;
        let windows = Windows::of_text(&model, &text, self.context, self.tokens)?;
        let start = Instant::now();
        let bar = output::Steps::new("perplexity", "blocks");
        let loss = model.loss(&windows, &|done, all| {
            bar.update(done, all);
            true
        })?;
        bar.finish();
        let seconds = start.elapsed().as_secs_f64();
        if self.json {
            return output::json(&json!({
                "perplexity": loss.perplexity(),
                "nll": loss.nll,
                "tokens": loss.tokens,
                "context": self.context,
                "seconds": seconds,
            }));
        }
        output::print(&format!(
            "perplexity {:.4} (loss {:.5}) on {} tokens in windows of {}, {seconds:.1} s",
            loss.perplexity(),
            loss.nll,
            loss.tokens,
            self.context
        ))
    }
}
