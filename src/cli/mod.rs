//! The command line: one file per command.

mod bench;
mod demo;
mod factorize;
mod inspect;
mod output;
mod window;

use clap::{Parser, Subcommand};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

/// Replace a weight matrix W by the product A·B of two sparse matrices, and watch it happen.
///
/// Without a command: the window, on FILE or on the built-in example; without a display, the built-in example in the
/// terminal.
#[derive(Parser)]
#[command(name = "dsf-explorer", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// What to open in the window: .safetensors, .npy, a sharded checkpoint's index or folder
    file: Option<PathBuf>,

    /// Which tensor of FILE to begin with
    #[arg(long, value_name = "NAME", requires = "file")]
    tensor: Option<String>,

    /// Worker threads of a run [default: all processors]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

#[derive(Subcommand)]
enum Command {
    /// List the tensors of a file: names, shapes, formats, metadata
    Inspect(inspect::Inspect),
    /// Factorize one layer: W ≈ A·B
    Factorize(Box<factorize::Factorize>),
    /// Measure how fast it is on this machine
    Bench(bench::Bench),
}

/// Why a command failed: one line that says what, and what to do.
type Failure = Box<dyn std::error::Error>;

impl Cli {
    /// Does what was asked for; 0 when done, 1 when it failed. (Wrong usage has ended with 2 before.)
    pub fn run(self) -> ExitCode {
        let done = match self.command {
            Some(Command::Inspect(inspect)) => inspect.run(),
            Some(Command::Factorize(factorize)) => factorize.run(),
            Some(Command::Bench(bench)) => bench.run(),
            None => window::run(self.file, self.tensor, self.threads.map(NonZeroUsize::get)),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                eprintln!("error: {}", output::one_line(&failure.to_string()));
                ExitCode::FAILURE
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_flags_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
