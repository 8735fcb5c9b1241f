//! JavaScript values that travel with a task. A value cannot be written as bytes: the serializer writes its index in
//! the list of handles that is posted beside the bytes. Files above all are sent so, and a Worker reads them by itself.

use js_sys::Array;
use serde::de::{Deserializer, Error as _};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use wasm_bindgen::JsValue;

thread_local! {
    static VALUES: RefCell<HashMap<u64, JsValue>> = RefCell::default();
    static NEXT: Cell<u64> = const { Cell::new(0) };
    static OUTGOING: RefCell<Vec<JsValue>> = RefCell::default();
    static INCOMING: RefCell<Option<Array>> = RefCell::default();
}

/// A JavaScript value, kept in a table of its thread until the last clone of the handle is dropped.
#[derive(Clone, Debug)]
pub struct JsHandle(Arc<HandleId>);

#[derive(Debug)]
struct HandleId(u64);

impl Drop for HandleId {
    fn drop(&mut self) {
        // Fails only while the thread's storage is torn down, when the page closes.
        let _ = VALUES.try_with(|values| values.borrow_mut().remove(&self.0));
    }
}

impl JsHandle {
    /// Puts the value into this thread's table.
    pub fn new(value: JsValue) -> Self {
        let id = NEXT.get();
        NEXT.set(id + 1);
        VALUES.with_borrow_mut(|values| values.insert(id, value));
        Self(Arc::new(HandleId(id)))
    }
}

impl PartialEq for JsHandle {
    fn eq(&self, other: &Self) -> bool {
        self.0.0 == other.0.0
    }
}

/// Calls `look` with the value; `None` on another thread than the one that result the handle.
pub fn with_js_handle<R>(handle: &JsHandle, look: impl FnOnce(Option<&JsValue>) -> R) -> R {
    let value = VALUES.with_borrow(|values| values.get(&handle.0.0).cloned());
    look(value.as_ref())
}

impl Serialize for JsHandle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = with_js_handle(self, |value| value.cloned().unwrap_or(JsValue::UNDEFINED));
        let at = OUTGOING.with_borrow_mut(|out| {
            out.push(value);
            out.len() - 1
        });
        (at as u32).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsHandle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let at = u32::deserialize(deserializer)?;
        let value = INCOMING.with_borrow(|list| list.as_ref().map(|list| list.get(at)));
        value.map(Self::new).ok_or_else(|| D::Error::custom("nothing came with this message"))
    }
}

/// Runs `work`, which serializes; returns its result and the values of the handles that it met, in order.
pub fn collect_handles<R>(work: impl FnOnce() -> R) -> (R, Array) {
    OUTGOING.take();
    let result = work();
    (result, OUTGOING.take().into_iter().collect())
}

/// Runs `work`, which deserializes a message that was posted with these values.
pub fn with_handles<R>(list: Array, work: impl FnOnce() -> R) -> R {
    INCOMING.set(Some(list));
    let result = work();
    INCOMING.take();
    result
}
