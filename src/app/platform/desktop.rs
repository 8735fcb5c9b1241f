//! Files of this system.

use super::example_error::ExampleError;
use super::pick::{Pick, Picked};
use super::written::{Download, Written};
use crate::export::{self, Error};
use crate::model::{Checkpoint, ENDINGS, Source, example};
use eframe::egui::DroppedFileHandle;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Whether there are folders to open, and paths to type.
pub const HAS_FOLDERS: bool = true;

/// The built-in checkpoint, or why it is not there.
pub fn example_checkpoint() -> Result<Arc<Checkpoint>, ExampleError> {
    Ok(Arc::new(example()))
}

/// Description of what can be opened.
pub const OPENS: &str = "A .safetensors, .gguf, .bin, .pt or .npy file, a sharded checkpoint's index, or its folder. Dropping it on the window works too.";

/// Label of the field to open something.
pub const TYPED: &str = "Path";

/// The source of typed text: a path.
pub fn typed(text: &str) -> Source {
    Source::Path(PathBuf::from(text.trim()))
}

/// The source behind the address of a link: none, as this program opens files only.
pub fn linked(_: &str) -> Option<Source> {
    None
}

/// Under which it is remembered: from whichever folder it is opened again.
pub fn remembered(source: &Source) -> Option<PathBuf> {
    let Source::Path(path) = source;
    Some(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
}

/// Returns the address at which anybody finds the source: none, as a path is only this system's.
pub fn address(_: &Source) -> Option<String> {
    None
}

/// Returns the address of the page itself: none on the desktop.
pub fn own_address() -> Option<String> {
    None
}

/// The source of files dropped on the window.
pub fn dropped(files: &[DroppedFileHandle]) -> Option<Source> {
    files.first().map(|file| Source::Path(file.path().to_owned()))
}

/// Whether it is a folder that holds images, and no model: with subfolders or CIFAR-10's files, but no weights.
pub fn is_folder_of_images(source: &Source) -> bool {
    let Source::Path(path) = source;
    let Ok(entries) = std::fs::read_dir(path) else { return false };
    let paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let ends = |path: &PathBuf, ending: &str| path.extension().is_some_and(|found| found == ending);
    let is_model = |path: &PathBuf| ENDINGS.iter().any(|ending| *ending != "bin" && ends(path, ending));
    let has_config = paths.iter().any(|path| ends(path, "json") || ends(path, "toml"));
    !has_config && !paths.iter().any(is_model) && paths.iter().any(|path| path.is_dir() || ends(path, "bin"))
}

/// Target of a file to write.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SaveTarget {
    path: PathBuf,
    replace: bool,
}

impl SaveTarget {
    /// At this path; `replace` what is there.
    pub fn new(text: &str, replace: bool) -> Self {
        Self { path: PathBuf::from(text.trim()), replace }
    }

    /// Refuses a name that promises another kind of file.
    pub fn check_ending(&self, ending: &'static str) -> Result<(), export::Error> {
        export::check_ending(&self.path, ending)
    }

    /// Writes a file; says where it is.
    pub fn write(&self, bytes: &[u8]) -> Result<Written, Error> {
        export::write(&self.path, bytes, self.replace)?;
        let shown = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        Ok(Written { said: format!("Saved {}", shown.display()), files: Vec::new() })
    }

    /// Path of the file to write.
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

/// A dialog that closes sooner than this was never seen: the system has none.
const UNSEEN: Duration = Duration::from_millis(300);

/// The system's dialog for something to open; `done` is called on another thread.
pub fn pick(what: Pick, done: impl FnOnce(Picked<Source>) + Send + 'static) {
    let dialog = rfd::AsyncFileDialog::new();
    match what {
        Pick::File => {
            let kinds: Vec<&str> = ENDINGS.into_iter().chain(["json"]).collect();
            let dialog = dialog.set_title("Open a checkpoint or a matrix");
            wait(dialog.add_filter("Checkpoints and matrices", &kinds).pick_file(), done);
        }
        Pick::Folder => wait(dialog.set_title("Open a checkpoint's folder").pick_folder(), done),
        Pick::Inputs => {
            let dialog = dialog.set_title("Open a layer's inputs");
            wait(dialog.add_filter("Inputs X or their product XtX", &["safetensors", "npy"]).pick_file(), done);
        }
        Pick::Images => {
            let dialog = dialog.set_title("Open images");
            wait(dialog.add_filter("CIFAR-10's binary files, arrays of images", &["bin", "npy"]).pick_file(), done);
        }
        Pick::ImageFolder => wait(dialog.set_title("Open a folder of images").pick_folder(), done),
        Pick::Text => wait(dialog.set_title("Open a text").add_filter("Texts", &["txt", "md"]).pick_file(), done),
    }
}

/// The system's dialog for a file to write; `done` is called on another thread.
pub fn pick_target(name: String, done: impl FnOnce(Picked<PathBuf>) + Send + 'static) {
    wait_path(rfd::AsyncFileDialog::new().set_title("Export").set_file_name(name).save_file(), done);
}

/// Waits for a dialog on a thread.
fn wait(
    chosen: impl Future<Output = Option<rfd::FileHandle>> + Send + 'static,
    done: impl FnOnce(Picked<Source>) + Send + 'static,
) {
    wait_path(chosen, move |picked| {
        done(match picked {
            Picked::Chosen(path) => Picked::Chosen(Source::Path(path)),
            Picked::Nothing => Picked::Nothing,
            Picked::NoDialog => Picked::NoDialog,
        });
    });
}

fn wait_path(
    chosen: impl Future<Output = Option<rfd::FileHandle>> + Send + 'static,
    done: impl FnOnce(Picked<PathBuf>) + Send + 'static,
) {
    std::thread::spawn(move || {
        let asked = Instant::now();
        done(match pollster::block_on(chosen) {
            Some(file) => Picked::Chosen(file.path().into()),
            // The library's answer is the same whether a person has closed the dialog or there was none.
            None if asked.elapsed() < UNSEEN => Picked::NoDialog,
            None => Picked::Nothing,
        });
    });
}

/// Until all files are written: half of one would be none.
pub fn wait_for(writing: &AtomicUsize) {
    while writing.load(Ordering::Relaxed) > 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
}
