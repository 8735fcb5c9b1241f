//! Reading files without holding up the window: requests go to a thread, what was read comes back.

use super::pyramid::Pyramid;
use super::run::{Pictures, Subject};
use crate::job::{End, Outcome, Snapshot};
use crate::matrix::keep_largest;
use crate::measure;
use crate::model::{self, Checkpoint, Layer, Orientation};
use eframe::egui::Context;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

/// What was read or computed.
pub enum Loaded {
    /// A file's catalogue, and the tensor that was asked for with it.
    Checkpoint(Arc<Checkpoint>, Option<String>),
    /// One layer and its picture.
    Layer(Subject),
    /// Factors that were exported before.
    Factors {
        /// Where they are from.
        title: String,
        /// What they are compared with.
        subject: Option<Subject>,
        /// The factors and their error.
        outcome: Box<Outcome>,
        /// Of the factors.
        pictures: Box<Pictures>,
    },
    /// Magnitude pruning's error at the density that was asked for.
    Magnitude(MagnitudeKey, f64),
    /// What the system's dialog chose to open.
    Picked(PathBuf),
    /// Where the system's dialog chose to write.
    Place(PathBuf),
    /// A dialog was closed without a choice.
    Nothing,
    /// Something finished that needs no more than a word.
    Done(String),
    /// What went wrong, in a sentence.
    Problem(String),
}

/// For which layer and density.
#[derive(Clone)]
pub struct MagnitudeKey {
    /// Compared by identity.
    pub layer: Arc<Layer>,
    /// Kept entries.
    pub kept: usize,
}

impl PartialEq for MagnitudeKey {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.layer, &other.layer) && self.kept == other.kept
    }
}

/// Sends work to threads and gathers what comes back.
pub struct Loader {
    sender: Sender<Loaded>,
    loaded: Receiver<Loaded>,
    ctx: Context,
    /// How many things are under way.
    pub busy: usize,
}

impl Loader {
    /// Wakes `ctx` when something is there.
    pub fn new(ctx: Context) -> Self {
        let (sender, loaded) = channel();
        Self { sender, loaded, ctx, busy: 0 }
    }

    /// The next thing that is there.
    pub fn next(&mut self) -> Option<Loaded> {
        let loaded = self.loaded.try_recv().ok()?;
        self.busy = self.busy.saturating_sub(1);
        Some(loaded)
    }

    /// Runs `work` on a thread of its own.
    pub fn spawn(&mut self, work: impl FnOnce() -> Loaded + Send + 'static) {
        let (sender, ctx) = (self.sender.clone(), self.ctx.clone());
        self.busy += 1;
        std::thread::spawn(move || {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            let loaded = done.unwrap_or_else(|_| Loaded::Problem("Reading broke off (a bug; please report it)".into()));
            if sender.send(loaded).is_ok() {
                ctx.request_repaint();
            }
        });
    }

    /// Opens a file or folder.
    pub fn open(&mut self, path: PathBuf, tensor: Option<String>) {
        self.spawn(move || match model::open(&path) {
            Ok(checkpoint) => Loaded::Checkpoint(Arc::new(checkpoint), tensor),
            Err(error) => Loaded::Problem(error.to_string()),
        });
    }

    /// Reads one layer.
    pub fn layer(&mut self, checkpoint: &Arc<Checkpoint>, name: String, orientation: Orientation) {
        let checkpoint = checkpoint.clone();
        self.spawn(move || match checkpoint.layer(&name, orientation) {
            Ok(layer) => {
                let picture = Arc::new(Pyramid::new(layer.weight.clone()));
                Loaded::Layer(Subject { layer: Arc::new(layer), picture })
            }
            Err(error) => Loaded::Problem(error.to_string()),
        });
    }

    /// Reads factors, to be compared with `w` when the shapes agree.
    pub fn factors(&mut self, checkpoint: &Arc<Checkpoint>, stem: String, w: Option<Subject>) {
        let checkpoint = checkpoint.clone();
        self.spawn(move || match checkpoint.factors(&stem) {
            Ok(factors) => {
                let product = factors.product();
                let subject = w.filter(|w| w.layer.weight.shape() == product.shape());
                let w = subject.as_ref().map(|subject| &*subject.layer.weight);
                let relative_error = w.map_or(0.0, |w| measure::relative_error(w, &factors.a, &factors.b));
                let snapshot = Snapshot { step: 0, factors: factors.clone(), product };
                let pictures = Box::new(Pictures::new(w, snapshot));
                let outcome =
                    Outcome { end: End::Finished, factors, relative_error, history: Vec::new(), seconds: 0.0 };
                let title = format!("{stem} of {}", checkpoint.name());
                Loaded::Factors { title, subject, outcome: Box::new(outcome), pictures }
            }
            Err(error) => Loaded::Problem(error.to_string()),
        });
    }

    /// Computes magnitude pruning's error.
    pub fn magnitude(&mut self, key: MagnitudeKey) {
        self.spawn(move || {
            let w = &key.layer.weight;
            let error = measure::relative_difference(w, &keep_largest(w, key.kept));
            Loaded::Magnitude(key, error)
        });
    }

    /// The system's dialog for a file to open.
    pub fn pick_file(&mut self) {
        let kinds = ["safetensors", "json", "npy"];
        let dialog = rfd::AsyncFileDialog::new().set_title("Open a checkpoint or a matrix");
        let chosen = dialog.add_filter("Checkpoints and matrices", &kinds).pick_file();
        self.spawn(|| pollster::block_on(chosen).map_or(Loaded::Nothing, |file| Loaded::Picked(file.path().into())));
    }

    /// The system's dialog for a checkpoint's folder.
    pub fn pick_folder(&mut self) {
        let chosen = rfd::AsyncFileDialog::new().set_title("Open a checkpoint's folder").pick_folder();
        self.spawn(|| pollster::block_on(chosen).map_or(Loaded::Nothing, |file| Loaded::Picked(file.path().into())));
    }

    /// The system's dialog for a file to write.
    pub fn pick_place(&mut self, name: String) {
        let chosen = rfd::AsyncFileDialog::new().set_title("Export").set_file_name(name).save_file();
        self.spawn(|| pollster::block_on(chosen).map_or(Loaded::Nothing, |file| Loaded::Place(file.path().into())));
    }
}
