//! For `#[serde(with)]` on an `Arc`: what a Worker has already is named instead of sent again.
//!
//! Who sends keeps a [`SentCache`] of what the Worker has, who receives a [`ReceivedCache`] of the same things. Two `Arc`s are the
//! same thing when they point to the same place.

use serde::de::{DeserializeOwned, Deserializer, Error};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

type Thing = dyn Any + Send + Sync;

/// What the other side has, by where it lies here.
#[derive(Default)]
pub struct SentCache {
    /// A weak reference keeps the place from being used anew.
    known: HashMap<usize, (Weak<Thing>, u64)>,
    next: u64,
}

impl SentCache {
    /// What has gone here since, and may go there.
    pub fn forgotten(&mut self) -> Vec<u64> {
        let gone: Vec<(usize, u64)> = self
            .known
            .iter()
            .filter(|(_, (thing, _))| thing.strong_count() == 0)
            .map(|(&place, &(_, id))| (place, id))
            .collect();
        gone.iter().for_each(|(place, _)| _ = self.known.remove(place));
        gone.into_iter().map(|(_, id)| id).collect()
    }
}

/// What was sent here and is still in use there.
#[derive(Default)]
pub struct ReceivedCache(HashMap<u64, Arc<Thing>>);

impl ReceivedCache {
    /// Lets go of these.
    pub fn forget(&mut self, ids: &[u64]) {
        ids.iter().for_each(|id| _ = self.0.remove(id));
    }
}

thread_local! {
    static SENT: RefCell<Option<SentCache>> = const { RefCell::new(None) };
    static RECEIVED: RefCell<Option<ReceivedCache>> = const { RefCell::new(None) };
}

/// Serializes with this sent.
pub fn sending<R>(sent: &mut SentCache, work: impl FnOnce() -> R) -> R {
    SENT.set(Some(std::mem::take(sent)));
    let made = work();
    *sent = SENT.take().unwrap_or_default();
    made
}

/// Deserializes with this received.
pub fn receiving<R>(received: &mut ReceivedCache, work: impl FnOnce() -> R) -> R {
    RECEIVED.set(Some(std::mem::take(received)));
    let made = work();
    *received = RECEIVED.take().unwrap_or_default();
    made
}

/// Its number, if there is a sent, and whether the other side has it.
fn note<T: Send + Sync + 'static>(thing: &Arc<T>) -> (u64, bool) {
    SENT.with_borrow_mut(|sent| {
        let Some(sent) = sent else { return (0, false) };
        let place = Arc::as_ptr(thing) as *const () as usize;
        if let Some((_, id)) = sent.known.get(&place) {
            return (*id, true);
        }
        sent.next += 1;
        let weak: Weak<Thing> = Arc::downgrade(&(thing.clone() as Arc<Thing>));
        sent.known.insert(place, (weak, sent.next));
        (sent.next, false)
    })
}

/// For `#[serde(with)]`.
pub fn serialize<T: Serialize + Send + Sync + 'static, S: Serializer>(
    thing: &Arc<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let (id, known) = note(thing);
    (id, (!known).then_some(&**thing)).serialize(serializer)
}

/// For `#[serde(with)]`.
pub fn deserialize<'de, T: DeserializeOwned + Send + Sync + 'static, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Arc<T>, D::Error> {
    let (id, thing) = <(u64, Option<T>)>::deserialize(deserializer)?;
    let Some(thing) = thing else {
        let cached =
            RECEIVED.with_borrow(|received| received.as_ref().and_then(|received| received.0.get(&id).cloned()));
        let lost = || D::Error::custom(format!("nothing is kept under the number {id}"));
        return cached.and_then(|thing| thing.downcast().ok()).ok_or_else(lost);
    };
    let thing = Arc::new(thing);
    RECEIVED.with_borrow_mut(|received| {
        if let Some(received) = received {
            received.0.insert(id, thing.clone());
        }
    });
    Ok(thing)
}

/// The same for an `Option<Arc<T>>`.
pub mod option {
    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(bound(serialize = "T: Serialize", deserialize = "T: DeserializeOwned"))]
    struct Wrapped<T: Send + Sync + 'static>(#[serde(with = "super")] Arc<T>);

    /// For `#[serde(with)]`.
    pub fn serialize<T: Serialize + Send + Sync + 'static, S: Serializer>(
        thing: &Option<Arc<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        thing.clone().map(Wrapped).serialize(serializer)
    }

    /// For `#[serde(with)]`.
    pub fn deserialize<'de, T: DeserializeOwned + Send + Sync + 'static, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Arc<T>>, D::Error> {
        Ok(Option::<Wrapped<T>>::deserialize(deserializer)?.map(|Wrapped(thing)| thing))
    }
}

/// The same for a `Vec<Arc<T>>`.
pub mod list {
    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(bound(serialize = "T: Serialize", deserialize = "T: DeserializeOwned"))]
    struct Wrapped<T: Send + Sync + 'static>(#[serde(with = "super")] Arc<T>);

    /// For `#[serde(with)]`.
    pub fn serialize<T: Serialize + Send + Sync + 'static, S: Serializer>(
        things: &[Arc<T>],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(things.iter().cloned().map(Wrapped))
    }

    /// For `#[serde(with)]`.
    pub fn deserialize<'de, T: DeserializeOwned + Send + Sync + 'static, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Arc<T>>, D::Error> {
        Ok(Vec::<Wrapped<T>>::deserialize(deserializer)?.into_iter().map(|Wrapped(thing)| thing).collect())
    }
}
