//! Files of this system.

use super::written::{Download, Written};
use crate::app::state::inputs::Use;
use crate::app::tasks::loader::{Loaded, Loader};
use crate::export::{self, Error};
use crate::model::{EXAMPLE_LAYER, Source, example};
use eframe::egui::DroppedFileHandle;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Whether there are folders to open, and paths to type.
pub const HAS_FOLDERS: bool = true;

/// Opens the built-in checkpoint, with this tensor or its first.
pub fn open_example(loader: &mut Loader, tensor: Option<String>) {
    let tensor = tensor.or(Some(EXAMPLE_LAYER.into()));
    loader.word_opening().say(Loaded::Checkpoint(Arc::new(example()), None, tensor));
}

/// What can be opened.
pub const OPENS: &str =
    "A .safetensors or .npy file, a sharded checkpoint's index, or its folder. Dropping it on the window works too.";

/// What is typed into a field to open something.
pub const TYPED: &str = "Path";

/// What is typed: a path.
pub fn typed(text: &str) -> Source {
    Source::Path(PathBuf::from(text.trim()))
}

/// Under which it is remembered: from whichever folder it is opened again.
pub fn remembered(source: &Source) -> Option<PathBuf> {
    let Source::Path(path) = source;
    Some(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
}

/// Where anybody finds it: a path is only this system's.
pub fn address(_: &Source) -> Option<String> {
    None
}

/// The address of the page itself.
pub fn own_address() -> Option<String> {
    None
}

/// What was dropped on the window.
pub fn dropped(files: &[DroppedFileHandle]) -> Option<Source> {
    files.first().map(|file| Source::Path(file.path().to_owned()))
}

/// Where something is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Place {
    path: PathBuf,
    replace: bool,
}

impl Place {
    /// At this path; `replace` what is there.
    pub fn new(text: &str, replace: bool) -> Self {
        Self { path: PathBuf::from(text.trim()), replace }
    }

    /// Writes a file; says where it is.
    pub fn write(&self, bytes: &[u8]) -> Result<Written, Error> {
        export::write(&self.path, bytes, self.replace)?;
        let shown = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        Ok(Written { said: format!("Saved {}", shown.display()), files: Vec::new() })
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether what is there may go.
    pub fn replaces(&self) -> bool {
        self.replace
    }
}

/// Nothing: files are written where they belong.
pub fn hand_over(_: Vec<Download>) {}

impl Loader {
    /// The system's dialog for a file of inputs.
    pub fn pick_inputs(&mut self, what: Use) {
        let dialog = rfd::AsyncFileDialog::new().set_title("Open a layer's inputs");
        let chosen = dialog.add_filter("Inputs X or their product XtX", &["safetensors", "npy"]).pick_file();
        self.pick(chosen, move |path| Loaded::PickedInputs(Source::Path(path), what));
    }

    /// The system's dialog for a text.
    pub fn pick_text(&mut self) {
        let dialog = rfd::AsyncFileDialog::new().set_title("Open a text");
        let chosen = dialog.add_filter("Texts", &["txt", "md"]).pick_file();
        self.pick(chosen, |path| Loaded::PickedText(Source::Path(path)));
    }

    /// The system's dialog for a file to open.
    pub fn pick_file(&mut self) {
        let kinds = ["safetensors", "json", "npy"];
        let dialog = rfd::AsyncFileDialog::new().set_title("Open a checkpoint or a matrix");
        let chosen = dialog.add_filter("Checkpoints and matrices", &kinds).pick_file();
        self.pick(chosen, |path| Loaded::Picked(Source::Path(path)));
    }

    /// The system's dialog for a checkpoint's folder.
    pub fn pick_folder(&mut self) {
        let chosen = rfd::AsyncFileDialog::new().set_title("Open a checkpoint's folder").pick_folder();
        self.pick(chosen, |path| Loaded::Picked(Source::Path(path)));
    }

    /// The system's dialog for a file to write.
    pub fn pick_place(&mut self, name: String) {
        let chosen = rfd::AsyncFileDialog::new().set_title("Export").set_file_name(name).save_file();
        self.pick(chosen, Loaded::Place);
    }

    /// Waits for a dialog on a thread.
    fn pick(
        &mut self,
        chosen: impl Future<Output = Option<rfd::FileHandle>> + Send + 'static,
        loaded: impl FnOnce(PathBuf) -> Loaded + Send + 'static,
    ) {
        let word = self.word_waiting();
        std::thread::spawn(move || {
            let file = pollster::block_on(chosen);
            word.say(file.map_or(Loaded::Nothing, |file| loaded(file.path().into())));
        });
    }
}

/// Until all files are written: half of one would be none.
pub fn wait_for(writing: &AtomicUsize) {
    while writing.load(Ordering::Relaxed) > 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
}
