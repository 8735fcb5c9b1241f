//! `finetune`: the values of a compressed model, tuned on their fixed masks.

use super::factorize::WrittenDtype;
use super::{Failure, output};
use dsf_explorer::compress::{self, Tunable, TunedFolder, TunedOutput, TuningInputs};
use dsf_explorer::export::Layout;
use dsf_explorer::finetune::{
    Blockwise, Distill, Moment, Settings, Stop, Task, Text, Tuned, Tuning, tune_blocks, tuning_size,
};
use dsf_explorer::language::{self, LanguageModel, LayerId, Windows};
use dsf_explorer::matrix::Replacement;
use dsf_explorer::measure::cost::{TuningSize, remaining_secs};
use dsf_explorer::model::{self, Dtype};
use indicatif::HumanBytes;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// The command's arguments.
#[derive(clap::Args)]
pub struct Finetune {
    /// A folder that `compress` wrote: with factors, with factors beside it (--layout merged,bitmask), or of a method with one
    /// sparse matrix
    #[arg(value_name = "DIR")]
    model: PathBuf,

    /// Text to train on [default for the built-in model: stories of its language, without end]
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,

    /// Text that is not trained on: the values with the lowest loss on it are kept [default: the last tenth of the text, or
    /// other stories]
    #[arg(long, value_name = "FILE")]
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

/// Windows of a held-out text that are measured, evenly spaced.
const HELD_OUT: usize = 128;

/// Seed of the stories that are held out: neither those that are trained on nor those that `perplexity` measures.
pub const HELD_OUT_STORIES: u64 = 303;

impl Finetune {
    /// Tunes the values; everything that can be checked is checked before the first step.
    pub fn run(self) -> Result<(), Failure> {
        super::on_threads(self.threads, |threads| self.tune(threads))
    }

    fn tune(&self, threads: usize) -> Result<(), Failure> {
        let start = Instant::now();
        let distill = match (&self.distill, self.blockwise) {
            (None, _) => Distill::None,
            (Some(_), false) => Distill::Logits,
            (Some(_), true) => Distill::Blocks,
        };
        let settings = Settings { distill, ..self.settings.clone() };
        settings.check()?;
        let model = language::open(&self.model)?;
        super::say_notes(model.checkpoint());
        model.notes().iter().for_each(|note| eprintln!("note: {note}"));
        let mut tunable = Tunable::read(&self.model, &model)?;
        if self.estimate {
            let size = tuning_size(&model, &tunable.layers, &settings, threads);
            return if self.json { output::json(&estimate_json(&size)) } else { output::print(&estimate(&size)) };
        }
        let layouts = if self.layout.is_empty() { tunable.layouts.clone() } else { self.layout.clone() };
        for &layout in &layouts {
            tunable.check_layout(&model, layout).map_err(|error| Failure::from(error).usage())?;
        }
        if let Some(out) = &self.out {
            output::check_folder("--out", out)?;
            compress::check_output(out, self.force)?;
            let same = |path: &Path| path.canonicalize().ok();
            if same(out).is_some() && same(out) == same(&self.model) {
                return Err(Failure::new("--out is the folder that is tuned", "give another one"));
            }
        }
        let companions = language::companions(&self.model)?;
        let (text, held_out) = self.texts(&model, &settings, is_built_in(&companions))?;
        let teacher = match &self.distill {
            Some(Some(folder)) => Some(language::open(folder)?),
            Some(None) => Some(language::example()),
            None => None,
        };
        let inputs = TuningInputs {
            model: &model,
            settings: &settings,
            text: &text,
            held_out: &held_out,
            teacher: teacher.as_ref(),
        };
        let folder = self.out.as_ref().map(|out| TunedFolder::open(&inputs, &tunable, out, self.force)).transpose()?;
        let tuned = match &teacher {
            Some(teacher) if self.blockwise => self.by_blocks(&inputs, &tunable, teacher)?,
            _ => {
                let task = Task {
                    model: model.clone(),
                    // Packed on masks from here on; once more they would take memory until the end.
                    layers: std::mem::take(&mut tunable.layers),
                    text: text.clone(),
                    held_out: held_out.clone(),
                    teacher: teacher.clone(),
                };
                let mut tuning = Tuning::new(task, settings.clone())?;
                if let Some(state) = folder.as_ref().map(TunedFolder::state).transpose()?.flatten() {
                    tuning.restore(&state)?;
                    output::note(&format!("{} of {} steps were done already", tuning.done(), tuning.steps()));
                }
                drive(&mut tuning, folder.as_ref())?;
                tuning.finish()?
            }
        };
        if let Some(folder) = folder {
            let dtype = self.dtype.map_or(tunable.dtype, Dtype::from);
            folder.finish(&inputs, &tunable, &tuned, &TunedOutput { layouts, dtype, companions }, self.force)?;
        }
        let seconds = start.elapsed().as_secs_f64();
        if self.json {
            return output::json(&result(&tuned, seconds));
        }
        output::print(&summary(&model, &tuned, self.out.as_deref(), seconds))
    }

    /// Tunes one block after the other; an interrupted tuning begins again.
    fn by_blocks(
        &self,
        inputs: &TuningInputs<'_>,
        tunable: &Tunable,
        teacher: &LanguageModel,
    ) -> Result<Tuned, Failure> {
        /// Windows of the text that the blocks read.
        const WINDOWS: usize = 128;
        let TuningInputs { model, settings, text, held_out, .. } = *inputs;
        let usual = Blockwise::default();
        let how = Blockwise {
            epochs: settings.epochs.map_or(usual.epochs, |epochs| epochs.ceil() as usize),
            learning_rate: settings.learning_rate.unwrap_or(usual.learning_rate),
            batch: usual.batch,
        };
        let context = settings.context_of(model.config().most_positions());
        let windows = text.windows(context).map_or(WINDOWS, |windows| windows.clamp(1, WINDOWS));
        let windows = text.batch(model, &Settings { batch: windows, ..settings.clone() }, context, 0)?;
        let loss = |model: &LanguageModel, windows: &Windows| model.loss(windows, &language::ignore_progress);
        let before = [loss(model, &windows)?, loss(model, held_out)?];
        let bar = output::Share::new("tuning");
        let begun = Instant::now();
        let progress = |share: f64| {
            let left = remaining_secs(begun.elapsed().as_secs_f64(), share, 1.0 - share);
            let block = (share * model.config().blocks as f64) as usize;
            bar.update(share, if share > 0.0 { left } else { 0.0 }, &format!("block {block}"));
            true
        };
        let blocks = tune_blocks(model, &tunable.layers, teacher, &windows, &how, &progress)?;
        bar.finish();
        for (number, [before, after]) in blocks.errors.iter().enumerate() {
            eprintln!("block {number}: its outputs' distance from the dense model's {before:.4} → {after:.4}");
        }
        let mut tuned = model.clone();
        for (&id, replacement) in &blocks.layers {
            tuned.replace(id, Arc::new(replacement.to_dense()));
        }
        for (name, values) in &blocks.tensors {
            tuned.replace_values(name, Arc::new(values.clone()));
        }
        let after = [loss(&tuned, &windows)?, loss(&tuned, held_out)?];
        // Closer to the dense model's streams is not always a lower loss: the better of the two is the result.
        if after[1].nll >= before[1].nll {
            output::note("the held-out loss did not fall: the values from before are kept");
            return Ok(Tuned::unchanged(tunable.layers.clone(), before.map(|loss| loss.nll)));
        }
        let entries = |layers: &BTreeMap<LayerId, Replacement>| layers.values().map(Replacement::entries).sum();
        let moment = |step: usize, held_out: f64| Moment { step, loss: None, rate: 0.0, held_out: Some(held_out) };
        Ok(Tuned {
            nnz_before: entries(&tunable.layers),
            nnz_after: entries(&blocks.layers),
            steps: blocks.errors.len(),
            best_step: blocks.errors.len(),
            stopped: None,
            loss_before: before[0].nll,
            loss_after: after[0].nll,
            held_out_before: before[1].nll,
            held_out_after: after[1].nll,
            history: vec![moment(0, before[1].nll), moment(blocks.errors.len(), after[1].nll)],
            layers: blocks.layers,
            tensors: blocks.tensors,
        })
    }

    /// The text to train on, and the windows that are held out.
    fn texts(&self, model: &LanguageModel, settings: &Settings, is_built_in: bool) -> Result<(Text, Windows), Failure> {
        let context = settings.context_of(model.config().most_positions());
        let held_out = self.held_out.as_ref().map(|file| -> Result<Windows, Failure> {
            Ok(Windows::from_text(model, &super::text(file)?, context, None)?.evenly_spaced(HELD_OUT))
        });
        let held_out = held_out.transpose()?;
        match (&self.text, held_out) {
            (Some(file), held_out) => {
                let tokens = model.tokenizer().encode(&super::text(file)?)?;
                Ok(match held_out {
                    Some(held_out) => (Text::Tokens(Arc::new(tokens)), held_out),
                    None => {
                        let (text, held_out) = Text::split(tokens, context)?;
                        (text, Windows::from_tokens(model, held_out, context, None)?.evenly_spaced(HELD_OUT))
                    }
                })
            }
            (None, held_out) if is_built_in => {
                super::language::bounded(settings.batch, context)?;
                let stories = || dsf_explorer::stories::excerpt(HELD_OUT_STORIES, HELD_OUT, context).text;
                let held_out = match held_out {
                    Some(held_out) => held_out,
                    None => Windows::from_text(model, &stories(), context, None)?,
                };
                Ok((Text::Stories { seed: settings.seed }, held_out))
            }
            (None, _) => Err(Failure::new("no text to train on", "give one with --text FILE")),
        }
    }
}

/// Whether a model reads and writes the words of the built-in one.
fn is_built_in(companions: &[(String, Vec<u8>)]) -> bool {
    let own = language::example_companions();
    let tokenizer = |files: &[(String, Vec<u8>)]| {
        files.iter().find(|(name, _)| name == "tokenizer.json").map(|(_, bytes)| bytes.clone())
    };
    tokenizer(companions) == tokenizer(&own)
}

/// Takes all steps with a progress bar, and keeps the state about every half a minute.
fn drive(tuning: &mut Tuning, folder: Option<&TunedFolder>) -> Result<(), Failure> {
    /// Seconds between two states that are kept; after a held-out loss they may be fewer.
    const KEEP_SECS: [f64; 2] = [30.0, 2.0];
    /// The most of the time that keeping takes.
    const KEEP_SHARE: f64 = 0.05;
    let bar = output::Share::new("tuning");
    let (begun, before) = (Instant::now(), tuning.done());
    let (mut kept, mut keeping) = (Instant::now(), 0.0);
    let mut held_out = None;
    while let Some(progress) = tuning.step()? {
        let share = progress.step as f64 / progress.steps as f64;
        let done = (progress.step - before) as f64;
        let left = remaining_secs(begun.elapsed().as_secs_f64(), done, (progress.steps - progress.step) as f64);
        held_out = progress.held_out.or(held_out);
        let loss = |name: &str, loss: Option<f64>| loss.map_or(String::new(), |loss| format!(", {name} {loss:.4}"));
        let what = format!(
            "step {} of {}{}{}",
            progress.step,
            progress.steps,
            loss("loss", progress.loss),
            loss("held out", held_out)
        );
        bar.update(share, if done > 0.0 { left } else { 0.0 }, &what);
        // Where no bar is seen, a line for each held-out loss.
        if progress.held_out.is_some() && !std::io::stderr().is_terminal() {
            eprintln!("{:3.0} %  {what}", 100.0 * share);
        }
        if let Some(stop) = progress.stopped {
            bar.say(&stopped(stop));
        }
        let since = kept.elapsed().as_secs_f64();
        let due = since >= KEEP_SECS[usize::from(progress.held_out.is_some())] && since * KEEP_SHARE >= keeping;
        if let (Some(folder), true) = (folder, due && progress.step > 0) {
            let start = Instant::now();
            folder.keep(&tuning.save()?)?;
            (kept, keeping) = (Instant::now(), start.elapsed().as_secs_f64());
        }
    }
    bar.finish();
    Ok(())
}

/// What memory is for, with its key in JSON and its bytes.
fn estimated(size: &TuningSize) -> [(&'static str, &'static str, u64); 9] {
    let bytes = size.bytes();
    [
        ("parameters", "tuned values, the best so far, masks", bytes.parameters),
        ("gradients", "their gradients", bytes.gradients),
        ("optimizer", "what the optimizer remembers", bytes.optimizer),
        ("block", "a block's weights, unpacked, and their gradients", bytes.block),
        ("outer", "embedding, output layer", bytes.outer),
        ("streams", "streams before each block", bytes.streams),
        ("activations", "what a block computes on the way back", bytes.activations),
        ("logits", "logits", bytes.logits),
        ("total", "together", bytes.total()),
    ]
    .map(|(key, what, bytes)| (key, what, bytes as u64))
}

fn estimate_json(size: &TuningSize) -> serde_json::Value {
    let mut value = json!({
        "values": size.values,
        "batch": size.batch,
        "context": size.context,
        "blocks": size.blocks,
        "hidden": size.hidden,
    });
    for (key, _, bytes) in estimated(size) {
        value[format!("{key}_bytes")] = json!(bytes);
    }
    value
}

fn estimate(size: &TuningSize) -> String {
    let rows = estimated(size).map(|(_, what, bytes)| vec![what.to_owned(), HumanBytes(bytes).to_string()]);
    let TuningSize { batch, context, values, .. } = size;
    format!("{}\n{values} numbers are tuned, {batch} windows of {context} tokens a step", output::table(&rows))
}

fn stopped(stop: Stop) -> String {
    match stop {
        Stop::NotFinite { step } => {
            format!(
                "after {step} steps the loss was no finite number: the best values before are kept; try a lower rate"
            )
        }
        Stop::NoBetter { step } => format!("ended after {step} steps: the held-out loss had not become better"),
    }
}

fn result(tuned: &Tuned, seconds: f64) -> serde_json::Value {
    let moment = |moment: &Moment| json!({ "step": moment.step, "loss": moment.loss, "rate": moment.rate, "held_out": moment.held_out });
    json!({
        "steps": tuned.steps,
        "best_step": tuned.best_step,
        "stopped": tuned.stopped.map(|stop| match stop {
            Stop::NotFinite { .. } => "not finite",
            Stop::NoBetter { .. } => "no better",
        }),
        "loss_before": tuned.loss_before,
        "loss_after": tuned.loss_after,
        "held_out_before": tuned.held_out_before,
        "held_out_after": tuned.held_out_after,
        "nnz_before": tuned.nnz_before,
        "nnz_after": tuned.nnz_after,
        "peak_resident_bytes": output::peak_resident_bytes(),
        "seconds": seconds,
        "history": tuned.history.iter().map(moment).collect::<Vec<_>>(),
    })
}

fn summary(model: &LanguageModel, tuned: &Tuned, out: Option<&Path>, seconds: f64) -> String {
    let rows = [
        ["", "before", "after"].map(str::to_owned).to_vec(),
        vec!["held-out loss".into(), format!("{:.4}", tuned.held_out_before), format!("{:.4}", tuned.held_out_after)],
        vec!["loss on the first batch".into(), format!("{:.4}", tuned.loss_before), format!("{:.4}", tuned.loss_after)],
        vec!["nonzeros".into(), tuned.nnz_before.to_string(), tuned.nnz_after.to_string()],
    ];
    let mut text = output::table(&rows);
    let name = model::printable(model.name());
    text.push_str(&format!("\n{name}: {} steps, best after {}, {seconds:.1} s", tuned.steps, tuned.best_step));
    if let Some(stop) = tuned.stopped {
        text.push_str(&format!("\n{}", stopped(stop)));
    }
    if let Some(out) = out {
        text.push_str(&format!("\nwritten to {}", out.display()));
    }
    text
}
