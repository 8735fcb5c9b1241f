//! `perplexity`: evaluate a language model on a text.

use super::language::{ModelArgs, TextArgs};
use super::{Failure, output};
use serde_json::json;
use std::num::NonZeroUsize;
use std::time::Instant;

/// The command's arguments.
#[derive(clap::Args)]
pub struct Perplexity {
    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    text: TextArgs,

    /// Worker threads [default: all processors]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// One JSON value on standard output
    #[arg(long)]
    json: bool,
}

impl Perplexity {
    /// Computes the perplexity and prints it.
    pub fn run(self) -> Result<(), Failure> {
        super::on_threads(self.threads, |_| self.measure())
    }

    fn measure(&self) -> Result<(), Failure> {
        let model = self.model.open()?;
        let (windows, floor) = self.text.windows(&model, &self.model)?;
        let start = Instant::now();
        let bar = output::Steps::new("perplexity", "blocks");
        let loss = model.loss(&windows, &|done, all| bar.update(done, all))?;
        bar.finish();
        let seconds = start.elapsed().as_secs_f64();
        if self.json {
            return output::json(&json!({
                "perplexity": loss.perplexity(),
                "nll": loss.nll,
                "tokens": loss.tokens,
                "context": windows.context(),
                "seconds": seconds,
                "floor": floor,
            }));
        }
        let floor = floor.map_or(String::new(), |floor| format!("; no model can be below {floor:.4} on it"));
        output::print(&format!(
            "perplexity {:.4} (loss {:.5}) on {} tokens in windows of {}, {seconds:.1} s{floor}",
            loss.perplexity(),
            loss.nll,
            loss.tokens,
            windows.context()
        ))
    }
}
