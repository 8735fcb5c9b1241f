//! `accuracy`: evaluate a vision model on images.

use super::vision::{VisionArgs, knows_glyphs};
use super::{Failure, output};
use crate::vision::{self, Evaluation, ImageSet, VisionModel};
use serde_json::{Value, json};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

/// Of the built-in pictures, unless another number is wanted.
const BUILT_IN_PICTURES: usize = 1000;

/// The command's arguments.
#[derive(clap::Args)]
pub struct Accuracy {
    #[command(flatten)]
    model: VisionArgs,

    /// Images: a .bin of CIFAR-10 or a folder of them, a .npy [n, 3, height, width] of bytes, or a folder with a subfolder for
    /// each class [default for the built-in network: pictures that its training did not see]
    #[arg(long, value_name = "FILE_OR_DIR")]
    images: Option<PathBuf>,

    /// Only the first so many images [default for the built-in pictures, which have no end: 1000]
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroUsize>,

    /// Also what the network computed of each image (only with --json)
    #[arg(long, requires = "json")]
    logits: bool,

    /// Worker threads; the result does not depend on them [default: all processors]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// One JSON value on standard output
    #[arg(long)]
    json: bool,
}

impl Accuracy {
    /// Computes the accuracy and prints it.
    pub fn run(self) -> Result<(), Failure> {
        super::on_threads(self.threads, |_| self.measure())
    }

    fn measure(&self) -> Result<(), Failure> {
        let model = self.model.open()?;
        let images = self.images(&model)?;
        let network = model.network()?;
        let start = Instant::now();
        let bar = output::Steps::new("accuracy", "images");
        let classified = network.classify(&images, &|done, all| bar.update(done, all))?;
        bar.finish();
        let seconds = start.elapsed().as_secs_f64();
        let (evaluation, skipped) = (&classified.evaluation, &classified.skipped);
        if let Some(first) = skipped.first() {
            output::note(&format!("{} of the images cannot be read and were left out, {first} for one", skipped.len()));
        }
        let names = images.classes();
        if self.json {
            let rows = self.logits.then(|| {
                let logits = &classified.logits;
                (0..logits.rows()).map(|row| logits.row(row)).collect::<Vec<_>>()
            });
            return output::json(&json!({
                "accuracy": evaluation.accuracy(),
                "correct": evaluation.is_labelled().then(|| evaluation.correct()),
                "images": evaluation.images(),
                "skipped": skipped.len(),
                "loss": evaluation.loss(),
                "per_class": per_class(evaluation, names),
                "seconds": seconds,
                "images_per_second": evaluation.images() as f64 / seconds.max(1e-9),
                "logits": rows,
            }));
        }
        output::print(&summary(evaluation, names, seconds))
    }
}

impl Accuracy {
    fn images(&self, model: &VisionModel) -> Result<ImageSet, Failure> {
        let limit = self.limit.map(NonZeroUsize::get);
        let images = match &self.images {
            Some(path) => ImageSet::open(path, model.preprocess())?,
            None if knows_glyphs(model) => vision::example_images(limit.unwrap_or(BUILT_IN_PICTURES)),
            None => {
                let hint = "give --images FILE_OR_DIR; only the built-in network brings its own";
                return Err(Failure::new("no images to classify", hint).usage());
            }
        };
        let images = images.with_class_names(model.class_names());
        Ok(match limit {
            Some(limit) => images.first(limit),
            None => images,
        })
    }
}

fn name(names: &[String], class: usize) -> String {
    names.get(class).cloned().unwrap_or_else(|| format!("class {class}"))
}

fn per_class(evaluation: &Evaluation, names: &[String]) -> Value {
    let classes = evaluation.per_class();
    let of_class = classes
        .iter()
        .enumerate()
        .map(|(at, class)| json!({ "name": name(names, at), "images": class.images, "correct": class.correct }));
    of_class.collect()
}

fn summary(evaluation: &Evaluation, names: &[String], seconds: f64) -> String {
    let speed = evaluation.images() as f64 / seconds.max(1e-9);
    let done = format!("{} images in {seconds:.1} s, {speed:.0} a second", evaluation.images());
    let (Some(accuracy), Some(loss)) = (evaluation.accuracy(), evaluation.loss()) else {
        return format!("{done}; their classes are not known: --json --logits prints what the network computed");
    };
    let mut lines = vec![format!(
        "accuracy {:.2} % ({} of {} images), loss {loss:.4}, {seconds:.1} s, {speed:.0} images a second",
        100.0 * accuracy,
        evaluation.correct(),
        evaluation.images()
    )];
    /// Of more the lines would push the result off the screen.
    const MOST: usize = 20;
    let classes = evaluation.per_class();
    let seen = classes.iter().enumerate().filter(|(_, class)| class.images > 0);
    if seen.clone().count() <= MOST {
        let names: Vec<String> = (0..classes.len()).map(|at| name(names, at)).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        for (at, class) in seen {
            let share = 100.0 * class.correct as f64 / class.images as f64;
            lines.push(format!("  {:width$}  {share:5.1} %  of {}", names[at], class.images));
        }
    }
    lines.join("\n")
}
