//! Reading files without holding up the window: requests go to tasks, what was read comes back.

use super::language::save::SaveModel;
use super::loaded::Loaded;
use super::reading::{Compare, Open, OpenedCheckpoint, OpenedFactors, ReadFactors, ReadInputs, ReadLayer};
use super::vision::save::SaveNetwork;
use super::write_export::WriteExport;
use crate::app::platform::{
    self,
    pick::{Pick, Picked},
};
use crate::app::state::error::Error;
use crate::app::state::hints::{sentence, sentence_of};
use crate::app::state::inputs::InputsRole;
use crate::app::state::loaded_layer::LoadedLayer;
use crate::app::state::run_spec::RunSpec;
use crate::hint::Failure;
use crate::matrix::{Calibration, Replacement};
use crate::model::{Checkpoint, EXAMPLE_LAYER, Layer, Orientation, Source};
use crate::tasks::{self, Message, Task};
use crate::vision;
use eframe::egui::Context;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

/// Request that is answered, whether the answer was counted, and the answer.
type Reply = (Option<usize>, bool, Loaded);

/// Sends work away and gathers what comes back.
pub struct Loader {
    sender: Sender<Reply>,
    loaded: Receiver<Reply>,
    ctx: Context,
    /// Counts what was asked to be opened: only the last of it is wanted.
    latest: usize,
    /// Number of files that are being written; waited for when the window closes.
    writing: Arc<AtomicUsize>,
    /// Number of requests under way.
    pub busy: usize,
}

/// Brings one thing back.
pub struct ReplySender {
    sender: Sender<Reply>,
    request: Option<usize>,
    ctx: Context,
    /// Whether it is among what is under way.
    counted: bool,
    /// Of what writes a file.
    writing: Option<Arc<AtomicUsize>>,
}

impl Drop for ReplySender {
    fn drop(&mut self) {
        if let Some(writing) = &self.writing {
            writing.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl ReplySender {
    /// Sends a result to the window.
    pub fn send(&self, loaded: Loaded) {
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

    /// Returns the sender of a dialog's answer: nobody knows when it comes, or whether at all.
    pub fn reply_waiting(&mut self) -> ReplySender {
        let mut reply = self.reply();
        self.busy -= 1;
        reply.counted = false;
        reply
    }

    /// Returns the sender of something that was not asked for by a task.
    pub fn reply(&mut self) -> ReplySender {
        self.busy += 1;
        ReplySender { counted: true, sender: self.sender.clone(), request: None, ctx: self.ctx.clone(), writing: None }
    }

    /// The same for what writes a file: closing the window waits until it is dropped.
    fn reply_writing(&mut self) -> ReplySender {
        self.writing.fetch_add(1, Ordering::Relaxed);
        let mut reply = self.reply();
        reply.writing = Some(self.writing.clone());
        reply
    }

    /// The same for what opens something: what was asked for before is dropped when it comes later.
    pub fn reply_opening(&mut self) -> ReplySender {
        self.latest += 1;
        let mut reply = self.reply();
        reply.request = Some(self.latest);
        reply
    }

    /// Does a task; what it says and what is made of it go to the window.
    fn start<T: Task<Output = Result<V, Failure>>, V>(
        &mut self,
        reply: ReplySender,
        task: T,
        loaded: impl FnOnce(V) -> Loaded + Send + 'static,
    ) {
        let mut once = Some((reply, loaded));
        let handle = tasks::spawn(task, move |message| {
            let done = match message {
                Message::Progress(_) => return,
                Message::Done(done) => done,
                Message::Crashed => Err(Error::Crashed.into()),
            };
            if let Some((reply, loaded)) = once.take() {
                reply.send(done.map_or_else(|why| Loaded::Problem(sentence(&why)), loaded));
            }
        });
        handle.detach();
    }

    /// Opens the built-in checkpoint, with this tensor or its first.
    pub fn open_example(&mut self, tensor: Option<String>) {
        let tensor = tensor.or(Some(EXAMPLE_LAYER.into()));
        let example = platform::example_checkpoint();
        self.reply_opening().send(match example {
            Ok(checkpoint) => Loaded::Checkpoint(checkpoint, None, tensor),
            Err(why) => Loaded::Problem(sentence_of(why)),
        });
    }

    /// Opens the built-in vision model.
    pub fn open_vision_example(&mut self) {
        let checkpoint = vision::example().checkpoint().clone();
        self.reply_opening().send(Loaded::Checkpoint(checkpoint, None, None));
    }

    /// Lets a person choose what to open.
    pub fn pick(&mut self, what: Pick) {
        self.pick_then(what, Loaded::Picked);
    }

    /// Lets a person choose statistics of the layer's inputs.
    pub fn pick_inputs(&mut self, role: InputsRole) {
        self.pick_then(Pick::Inputs, move |source| Loaded::PickedInputs(source, role));
    }

    /// Lets a person choose a text for the model.
    pub fn pick_text(&mut self) {
        self.pick_then(Pick::Text, Loaded::PickedText);
    }

    /// Lets a person choose images for the vision model.
    pub fn pick_images(&mut self, what: Pick) {
        self.pick_then(what, Loaded::PickedImages);
    }

    fn pick_then(&mut self, what: Pick, loaded: impl FnOnce(Source) -> Loaded + Send + 'static) {
        let reply = self.reply_waiting();
        platform::pick(what, move |picked| {
            reply.send(match picked {
                Picked::Chosen(source) => loaded(source),
                Picked::Nothing => Loaded::Nothing,
                Picked::NoDialog => Loaded::NoDialog(Some(what)),
            });
        });
    }

    /// Lets a person choose where to write, from this file name on.
    pub fn pick_target(&mut self, name: String) {
        let reply = self.reply_waiting();
        platform::pick_target(name, move |picked| {
            reply.send(match picked {
                Picked::Chosen(path) => Loaded::Target(path),
                Picked::Nothing => Loaded::Nothing,
                Picked::NoDialog => Loaded::NoDialog(None),
            });
        });
    }

    /// Opens a source, in the background.
    pub fn open(&mut self, source: Source, tensor: Option<String>) {
        let reply = self.reply_opening();
        self.start(reply, Open(source.clone()), move |OpenedCheckpoint(checkpoint)| {
            Loaded::Checkpoint(checkpoint, Some(source), tensor)
        });
    }

    /// Reads a layer, in the background.
    pub fn layer(&mut self, checkpoint: &Arc<Checkpoint>, name: String, orientation: Orientation) {
        let (reply, checkpoint) = (self.reply_opening(), checkpoint.clone());
        let task = ReadLayer { checkpoint: checkpoint.clone(), name, orientation };
        self.start(reply, task, move |layer| Loaded::Layer(LoadedLayer::of(layer, &checkpoint)));
    }

    /// Reads factors, to be compared with `w` when the shapes agree.
    pub fn factors(&mut self, checkpoint: &Arc<Checkpoint>, stem: String, w: Option<LoadedLayer>) {
        let (reply, checkpoint) = (self.reply_opening(), checkpoint.clone());
        let layer = w.as_ref().map(|w| w.layer.clone()).filter(|layer| layer.stem() == stem);
        let task = ReadFactors { checkpoint: checkpoint.clone(), stem: stem.clone(), layer };
        self.start(reply, task, move |OpenedFactors { outcome, compared, report, settings }| {
            let spec = RunSpec::opened(checkpoint.name().to_owned(), stem, w.filter(|_| compared));
            Loaded::Factors(Box::new(RunSpec { settings, ..spec }), report.map(Box::new), Box::new(outcome))
        });
    }

    /// Compares opened factors with the layer they are of.
    pub fn compare(&mut self, number: usize, replacement: Arc<Replacement>, w: LoadedLayer) {
        let (reply, layer) = (self.reply(), w.layer.clone());
        self.start(reply, Compare { replacement, layer }, move |error| Loaded::Compared(number, w, error));
    }

    /// Reads the statistics of what a layer reads.
    pub fn inputs(&mut self, source: Source, layer: &Layer, role: InputsRole) {
        let (reply, name) = (self.reply(), source.name());
        let task = ReadInputs { source, stem: layer.stem().to_owned(), inputs: layer.weight.cols() };
        self.start(reply, task, move |statistics| Loaded::Inputs(name, Arc::new(statistics), role));
    }

    /// Collects the statistics of what a layer reads in its model, of these data; `tensor` is the one that holds it.
    pub fn collect(
        &mut self,
        task: impl Task<Output = Result<Calibration, Failure>>,
        tensor: String,
        data: &'static str,
    ) {
        let reply = self.reply();
        self.start(reply, task, move |statistics| Loaded::ModelInputs(tensor, Arc::new(statistics), data));
    }

    /// Writes what the window shows.
    pub fn write(&mut self, task: WriteExport) {
        let (reply, number) = (self.reply_writing(), task.number_saved());
        self.start(reply, task, move |written| Loaded::Saved(number, written));
    }

    /// Writes the model with its compressed layers; `saved` is its number and the version of them.
    pub fn save_model(&mut self, saved: (usize, usize), task: SaveModel) {
        let reply = self.reply_writing();
        self.start(reply, task, move |written| Loaded::ModelSaved(saved, written));
    }

    /// Writes the network with its compressed layers; `saved` is its number and the version of them.
    pub fn save_network(&mut self, saved: (usize, usize), task: SaveNetwork) {
        let reply = self.reply_writing();
        self.start(reply, task, move |written| Loaded::NetworkSaved(saved, written));
    }

    /// The egui context that results wake.
    pub fn ctx(&self) -> &Context {
        &self.ctx
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        platform::wait_for(&self.writing);
    }
}
