//! Messages between a page and its Workers: a JavaScript array of a header, a body and attached handles. Header and
//! body are `postcard` bytes.

use super::error::Error;
use super::js_handle::{collect_handles, with_handles};
use super::wire::{pack_whole, unpack_whole};
use js_sys::{Array, Uint8Array};
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast, JsValue};

/// Version of the messages. A Worker of another build, left over in a cache, is refused by it.
pub fn protocol() -> String {
    format!("{} {}", env!("CARGO_PKG_VERSION"), option_env!("DSF_BUILD").unwrap_or("by hand"))
}

/// Header of a message from the page to a Worker.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Start a task or an actor; the body is the task.
    Start {
        /// Identifies the task in all later messages.
        id: u32,
        /// [`Task::NAME`](super::Task::NAME) of the task or actor.
        name: String,
        /// Numbers of shared values that the page has dropped.
        forgotten: Vec<u64>,
    },
    /// A command to an actor, in the body.
    Command {
        /// Identifier from the request that started the actor.
        id: u32,
    },
    /// The actor's handle was dropped: stop it.
    End {
        /// Identifier from the request that started the actor.
        id: u32,
    },
}

/// Header of a message from a Worker to the page.
#[derive(Debug, Serialize, Deserialize)]
pub enum Response {
    /// The Worker is loaded, and speaks this protocol version.
    Ready(String),
    /// Progress or events, several in the body.
    Progress {
        /// Identifier from the request that started the task.
        id: u32,
    },
    /// The task or actor is done; the body is a task's output.
    Done {
        /// Identifier from the request that started the task.
        id: u32,
    },
    /// The request could not be deserialized: a bug.
    Failed {
        /// Identifier from the request that started the task.
        id: u32,
        /// Reason given by the deserializer.
        why: String,
    },
}

/// A message as received: an array of header, body and handles.
pub struct WorkerMessage {
    parts: Array,
}

impl WorkerMessage {
    /// The message in an event's data; `None` when it is not an array.
    pub fn new(data: JsValue) -> Option<Self> {
        data.dyn_into().ok().map(|parts| Self { parts })
    }

    /// Deserializes the header, a [`Request`] or a [`Response`].
    pub fn header<H: for<'de> Deserialize<'de>>(&self) -> Result<H, Error> {
        unpack_whole(&bytes(&self.parts, 0))
    }

    /// Reads the body's bytes, with the attached handles at hand.
    pub fn body<R>(&self, read: impl FnOnce(&[u8]) -> R) -> R {
        let body = bytes(&self.parts, 1);
        let handles = self.parts.get(2).dyn_into().unwrap_or_default();
        with_handles(handles, || read(&body))
    }
}

fn bytes(parts: &Array, at: u32) -> Vec<u8> {
    parts.get(at).dyn_into().map(|bytes: Uint8Array| bytes.to_vec()).unwrap_or_default()
}

/// A message, and the list of its buffers to transfer instead of copying.
pub fn pack_message(header: &impl Serialize, body: impl FnOnce() -> Vec<u8>) -> (JsValue, JsValue) {
    let (body, handles) = collect_handles(body);
    let parts = [pack_whole(header), body].map(|bytes| Uint8Array::from(&bytes[..]));
    let buffers: Array = parts.iter().map(|part| part.buffer()).collect();
    let [header, body] = parts;
    (Array::of3(&header, &body, &handles).into(), buffers.into())
}
