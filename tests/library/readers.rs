//! Reading checkpoints: files made by hand, files damaged on purpose, and real ones.

use crate::common;
use dsf_explorer::hint::{Explain, Hint};
use dsf_explorer::model::{Checkpoint, Dtype, Error, Orientation, open};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeMap;

/// A `.safetensors` of this header and data.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

/// A `.safetensors` of these tensors: name, format, shape, bytes.
fn tensors(tensors: &[(&str, &str, &[usize], Vec<u8>)]) -> Vec<u8> {
    let mut data = Vec::new();
    let entries: Vec<_> = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| {
            let start = data.len();
            data.extend(bytes);
            format!(
                "\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape:?},\"data_offsets\":[{start},{}]}}",
                data.len()
            )
        })
        .collect();
    file(&format!("{{\"__metadata__\":{{\"format\":\"pt\"}},{}}}", entries.join(",")), &data)
}

fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn i64s(values: &[i64]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// A version 1 `.npy`.
fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    npy_text(&format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"), data)
}

fn npy_text(header: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{header}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

fn safetensors(bytes: Vec<u8>) -> Result<Checkpoint, Error> {
    Checkpoint::from_bytes("m.safetensors", bytes)
}

/// Opening fails, and message and hint, one line, say so.
#[track_caller]
fn refused(opened: Result<impl std::fmt::Debug, Error>, says: &str) {
    let error = opened.expect_err(says);
    let hint = match error.hint().expect("what to do about it") {
        Hint::Say(words) => words.into_owned(),
        Hint::OtherName { nearest } => format!("did you mean {}", nearest.join(", ")),
        other => panic!("{other:?}"),
    };
    let line = format!("{error}: {hint}");
    assert!(line.contains(says), "{line:?} does not say {says:?}");
    assert!(!line.contains('\n'), "{line:?}");
}

fn sample() -> Vec<u8> {
    tensors(&[
        ("layers.10.weight", "F32", &[2, 3], f32s(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])),
        ("layers.2.weight", "BF16", &[1, 2], vec![0x80, 0x3f, 0x00, 0xc0]),
        ("conv", "F64", &[2, 1, 1, 2], [1.0f64, 2.0, 3.0, 4.0].iter().flat_map(|x| x.to_le_bytes()).collect()),
        ("bias", "F16", &[2], vec![0, 0x3c, 0, 0x3c]),
        ("steps", "I64", &[1, 2], i64s(&[3, 4])),
        ("eight", "F8_E4M3", &[2, 2], vec![0; 4]),
        ("hollow", "F32", &[0, 4], vec![]),
    ])
}

#[test]
fn a_checkpoint_lists_its_tensors_in_natural_order() {
    let checkpoint = Checkpoint::from_bytes("some/where/m.safetensors", sample()).unwrap();
    assert_eq!(checkpoint.name(), "m.safetensors");
    assert_eq!(checkpoint.metadata()["format"], "pt");
    let names: Vec<_> = checkpoint.tensors().iter().map(|info| info.name.as_str()).collect();
    assert_eq!(names, ["bias", "conv", "eight", "hollow", "layers.2.weight", "layers.10.weight", "steps"]);
    let layers: Vec<_> = checkpoint.layers().map(|info| info.name.as_str()).collect();
    assert_eq!(layers, ["conv", "eight", "layers.2.weight", "layers.10.weight"]);
    let steps = checkpoint.tensor("steps").unwrap();
    assert_eq!((steps.dtype.as_str(), steps.format, steps.bytes, &steps.shape[..]), ("I64", None, 16, &[1, 2][..]));
    assert_eq!(steps.file, "m.safetensors");
}

#[test]
fn layers_are_read_in_either_orientation() {
    let checkpoint = safetensors(sample()).unwrap();
    let layer = checkpoint.layer("layers.10.weight", Orientation::AsStored).unwrap();
    assert_eq!((layer.weight.shape(), layer.dtype, layer.stem()), ((2, 3), Dtype::F32, "layers.10"));
    assert_eq!(layer.weight.row(1), [4.0, 5.0, 6.0]);
    let layer = checkpoint.layer("layers.10.weight", Orientation::Transposed).unwrap();
    assert!(layer.transposed);
    assert_eq!((layer.weight.shape(), layer.weight.row(2)), ((3, 2), &[3.0, 6.0][..]));
    let layer = checkpoint.layer("layers.2.weight", Orientation::AsStored).unwrap();
    assert_eq!(layer.weight.as_slice(), [1.0, -2.0]);
    let layer = checkpoint.layer("conv", Orientation::AsStored).unwrap();
    assert_eq!((layer.weight.shape(), &layer.shape[..]), ((2, 2), &[2, 1, 1, 2][..]));
    assert_eq!(checkpoint.values("bias").unwrap(), [1.0, 1.0]);
}

#[test]
fn what_is_no_layer_is_refused_with_a_reason() {
    let checkpoint = safetensors(sample()).unwrap();
    let layer = |name: &str| checkpoint.layer(name, Orientation::AsStored);
    refused(layer("bias"), "shape [2], which is no matrix: choose one with two dimensions");
    refused(layer("steps"), "holds \"I64\"");
    refused(layer("hollow"), "has shape [0, 4] and so no values");
    refused(layer("layers.3.weight"), "did you mean \"layers.2.weight\"");
    refused(checkpoint.layer("conv", Orientation::Transposed), "is a convolution");
    for (value, says) in [(f32::NAN, "has NaN in row 1, column 0"), (f32::NEG_INFINITY, "has -inf in row 1")] {
        let bytes = tensors(&[("w", "F32", &[2, 2], f32s(&[0.0, 1.0, value, 3.0]))]);
        refused(safetensors(bytes).unwrap().layer("w", Orientation::AsStored), says);
    }
}

#[test]
fn damaged_safetensors_are_refused() {
    let good = sample();
    refused(safetensors(vec![]), "is empty");
    refused(safetensors(good[..5].to_vec()), "ends after 5 of 8 bytes");
    refused(safetensors(good[..50].to_vec()), "ends after 50 of");
    refused(safetensors(good[..good.len() - 1].to_vec()), "ends after");
    refused(safetensors([&good[..], &[0]].concat()), "has 1 bytes that belong to no tensor");
    refused(safetensors(b"version https://git-lfs.github.com/spec/v1\noid".to_vec()), "git lfs pull");
    let ten_gigabytes = [&10_000_000_000u64.to_le_bytes()[..], b"{}"].concat();
    refused(safetensors(ten_gigabytes), "a header of 10000000000 bytes where at most 100000000");
    refused(safetensors(file("[1]", &[])), "expected a map of tensors");
    refused(safetensors(file("{\"a\":{\"dtype\":\"Q\\n7\",\"shape\":[],\"data_offsets\":[0,0]}}", &[])), "Q\\n7");
    refused(safetensors(file("{\"__metadata__\":{\"format\":1}}", &[])), "expected a string");

    let one = |name: &str, shape: &str, from: u64, to: u64| {
        format!("\"{name}\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[{from},{to}]}}")
    };
    let open = |entries: &[String]| safetensors(file(&format!("{{{}}}", entries.join(",")), &[0; 16]));
    assert!(open(&[one("a", "[2]", 0, 8), one("b", "[2]", 8, 16)]).is_ok());
    refused(open(&[one("a", "[2]", 0, 8), one("a", "[2]", 8, 16)]), "lists \"a\" twice");
    refused(open(&[one("a", "[2]", 0, 8), one("b", "[2]", 4, 12)]), "overlaps another one or leaves a hole");
    refused(open(&[one("a", "[2]", 0, 8), one("b", "[1]", 12, 16)]), "tensor \"b\" overlaps");
    refused(open(&[one("a", "[3]", 0, 16)]), "invalid shape");
    refused(open(&[one("a", "[4]", 16, 0)]), "leaves a hole");
    refused(open(&[one("a", "[4294967296,4294967296,4294967296]", 0, 16)]), "overflow");
    refused(open(&[one("a", "[4]", 0, 16), one("b", "[0,4294967297]", 16, 16)]), "a dimension of 4294967297");
    refused(open(&[one("a", "[-1]", 0, 16)]), "invalid value");
    refused(open(&[one("a", "[18446744073709551616]", 0, 16)]), "damaged");
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    refused(safetensors(file(&deep, &[])), "damaged");
}

#[test]
fn npy_is_read_in_both_orders_and_endiannesses() {
    let layer =
        |bytes: Vec<u8>| Checkpoint::from_bytes("w.x.npy", bytes).unwrap().layer("w.x", Orientation::AsStored).unwrap();
    let values = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0];
    let little = layer(npy("'<f4'", false, "(2, 3)", &f32s(&values)));
    assert_eq!((little.weight.shape(), little.weight.as_slice()), ((2, 3), &values[..]));
    let fortran = layer(npy("'<f4'", true, "(2, 3)", &f32s(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0])));
    assert_eq!(fortran.weight, little.weight);
    let big: Vec<u8> = values.iter().flat_map(|&x| f64::from(x).to_be_bytes()).collect();
    let big = layer(npy("'>f8'", false, "(2, 3)", &big));
    assert_eq!((&big.weight, big.dtype), (&little.weight, Dtype::F64));
    let half = layer(npy("'<f2'", false, "(1,2)", &[0, 0x3c, 0, 0xc0]));
    assert_eq!(half.weight.as_slice(), [1.0, -2.0]);
    // As NumPy 2 writes it: padded to 64 bytes.
    let padded = format!("{:<117}", "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }");
    assert_eq!(layer(npy_text(&padded, &f32s(&[7.0]))).weight.as_slice(), [7.0]);
}

#[test]
fn damaged_or_foreign_npy_is_refused() {
    let open = |bytes: Vec<u8>| Checkpoint::from_bytes("w.npy", bytes);
    refused(open(vec![]), "is empty");
    refused(open(b"PK\x03\x04".to_vec()), "does not start as a NumPy array");
    refused(open(b"\x93NUMPY\x01".to_vec()), "ends after 7 of 12");
    refused(open(b"\x93NUMPY\x09\x00\x00\x00\x00\x00".to_vec()), "version");
    refused(open([&b"\x93NUMPY\x02\x00"[..], &4_000_000_000u32.to_le_bytes()].concat()), "a header of 4000000000");
    refused(open(npy("'|O'", false, "(1,)", &[0; 8])), "of Python objects");
    refused(open(npy("[('a', '<f4')]", false, "(1,)", &[0; 4])), "of structured values");
    refused(open(npy("'<f4'", false, "(2, 3)", &[0; 20])), "ends after");
    refused(open(npy("'<f4'", false, "(2, 2)", &[0; 20])), "has 4 bytes that belong to no tensor");
    let huge = "(4294967296, 4294967296, 4294967296)";
    refused(open(npy("'<f4'", false, huge, &[])), "larger than any file");
    refused(open(npy("'<f4'", false, "(0, 4294967296, 4294967296, 4294967296)", &[])), "larger than any file");
    refused(open(npy("'<f4'", false, "(4294967296, 4000000000)", &[])), "larger than any file");
    refused(open(npy("'<f4'", false, "(4294967297, 0)", &[])), "a dimension of 4294967297");
    refused(open(npy("'<f4'", false, "(-1,)", &[])), "whole numbers");
    refused(open(npy("'<f4'", false, "(3)", &[0; 12])), "shape");
    refused(open(npy("'<q4'", false, "(3,)", &[0; 12])), "type");
    // Brackets in brackets take the parser of Python literals exponentially long.
    refused(open(npy("'<f4'", false, &"(".repeat(5000), &[])), "not the usual dictionary");
    refused(open(npy_text(&format!("{}1{}", "{".repeat(40), "}".repeat(40)), &[])), "not the usual dictionary");

    let line = open(npy("'<f4'", false, "(3,)", &[0; 12])).unwrap();
    refused(line.layer("w", Orientation::AsStored), "has shape [3]");
    let cube = open(npy("'<f4'", false, "(1, 1, 3)", &[0; 12])).unwrap();
    refused(cube.layer("w", Orientation::AsStored), "has shape [1, 1, 3]");
    let whole = open(npy("'>i4'", false, "(1, 3)", &[0; 12])).unwrap();
    refused(whole.layer("w", Orientation::AsStored), "holds \">i4\"");
    refused(Checkpoint::from_bytes("w.txt", vec![1]), "is of no known kind");
    refused(Checkpoint::from_bytes("m.safetensors.index.json", vec![1]), "open it together with them");
}

const INDEX: &str = "model.safetensors.index.json";

fn shards() -> BTreeMap<String, Vec<u8>> {
    let shard = |name: &str| tensors(&[(name, "F32", &[1, 2], f32s(&[1.0, 2.0]))]);
    [("m-1.safetensors", "a"), ("m-2.safetensors", "b")].map(|(file, name)| (file.to_owned(), shard(name))).into()
}

const GOOD_INDEX: &str = r#"{"metadata":{"total_size":16},"weight_map":{"b":"m-2.safetensors","a":"m-1.safetensors"}}"#;

#[test]
fn shards_are_joined_by_their_index() {
    let checkpoint = Checkpoint::from_shards(INDEX, GOOD_INDEX.as_bytes(), shards()).unwrap();
    let places: Vec<_> = checkpoint.tensors().iter().map(|info| (&info.name[..], &info.file[..])).collect();
    assert_eq!(places, [("a", "m-1.safetensors"), ("b", "m-2.safetensors")]);
    assert_eq!(checkpoint.metadata()["total_size"], "16");
    assert_eq!(checkpoint.layer("b", Orientation::AsStored).unwrap().weight.as_slice(), [1.0, 2.0]);
}

#[test]
fn what_nobody_needs_may_be_missing() {
    let index = r#"{"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors","head":"m-1.safetensors","inv_freq":"m-1.safetensors"}}"#;
    let checkpoint = Checkpoint::from_shards(INDEX, index.as_bytes(), shards()).unwrap();
    assert_eq!(checkpoint.tensors().len(), 2);
    assert_eq!(checkpoint.notes(), ["model.safetensors.index.json lists \"head\" and 1 more, which no shard holds"]);
    assert!(!checkpoint.has("head"));
    // Whoever does need it is told why it is not there.
    refused(checkpoint.values("head"), "promises tensor \"head\" in \"m-1.safetensors\"");
}

#[test]
fn shards_may_be_in_folders_below() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("weights")).unwrap();
    for (name, bytes) in shards() {
        std::fs::write(folder.path().join("weights").join(name), bytes).unwrap();
    }
    let index = r#"{"weight_map":{"a":"weights/m-1.safetensors","b":"weights/m-2.safetensors"}}"#;
    std::fs::write(folder.path().join(INDEX), index).unwrap();
    let checkpoint = open(folder.path()).unwrap();
    assert_eq!(checkpoint.values("b").unwrap(), [1.0, 2.0]);
    assert_eq!(checkpoint.tensor("b").unwrap().file, "weights/m-2.safetensors");
}

#[test]
fn a_wrong_index_is_refused() {
    let open = |index: &str| Checkpoint::from_shards(INDEX, index.as_bytes(), shards());
    let map = |entries: &str| open(&format!("{{\"weight_map\":{{{entries}}}}}"));
    refused(open(""), "is empty");
    refused(open("{\"weight_map\":"), "EOF");
    refused(open("{}"), "missing field `weight_map`");
    refused(map(""), "weight_map is empty");
    // None of the tensors that are expected in the second shard: it is of another model.
    refused(map(r#""a":"m-1.safetensors","c":"m-2.safetensors""#), "promises tensor \"c\" in \"m-2.safetensors\"");
    refused(map(r#""a":"m-1.safetensors","a":"m-2.safetensors""#), "lists \"a\" twice");
    refused(map(r#""a":"m-3.safetensors""#), "needs \"m-3.safetensors\", which is not there");
    for shard in ["../x.safetensors", "/x.safetensors", "C:\\\\x.safetensors", "a/../x.safetensors", "..", "", "m.h5"] {
        refused(map(&format!("\"a\":\"{shard}\"")), "only files with weights in the index's folder or below it");
    }
    let many: Vec<_> = (0..10_001).map(|i| format!("\"{i}\":\"{i}.safetensors\"")).collect();
    refused(map(&many.join(",")), "names 10001 shards");
    let mut twice = shards();
    twice.insert("m-2.safetensors".to_owned(), twice["m-1.safetensors"].clone());
    refused(Checkpoint::from_shards(INDEX, GOOD_INDEX.as_bytes(), twice), "is both in");
}

#[test]
fn folders_and_files_are_opened_by_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let write = |name: &str, bytes: &[u8]| std::fs::write(path(name), bytes).unwrap();
    refused(open(folder.path()), "but nothing: open");
    write("notes.txt", b"x");
    refused(open(folder.path()), "but notes.txt: open");
    refused(open(&path("absent.safetensors")), "does not exist");
    refused(open(&path("notes.txt")), "is of no known kind");
    write("empty.safetensors", b"");
    refused(open(&path("empty.safetensors")), "is empty");

    // The index first, then the single file that goes before it.
    write(INDEX, GOOD_INDEX.as_bytes());
    refused(open(folder.path()), "needs \"m-1.safetensors\"");
    std::fs::create_dir(path("m-1.safetensors")).unwrap();
    refused(open(folder.path()), "is a folder where a file is expected");
    std::fs::remove_dir(path("m-1.safetensors")).unwrap();
    for (name, bytes) in shards() {
        write(&name, &bytes);
    }
    let sharded = open(folder.path()).unwrap();
    assert_eq!(sharded.tensors().len(), 2);
    assert_eq!(Some(sharded.name()), folder.path().file_name().and_then(|name| name.to_str()));
    assert_eq!(open(&path(INDEX)).unwrap().name(), INDEX);
    write("model.safetensors", &sample());
    assert_eq!(open(folder.path()).unwrap().tensors().len(), 7);
    write("w.npy", &npy("'<f4'", false, "(1, 1)", &f32s(&[3.0])));
    assert_eq!(open(&path("w.npy")).unwrap().layer("w", Orientation::AsStored).unwrap().weight.as_slice(), [3.0]);
    #[cfg(unix)]
    refused(open(std::path::Path::new("/dev/null")), "neither a file nor a folder");
}

#[test]
#[cfg(target_os = "linux")]
fn a_checkpoint_of_gigabytes_opens_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.safetensors");
    let header = r#"{"w":{"dtype":"F32","shape":[131072,32768],"data_offsets":[0,17179869184]}}"#;
    std::fs::write(&path, file(header, &[])).unwrap();
    let start = std::time::Instant::now();
    // A hole in the file: 16 GiB that take no space.
    let sparse = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    sparse.set_len(8 + header.len() as u64 + 17_179_869_184).unwrap();
    assert_eq!(open(&path).unwrap().tensors()[0].bytes, 17_179_869_184);
    assert!(start.elapsed().as_secs() < 5);
}

/// The 3×10 example of the format's description.
fn bitmask_parts(name: &str) -> Vec<(String, &'static str, Vec<usize>, Vec<u8>)> {
    vec![
        (format!("{name}.shape"), "I64", vec![2], i64s(&[3, 10])),
        (format!("{name}.compressed"), "F32", vec![6], f32s(&[1.5, -2.0, 3.0, 4.0, 5.0, 6.0])),
        (format!("{name}.bitmask"), "U8", vec![3, 2], vec![2, 1, 0, 0, 137, 2]),
        (format!("{name}.row_offsets"), "I64", vec![3], i64s(&[0, 2, 2])),
    ]
}

const GOLDEN: [[f32; 10]; 3] = [
    [0.0, 1.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -2.0, 0.0],
    [0.0; 10],
    [3.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 5.0, 0.0, 6.0],
];

/// `m.A` as CSR, 2×3: 7 at (0, 1), 8 and 9 in row 1.
fn csr_parts() -> Vec<(String, &'static str, Vec<usize>, Vec<u8>)> {
    vec![
        ("m.A.shape".into(), "I64", vec![2], i64s(&[2, 3])),
        ("m.A.crow_indices".into(), "I64", vec![3], i64s(&[0, 1, 3])),
        ("m.A.col_indices".into(), "I64", vec![3], i64s(&[1, 0, 2])),
        ("m.A.values".into(), "F32", vec![3], f32s(&[7.0, 8.0, 9.0])),
    ]
}

fn join(parts: &[(String, &'static str, Vec<usize>, Vec<u8>)]) -> Vec<u8> {
    let parts: Vec<_> = parts.iter().map(|part| (&part.0[..], part.1, &part.2[..], part.3.clone())).collect();
    tensors(&parts)
}

#[test]
fn factors_in_every_layout_open_again() {
    for b in ["m.B", "m.B.weight"] {
        let checkpoint = safetensors(join(&[csr_parts(), bitmask_parts(b)].concat())).unwrap();
        assert_eq!(checkpoint.factorizations(), ["m"]);
        let factors = checkpoint.factors("m").unwrap();
        assert_eq!(factors.a.to_dense().as_slice(), [0.0, 7.0, 0.0, 8.0, 0.0, 9.0]);
        assert_eq!(factors.b.to_dense().as_slice(), GOLDEN.concat());
        assert_eq!(factors.dense_product().get(1, 9), 9.0 * 6.0);
    }
    let dense = |name: &str| (name.to_owned(), "F32", vec![1, 1], f32s(&[2.0]));
    let names =
        ["x.10.A.weight", "x.10.B.weight", "x.9.A.weight", "x.9.B.weight", "y.A.weight", "A.weight", "B.weight"];
    let checkpoint = safetensors(join(&names.map(dense))).unwrap();
    assert_eq!(checkpoint.factorizations(), ["x.9", "x.10"]);
    assert_eq!(checkpoint.factors("x.10").unwrap().dense_product().as_slice(), [4.0]);
    refused(checkpoint.factors("x.8"), "did you mean \"x.9\"");
    refused(checkpoint.factors("y"), "has no factors of \"y\"");
}

#[test]
fn inconsistent_factors_are_refused() {
    let good = [csr_parts(), bitmask_parts("m.B")].concat();
    assert!(safetensors(join(&good)).unwrap().factors("m").is_ok());
    let change = |name: &str, shape: &[usize], bytes: Vec<u8>, says: &str| {
        let mut parts = good.clone();
        let part = parts.iter_mut().find(|part| part.0 == name).unwrap();
        (part.2, part.3) = (shape.to_vec(), bytes);
        refused(safetensors(join(&parts)).unwrap().factors("m"), says);
    };
    change("m.A.shape", &[2], i64s(&[2, 4]), "2×4 and 3×10");
    change("m.A.shape", &[2], i64s(&[3, 3]), "m.A.crow_indices is I64 [3], not I64 [4]");
    change("m.A.shape", &[2], i64s(&[-1, 3]), "its shape is [-1, 3]");
    change("m.A.shape", &[2], i64s(&[i64::MAX, 3]), "crow_indices");
    change("m.A.shape", &[2], i64s(&[2, 1 << 40]), "at most 268435456 entries");
    change("m.A.shape", &[2], i64s(&[2, i64::MAX]), "at most 268435456 entries");
    change("m.A.shape", &[1], i64s(&[2]), "m.A.shape is I64 [1], not I64 [2]");
    change("m.A.crow_indices", &[3], i64s(&[0, 4, 3]), "do not ascend at row 0");
    change("m.A.crow_indices", &[3], i64s(&[0, -1, 3]), "do not ascend at row 0");
    change("m.A.crow_indices", &[3], i64s(&[1, 1, 3]), "do not run from 0");
    change("m.A.crow_indices", &[3], i64s(&[0, 1, 2]), "do not run from 0");
    change("m.A.col_indices", &[3], i64s(&[1, 2, 0]), "do not ascend in row 1");
    change("m.A.col_indices", &[3], i64s(&[1, 2, 2]), "do not ascend in row 1");
    change("m.A.col_indices", &[3], i64s(&[3, 0, 2]), "leave 0..3");
    change("m.A.col_indices", &[3], i64s(&[-1, 0, 2]), "leave 0..3");
    change("m.A.col_indices", &[2], i64s(&[1, 0]), "col_indices is I64 [2], not I64 [3]");
    change("m.A.values", &[3], f32s(&[7.0, f32::NAN, 9.0]), "has NaN in row 1, column 0");
    change("m.A.values", &[1, 3], f32s(&[7.0, 8.0, 9.0]), "not one dimension");
    change("m.B.bitmask", &[3, 2], vec![2, 1, 0, 0, 137, 6], "a bit beyond column 10 in row 2");
    change("m.B.bitmask", &[3, 2], vec![2, 1, 0, 0, 137, 3], "more bits than");
    change("m.B.bitmask", &[3, 2], vec![2, 1, 0, 0, 137, 0], "fewer bits than");
    change("m.B.bitmask", &[2, 3], vec![2, 1, 0, 0, 137, 2], "not U8 [3, 2]");
    change("m.B.row_offsets", &[3], i64s(&[0, 2, 3]), "before row 2");
    change("m.B.shape", &[2], i64s(&[3, 0]), "its shape is [3, 0]");
    change("m.B.shape", &[2], i64s(&[3, i64::MAX]), "bitmask");
    for part in &good {
        if part.0 != "m.A.crow_indices" && part.0 != "m.B.bitmask" {
            let parts: Vec<_> = good.iter().filter(|other| other.0 != part.0).cloned().collect();
            refused(safetensors(join(&parts)).unwrap().factors("m"), &format!("it has no {}", part.0));
        }
    }
    // Two thin factors whose product nobody could hold.
    let thin = |name: &str, shape: [i64; 2]| {
        let starts = vec![0; shape[0] as usize + 1];
        [
            (format!("{name}.shape"), "I64", vec![2], i64s(&shape)),
            (format!("{name}.crow_indices"), "I64", vec![starts.len()], i64s(&starts)),
            (format!("{name}.col_indices"), "I64", vec![0], vec![]),
            (format!("{name}.values"), "F32", vec![0], vec![]),
        ]
    };
    let parts = [thin("m.A", [100_000, 1]), thin("m.B", [1, 100_000])].concat();
    refused(safetensors(join(&parts)).unwrap().factors("m"), "\"m\" would be 100000×100000");
}

/// Opens and reads everything; anything may be refused.
fn read_everything(opened: Result<Checkpoint, Error>) {
    let one_line = |error: Error| assert!(!error.to_string().contains('\n'));
    let Ok(checkpoint) = opened.map_err(one_line) else { return };
    for info in checkpoint.tensors() {
        checkpoint.bytes(&info.name).unwrap();
        for orientation in [Orientation::AsStored, Orientation::Transposed] {
            checkpoint.layer(&info.name, orientation).map_err(one_line).ok();
        }
    }
    for stem in checkpoint.factorizations() {
        checkpoint.factors(&stem).map_err(one_line).ok();
    }
}

/// `bytes` with one byte changed or cut off at it.
fn damage(bytes: &[u8], at: prop::sample::Index, change: Option<u8>) -> Vec<u8> {
    let (mut bytes, at) = (bytes.to_vec(), at.index(bytes.len()));
    match change {
        Some(change) => bytes[at] ^= change,
        None => bytes.truncate(at),
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, rng_seed: RngSeed::Fixed(3), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_never_panics(at: prop::sample::Index, change in prop::option::of(1u8..)) {
        read_everything(safetensors(damage(&sample(), at, change)));
        read_everything(safetensors(damage(&join(&[csr_parts(), bitmask_parts("m.B")].concat()), at, change)));
        let array = npy("'>f4'", true, "(2, 3)", &[1; 24]);
        read_everything(Checkpoint::from_bytes("w.npy", damage(&array, at, change)));
        let index = damage(GOOD_INDEX.as_bytes(), at, change);
        read_everything(Checkpoint::from_shards(INDEX, &index, shards()));
    }

    #[test]
    fn anything_at_all_never_panics(bytes: Vec<u8>, text: String) {
        read_everything(safetensors(bytes.clone()));
        read_everything(safetensors(file(&text, &bytes)));
        read_everything(Checkpoint::from_bytes("w.npy", npy_text(&text, &bytes)));
        read_everything(Checkpoint::from_shards(INDEX, text.as_bytes(), shards()));
    }
}

#[test]
fn real_checkpoints_open() {
    let Some(data) = common::test_data() else { return };
    let weights = open(&data.join("matrices/weights.safetensors")).unwrap();
    let gauss = weights.layer("gauss_256", Orientation::AsStored).unwrap();
    assert_eq!(gauss.weight.shape(), (256, 256));
    assert_eq!(weights.layers().count(), weights.tensors().len());
    let stories = open(&data.join("stories260k")).unwrap();
    assert_eq!(stories.name(), "stories260k");
    let resnet = open(&data.join("resnet20/model.safetensors")).unwrap();
    assert!(resnet.layers().any(|info| info.shape.len() == 4));
    for checkpoint in [&weights, &stories, &resnet] {
        for info in checkpoint.layers() {
            let layer = checkpoint.layer(&info.name, Orientation::AsStored).unwrap();
            assert_eq!(layer.weight.len(), info.len());
        }
        assert!(checkpoint.factorizations().is_empty());
    }
}
