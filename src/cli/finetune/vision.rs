//! `finetune` of a residual network.

use super::super::vision::knows_glyphs;
use super::super::{Failure, output};
use super::{Finetune, Work, take_all};
use crate::compress::{Tunable, TuningInputs};
use crate::finetune::{Images, OptimizerKind, Settings, VisionTask, VisionTuning};
use crate::vision::{self, ImageSet, Pictures, VisionModel};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Pictures of the built-in network that are held out.
const HELD_OUT: usize = 1000;

/// Whether a flag is for language models.
fn is_for_text(name: &str) -> bool {
    ["text", "context", "distill", "blockwise", "estimate"].contains(&name)
}

/// Tunes the network.
pub fn tune(args: &Finetune, model: VisionModel) -> Result<(), Failure> {
    let model = args.colours.apply(model)?;
    let start = Instant::now();
    args.given.refuse(is_for_text, "is for language models", "leave it out")?;
    let settings = settings(args);
    settings.check()?;
    super::super::say_notes(model.checkpoint());
    let tunable = Tunable::read(&args.model, &model)?;
    let layouts = args.layouts(&model, &tunable)?;
    let companions = vision::companions(&args.model)?;
    let (images, held_out) = images(args, &model)?;
    let inputs = TuningInputs::of_images(&model, &settings, &images, &held_out);
    let mut work = Work::new(args, model.name(), inputs, tunable, (layouts, companions), start);
    let task = VisionTask { network: model.network()?, layers: work.take_layers(), images, held_out };
    let mut tuning = VisionTuning::new(task, settings.clone())?;
    take_all(&mut tuning, work.open(args)?)?;
    work.finish(args, &tuning.finish()?)
}

/// What was given, and for the rest what residual networks are tuned with.
fn settings(args: &Finetune) -> Settings {
    let (given, usual) = (|name: &str| args.given.has(name), Settings::for_vision());
    let mut settings = args.settings.clone();
    if !given("optimizer") {
        settings.optimizer = usual.optimizer;
    }
    // AdamW has another rate.
    if !given("learning_rate") && settings.optimizer == OptimizerKind::Sgd {
        settings.learning_rate = usual.learning_rate;
    }
    if !given("batch") {
        settings.batch = usual.batch;
    }
    if !given("clip") {
        settings.clip = usual.clip;
    }
    if !given("train") {
        settings.train = usual.train;
    }
    settings.warm_up = settings.warm_up.or(usual.warm_up);
    settings
}

/// The images to train on, and those that are held out.
fn images(args: &Finetune, model: &VisionModel) -> Result<(Images, Pictures), Failure> {
    let held_out = args.held_out.as_deref().map(|path| read(model, path, "--held-out")).transpose()?;
    let Some(path) = &args.images else {
        if !knows_glyphs(model) {
            let hint = "give labelled ones with --images FILE_OR_DIR; only the built-in network brings its own";
            return Err(Failure::new("no images to train on", hint).usage());
        }
        return Ok((Images::Glyphs, held_out.unwrap_or_else(|| vision::example_held_out(HELD_OUT))));
    };
    let pictures = read(model, path, "--images")?;
    let augment = Some(model.augment((pictures.height, pictures.width)));
    Ok(match held_out {
        Some(held_out) => (Images::Pictures { pictures: Arc::new(pictures), augment }, held_out),
        None => Images::split(&pictures, augment)?,
    })
}

/// All images of a set, with their classes.
fn read(model: &VisionModel, path: &Path, flag: &str) -> Result<Pictures, Failure> {
    let set = ImageSet::open(path, model.preprocess())?.with_class_names(model.class_names());
    if !set.is_labelled() {
        return Err(Failure::new(format!("the classes of the {flag} are not known"), "give labelled images"));
    }
    let portion = set.read(0..set.len())?;
    if let Some(first) = portion.skipped.first() {
        let count = portion.skipped.len();
        output::note(&format!("{count} of the images cannot be read and were left out, {first} for one"));
    }
    Ok(portion.pictures)
}
