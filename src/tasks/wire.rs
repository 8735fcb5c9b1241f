//! Tasks as bytes, in `postcard`'s format.

use super::error::Error;
use super::shared::{ReceivedCache, SentCache, with_received_cache, with_sent_cache};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes of a value, without what the receiver has according to the cache.
pub fn pack(value: &impl Serialize, sent: &mut SentCache) -> Vec<u8> {
    with_sent_cache(sent, || pack_whole(value))
}

/// Bytes of a value, complete.
pub fn pack_whole(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("what is sent are numbers, lists and texts, which can all be written")
}

/// Reads what [`pack`] wrote.
pub fn unpack<T: DeserializeOwned>(bytes: &[u8], received: &mut ReceivedCache) -> Result<T, Error> {
    with_received_cache(received, || unpack_whole(bytes))
}

/// Reads what [`pack_whole`] wrote.
pub fn unpack_whole<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    Ok(postcard::from_bytes(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::sync::Arc;

    #[derive(Serialize, Deserialize)]
    struct Pair {
        #[serde(with = "super::super::shared")]
        first: Arc<Vec<u64>>,
        #[serde(with = "super::super::shared::option")]
        second: Option<Arc<Vec<u64>>>,
    }

    #[test]
    fn what_is_shared_is_sent_once_and_stays_shared() {
        let (mut sent, mut cache) = (SentCache::default(), ReceivedCache::default());
        let long = Arc::new((0..1000).collect::<Vec<u64>>());
        let pair = Pair { first: long.clone(), second: Some(long.clone()) };
        let bytes = pack(&pair, &mut sent);
        assert!((1000..3000).contains(&bytes.len()), "{} bytes: the list once", bytes.len());
        let received: Pair = unpack(&bytes, &mut cache).unwrap();
        assert_eq!(*received.first, *long);
        assert!(Arc::ptr_eq(&received.first, received.second.as_ref().unwrap()));

        let again = pack(&Pair { first: long.clone(), second: None }, &mut sent);
        assert!(again.len() < 10, "{} bytes: only its number", again.len());
        let again: Pair = unpack(&again, &mut cache).unwrap();
        assert!(Arc::ptr_eq(&again.first, &received.first));

        // A value dropped here is dropped there, and another at the same address is another.
        drop((pair, long));
        let gone = sent.forgotten();
        assert_eq!(gone.len(), 1);
        cache.forget(&gone);
        let other = Arc::new(vec![7]);
        let other: Pair = unpack(&pack(&Pair { first: other, second: None }, &mut sent), &mut cache).unwrap();
        assert_eq!(*other.first, [7]);
        assert!(sent.forgotten().len() == 1 && sent.forgotten().is_empty());
    }

    #[test]
    fn what_the_other_side_has_lost_is_an_error() {
        let mut sent = SentCache::default();
        let thing = Arc::new(vec![1u64]);
        let pair = || Pair { first: thing.clone(), second: None };
        pack(&pair(), &mut sent);
        let named = pack(&pair(), &mut sent);
        assert!(unpack::<Pair>(&named, &mut ReceivedCache::default()).is_err());
        assert!(unpack::<Pair>(&named[..1], &mut ReceivedCache::default()).is_err(), "cut short");
    }
}
