#![no_main]
//! Any text as the index of two fixed shards.

use dsf_explorer::model::Checkpoint;
use dsf_explorer_fuzz::read_everything;
use std::collections::BTreeMap;

fn shard(tensor: &str) -> Vec<u8> {
    let header = format!("{{\"{tensor}\":{{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}}}}");
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend([0; 8]);
    bytes
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let shards = BTreeMap::from([("a.safetensors".to_owned(), shard("a")), ("b.safetensors".to_owned(), shard("b"))]);
    read_everything(Checkpoint::from_shards("fuzz.safetensors.index.json", input, shards));
});
