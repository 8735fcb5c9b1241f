#![no_main]
//! Any bytes as a `.npy`. The beginning is made to fit, or almost every input would end there.

use dsf_explorer::model::Checkpoint;
use dsf_explorer_fuzz::read_everything;

libfuzzer_sys::fuzz_target!(|input: (u8, u8, u16, &[u8])| {
    let (how, kind, dimension, text) = input;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    if how % 2 == 0 {
        // Values that fit a shape, behind a header of which only parts are free.
        let kind = ["<f4", ">f4", "<f8", ">f2", "<i8", "|b1", "|O"][kind as usize % 7];
        let header = format!("{{'descr': '{kind}', 'fortran_order': {}, 'shape': (3, {dimension}), ", how % 3 == 0);
        bytes.extend(((header.len() + 1) as u16).to_le_bytes());
        bytes.extend(header.bytes());
        bytes.push(b'}');
        bytes.extend(text);
        bytes.resize(bytes.len() - text.len() + 3 * dimension as usize * 4, 0);
    } else {
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text);
    }
    read_everything(Checkpoint::from_bytes("fuzz.npy", bytes));
});
