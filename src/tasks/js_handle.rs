//! Handles of the browser that travel with a task: files above all, which a Worker reads by itself.

use js_sys::Array;
use serde::de::{Deserializer, Error as _};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use wasm_bindgen::JsValue;

thread_local! {
    static KEPT: RefCell<HashMap<u64, JsValue>> = RefCell::default();
    static NEXT: Cell<u64> = const { Cell::new(0) };
    static OUT: RefCell<Vec<JsValue>> = RefCell::default();
    static IN: RefCell<Option<Array>> = RefCell::default();
}

/// A value of the browser, kept here as long as one of its clones is.
#[derive(Clone, Debug)]
pub struct JsHandle(Arc<Place>);

#[derive(Debug)]
struct Place(u64);

impl Drop for Place {
    fn drop(&mut self) {
        // When the page is closed everything goes anyway.
        let _ = KEPT.try_with(|kept| kept.borrow_mut().remove(&self.0));
    }
}

impl JsHandle {
    /// Keeps it.
    pub fn new(value: JsValue) -> Self {
        let id = NEXT.get();
        NEXT.set(id + 1);
        KEPT.with_borrow_mut(|kept| kept.insert(id, value));
        Self(Arc::new(Place(id)))
    }
}

impl PartialEq for JsHandle {
    fn eq(&self, other: &Self) -> bool {
        self.0.0 == other.0.0
    }
}

/// Looks at it; there is none on another thread than its own.
pub fn with_js_handle<R>(attached: &JsHandle, look: impl FnOnce(Option<&JsValue>) -> R) -> R {
    let value = KEPT.with_borrow(|kept| kept.get(&attached.0.0).cloned());
    look(value.as_ref())
}

impl Serialize for JsHandle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = with_js_handle(self, |value| value.cloned().unwrap_or(JsValue::UNDEFINED));
        let at = OUT.with_borrow_mut(|out| {
            out.push(value);
            out.len() - 1
        });
        (at as u32).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsHandle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let at = u32::deserialize(deserializer)?;
        let value = IN.with_borrow(|list| list.as_ref().map(|list| list.get(at)));
        value.map(Self::new).ok_or_else(|| D::Error::custom("nothing came with this message"))
    }
}

/// Serializes something; what is attached to it.
pub fn collecting<R>(work: impl FnOnce() -> R) -> (R, Array) {
    OUT.take();
    let made = work();
    (made, OUT.take().into_iter().collect())
}

/// Deserializes something that this came with.
pub fn attaching<R>(list: Array, work: impl FnOnce() -> R) -> R {
    IN.set(Some(list));
    let made = work();
    IN.take();
    made
}
