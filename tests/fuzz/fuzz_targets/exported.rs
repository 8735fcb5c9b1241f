#![no_main]
//! Well-formed files whose factors say anything.

use arbitrary::Arbitrary;
use dsf_explorer::model::Checkpoint;
use dsf_explorer_fuzz::read_everything;
use safetensors::{Dtype, tensor::TensorView};

#[derive(Arbitrary, Debug)]
struct Part {
    factor: bool,
    name: u8,
    kind: u8,
    /// Rows when it has two dimensions.
    rows: Option<u8>,
    numbers: Vec<i16>,
}

const NAMES: [&str; 11] = [
    "weight",
    "crow_indices",
    "col_indices",
    "values",
    "shape",
    "compressed",
    "bitmask",
    "row_offsets",
    "weight.compressed",
    "weight.bitmask",
    "weight.row_offsets",
];

libfuzzer_sys::fuzz_target!(|parts: Vec<Part>| {
    let tensors: Vec<_> = parts
        .iter()
        .map(|part| {
            let name = NAMES[part.name as usize % NAMES.len()];
            let kind = match part.kind % 8 {
                0 => Dtype::F16,
                1 => Dtype::I32,
                2 | 3 => Dtype::F32,
                // Mostly what belongs there.
                _ => match name {
                    "weight" | "values" | "compressed" | "weight.compressed" => Dtype::F32,
                    "bitmask" | "weight.bitmask" => Dtype::U8,
                    _ => Dtype::I64,
                },
            };
            let numbers = match part.rows {
                Some(rows) => &part.numbers[..part.numbers.len() / rows.max(1) as usize * rows as usize],
                None => &part.numbers[..],
            };
            let bytes: Vec<u8> = numbers
                .iter()
                .flat_map(|&x| match kind {
                    Dtype::F32 => f32::from(x).to_le_bytes().to_vec(),
                    Dtype::I64 => i64::from(x).to_le_bytes().to_vec(),
                    Dtype::I32 => i32::from(x).to_le_bytes().to_vec(),
                    Dtype::F16 => x.to_le_bytes().to_vec(),
                    _ => vec![x as u8],
                })
                .collect();
            let shape = match part.rows {
                Some(rows) => vec![rows as usize, numbers.len() / rows.max(1) as usize],
                None => vec![numbers.len()],
            };
            (format!("m.{}.{name}", if part.factor { "A" } else { "B" }), kind, shape, bytes)
        })
        .collect();
    let views: std::collections::BTreeMap<_, _> = tensors
        .iter()
        .filter_map(|(name, kind, shape, bytes)| Some((name, TensorView::new(*kind, shape.clone(), bytes).ok()?)))
        .collect();
    if let Ok(bytes) = safetensors::serialize(views, None) {
        read_everything(Checkpoint::from_bytes("fuzz.safetensors", bytes));
    }
});
