//! Good inputs of every kind, small.

use dsf_explorer::model::Checkpoint;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(tests().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn numbers(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn whole(values: &[i64]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// A `.safetensors` of these tensors: name, format, shape, bytes.
fn tensors(tensors: &[(&str, &str, &[usize], Vec<u8>)]) -> Vec<u8> {
    let (mut entries, mut data) = (Vec::new(), Vec::new());
    for (name, dtype, shape, bytes) in tensors {
        let start = data.len();
        data.extend(bytes);
        let offsets = format!("[{start},{}]", data.len());
        entries.push(format!("\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape:?},\"data_offsets\":{offsets}}}"));
    }
    let header = format!("{{\"__metadata__\":{{\"format\":\"pt\"}},{}}}", entries.join(","));
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
}

pub fn safetensors() -> Vec<Vec<u8>> {
    vec![
        tensors(&[
            ("a.10.weight", "F32", &[2, 3], numbers(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])),
            ("a.2.weight", "BF16", &[1, 2], vec![0x80, 0x3f, 0, 0xc0]),
            ("conv", "F16", &[2, 1, 1, 2], vec![0x3c; 8]),
            ("steps", "I64", &[1, 2], whole(&[3, 4])),
            ("hollow", "F32", &[0, 4], vec![]),
        ]),
        tensors(&[
            ("a.weight", "F8_E4M3", &[2, 4], vec![0x38; 8]),
            ("a.weight_scale", "F32", &[2, 1], numbers(&[1.0, 2.0])),
            ("b.weight", "F8_E5M2", &[2, 2], vec![0x3c; 4]),
            ("b.weight_scale_inv", "BF16", &[1, 1], vec![0x80, 0x3f]),
            ("c.weight", "F8_E4M3", &[3, 4], vec![0x38; 12]),
            ("c.scale_weight", "F8_E8M0", &[1, 2], vec![127, 128]),
        ]),
        tensors(&[
            ("a.qweight", "I32", &[1, 1], vec![0; 4]),
            ("a.qzeros", "I32", &[1, 1], vec![0; 4]),
            ("b.weight", "U8", &[2, 1], vec![0; 2]),
            ("b.weight.absmax", "F32", &[1], vec![0; 4]),
        ]),
    ]
}

/// The shards of the indices below.
pub fn shards() -> BTreeMap<String, Vec<u8>> {
    let shard = |name: &str| tensors(&[(name, "F32", &[1, 2], numbers(&[1.0, 2.0]))]);
    let torch = file("formats/tensor.pth");
    [("m-1.safetensors", shard("a")), ("x/m-2.safetensors", shard("b")), ("m-3.bin", torch)]
        .map(|(name, bytes)| (name.to_owned(), bytes))
        .into()
}

pub fn index() -> Vec<Vec<u8>> {
    [
        r#"{"metadata":{"total_size":16},"weight_map":{"b":"x/m-2.safetensors","a":"m-1.safetensors"}}"#,
        r#"{"weight_map":{"a":"m-1.safetensors","head":"m-1.safetensors","m-3":"m-3.bin"}}"#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

pub fn npy() -> Vec<Vec<u8>> {
    let npy = |version: u8, text: &str, data: &[u8]| {
        let length = (text.len() as u32).to_le_bytes();
        let length = if version == 1 { &length[..2] } else { &length };
        [b"\x93NUMPY", &[version, 0][..], length, text.as_bytes(), data].concat()
    };
    let six = numbers(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let simple = npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", &six);
    vec![
        npy(1, "{'descr': '>f4', 'fortran_order': True, 'shape': (2, 3), }\n", &six),
        npy(2, "{'descr': '|V2', 'fortran_order': False, 'shape': (3L, 4L), }\n", &six),
        npy(3, "{'shape': (2, 3), 'fortran_order': True, 'descr': 'float32'}\n", &six),
        npy(1, "{'descr': '=f8', 'fortran_order': True, 'shape': (1, 3, 1), }\n", &six),
        npy(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (), }\n", &six[..8]),
        [simple.clone(), simple].concat(),
    ]
}

pub fn torch() -> Vec<Vec<u8>> {
    ["tensors.pt", "training.ckpt", "module.pt", "script.pt", "tensor.pth"]
        .map(|name| file(&format!("formats/{name}")))
        .into()
}

/// The pickles of those: found by their first bytes, and by what follows them.
pub fn pickle() -> Vec<Vec<u8>> {
    let inside = |archive: Vec<u8>| {
        let find = |from: usize, wanted: &[u8]| {
            archive[from..].windows(wanted.len()).position(|window| window == wanted).map(|at| from + at)
        };
        let start = find(0, b"data.pkl").and_then(|name| find(name, b"\x80\x02")).expect("a pickle");
        let end = find(start, b"PK").expect("another file");
        archive[start..end].to_vec()
    };
    torch().into_iter().map(inside).collect()
}

/// A ZIP archive of uncompressed files.
pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut list) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let (size, at) = ((content.len() as u32).to_le_bytes(), (out.len() as u32).to_le_bytes());
        let name_length = (name.len() as u16).to_le_bytes();
        let common = [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &size, &size, &name_length, &[0, 0]].concat();
        out.extend([b"PK\x03\x04", &common[..], name.as_bytes(), content].concat());
        list.extend([b"PK\x01\x02\x14\x00", &common[..], &[0; 10], &at, name.as_bytes()].concat());
    }
    let (count, at) = ((files.len() as u16).to_le_bytes(), (out.len() as u32).to_le_bytes());
    let end = [b"PK\x05\x06\0\0\0\0", &count[..], &count, &(list.len() as u32).to_le_bytes(), &at, &[0, 0]].concat();
    [out, list, end].concat()
}

pub fn gguf() -> Vec<Vec<u8>> {
    let text = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    let pair = |key: &str, kind: u32, value: &[u8]| [&text(key)[..], &kind.to_le_bytes(), value].concat();
    let array = [&8u32.to_le_bytes()[..], &2u64.to_le_bytes(), &text("<s>"), &text("b")].concat();
    let pairs = [
        pair("general.architecture", 8, &text("llama")),
        pair("general.alignment", 4, &32u32.to_le_bytes()),
        pair("split.count", 2, &[2, 0]),
        pair("split.no", 2, &[0, 0]),
        pair("tokens", 9, &array),
    ];
    let types: [(u32, usize); 13] = [
        (0, 1024),
        (1, 512),
        (30, 512),
        (2, 144),
        (3, 160),
        (6, 176),
        (7, 192),
        (8, 272),
        (10, 84),
        (11, 110),
        (12, 144),
        (13, 176),
        (14, 210),
    ];
    let whole = |types: &[(u32, usize)]| {
        let counts = [(types.len() as u64).to_le_bytes(), (pairs.len() as u64).to_le_bytes()].concat();
        let mut file = [&b"GGUF\x03\0\0\0"[..], &counts, &pairs.concat()].concat();
        let mut offset = 0u64;
        for (kind, bytes) in types {
            let shape =
                [2u32.to_le_bytes().to_vec(), 128u64.to_le_bytes().to_vec(), 2u64.to_le_bytes().to_vec()].concat();
            let flat = [1u32.to_le_bytes().to_vec(), 256u64.to_le_bytes().to_vec()].concat();
            let shape = if (10..=14).contains(kind) { flat } else { shape };
            file.extend(
                [text(&format!("t{kind}")), shape, kind.to_le_bytes().to_vec(), offset.to_le_bytes().to_vec()].concat(),
            );
            offset += bytes.next_multiple_of(32) as u64;
        }
        file.resize(file.len().next_multiple_of(32) + offset as usize, 0x3c);
        file
    };
    vec![whole(&types), whole(&types[..2]), whole(&types[9..]), whole(&[])]
}

pub fn exported() -> Vec<Vec<u8>> {
    let csr = |name: &str| {
        vec![
            (format!("{name}.shape"), "I64", vec![2], whole(&[2, 3])),
            (format!("{name}.crow_indices"), "I64", vec![3], whole(&[0, 1, 3])),
            (format!("{name}.col_indices"), "I64", vec![3], whole(&[1, 0, 2])),
            (format!("{name}.values"), "F32", vec![3], numbers(&[7.0, 8.0, 9.0])),
        ]
    };
    let bitmask = |name: &str| {
        vec![
            (format!("{name}.shape"), "I64", vec![2], whole(&[3, 10])),
            (format!("{name}.compressed"), "F32", vec![6], numbers(&[1.5, -2.0, 3.0, 4.0, 5.0, 6.0])),
            (format!("{name}.bitmask"), "U8", vec![3, 2], vec![2, 1, 0, 0, 137, 2]),
            (format!("{name}.row_offsets"), "I64", vec![3], whole(&[0, 2, 2])),
        ]
    };
    let dense = |name: &str, shape: [usize; 2]| {
        vec![(format!("{name}.weight"), "F32", shape.to_vec(), numbers(&vec![2.0; shape[0] * shape[1]]))]
    };
    let join = |parts: Vec<(String, &'static str, Vec<usize>, Vec<u8>)>| {
        let parts: Vec<_> = parts.iter().map(|part| (&part.0[..], part.1, &part.2[..], part.3.clone())).collect();
        tensors(&parts)
    };
    vec![
        join([csr("m.A"), bitmask("m.B")].concat()),
        join([csr("m.A"), bitmask("m.B.weight")].concat()),
        join([dense("m.A", [2, 3]), dense("m.B", [3, 2])].concat()),
        join([csr("m"), bitmask("n")].concat()),
    ]
}

pub fn calibration() -> Vec<Vec<u8>> {
    let product = numbers(&[4.0, 1.0, 0.0, 1.0, 3.0, 0.5, 0.0, 0.5, 2.0]);
    vec![
        tensors(&[("X", "F32", &[2, 3], numbers(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))]),
        tensors(&[("X", "F16", &[2, 1, 3], vec![0x3c; 12])]),
        tensors(&[("XtX", "F32", &[3, 3], product.clone())]),
        tensors(&[("m.XtX", "F32", &[3, 3], product.clone()), ("n.XtX", "F32", &[3, 3], product)]),
        tensors(&[("output_weights", "F32", &[3], numbers(&[1.0, 0.0, 2.0]))]),
        tensors(&[("m.output_weights", "F32", &[3], numbers(&[1.0, 0.0, 2.0])), ("x", "F32", &[1], numbers(&[1.0]))]),
    ]
}

/// A file of the small model.
pub fn model_file(name: &str) -> Vec<u8> {
    file(&format!("llama/llama3/{name}"))
}

/// The small model's weights.
pub fn model_weights() -> Checkpoint {
    Checkpoint::from_bytes("model.safetensors", model_file("model.safetensors")).expect("a good checkpoint")
}

pub fn config() -> Vec<Vec<u8>> {
    vec![model_file("config.json"), file("llama/mistral/config.json")]
}

pub fn tokenizer() -> Vec<Vec<u8>> {
    let small = r###"{"version":"1.0","added_tokens":[{"id":0,"content":"<unk>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],"normalizer":{"type":"NFC"},"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},"post_processor":null,"decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},"model":{"type":"BPE","dropout":null,"unk_token":"<unk>","fuse_unk":false,"byte_fallback":false,"vocab":{"<unk>":0,"w":1,"1":2,"w1":3},"merges":["w 1"]}}"###;
    let unigram = r###"{"version":"1.0","normalizer":{"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"\\s+|w"},"behavior":"Isolated","invert":false},"decoder":{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":true},"model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0.0],["w",-1.5],["1",-2.0]],"byte_fallback":false}}"###;
    vec![model_file("tokenizer.json"), small.as_bytes().to_vec(), unigram.as_bytes().to_vec()]
}
