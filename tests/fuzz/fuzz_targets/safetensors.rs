#![no_main]
//! Any bytes as a `.safetensors`. The length of the header is made to fit, or almost every input would end there.

use dsf_explorer::model::Checkpoint;
use dsf_explorer_fuzz::read_everything;

libfuzzer_sys::fuzz_target!(|input: (u8, Vec<u8>, Vec<u8>)| {
    let (how, header, data) = input;
    let mut bytes = Vec::new();
    if how != 0 {
        bytes.extend((header.len() as u64).to_le_bytes());
    }
    bytes.extend(header);
    bytes.extend(data);
    read_everything(Checkpoint::from_bytes("fuzz.safetensors", bytes));
});
