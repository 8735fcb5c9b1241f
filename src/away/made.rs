//! What each side makes for itself.

use serde::de::{DeserializeOwned, Deserializer};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// What it takes to make something large.
pub trait Recipe: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The large thing.
    type Value: Send + Sync + 'static;

    /// Makes it.
    fn make(&self) -> Self::Value;
}

/// Something large that is made where it is needed, once, and never sent: only its recipe is.
pub struct Made<R: Recipe> {
    recipe: R,
    value: OnceLock<R::Value>,
}

impl<R: Recipe> Made<R> {
    /// To be made.
    pub fn new(recipe: R) -> Self {
        Self { recipe, value: OnceLock::new() }
    }

    /// It, made now if it was not before. Not for the window's thread.
    pub fn get(&self) -> &R::Value {
        self.value.get_or_init(|| self.recipe.make())
    }

    /// How it is made.
    pub fn recipe(&self) -> &R {
        &self.recipe
    }
}

impl<R: Recipe> Serialize for Made<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.recipe.serialize(serializer)
    }
}

impl<'de, R: Recipe> Deserialize<'de> for Made<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        R::deserialize(deserializer).map(Self::new)
    }
}
