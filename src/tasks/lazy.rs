//! A large value that each side computes for itself: only its source is sent.

use serde::de::{DeserializeOwned, Deserializer};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// A small recipe from which a large value can be computed on any thread or Worker.
pub trait LazySource: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Type of the large value.
    type Value: Send + Sync + 'static;

    /// Computes the value; called at most once per [`Lazy`].
    fn make(&self) -> Self::Value;
}

/// A large value computed on first use and never serialized: only its source is.
pub struct Lazy<S: LazySource> {
    source: S,
    value: OnceLock<S::Value>,
}

impl<S: LazySource> Lazy<S> {
    /// A value that is not computed yet.
    pub fn new(source: S) -> Self {
        Self { source, value: OnceLock::new() }
    }

    /// The value, computed by the first call. That may take seconds: not for the window's thread.
    pub fn get(&self) -> &S::Value {
        self.value.get_or_init(|| self.source.make())
    }

    /// The source the value is computed from.
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
