//! `finetune`: the values of a compressed model, tuned on their fixed masks.

mod drive;
mod language;
mod summary;
mod vision;

use super::explicit_flags::Given;
use super::factorize::WrittenDtype;
use super::vision::ColourArgs;
use super::{Failure, output};
use crate::compress::{self, Layered, Tunable, TunedFolder, TunedOutput, TuningInputs, TuningWork};
use crate::export::Layout;
use crate::finetune::{Settings, Subject, Tuned, Tuning};
use crate::matrix::Replacement;
use crate::model::Dtype;
use drive::drive;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;
use summary::{result, summary};

pub use language::HELD_OUT_STORIES;

/// The command's arguments.
#[derive(clap::Args)]
pub struct Finetune {
    #[command(flatten)]
    given: Given,

    /// A folder that `compress` wrote: with factors, with factors beside it (--layout merged,bitmask), or of a method with one
    /// sparse matrix
    #[arg(value_name = "DIR")]
    model: PathBuf,

    /// Text to train on [default for the built-in model: stories of its language, without end]
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,

    /// Of a residual network: labelled images to train on, as of `accuracy` [default for the built-in network: pictures as it
    /// was trained on, without end]
    #[arg(long, value_name = "FILE_OR_DIR", conflicts_with = "text")]
    images: Option<PathBuf>,

    /// Text, or images, not trained on: the values with the lowest loss there are kept [default: the last tenth of the text, every
    /// tenth image; for the built-in models other stories or pictures]
    #[arg(long, alias = "held-out-images", value_name = "FILE_OR_DIR")]
    held_out: Option<PathBuf>,

    /// Learn the predictions of this model, the dense one, in place of the text's next tokens; without a folder those of the
    /// built-in model
    #[arg(long, value_name = "MODEL_DIR", num_args = 0..=1)]
    distill: Option<Option<PathBuf>>,

    /// Tune one block after the other, so that each gives what the block of the model of --distill gives; needs one block
    /// in memory
    #[arg(long, requires = "distill", conflicts_with_all = [
        "estimate", "steps", "batch", "train", "optimizer", "decay", "warm_up", "weight_decay", "momentum", "beta1", "beta2",
        "clip", "every", "patience",
    ])]
    blockwise: bool,

    #[command(flatten)]
    settings: Settings,

    /// Only say how much memory it takes
    #[arg(long)]
    estimate: bool,

    /// Write the result to this folder; an interrupted tuning goes on where it was
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// What to write, as of `compress` [default: what DIR has]
    #[arg(long, value_enum, value_delimiter = ',')]
    layout: Vec<Layout>,

    #[command(flatten)]
    colours: ColourArgs,

    /// Number format of the factors where they are kept apart [default: that of DIR's]
    #[arg(long, value_enum)]
    dtype: Option<WrittenDtype>,

    /// Worker threads; the result does not depend on them [default: all processors]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Replace an existing output, and drop the beginnings of another one
    #[arg(long)]
    force: bool,

    /// One JSON value on standard output
    #[arg(long)]
    json: bool,
}

impl Finetune {
    /// Tunes the values; everything that can be checked is checked before the first step.
    pub fn run(self) -> Result<(), Failure> {
        super::on_threads(self.threads, |threads| match super::vision::residual_network(&self.model)? {
            Some(network) => vision::tune(&self, network),
            None => language::tune(&self, threads),
        })
    }

    /// The layouts to write, once it is known that they can be written, and to where.
    fn layouts<M: Layered>(&self, model: &M, tunable: &Tunable<M>) -> Result<Vec<Layout>, Failure> {
        let layouts = if self.layout.is_empty() { tunable.layouts.clone() } else { self.layout.clone() };
        for &layout in &layouts {
            tunable.check_layout(model, layout).map_err(|error| Failure::from(error).usage())?;
        }
        if let Some(out) = &self.out {
            output::check_folder("--out", out)?;
            compress::check_output(out, self.force)?;
            let same = |path: &Path| path.canonicalize().ok();
            if same(out).is_some() && same(out) == same(&self.model) {
                return Err(Failure::new("--out is the folder that is tuned", "give another one"));
            }
        }
        Ok(layouts)
    }
}

/// Goes on where an earlier start was interrupted, up to the end.
fn take_all<S: Subject>(tuning: &mut Tuning<S>, folder: Option<&TunedFolder>) -> Result<(), Failure> {
    if let Some(mut state) = folder.map(TunedFolder::state).transpose()?.flatten() {
        tuning.restore(&mut state)?;
        let (done, all) = (tuning.done(), tuning.steps());
        output::note(&format!("{done} of {all} steps were done already"));
    }
    drive(tuning, folder)
}

/// Where a tuning is kept and written, and what it began with.
struct Work<'a, M: Layered> {
    name: &'a str,
    inputs: TuningInputs<'a, M>,
    tunable: Tunable<M>,
    work: TuningWork,
    /// If it is to be written, and once it is open.
    folder: Option<TunedFolder>,
    output: TunedOutput,
    start: Instant,
}

impl<'a, M: Layered> Work<'a, M> {
    /// Work whose folder is not open yet.
    fn new(
        args: &Finetune,
        name: &'a str,
        inputs: TuningInputs<'a, M>,
        tunable: Tunable<M>,
        (layouts, companions): (Vec<Layout>, Vec<(String, Vec<u8>)>),
        start: Instant,
    ) -> Self {
        let dtype = args.dtype.map_or(tunable.dtype, Dtype::from);
        let (work, output) = (TuningWork::new(&inputs, &tunable), TunedOutput { layouts, dtype, companions });
        Self { name, inputs, tunable, work, folder: None, output, start }
    }

    /// Opens the folder for what comes of it, if it is to be written. That may drop other unfinished work: only once everything
    /// is checked.
    fn open(&mut self, args: &Finetune) -> Result<Option<&TunedFolder>, Failure> {
        self.folder = args.out.as_ref().map(|out| TunedFolder::open(&self.work, out, args.force)).transpose()?;
        Ok(self.folder.as_ref())
    }

    /// The layers to tune, of which nothing stays here. Packed on masks from here on: once more they would take memory until the end.
    fn take_layers(&mut self) -> BTreeMap<M::Key, Replacement> {
        std::mem::take(&mut self.tunable.layers)
    }

    /// Writes what came of it, and says so.
    fn finish(self, args: &Finetune, tuned: &Tuned<M::Key>) -> Result<(), Failure> {
        if let Some(folder) = self.folder {
            folder.finish(&self.inputs, &self.tunable, tuned, &self.output, args.force)?;
        }
        let seconds = self.start.elapsed().as_secs_f64();
        if args.json {
            return output::json(&result(tuned, seconds));
        }
        output::print(&summary(self.name, tuned, args.out.as_deref(), seconds))
    }
}
