#![no_main]
//! Any bytes, for the reader that the first of them chooses.

use dsf_explorer_fuzz::targets::TARGETS;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Some((first, rest)) = input.split_first() {
        (TARGETS[usize::from(*first) % TARGETS.len()].run)(rest);
    }
});
