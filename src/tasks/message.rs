//! What a page and its Workers say to each other: an array of a header, a body, and what is attached.

use super::js_handle::{attaching, collecting};
use super::wire::{pack_whole, unpack_whole};
use js_sys::{Array, Uint8Array};
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast, JsValue};

/// Another build's Worker, left over in a cache, would understand something else.
pub fn protocol() -> String {
    format!("{} {}", env!("CARGO_PKG_VERSION"), option_env!("DSF_BUILD").unwrap_or("by hand"))
}

/// To a Worker.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Do this task.
    Start {
        /// To be named in all that comes back.
        id: u32,
        /// The task's or process's name.
        name: String,
        /// What the page has let go of.
        forgotten: Vec<u64>,
    },
    /// A command to a process.
    Command {
        /// Which.
        id: u32,
    },
    /// Nobody listens to this process any more.
    End {
        /// Which.
        id: u32,
    },
}

/// From a Worker.
#[derive(Debug, Serialize, Deserialize)]
pub enum Response {
    /// It is there, and speaks this.
    Ready(String),
    /// On the way: several pieces of news.
    News {
        /// Of which.
        id: u32,
    },
    /// In the end.
    Done {
        /// Of which.
        id: u32,
    },
    /// It could not be understood: a bug.
    Lost {
        /// Of which.
        id: u32,
        /// What was not.
        why: String,
    },
}

/// A message that was received.
pub struct WorkerMessage {
    parts: Array,
}

impl WorkerMessage {
    /// Of an event's data.
    pub fn new(data: JsValue) -> Option<Self> {
        data.dyn_into().ok().map(|parts| Self { parts })
    }

    /// Its header.
    pub fn header<H: for<'de> Deserialize<'de>>(&self) -> Result<H, String> {
        unpack_whole(&bytes(&self.parts, 0))
    }

    /// Its body.
    pub fn body<R>(&self, read: impl FnOnce(&[u8]) -> R) -> R {
        let body = bytes(&self.parts, 1);
        let attached = self.parts.get(2).dyn_into().unwrap_or_default();
        attaching(attached, || read(&body))
    }
}

fn bytes(parts: &Array, at: u32) -> Vec<u8> {
    parts.get(at).dyn_into().map(|bytes: Uint8Array| bytes.to_vec()).unwrap_or_default()
}

/// A message to be sent, and what of it is handed over instead of copied.
pub fn pack_message(header: &impl Serialize, body: impl FnOnce() -> Vec<u8>) -> (JsValue, JsValue) {
    let (body, attached) = collecting(body);
    let parts = [pack_whole(header), body].map(|bytes| Uint8Array::from(&bytes[..]));
    let buffers: Array = parts.iter().map(|part| part.buffer()).collect();
    let [header, body] = parts;
    (Array::of3(&header, &body, &attached).into(), buffers.into())
}
