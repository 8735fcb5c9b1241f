//! `#[serde(with = "shared")]` for an `Arc`: a value that the receiver has already is sent as a number.
//!
//! The sender keeps a [`SentCache`] of what the receiver has, the receiver a [`ReceivedCache`] of the same values. Two
//! `Arc`s are the same value when they point to the same address.

use serde::de::{DeserializeOwned, Deserializer, Error};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

type Thing = dyn Any + Send + Sync;

/// Values sent to one Worker, by address.
#[derive(Default)]
pub struct SentCache {
    /// Address → the value and its number. The weak reference keeps the address from being reused.
    known: HashMap<usize, (Weak<Thing>, u64)>,
    next: u64,
}

impl SentCache {
    /// Numbers of the values dropped here since the last call: the receiver may drop them too.
    pub fn forgotten(&mut self) -> Vec<u64> {
        let gone: Vec<(usize, u64)> = self
            .known
            .iter()
            .filter(|(_, (thing, _))| thing.strong_count() == 0)
            .map(|(&address, &(_, id))| (address, id))
            .collect();
        gone.iter().for_each(|(address, _)| _ = self.known.remove(address));
        gone.into_iter().map(|(_, id)| id).collect()
    }
}

/// Values received and still in use by the sender, by number.
#[derive(Default)]
pub struct ReceivedCache(HashMap<u64, Arc<Thing>>);

impl ReceivedCache {
    /// Drops the values with these numbers.
    pub fn forget(&mut self, ids: &[u64]) {
        ids.iter().for_each(|id| _ = self.0.remove(id));
    }
}

thread_local! {
    static SENT: RefCell<Option<SentCache>> = const { RefCell::new(None) };
    static RECEIVED: RefCell<Option<ReceivedCache>> = const { RefCell::new(None) };
}

/// Runs `work`, which serializes for the receiver that has the values in `sent`.
pub fn with_sent_cache<R>(sent: &mut SentCache, work: impl FnOnce() -> R) -> R {
    SENT.set(Some(std::mem::take(sent)));
    let made = work();
    *sent = SENT.take().unwrap_or_default();
    made
}

/// Runs `work`, which deserializes with the values in `received`.
pub fn with_received_cache<R>(received: &mut ReceivedCache, work: impl FnOnce() -> R) -> R {
    RECEIVED.set(Some(std::mem::take(received)));
    let made = work();
    *received = RECEIVED.take().unwrap_or_default();
    made
}

/// Number of the value and whether the receiver has it; `(0, false)` without a cache.
fn register<T: Send + Sync + 'static>(thing: &Arc<T>) -> (u64, bool) {
    SENT.with_borrow_mut(|sent| {
        let Some(sent) = sent else { return (0, false) };
        let address = Arc::as_ptr(thing) as *const () as usize;
        if let Some((_, id)) = sent.known.get(&address) {
            return (*id, true);
        }
        sent.next += 1;
        let weak: Weak<Thing> = Arc::downgrade(&(thing.clone() as Arc<Thing>));
        sent.known.insert(address, (weak, sent.next));
        (sent.next, false)
    })
}

/// Writes a number, and the value if the receiver lacks it.
pub fn serialize<T: Serialize + Send + Sync + 'static, S: Serializer>(
    thing: &Arc<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let (id, known) = register(thing);
    (id, (!known).then_some(&**thing)).serialize(serializer)
}

/// Reads a number, and the value with it or from the cache.
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

/// `#[serde(with = "shared::option")]` for an `Option<Arc<T>>`.
pub mod option {
    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(bound(serialize = "T: Serialize", deserialize = "T: DeserializeOwned"))]
    struct Wrapped<T: Send + Sync + 'static>(#[serde(with = "super")] Arc<T>);

    /// As [`shared::serialize`](super::serialize), or nothing for `None`.
    pub fn serialize<T: Serialize + Send + Sync + 'static, S: Serializer>(
        thing: &Option<Arc<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        thing.clone().map(Wrapped).serialize(serializer)
    }

    /// As [`shared::deserialize`](super::deserialize).
    pub fn deserialize<'de, T: DeserializeOwned + Send + Sync + 'static, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Arc<T>>, D::Error> {
        Ok(Option::<Wrapped<T>>::deserialize(deserializer)?.map(|Wrapped(thing)| thing))
    }
}

/// `#[serde(with = "shared::list")]` for a `Vec<Arc<T>>`.
pub mod list {
    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(bound(serialize = "T: Serialize", deserialize = "T: DeserializeOwned"))]
    struct Wrapped<T: Send + Sync + 'static>(#[serde(with = "super")] Arc<T>);

    /// As [`shared::serialize`](super::serialize) for each element.
    pub fn serialize<T: Serialize + Send + Sync + 'static, S: Serializer>(
        things: &[Arc<T>],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(things.iter().cloned().map(Wrapped))
    }

    /// As [`shared::deserialize`](super::deserialize) for each element.
    pub fn deserialize<'de, T: DeserializeOwned + Send + Sync + 'static, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Arc<T>>, D::Error> {
        Ok(Vec::<Wrapped<T>>::deserialize(deserializer)?.into_iter().map(|Wrapped(thing)| thing).collect())
    }
}
