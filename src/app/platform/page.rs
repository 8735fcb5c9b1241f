//! Files as a browser gives them.

use super::example_error::ExampleError;
use super::pick::{Pick, Picked};
use super::written::{Download, Written};
use crate::export::Error;
use crate::model::{Checkpoint, ChosenFile, EXAMPLE_NAME, Source};
use eframe::egui::DroppedFileHandle;
use js_sys::{Array, Uint8Array};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, HtmlAnchorElement, HtmlInputElement, Url};

/// Whether there are folders to open, and paths to type.
pub const HAS_FOLDERS: bool = false;

/// Description of what can be opened.
pub const OPENS: &str = "A .safetensors, .gguf, .bin, .pt or .npy file, or the shards of a checkpoint with their index, chosen together; of a language model also its config.json and tokenizer.json. Dropping them on the page works too. Files stay on this machine.";

/// Label of the field to open something.
pub const TYPED: &str = "Address";

/// The source of typed text: an address.
pub fn typed(text: &str) -> Source {
    Source::Url(text.trim().to_owned())
}

/// The source behind the address of a link.
pub fn linked(address: &str) -> Option<Source> {
    Some(Source::Url(address.to_owned()))
}

/// Under which it is remembered; a chosen file cannot be found again.
pub fn remembered(source: &Source) -> Option<PathBuf> {
    match source {
        Source::Url(url) => Some(PathBuf::from(url)),
        Source::Files(_) => None,
    }
}

/// Returns the address at which anybody finds the source.
pub fn address(source: &Source) -> Option<String> {
    match source {
        Source::Url(url) => Some(url.clone()),
        Source::Files(_) => None,
    }
}

/// The address of the page itself, without what stands after it.
pub fn own_address() -> Option<String> {
    let address = web_sys::window()?.location().href().ok()?;
    Some(address.split(['?', '#']).next().unwrap_or(&address).to_owned())
}

/// The source of files dropped on the page together.
pub fn dropped(files: &[DroppedFileHandle]) -> Option<Source> {
    let files: Vec<ChosenFile> = files.iter().filter_map(|file| file.web_file().map(ChosenFile::new)).collect();
    (!files.is_empty()).then_some(Source::Files(files))
}

/// A browser gives no folders.
pub fn is_folder_of_images(_: &Source) -> bool {
    false
}

thread_local! {
    static EXAMPLE: RefCell<Option<Result<Arc<Checkpoint>, ExampleError>>> = const { RefCell::new(None) };
}

/// The built-in checkpoint's bytes, fetched beside the program, or why they could not be.
pub fn example_fetched(bytes: Result<Vec<u8>, ExampleError>) {
    let open = |bytes| Ok(Arc::new(Checkpoint::from_safetensors(EXAMPLE_NAME, bytes)?));
    EXAMPLE.set(Some(bytes.and_then(open)));
}

/// The built-in checkpoint, or why it is not there.
pub fn example_checkpoint() -> Result<Arc<Checkpoint>, ExampleError> {
    let checkpoint = EXAMPLE.with_borrow(|example| example.clone());
    checkpoint.unwrap_or(Err(ExampleError::Missing))
}

/// Target of a file to write: the person's downloads.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SaveTarget {
    name: String,
}

impl SaveTarget {
    /// Under this name; the browser takes care that nothing is replaced.
    pub fn new(text: &str, _: bool) -> Self {
        Self { name: text.trim().to_owned() }
    }

    /// Refuses a name that promises another kind of file.
    pub fn check_ending(&self, ending: &'static str) -> Result<(), Error> {
        crate::export::check_ending(self.name.as_ref(), ending)
    }

    /// Makes a file of it; says what it will be called.
    pub fn write(&self, bytes: &[u8]) -> Result<Written, Error> {
        let file = Download { name: self.name.clone(), bytes: bytes.to_vec() };
        Ok(Written { said: format!("{} is in the downloads", self.name), files: vec![file] })
    }
}

/// Starts a download of each.
pub fn hand_over(files: Vec<Download>) {
    for file in files {
        // A browser that does not let files be saved says so itself.
        let _ = download(&file);
    }
}

fn download(file: &Download) -> Result<(), JsValue> {
    let parts = Array::of1(&Uint8Array::from(&file.bytes[..]));
    let blob = Blob::new_with_u8_array_sequence(&parts)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let link: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(&file.name);
    link.click();
    // Some browsers begin to read it a little later.
    let revoke = Closure::once_into_js(move || drop(Url::revoke_object_url(&url)));
    let window = web_sys::window().ok_or(JsValue::UNDEFINED)?;
    window.set_timeout_with_callback_and_timeout_and_arguments_0(revoke.unchecked_ref(), 60_000).map(drop)
}

fn document() -> web_sys::Document {
    web_sys::window().and_then(|window| window.document()).expect("a page has a document")
}

/// Downloads go on by themselves.
pub fn wait_for(_: &AtomicUsize) {}

/// The browser's dialog for files to open.
pub fn pick(what: Pick, done: impl FnOnce(Picked<Source>) + 'static) {
    let (kinds, several) = match what {
        // A browser shows files only.
        Pick::File | Pick::Folder => (".safetensors,.json,.npy,.gguf,.bin,.pt,.pth,.ckpt", true),
        Pick::Inputs => (".safetensors,.npy", false),
        Pick::Images | Pick::ImageFolder => (".bin,.npy", false),
        Pick::Text => (".txt,.md,text/plain", false),
    };
    let input: HtmlInputElement = match document().create_element("input") {
        Ok(input) => input.unchecked_into(),
        Err(_) => return done(Picked::NoDialog),
    };
    input.set_type("file");
    input.set_accept(kinds);
    input.set_multiple(several);
    let chosen = input.clone();
    // `change` and `cancel` come once, and one of them.
    let on_end = Closure::once_into_js(move || {
        let files = chosen.files();
        let files = files.iter().flat_map(|list| (0..list.length()).filter_map(|at| list.get(at)));
        let files: Vec<ChosenFile> = files.map(|file| ChosenFile::new(&file)).collect();
        done(if files.is_empty() { Picked::Nothing } else { Picked::Chosen(Source::Files(files)) });
    });
    for event in ["change", "cancel"] {
        let _ = input.add_event_listener_with_callback(event, on_end.unchecked_ref());
    }
    input.click();
}

/// A browser chooses by itself where to write.
pub fn pick_target(name: String, done: impl FnOnce(Picked<PathBuf>)) {
    done(Picked::Chosen(PathBuf::from(name)));
}
