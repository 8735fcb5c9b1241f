//! `bench generate`: how fast models write texts, dense and compressed.

use crate::Named;
use crate::cli::{Failure, generate, output};
use crate::compute::sparse::ValueFormat;
use clap::Args;
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is measured.
#[derive(Args)]
pub struct GenerateArgs {
    /// Of `generate`: folders of models, dense or compressed [default: the built-in model]
    models: Vec<PathBuf>,

    /// Of `generate`: number formats to keep dense models' weights in [default: as they are stored]
    #[arg(long, value_name = "FORMAT,…", value_delimiter = ',', value_parser = generate::values)]
    keep: Vec<ValueFormat>,

    /// Of `generate`: text to go on from
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,

    /// Of `generate`: number of new tokens
    #[arg(long, value_name = "N", default_value = "128")]
    tokens: NonZeroUsize,

    /// Of `generate`: times that each text is written; medians are taken over them
    #[arg(long, value_name = "N", default_value = "3")]
    repeats: NonZeroUsize,
}

/// Speed of one model.
#[derive(Serialize)]
struct Measured {
    model: String,
    values: &'static str,
    prefill_tokens_per_second: Option<f64>,
    decode_tokens_per_second: Option<f64>,
    weight_bytes: u64,
    peak_resident_bytes: Option<u64>,
    threads: usize,
}

/// What `generate --json` says.
#[derive(Deserialize)]
struct Said {
    prefill_tokens_per_second: Option<f64>,
    decode_tokens_per_second: Option<f64>,
    weight_bytes: u64,
    peak_resident_bytes: Option<u64>,
}

impl GenerateArgs {
    /// Prints a table. Each model is a process of its own, so that its memory is its own as well; they take turns.
    pub fn run(&self, threads: &[usize], json: bool) -> Result<(), Failure> {
        let models: Vec<Option<&Path>> = match self.models.is_empty() {
            true => vec![None],
            false => self.models.iter().map(|model| Some(model.as_path())).collect(),
        };
        let formats: Vec<Option<ValueFormat>> = match self.keep.is_empty() {
            true => vec![None],
            false => self.keep.iter().copied().map(Some).collect(),
        };
        let mut cases = Vec::new();
        for model in models {
            let sparse = match model {
                Some(folder) => crate::language::open(folder)?.is_sparse(),
                None => false,
            };
            // A compressed model is what it is.
            let formats = if sparse { &[None][..] } else { &formats[..] };
            for &format in formats {
                cases.extend(threads.iter().map(|&threads| (model, format, threads)));
            }
        }
        let mut said: Vec<Vec<Said>> = cases.iter().map(|_| Vec::new()).collect();
        for _ in 0..self.repeats.get() {
            for ((model, format, threads), said) in cases.iter().zip(&mut said) {
                said.push(self.once(*model, *format, *threads)?);
            }
        }
        let measured: Vec<Measured> = cases
            .iter()
            .zip(&said)
            .map(|((model, format, threads), said)| Measured {
                model: model.map_or("built-in".into(), name),
                values: format.map_or("as stored", |format| format.name()),
                prefill_tokens_per_second: median(said.iter().filter_map(|said| said.prefill_tokens_per_second)),
                decode_tokens_per_second: median(said.iter().filter_map(|said| said.decode_tokens_per_second)),
                weight_bytes: said[0].weight_bytes,
                peak_resident_bytes: said.iter().filter_map(|said| said.peak_resident_bytes).max(),
                threads: *threads,
            })
            .collect();
        if json {
            return output::json(&measured);
        }
        let head = ["model", "values", "threads", "prompt, tokens/s", "then, tokens/s", "weights, MB", "memory, MB"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        let rate = |rate: Option<f64>| rate.map_or("–".to_owned(), |rate| format!("{rate:.1}"));
        let megabytes = |bytes: u64| format!("{:.1}", bytes as f64 * 1e-6);
        rows.extend(measured.iter().map(|m| {
            vec![
                m.model.clone(),
                m.values.to_owned(),
                m.threads.to_string(),
                rate(m.prefill_tokens_per_second),
                rate(m.decode_tokens_per_second),
                megabytes(m.weight_bytes),
                m.peak_resident_bytes.map_or("–".to_owned(), megabytes),
            ]
        }));
        output::print(&output::table(&rows))
    }

    fn once(&self, model: Option<&Path>, format: Option<ValueFormat>, threads: usize) -> Result<Said, Failure> {
        let program = std::env::current_exe().map_err(Failure::unexplained)?;
        let mut command = Command::new(program);
        command.arg("generate").args(model).args(["--json", "--temperature", "0"]);
        command.args(["--tokens", &self.tokens.to_string(), "--threads", &threads.to_string()]);
        if let Some(format) = format {
            command.args(["--values", format.name()]);
        }
        if let Some(prompt) = &self.prompt {
            command.args(["--prompt", prompt]);
        }
        let out = command.stdin(Stdio::null()).output().map_err(Failure::unexplained)?;
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stderr);
            let why = said.lines().last().unwrap_or("it failed").trim_start_matches("error: ").to_owned();
            return Err(Failure::unexplained(why));
        }
        serde_json::from_slice(&out.stdout).map_err(Failure::unexplained)
    }
}

fn name(folder: &Path) -> String {
    folder.file_name().map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned())
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
