//! The command line, one file for each command.
//!
//! [`main`] is the program. Another program, which has this library, runs the same commands with [`call`].

mod accuracy;
mod bench;
mod compare;
mod compress;
mod demo;
mod explicit_flags;
mod factorize;
mod failure;
mod finetune;
mod generate;
mod hints;
mod inspect;
mod language;
mod layer;
mod listener;
mod method;
mod option;
mod output;
mod perplexity;
mod proxy;
mod resume;
mod side_by_side;
mod solver_args;
mod stories;
mod sweep;
mod table;
mod vision;
mod window;

use crate::compute::ThreadPool;
use crate::model::{self, Checkpoint};
use clap::{CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

pub use failure::Failure;
pub use listener::Listener;
pub use option::{CommandOption, OptionKind};

/// Exit code where the command's words are at fault.
const WRONG_USAGE: u8 = 2;

/// Replace a weight matrix W by the product A·B of two sparse matrices, and watch it happen.
///
/// Without a command: the window, on FILE or on the built-in example; without a display, the built-in example in the
/// terminal.
#[derive(Parser)]
#[command(name = "dsf-explorer", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// What to open in the window: .safetensors, .gguf, .bin, .pt, .npy, a sharded checkpoint's index or folder
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
    /// Replace one layer by every method at one budget, side by side
    Compare(Box<compare::Compare>),
    /// Make the paper's figures for a layer, or vary one or two settings over lists of values
    Sweep(Box<sweep::Sweep>),
    /// Compress the linear layers of a language model, one after the other
    Compress(Box<compress::Compress>),
    /// Tune the values of a compressed language model on a text; the nonzeros stay where they are
    Finetune(Box<finetune::Finetune>),
    /// Measure how well a language model predicts a text
    Perplexity(perplexity::Perplexity),
    /// Evaluate a residual network: how many images it recognizes
    Accuracy(accuracy::Accuracy),
    /// Continue a text with a language model, at the speed of its weights as they are stored
    Generate(generate::Generate),
    /// Make the paper's Table 1 for a language model: its perplexity after each method, at several densities
    Table(table::Table),
    /// Measure what each layer's error does to a language model, and how well that foretells its perplexity
    Proxy(proxy::Proxy),
    /// Tell stories of the language that the built-in model was trained on
    Stories(stories::Stories),
    /// Measure how fast it is on this machine
    Bench(bench::Bench),
}

/// Calls `work` on `threads` worker threads, by default one a processor, with their number.
fn on_threads(
    threads: Option<NonZeroUsize>,
    work: impl FnOnce(usize) -> Result<(), Failure> + Send,
) -> Result<(), Failure> {
    let threads = threads.map_or_else(layer::available, NonZeroUsize::get);
    let listener = listener::listener();
    ThreadPool::new(Some(threads))?.run(|| listener::with_listener(listener, || work(threads)))
}

/// Opens a file of weights, and says what a person should know of how it is read.
fn open_weights(path: &std::path::Path) -> Result<Checkpoint, Failure> {
    let checkpoint = model::open(path)?;
    say_notes(&checkpoint);
    Ok(checkpoint)
}

/// Says what a person should know of how weights are read.
fn say_notes(checkpoint: &Checkpoint) {
    for note in checkpoint.notes() {
        output::note(note);
    }
}

/// Contents of a text file in UTF-8, with every line ending as `\n`: the same text must give the same tokens wherever
/// it was saved.
fn text(path: &std::path::Path) -> Result<String, Failure> {
    let shown = path.display();
    let bytes =
        std::fs::read(path).map_err(|error| Failure::unexplained(format!("{shown} cannot be read: {error}")))?;
    let not_text = |_| Failure::new(format!("{shown} is not text in UTF-8"), "give a plain text file");
    let text = String::from_utf8(bytes).map_err(not_text)?;
    Ok(text.replace("\r\n", "\n"))
}

/// The program `dsf-explorer`: runs the command of these words, of which the first is the program's name. Returns the exit
/// code: 0 on success, 1 on failure, 2 for wrong usage.
pub fn main(words: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no failures; that nobody reads them is none either.
            let _ = error.print();
            return u8::from(error.use_stderr()) * WRONG_USAGE;
        }
    };
    match cli.run() {
        Ok(()) => 0,
        Err(failure) => {
            eprintln!("error: {}", output::one_line(&failure.to_string()));
            if failure.is_usage() { WRONG_USAGE } else { 1 }
        }
    }
}

/// Runs the command of these words, of which the first is its name, for `listener`.
pub fn call(words: impl IntoIterator<Item = OsString>, listener: Arc<dyn Listener>) -> Result<(), Failure> {
    let words = [OsString::from("dsf-explorer")].into_iter().chain(words);
    let cli = Cli::try_parse_from(words).map_err(|error| Failure::of_words(&error))?;
    listener::with_listener(Some(listener), || cli.run())
}

/// The options of a command; `None` if there is none of this name.
pub fn options(command: &str) -> Option<Vec<CommandOption>> {
    let mut all = Cli::command();
    all.build();
    let command = all.find_subcommand(command)?;
    Some(command.get_arguments().filter_map(CommandOption::of).collect())
}

impl Cli {
    fn run(self) -> Result<(), Failure> {
        match self.command {
            Some(Command::Inspect(inspect)) => inspect.run(),
            Some(Command::Factorize(factorize)) => factorize.run(),
            Some(Command::Compare(compare)) => compare.run(),
            Some(Command::Sweep(sweep)) => sweep.run(),
            Some(Command::Compress(compress)) => compress.run(),
            Some(Command::Finetune(finetune)) => finetune.run(),
            Some(Command::Perplexity(perplexity)) => perplexity.run(),
            Some(Command::Accuracy(accuracy)) => accuracy.run(),
            Some(Command::Generate(generate)) => generate.run(),
            Some(Command::Table(table)) => table.run(),
            Some(Command::Proxy(proxy)) => proxy.run(),
            Some(Command::Stories(stories)) => stories.run(),
            Some(Command::Bench(bench)) => bench.run(),
            None => window::run(self.file, self.tensor, self.threads.map(NonZeroUsize::get)),
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
