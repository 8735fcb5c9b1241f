//! `generate`: a text, token by token.

use super::language::ModelArgs;
use super::{Failure, output};
use crate::Named;
use crate::compute::parallelism;
use crate::compute::sparse::ValueFormat;
use crate::language::{Runtime, Sampling, Tokenizer};
use clap::Args;
use serde_json::json;
use std::io::{ErrorKind, Write};
use std::num::NonZeroUsize;

/// The command's arguments.
#[derive(Args)]
pub struct Generate {
    #[command(flatten)]
    model: ModelArgs,

    /// Text to go on from [default: the beginning of a text, where the model has a token for it]
    #[arg(long, value_name = "TEXT", default_value = "")]
    prompt: String,

    /// Number of new tokens, unless the text ends before
    #[arg(long, value_name = "N", default_value = "128")]
    tokens: NonZeroUsize,

    /// Divisor of the logits: 0 always takes the likeliest token, 1 draws as the model says
    #[arg(long, value_name = "T", default_value_t = 0.7, value_parser = temperature)]
    temperature: f32,

    /// Seed of the draws
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Number format to keep weights in [default: as they are stored]
    #[arg(long, value_name = "FORMAT", value_parser = values)]
    values: Option<ValueFormat>,

    /// Worker threads; the text does not depend on them [default: all processors]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// One JSON value on standard output, and no text as it comes
    #[arg(long)]
    json: bool,
}

fn temperature(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(temperature) if temperature >= 0.0 && f32::is_finite(temperature) => Ok(temperature),
        _ => Err("a number of at least 0 is expected".to_owned()),
    }
}

/// The format of this name.
pub fn values(text: &str) -> Result<ValueFormat, String> {
    let names = || ValueFormat::ALL.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ");
    ValueFormat::named(text).ok_or_else(|| format!("one of {} is expected", names()))
}

impl Generate {
    /// Writes the text as it comes, then how fast it came.
    pub fn run(self) -> Result<(), Failure> {
        super::on_threads(self.threads, |threads| self.generate(threads))
    }

    fn generate(&self, threads: usize) -> Result<(), Failure> {
        let model = self.model.open()?;
        let tokenizer = model.tokenizer();
        let mut prompt = tokenizer.encode(&self.prompt)?;
        if prompt.is_empty() {
            prompt.extend(model.config().bos);
        }
        if prompt.is_empty() {
            return Err(Failure::new("this model has no token that begins a text", "give a --prompt"));
        }
        let sampling = Sampling { temperature: self.temperature, seed: self.seed, tokens: self.tokens.get() };
        let runtime = Runtime::load(&model, prompt.len().saturating_add(sampling.tokens), self.values)?;
        let mut words = Words::new(tokenizer, &prompt)?;
        let mut failed = None;
        let mut told = |token: u32| {
            let shown = words.next(token).and_then(|word| if self.json { Ok(true) } else { written(&word) });
            match shown {
                Ok(go_on) => go_on,
                Err(failure) => {
                    failed = Some(failure);
                    false
                }
            }
        };
        if !self.json {
            written(&self.prompt)?;
        }
        let generated = runtime.generate(&prompt, sampling, parallelism(threads), &mut told)?;
        if let Some(failure) = failed {
            return Err(failure);
        }
        let (text, peak) = (words.text, output::peak_resident_bytes());
        if self.json {
            return output::json(&json!({
                "text": text,
                "tokens": generated.tokens.len(),
                "prompt_tokens": generated.prompt_tokens,
                "prefill_tokens_per_second": generated.prefill_rate(),
                "decode_tokens_per_second": generated.decode_rate(),
                "weight_bytes": runtime.weight_bytes(),
                "peak_resident_bytes": peak,
                "threads": threads,
                "seed": self.seed,
            }));
        }
        written("\n")?;
        let rate = |rate: Option<f64>| rate.map_or("–".to_owned(), |rate| format!("{rate:.1}"));
        eprintln!(
            "{} tokens: {} a second in the prompt, {} a second after it; {} of weights{}",
            generated.tokens.len(),
            rate(generated.prefill_rate()),
            rate(generated.decode_rate()),
            indicatif::HumanBytes(runtime.weight_bytes() as u64),
            peak.map_or(String::new(), |peak| format!(", {} of memory at most", indicatif::HumanBytes(peak))),
        );
        Ok(())
    }
}

/// Writes to standard output at once. Returns whether to go on: a reader that has gone (`… | head`) is no failure.
fn written(text: &str) -> Result<bool, Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::unexplained(format!("the text cannot be printed: {error}"))),
    }
}

/// Tokens as the words that they add to a text.
struct Words<'a> {
    tokenizer: &'a Tokenizer,
    tokens: Vec<u32>,
    /// Length of the prompt's text, in bytes.
    begin: usize,
    /// The text after the prompt so far.
    text: String,
}

impl<'a> Words<'a> {
    fn new(tokenizer: &'a Tokenizer, prompt: &[u32]) -> Result<Self, Failure> {
        let begin = tokenizer.decode(prompt)?.len();
        Ok(Self { tokenizer, tokens: prompt.to_vec(), begin, text: String::new() })
    }

    /// What a further token adds; nothing while a letter is incomplete.
    fn next(&mut self, token: u32) -> Result<String, Failure> {
        self.tokens.push(token);
        let all = self.tokenizer.decode(&self.tokens)?;
        let text = all.get(self.begin..).unwrap_or_default();
        if text.ends_with('\u{fffd}') {
            return Ok(String::new());
        }
        let word = text.get(self.text.len()..).unwrap_or_default().to_owned();
        self.text = text.to_owned();
        Ok(word)
    }
}
