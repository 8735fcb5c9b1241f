//! Reading files without holding up the window: requests go to tasks, what was read comes back.

use crate::app::panels::dialogs::export::Write;
use crate::app::panels::language::{Collect, SaveModel};
use crate::app::platform::{self, written::Written};
use crate::app::state::inputs::Use;
use crate::app::state::kept::Kept;
use crate::app::state::run::{Ended, Subject};
use crate::job::Outcome;
use crate::matrix::Calibration;
use crate::measure;
use crate::model::{Checkpoint, Layer, Orientation, Source};
use crate::tasks::{self, Message, Queue, SilentTask, Task, shared};
use eframe::egui::Context;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

/// What was read or computed.
pub enum Loaded {
    /// A file's catalogue, where it is from, and the tensor that was asked for with it.
    Checkpoint(Arc<Checkpoint>, Option<Source>, Option<String>),
    /// One layer.
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
    /// What was chosen to open.
    Picked(Source),
    /// What was chosen as statistics of the layer's inputs.
    PickedInputs(Source, Use),
    /// What was chosen as the model's text.
    PickedText(Source),
    /// Such statistics, and the name of their file.
    Inputs(String, Arc<Calibration>, Use),
    /// The statistics of what the layer with this tensor reads in its model.
    ModelInputs(String, Arc<Calibration>),
    /// The language model with its compressed layers was written, as of this version of them.
    ModelSaved(usize, Written),
    /// Where the system's dialog chose to write.
    Place(PathBuf),
    /// A dialog was closed without a choice.
    Nothing,
    /// A file was written; with the number of the run whose factors it holds.
    Saved(Option<usize>, Written),
    /// What went wrong, in a sentence.
    Problem(String),
}

/// Which request it answers, whether it was counted, and what it is.
type Brought = (Option<usize>, bool, Loaded);

/// Sends work away and gathers what comes back.
pub struct Loader {
    sender: Sender<Brought>,
    loaded: Receiver<Brought>,
    ctx: Context,
    /// Counts what was asked to be opened: only the last of it is wanted.
    latest: usize,
    /// How many files are being written; waited for when the window closes.
    writing: Arc<AtomicUsize>,
    /// How many things are under way.
    pub busy: usize,
}

/// Brings one thing back.
pub struct Word {
    sender: Sender<Brought>,
    request: Option<usize>,
    ctx: Context,
    /// Whether it is among what is under way.
    counted: bool,
    /// Of what writes a file.
    writing: Option<Arc<AtomicUsize>>,
}

impl Drop for Word {
    fn drop(&mut self) {
        if let Some(writing) = &self.writing {
            writing.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Word {
    /// It is there.
    pub fn say(&self, loaded: Loaded) {
        if self.sender.send((self.request, self.counted, loaded)).is_ok() {
            self.ctx.request_repaint();
        }
    }
}

impl Loader {
    /// Wakes `ctx` when something is there.
    pub fn new(ctx: Context) -> Self {
        let (sender, loaded) = channel();
        Self { sender, loaded, ctx, latest: 0, writing: Arc::default(), busy: 0 }
    }

    /// The next thing that is there.
    pub fn next(&mut self) -> Option<Loaded> {
        loop {
            let (request, counted, loaded) = self.loaded.try_recv().ok()?;
            self.busy = self.busy.saturating_sub(usize::from(counted));
            if request.is_none_or(|request| request == self.latest) {
                return Some(loaded);
            }
        }
    }

    /// What a dialog brings back: nobody knows when, or whether at all.
    pub fn word_waiting(&mut self) -> Word {
        let mut word = self.word();
        self.busy -= 1;
        word.counted = false;
        word
    }

    /// What something brings back that was not asked for by a task.
    pub fn word(&mut self) -> Word {
        self.busy += 1;
        Word { counted: true, sender: self.sender.clone(), request: None, ctx: self.ctx.clone(), writing: None }
    }

    /// The same for what writes a file: closing the window waits until it is dropped.
    fn word_writing(&mut self) -> Word {
        self.writing.fetch_add(1, Ordering::Relaxed);
        let mut word = self.word();
        word.writing = Some(self.writing.clone());
        word
    }

    /// The same for what opens something: what was asked for before is dropped when it comes later.
    pub fn word_opening(&mut self) -> Word {
        self.latest += 1;
        let mut word = self.word();
        word.request = Some(self.latest);
        word
    }

    /// Does a task; what it says and what is made of it go to the window.
    fn start<T: Task<Output = Result<V, String>>, V>(
        &mut self,
        word: Word,
        task: T,
        loaded: impl FnOnce(V) -> Loaded + Send + 'static,
    ) {
        let mut once = Some((word, loaded));
        let handle = tasks::spawn(task, move |message| {
            let done = match message {
                Message::Progress(_) => return,
                Message::Done(done) => done,
                Message::Crashed => Err("This broke off (a bug; please report it)".into()),
            };
            if let Some((word, loaded)) = once.take() {
                word.say(done.map_or_else(Loaded::Problem, loaded));
            }
        });
        handle.detach();
    }

    /// Opens something.
    pub fn open(&mut self, source: Source, tensor: Option<String>) {
        let word = self.word_opening();
        self.start(word, Open(source.clone()), move |Opened(checkpoint)| {
            Loaded::Checkpoint(checkpoint, Some(source), tensor)
        });
    }

    /// Reads one layer.
    pub fn layer(&mut self, checkpoint: &Arc<Checkpoint>, name: String, orientation: Orientation) {
        let (word, checkpoint) = (self.word_opening(), checkpoint.clone());
        let task = ReadLayer { checkpoint: checkpoint.clone(), name, orientation };
        self.start(word, task, move |layer| Loaded::Layer(Subject::of(layer, &checkpoint)));
    }

    /// Reads factors, to be compared with `w` when the shapes agree.
    pub fn factors(&mut self, checkpoint: &Arc<Checkpoint>, stem: String, w: Option<Subject>) {
        let (word, checkpoint) = (self.word_opening(), checkpoint.clone());
        let layer = w.as_ref().map(|w| w.layer.clone()).filter(|layer| layer.stem() == stem);
        let task = ReadFactors { checkpoint: checkpoint.clone(), stem: stem.clone(), layer };
        self.start(word, task, move |(ended, compared)| {
            let subject = w.filter(|_| compared);
            let against = subject.as_ref().map(|w| format!(", against {}", w.layer.file));
            let title = format!("{stem} of {}{}", checkpoint.name(), against.unwrap_or_default());
            Loaded::Factors { stem, title, subject, ended: Box::new(ended) }
        });
    }

    /// Compares opened factors with the layer they are of.
    pub fn compare(&mut self, number: usize, kept: Arc<Kept>, w: Subject) {
        let (word, layer) = (self.word(), w.layer.clone());
        self.start(word, Compare { kept, layer }, move |error| Loaded::Compared(number, w, error));
    }

    /// Reads the statistics of what a layer reads.
    pub fn inputs(&mut self, source: Source, layer: &Layer, what: Use) {
        let (word, name) = (self.word(), source.name());
        let task = ReadInputs { source, stem: layer.stem().to_owned(), inputs: layer.weight.cols() };
        self.start(word, task, move |statistics| Loaded::Inputs(name, Arc::new(statistics), what));
    }

    /// Collects the statistics of what a layer reads in the model.
    pub fn collect(&mut self, task: Collect) {
        let (word, tensor) = (self.word(), task.id.tensor());
        self.start(word, task, move |statistics| Loaded::ModelInputs(tensor, Arc::new(statistics)));
    }

    /// Writes what the window shows.
    pub fn write(&mut self, task: Write) {
        let (word, number) = (self.word_writing(), task.number_saved());
        self.start(word, task, move |written| Loaded::Saved(number, written));
    }

    /// Writes the model with its compressed layers, as of this version of them.
    pub fn save_model(&mut self, version: usize, task: SaveModel) {
        let word = self.word_writing();
        self.start(word, task, move |written| Loaded::ModelSaved(version, written));
    }

    /// What it wakes.
    pub fn ctx(&self) -> &Context {
        &self.ctx
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        platform::wait_for(&self.writing);
    }
}

/// Opens a file, a folder, or what else there is.
#[derive(Serialize, Deserialize)]
pub struct Open(Source);

/// What is in it.
#[derive(Serialize, Deserialize)]
pub struct Opened(#[serde(with = "shared")] Arc<Checkpoint>);

impl SilentTask for Open {
    const NAME: &'static str = "open";
    const QUEUE: Queue = Queue::Files;
    type Output = Result<Opened, String>;

    fn make(self) -> Self::Output {
        self.0.open().map(|checkpoint| Opened(Arc::new(checkpoint))).map_err(|error| error.to_string())
    }
}

/// Reads a layer.
#[derive(Serialize, Deserialize)]
pub struct ReadLayer {
    #[serde(with = "shared")]
    checkpoint: Arc<Checkpoint>,
    name: String,
    orientation: Orientation,
}

impl SilentTask for ReadLayer {
    const NAME: &'static str = "read layer";
    const QUEUE: Queue = Queue::Files;
    type Output = Result<Layer, String>;

    fn make(self) -> Self::Output {
        self.checkpoint.layer(&self.name, self.orientation).map_err(|error| error.to_string())
    }
}

/// Reads factors, and compares them with a layer.
#[derive(Serialize, Deserialize)]
pub struct ReadFactors {
    #[serde(with = "shared")]
    checkpoint: Arc<Checkpoint>,
    stem: String,
    #[serde(with = "shared::option")]
    layer: Option<Arc<Layer>>,
}

impl SilentTask for ReadFactors {
    const NAME: &'static str = "read factors";
    const QUEUE: Queue = Queue::Files;
    /// Whether they were compared.
    type Output = Result<(Ended, bool), String>;

    fn make(self) -> Self::Output {
        let factors = self.checkpoint.factors(&self.stem).map_err(|error| error.to_string())?;
        let shape = (factors.a.rows(), factors.b.cols());
        let w = self.layer.as_ref().map(|layer| &*layer.weight).filter(|w| w.shape() == shape);
        let relative_error = w.map_or(0.0, |w| measure::relative_error(w, &factors.a, &factors.b));
        Ok((Ended::new(Outcome::opened(factors, relative_error)), w.is_some()))
    }
}

/// The error of factors against a layer.
#[derive(Serialize, Deserialize)]
pub struct Compare {
    #[serde(with = "shared")]
    kept: Arc<Kept>,
    #[serde(with = "shared")]
    layer: Arc<Layer>,
}

impl SilentTask for Compare {
    const NAME: &'static str = "compare";
    const QUEUE: Queue = Queue::Files;
    type Output = Result<f64, String>;

    fn make(self) -> Self::Output {
        let factors = self.kept.factors();
        Ok(measure::relative_error(&self.layer.weight, &factors.a, &factors.b))
    }
}

/// Reads the statistics of a layer's inputs.
#[derive(Serialize, Deserialize)]
pub struct ReadInputs {
    source: Source,
    stem: String,
    inputs: usize,
}

impl SilentTask for ReadInputs {
    const NAME: &'static str = "read inputs";
    const QUEUE: Queue = Queue::Files;
    type Output = Result<Calibration, String>;

    fn make(self) -> Self::Output {
        let read = || self.source.open()?.calibration(&self.stem, self.inputs);
        read().map_err(|error| error.to_string())
    }
}

/// What is done here, for the Workers of a page.
#[cfg(target_arch = "wasm32")]
pub fn register(registry: tasks::Registry) -> tasks::Registry {
    registry.task::<Open>().task::<ReadLayer>().task::<ReadFactors>().task::<Compare>().task::<ReadInputs>()
}
