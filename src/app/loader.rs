//! Reading files without holding up the window: requests go to a thread, what was read comes back.

use super::inputs_panel::Use;
use super::run::{Ended, Kept, Subject};
use crate::factorize::Calibration;
use crate::job::Outcome;
use crate::measure;
use crate::model::{self, Checkpoint, Layer, Orientation};
use eframe::egui::Context;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// What was read or computed.
pub enum Loaded {
    /// A file's catalogue, where it is from, and the tensor that was asked for with it.
    Checkpoint(Arc<Checkpoint>, Option<PathBuf>, Option<String>),
    /// One layer and its picture.
    Layer(Subject),
    /// Factors that were exported before.
    Factors {
        /// The name they are of.
        stem: String,
        /// Where they are from.
        title: String,
        /// What they are compared with.
        subject: Option<Subject>,
        /// The factors and their error.
        ended: Box<Ended>,
    },
    /// The error of a run's opened factors against a layer that was opened later.
    Compared(usize, Subject, f64),
    /// What the system's dialog chose to open.
    Picked(PathBuf),
    /// What it chose as statistics of the layer's inputs.
    PickedInputs(PathBuf, Use),
    /// Such statistics, and the name of their file.
    Inputs(String, Arc<Calibration>, Use),
    /// The statistics of what the layer with this tensor reads in its model.
    ModelInputs(String, Arc<Calibration>),
    /// The language model with its compressed layers was written, as of this version of them.
    ModelSaved(usize, String),
    /// Where the system's dialog chose to write.
    Place(PathBuf),
    /// A dialog was closed without a choice.
    Nothing,
    /// A file was written; with the number of the run whose factors it holds.
    Saved(Option<usize>, String),
    /// What went wrong, in a sentence.
    Problem(String),
}

/// Sends work to threads and gathers what comes back.
pub struct Loader {
    sender: Sender<(Option<usize>, Loaded)>,
    loaded: Receiver<(Option<usize>, Loaded)>,
    ctx: Context,
    /// Counts what was asked to be opened: only the last of it is wanted.
    latest: usize,
    /// Files being written; waited for when the window closes.
    writes: Vec<JoinHandle<()>>,
    /// How many things are under way.
    pub busy: usize,
}

impl Loader {
    /// Wakes `ctx` when something is there.
    pub fn new(ctx: Context) -> Self {
        let (sender, loaded) = channel();
        Self { sender, loaded, ctx, latest: 0, writes: Vec::new(), busy: 0 }
    }

    /// The next thing that is there.
    pub fn next(&mut self) -> Option<Loaded> {
        loop {
            let (request, loaded) = self.loaded.try_recv().ok()?;
            self.busy = self.busy.saturating_sub(1);
            if request.is_none_or(|request| request == self.latest) {
                return Some(loaded);
            }
        }
    }

    /// Runs `work` on a thread of its own.
    pub fn spawn(&mut self, work: impl FnOnce() -> Loaded + Send + 'static) {
        self.start(None, work);
    }

    /// The same for `work` that opens something: what was asked for before is dropped when it comes later.
    pub fn spawn_opening(&mut self, work: impl FnOnce() -> Loaded + Send + 'static) {
        self.latest += 1;
        self.start(Some(self.latest), work);
    }

    /// The same for `work` that writes a file: closing the window waits for it.
    pub fn spawn_writing(&mut self, work: impl FnOnce() -> Loaded + Send + 'static) {
        let thread = self.start(None, work);
        self.writes.retain(|write| !write.is_finished());
        self.writes.push(thread);
    }

    fn start(&mut self, request: Option<usize>, work: impl FnOnce() -> Loaded + Send + 'static) -> JoinHandle<()> {
        let (sender, ctx) = (self.sender.clone(), self.ctx.clone());
        self.busy += 1;
        std::thread::spawn(move || {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            let loaded = done.unwrap_or_else(|_| Loaded::Problem("Reading broke off (a bug; please report it)".into()));
            if sender.send((request, loaded)).is_ok() {
                ctx.request_repaint();
            }
        })
    }

    /// Opens a file or folder.
    pub fn open(&mut self, path: PathBuf, tensor: Option<String>) {
        self.spawn_opening(move || match model::open(&path) {
            Ok(checkpoint) => Loaded::Checkpoint(Arc::new(checkpoint), Some(path), tensor),
            Err(error) => Loaded::Problem(error.to_string()),
        });
    }

    /// Reads one layer.
    pub fn layer(&mut self, checkpoint: &Arc<Checkpoint>, name: String, orientation: Orientation) {
        let checkpoint = checkpoint.clone();
        self.spawn_opening(move || match checkpoint.layer(&name, orientation) {
            Ok(layer) => Loaded::Layer(Subject::of(layer, &checkpoint)),
            Err(error) => Loaded::Problem(error.to_string()),
        });
    }

    /// Reads factors, to be compared with `w` when the shapes agree.
    pub fn factors(&mut self, checkpoint: &Arc<Checkpoint>, stem: String, w: Option<Subject>) {
        let checkpoint = checkpoint.clone();
        self.spawn_opening(move || match checkpoint.factors(&stem) {
            Ok(factors) => {
                let product = factors.product();
                let same = |w: &Subject| w.layer.stem() == stem && w.layer.weight.shape() == product.shape();
                let subject = w.filter(same);
                let w = subject.as_ref().map(|subject| &*subject.layer.weight);
                let relative_error = w.map_or(0.0, |w| measure::relative_error(w, &factors.a, &factors.b));
                let ended = Box::new(Ended::new(Outcome::opened(factors, relative_error)));
                let compared = subject.as_ref().map(|w| format!(", against {}", w.layer.file));
                let title = format!("{stem} of {}{}", checkpoint.name(), compared.unwrap_or_default());
                Loaded::Factors { stem, title, subject, ended }
            }
            Err(error) => Loaded::Problem(error.to_string()),
        });
    }

    /// Compares opened factors with the layer they are of.
    pub fn compare(&mut self, number: usize, kept: Arc<Kept>, w: Subject) {
        self.spawn(move || {
            let factors = kept.factors();
            let error = measure::relative_error(&w.layer.weight, &factors.a, &factors.b);
            Loaded::Compared(number, w, error)
        });
    }

    /// Reads the statistics of what a layer reads.
    pub fn inputs(&mut self, path: PathBuf, layer: Arc<Layer>, what: Use) {
        self.spawn(move || match model::open_calibration(&path, layer.stem(), layer.weight.cols()) {
            Ok(statistics) => {
                let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
                Loaded::Inputs(name, Arc::new(statistics), what)
            }
            Err(error) => Loaded::Problem(error.to_string()),
        });
    }

    /// The system's dialog for a file of inputs.
    pub fn pick_inputs(&mut self, what: Use) {
        let dialog = rfd::AsyncFileDialog::new().set_title("Open a layer's inputs");
        let chosen = dialog.add_filter("Inputs X or their product XtX", &["safetensors", "npy"]).pick_file();
        self.spawn(move || {
            pollster::block_on(chosen).map_or(Loaded::Nothing, |file| Loaded::PickedInputs(file.path().into(), what))
        });
    }

    /// What it wakes.
    pub fn ctx(&self) -> &Context {
        &self.ctx
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

impl Drop for Loader {
    fn drop(&mut self) {
        // A thread that panicked has said so; there is nothing to add while closing.
        self.writes.drain(..).for_each(|write| drop(write.join()));
    }
}
