//! For `#[serde(with)]` on an `Arc`: what a Worker has already is named instead of sent again.
//!
//! Who sends keeps a [`Ledger`] of what the Worker has, who receives a [`Shelf`] of the same things. Two `Arc`s are the
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
pub struct Ledger {
    /// A weak reference keeps the place from being used anew.
    known: HashMap<usize, (Weak<Thing>, u64)>,
    next: u64,
}

impl Ledger {
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
pub struct Shelf(HashMap<u64, Arc<Thing>>);

impl Shelf {
    /// Lets go of these.
    pub fn forget(&mut self, ids: &[u64]) {
        ids.iter().for_each(|id| _ = self.0.remove(id));
    }
}

thread_local! {
    static LEDGER: RefCell<Option<Ledger>> = const { RefCell::new(None) };
    static SHELF: RefCell<Option<Shelf>> = const { RefCell::new(None) };
}

/// Serializes with this ledger.
pub fn sending<R>(ledger: &mut Ledger, work: impl FnOnce() -> R) -> R {
    LEDGER.set(Some(std::mem::take(ledger)));
    let made = work();
    *ledger = LEDGER.take().unwrap_or_default();
    made
}

/// Deserializes with this shelf.
pub fn receiving<R>(shelf: &mut Shelf, work: impl FnOnce() -> R) -> R {
    SHELF.set(Some(std::mem::take(shelf)));
    let made = work();
    *shelf = SHELF.take().unwrap_or_default();
    made
}

/// Its number, if there is a ledger, and whether the other side has it.
fn note<T: Send + Sync + 'static>(thing: &Arc<T>) -> (u64, bool) {
    LEDGER.with_borrow_mut(|ledger| {
        let Some(ledger) = ledger else { return (0, false) };
        let place = Arc::as_ptr(thing) as *const () as usize;
        if let Some((_, id)) = ledger.known.get(&place) {
            return (*id, true);
        }
        ledger.next += 1;
        let weak: Weak<Thing> = Arc::downgrade(&(thing.clone() as Arc<Thing>));
        ledger.known.insert(place, (weak, ledger.next));
        (ledger.next, false)
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
        let shelved = SHELF.with_borrow(|shelf| shelf.as_ref().and_then(|shelf| shelf.0.get(&id).cloned()));
        let lost = || D::Error::custom(format!("nothing is kept under the number {id}"));
        return shelved.and_then(|thing| thing.downcast().ok()).ok_or_else(lost);
    };
    let thing = Arc::new(thing);
    SHELF.with_borrow_mut(|shelf| {
        if let Some(shelf) = shelf {
            shelf.0.insert(id, thing.clone());
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
