//! `finetune` of a language model.

use super::super::{Failure, output};
use super::summary::{estimate, estimate_json};
use super::{Finetune, Work, take_all};
use crate::compress::{Tunable, TuningInputs};
use crate::finetune::{Blockwise, Distill, Moment, Settings, Task, Text, Tuned, Tuning, tune_blocks, tuning_size};
use crate::language::{self, LanguageModel, LayerId, Windows};
use crate::matrix::Replacement;
use crate::measure::cost::remaining_secs;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// Windows of a held-out text that are measured, evenly spaced.
const HELD_OUT: usize = 128;

/// Seed of the stories that are held out: neither those that are trained on nor those that `perplexity` measures.
pub const HELD_OUT_STORIES: u64 = 303;

/// Tunes the model.
pub fn tune(args: &Finetune, threads: usize) -> Result<(), Failure> {
    let start = Instant::now();
    args.given.refuse(|name| name == "images", "is for residual networks", "give a text with --text")?;
    let distill = match (&args.distill, args.blockwise) {
        (None, _) => Distill::None,
        (Some(_), false) => Distill::Logits,
        (Some(_), true) => Distill::Blocks,
    };
    let settings = Settings { distill, ..args.settings.clone() };
    settings.check()?;
    let model = language::open(&args.model)?;
    super::super::say_notes(model.checkpoint());
    model.notes().iter().for_each(|note| output::note(&note.to_string()));
    let tunable = Tunable::read(&args.model, &model)?;
    if args.estimate {
        let size = tuning_size(&model, &tunable.layers, &settings, threads);
        return if args.json { output::json(&estimate_json(&size)) } else { output::print(&estimate(&size)) };
    }
    let layouts = args.layouts(&model, &tunable)?;
    let companions = language::companions(&args.model)?;
    let (text, held_out) = texts(args, &model, &settings, is_built_in(&companions))?;
    let teacher = match &args.distill {
        Some(Some(folder)) => Some(language::open(folder)?),
        Some(None) => Some(language::example()),
        None => None,
    };
    let inputs = TuningInputs::of_text(&model, &settings, &text, &held_out, teacher.as_ref());
    let mut work = Work::new(args, model.name(), inputs, tunable, (layouts, companions), start);
    let layers = work.take_layers();
    let task = Task { model: model.clone(), layers, text, held_out, teacher };
    let tuned = match args.blockwise {
        true => {
            work.open(args)?;
            by_blocks(task, &settings)?
        }
        false => {
            let mut tuning = Tuning::new(task, settings.clone())?;
            take_all(&mut tuning, work.open(args)?)?;
            tuning.finish()?
        }
    };
    work.finish(args, &tuned)
}

/// Tunes one block after the other; an interrupted tuning begins again.
fn by_blocks(task: Task, settings: &Settings) -> Result<Tuned, Failure> {
    /// Windows of the text that the blocks read.
    const WINDOWS: usize = 128;
    let Task { model, layers, text, held_out, teacher } = task;
    let teacher = teacher.as_ref().unwrap_or(&model);
    let usual = Blockwise::default();
    let how = Blockwise {
        epochs: settings.epochs.map_or(usual.epochs, |epochs| epochs.ceil() as usize),
        learning_rate: settings.learning_rate.unwrap_or(usual.learning_rate),
        batch: usual.batch,
    };
    let context = settings.context_of(model.config().most_positions());
    let windows = text.windows(context).map_or(WINDOWS, |windows| windows.clamp(1, WINDOWS));
    let windows = text.batch(&model, &Settings { batch: windows, ..settings.clone() }, context, 0)?;
    let loss = |model: &LanguageModel, windows: &Windows| model.loss(windows, &language::ignore_progress);
    let before = [loss(&model, &windows)?, loss(&model, &held_out)?];
    let bar = output::Share::new("tuning");
    let begun = Instant::now();
    let progress = |share: f64| {
        let left = remaining_secs(begun.elapsed().as_secs_f64(), share, 1.0 - share);
        let block = (share * model.config().blocks as f64) as usize;
        bar.update(share, if share > 0.0 { left } else { 0.0 }, &format!("block {block}"))
    };
    let blocks = tune_blocks(&model, &layers, teacher, &windows, &how, &progress)?;
    bar.finish();
    for (number, [before, after]) in blocks.errors.iter().enumerate() {
        output::say(&format!("block {number}: its outputs' distance from the dense model's {before:.4} → {after:.4}"));
    }
    let mut tuned = model.clone();
    for (&id, replacement) in &blocks.layers {
        tuned.replace(id, Arc::new(replacement.to_dense()));
    }
    for (name, values) in &blocks.tensors {
        tuned.replace_values(name, Arc::new(values.clone()));
    }
    let after = [loss(&tuned, &windows)?, loss(&tuned, &held_out)?];
    // Closer to the dense model's streams is not always a lower loss: the better of the two is the result.
    if after[1].nll >= before[1].nll {
        output::note("the held-out loss did not fall: the values from before are kept");
        return Ok(Tuned::unchanged(layers, before.map(|loss| loss.nll)));
    }
    let entries = |layers: &BTreeMap<LayerId, Replacement>| layers.values().map(Replacement::entries).sum();
    let moment =
        |step: usize, held_out: f64| Moment { step, loss: None, rate: 0.0, held_out: Some(held_out), accuracy: None };
    Ok(Tuned {
        nnz_before: entries(&layers),
        nnz_after: entries(&blocks.layers),
        steps: blocks.errors.len(),
        best_step: blocks.errors.len(),
        stopped: None,
        loss_before: before[0].nll,
        loss_after: after[0].nll,
        held_out_before: before[1].nll,
        held_out_after: after[1].nll,
        accuracy_before: None,
        accuracy_after: None,
        history: vec![moment(0, before[1].nll), moment(blocks.errors.len(), after[1].nll)],
        layers: blocks.layers,
        tensors: blocks.tensors,
    })
}

/// The text to train on, and the windows that are held out.
fn texts(
    args: &Finetune,
    model: &LanguageModel,
    settings: &Settings,
    is_built_in: bool,
) -> Result<(Text, Windows), Failure> {
    let context = settings.context_of(model.config().most_positions());
    let held_out = args.held_out.as_ref().map(|file| -> Result<Windows, Failure> {
        Ok(Windows::from_text(model, &super::super::text(file)?, context, None)?.evenly_spaced(HELD_OUT))
    });
    let held_out = held_out.transpose()?;
    match (&args.text, held_out) {
        (Some(file), held_out) => {
            let tokens = model.tokenizer().encode(&super::super::text(file)?)?;
            Ok(match held_out {
                Some(held_out) => (Text::Tokens(Arc::new(tokens)), held_out),
                None => {
                    let (text, held_out) = Text::split(tokens, context)?;
                    (text, Windows::from_tokens(model, held_out, context, None)?.evenly_spaced(HELD_OUT))
                }
            })
        }
        (None, held_out) if is_built_in => {
            super::super::language::bounded(settings.batch, context)?;
            let stories = || crate::stories::excerpt(HELD_OUT_STORIES, HELD_OUT, context).text;
            let held_out = match held_out {
                Some(held_out) => held_out,
                None => Windows::from_text(model, &stories(), context, None)?,
            };
            Ok((Text::Stories { seed: settings.seed }, held_out))
        }
        (None, _) => Err(Failure::new("no text to train on", "give one with --text FILE")),
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
