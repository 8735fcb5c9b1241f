//! What each side makes for itself.

use serde::de::{DeserializeOwned, Deserializer};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// What it takes to make something large.
pub trait LazySource: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The large thing.
    type Value: Send + Sync + 'static;

    /// Makes it.
    fn make(&self) -> Self::Value;
}

/// Something large that is made where it is needed, once, and never sent: only its source is.
pub struct Lazy<S: LazySource> {
    source: S,
    value: OnceLock<S::Value>,
}

impl<S: LazySource> Lazy<S> {
    /// To be made.
    pub fn new(source: S) -> Self {
        Self { source, value: OnceLock::new() }
    }

    /// It, made now if it was not before. Not for the window's thread.
    pub fn get(&self) -> &S::Value {
        self.value.get_or_init(|| self.source.make())
    }

    /// How it is made.
    pub fn source(&self) -> &S {
        &self.source
    }
}

impl<S: LazySource> Serialize for Lazy<S> {
    fn serialize<Ser: Serializer>(&self, serializer: Ser) -> Result<Ser::Ok, Ser::Error> {
        self.source.serialize(serializer)
    }
}

impl<'de, S: LazySource> Deserialize<'de> for Lazy<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        S::deserialize(deserializer).map(Self::new)
    }
}
