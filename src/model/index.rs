//! The index of a sharded checkpoint, `model.safetensors.index.json` or `pytorch_model.bin.index.json`.

use super::Error;
use super::names::one_line;
use super::safetensors::HEADER_LIMIT;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::collections::{BTreeMap, BTreeSet, btree_map};

/// Largest number of shards of a checkpoint.
const SHARD_LIMIT: usize = 10_000;

/// A checkpoint's index: the shard of each tensor.
#[derive(Debug)]
pub(super) struct Index {
    /// Tensor name → shard's file name, with folders below the index's and slashes between them.
    pub weight_map: BTreeMap<String, String>,
    /// Other entries, as text.
    pub metadata: BTreeMap<String, String>,
}

impl Index {
    /// Parses `bytes`, a whole file called `file`. Every shard it names is a file in the index's folder or below it.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, Error> {
        let file = || file.to_owned();
        if bytes.is_empty() {
            return Err(Error::EmptyFile { file: file() });
        }
        if bytes.starts_with(b"version https://git-lfs") {
            return Err(Error::LfsPointer { file: file() });
        }
        let length = bytes.len() as u64;
        if length > HEADER_LIMIT {
            return Err(Error::HeaderTooLong { file: file(), bytes: length, limit: HEADER_LIMIT });
        }
        let json: Json = serde_json::from_slice(bytes)
            .map_err(|error| Error::Malformed { file: file(), problem: one_line(&error.to_string()) })?;
        if let Some(tensor) = json.weight_map.duplicate {
            return Err(Error::Duplicate { file: file(), tensor });
        }
        let index = Self {
            weight_map: json.weight_map.shards,
            metadata: json.metadata.unwrap_or_default().into_iter().map(|(key, value)| (key, text(value))).collect(),
        };
        let shards = index.shards();
        if shards.is_empty() {
            return Err(Error::Malformed { file: file(), problem: "its weight_map is empty".to_owned() });
        }
        if let Some(&shard) = shards.iter().find(|shard| !stays_inside(shard)) {
            return Err(Error::ShardName { file: file(), shard: shard.to_owned() });
        }
        if shards.len() > SHARD_LIMIT {
            return Err(Error::TooManyShards { file: file(), shards: shards.len(), limit: SHARD_LIMIT });
        }
        Ok(index)
    }

    /// Names of the shards, each once.
    pub fn shards(&self) -> BTreeSet<&str> {
        self.weight_map.values().map(String::as_str).collect()
    }
}

/// Whether `shard` can only be a file in the index's folder or below it. A colon is a drive or a stream on Windows.
fn stays_inside(shard: &str) -> bool {
    let forbidden = |c: char| matches!(c, '\\' | ':') || c.is_control();
    let ending = [".safetensors", ".bin", ".pt", ".pth"].iter().any(|ending| shard.ends_with(ending));
    let plain = |part: &str| !part.starts_with('.') && !part.contains("..") && !part.is_empty();
    ending && !shard.contains(forbidden) && shard.split('/').all(plain)
}

fn text(value: serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

#[derive(Deserialize)]
struct Json {
    #[serde(default)]
    metadata: Option<BTreeMap<String, serde_json::Value>>,
    weight_map: WeightMap,
}

/// A map that detects duplicate keys, which serde_json would silently overwrite.
#[derive(Default)]
struct WeightMap {
    shards: BTreeMap<String, String>,
    duplicate: Option<String>,
}

impl<'de> Deserialize<'de> for WeightMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = WeightMap;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a map from tensors to files")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<WeightMap, M::Error> {
                let mut all = WeightMap::default();
                while let Some((tensor, shard)) = map.next_entry::<String, String>()? {
                    match all.shards.entry(tensor) {
                        btree_map::Entry::Vacant(place) => drop(place.insert(shard)),
                        btree_map::Entry::Occupied(place) => all.duplicate = Some(place.key().clone()),
                    }
                }
                Ok(all)
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_files_within_the_folder() {
        for good in [
            "model.safetensors",
            "model-00001-of-00002.safetensors",
            "a b.safetensors",
            "transformer/a/b.safetensors",
            "pytorch_model-00001-of-00002.bin",
        ] {
            assert!(stays_inside(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "/etc/x.safetensors",
            "../x.safetensors",
            "a/../../x.safetensors",
            "a//x.safetensors",
            "./.safetensors",
            "..\\x.safetensors",
            "..safetensors",
            "C:x.safetensors",
            "\\\\host\\x.safetensors",
            "model.h5",
            "x\0.safetensors",
            ".safetensors",
        ] {
            assert!(!stays_inside(bad), "{bad}");
        }
    }
}
