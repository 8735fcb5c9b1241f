//! Formats of files that people have, beside plain safetensors: PyTorch's, GGUF, quantized values, and NumPy's older ones.

use dsf_explorer::hint::{Explain, Hint};
use dsf_explorer::model::{Checkpoint, Dtype, Error, Orientation, open};
use half::{bf16, f16};
use std::path::{Path, PathBuf};

fn formats() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats")
}

fn torch(name: &str) -> Checkpoint {
    open(&formats().join(name)).unwrap()
}

fn names(checkpoint: &Checkpoint) -> Vec<&str> {
    checkpoint.tensors().iter().map(|info| info.name.as_str()).collect()
}

/// 1, 2, 3, … up to a number.
fn counting(to: usize) -> Vec<f32> {
    (1..=to).map(|x| x as f32).collect()
}

/// Message and hint of an error.
fn line(error: &Error) -> String {
    match error.hint() {
        Some(Hint::Say(words)) => format!("{error}: {words}"),
        other => panic!("{other:?}"),
    }
}

fn refusal<T: std::fmt::Debug>(opened: Result<T, Error>) -> String {
    line(&opened.unwrap_err())
}

#[test]
fn tensors_of_pytorch_have_their_values_types_and_strides() {
    let checkpoint = torch("tensors.pt");
    let values = |name: &str| checkpoint.values(name).unwrap();
    assert_eq!(values("plain"), counting(6));
    assert_eq!(values("transposed"), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    assert_eq!(checkpoint.layer("transposed", Orientation::AsStored).unwrap().weight.shape(), (3, 2));
    // Rows 1 and 2 of 4×6, columns 1 and 3.
    assert_eq!(values("part"), [8.0, 10.0, 14.0, 16.0]);
    assert_eq!(values("same"), (7..19).map(|x| x as f32).collect::<Vec<_>>());
    assert_eq!(values("expanded"), [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]);
    for (name, dtype, format) in [
        ("half", "F16", Dtype::F16),
        ("bf16", "BF16", Dtype::BF16),
        ("double", "F64", Dtype::F64),
        ("eight", "F8_E4M3", Dtype::BF16),
    ] {
        let info = checkpoint.tensor(name).unwrap();
        assert_eq!((info.dtype.as_str(), info.format), (dtype, Some(format)));
        assert_eq!(values(name), counting(4), "{name}");
    }
    assert_eq!(values("scalar"), [7.0]);
    assert_eq!(values("parameter"), [1.0, 2.0]);
    assert!(values("empty").is_empty());
    // Bytes are in the order of a .safetensors.
    let steps = checkpoint.tensor("steps").unwrap();
    assert_eq!((steps.dtype.as_str(), steps.bytes), ("I64", 16));
    assert_eq!(*checkpoint.bytes("steps").unwrap(), [[3, 0, 0, 0, 0, 0, 0, 0], [4, 0, 0, 0, 0, 0, 0, 0]].concat());
    let expected: Vec<u8> = [1.0f32, 4.0, 2.0, 5.0, 3.0, 6.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(*checkpoint.bytes("transposed").unwrap(), expected);
    assert_eq!(*checkpoint.first_bytes("transposed", 6).unwrap(), expected[..6]);
    assert_eq!(*checkpoint.first_bytes("steps", 3).unwrap(), [3, 0, 0]);
    assert_eq!(checkpoint.first_bytes("steps", 99).unwrap().len(), 16);
    assert!(checkpoint.notes().is_empty());
}

#[test]
fn a_model_beside_its_training_is_found() {
    let checkpoint = torch("training.ckpt");
    let batch_norm = ["bias", "num_batches_tracked", "running_mean", "running_var", "weight"];
    let expected: Vec<String> = ["fc.bias", "fc.weight"]
        .map(str::to_owned)
        .into_iter()
        .chain(batch_norm.map(|x| format!("norm.{x}")))
        .collect();
    assert_eq!(names(&checkpoint), expected);
    assert_eq!(checkpoint.values("fc.weight").unwrap(), counting(6));
    let note = "training.ckpt: the tensors under \"state_dict\" are listed, and not those beside it";
    assert_eq!(checkpoint.notes(), [note]);
    // A module as a whole has the same names, whatever its class is.
    let module = torch("module.pt");
    assert_eq!(names(&module), expected);
    assert_eq!(module.values("fc.weight").unwrap(), counting(6));
    let script = torch("script.pt");
    assert_eq!(names(&script), ["0.bias", "0.weight"]);
    assert_eq!(script.values("0.weight").unwrap(), counting(6));
    let tensor = torch("tensor.pth");
    assert_eq!((names(&tensor), tensor.values("tensor").unwrap()), (vec!["tensor"], counting(4)));
}

#[test]
fn a_folder_of_pytorch_opens_and_safetensors_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::copy(formats().join("tensors.pt"), path("pytorch_model-00001-of-00002.bin")).unwrap();
    std::fs::copy(formats().join("training.ckpt"), path("pytorch_model-00002-of-00002.bin")).unwrap();
    let index =
        r#"{"weight_map":{"plain":"pytorch_model-00001-of-00002.bin","fc.weight":"pytorch_model-00002-of-00002.bin"}}"#;
    std::fs::write(path("pytorch_model.bin.index.json"), index).unwrap();
    let sharded = open(folder.path()).unwrap();
    assert_eq!(sharded.values("plain").unwrap(), counting(6));
    assert_eq!(sharded.values("fc.weight").unwrap(), counting(6));
    std::fs::copy(formats().join("tensor.pth"), path("pytorch_model.bin")).unwrap();
    assert_eq!(names(&open(folder.path()).unwrap()), ["pytorch_model"]);
    std::fs::write(path("model.safetensors"), safetensors(&[("w", "F32", &[1, 1], 1f32.to_le_bytes().to_vec())]))
        .unwrap();
    assert_eq!(names(&open(folder.path()).unwrap()), ["w"]);
}

#[test]
fn a_pickle_runs_nothing_and_objects_are_named() {
    // What a malicious file looks like: os.system("…"), called while it is read by Python.
    let pickle = b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00echo\x85R.";
    let opened = Checkpoint::from_bytes("evil.pt", archive(&[("a/data.pkl", pickle)]));
    assert_eq!(
        refusal(opened),
        "evil.pt holds objects of Python (posix.system) and no tensors in dictionaries: save the weights alone, \
         `torch.save(model.state_dict(), 'new.pt')`"
    );
    // A list that holds itself, and nothing else.
    let pickle = b"\x80\x02]q\x00h\x00a.";
    let opened = Checkpoint::from_bytes("loop.pt", archive(&[("a/data.pkl", pickle)])).unwrap();
    assert!(opened.tensors().is_empty());
    let opened = |pickle: &[u8]| refusal(Checkpoint::from_bytes("a.pt", archive(&[("a/data.pkl", pickle)])));
    assert!(opened(b"\x80\x02}").contains("its pickle is cut short"));
    assert!(opened(b"\x80\x02s.").contains("its pickle is damaged at byte 3"));
    assert!(opened(b"\x80\x02\xff.").contains("the instruction 255 at byte 2"));
}

/// A tensor of a pickle: `{"w": tensor}` with this offset, shape and strides, of a storage of floats called 0.
fn tensor_pickle(offset: i32, shape: &[i32], strides: &[i32]) -> Vec<u8> {
    let number = |n: &i32| [&b"J"[..], &n.to_le_bytes()].concat();
    let tuple = |numbers: &[i32]| [&b"("[..], &numbers.iter().flat_map(number).collect::<Vec<_>>(), b"t"].concat();
    [
        b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n",
        &b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ"[..],
        &number(&offset),
        &tuple(shape),
        &tuple(strides),
        b"\x89}tRs.",
    ]
    .concat()
}

/// A ZIP archive of uncompressed files.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut list) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let (size, at) = ((content.len() as u32).to_le_bytes(), (out.len() as u32).to_le_bytes());
        // Version 2, no flags, stored, no time, no checksum; sizes; lengths of the name and of nothing more.
        let common = [
            &[20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
            &size,
            &size,
            &(name.len() as u16).to_le_bytes(),
            &[0, 0],
        ]
        .concat();
        out.extend([b"PK\x03\x04", &common[..], name.as_bytes(), content].concat());
        list.extend([b"PK\x01\x02\x14\x00", &common[..], &[0; 10], &at, name.as_bytes()].concat());
    }
    let (count, at) = ((files.len() as u16).to_le_bytes(), (out.len() as u32).to_le_bytes());
    let end = [b"PK\x05\x06\0\0\0\0", &count[..], &count, &(list.len() as u32).to_le_bytes(), &at, &[0, 0]].concat();
    [out, list, end].concat()
}

#[test]
fn a_tensor_stays_within_its_storage() {
    let storage: Vec<u8> = counting(4).iter().flat_map(|x| x.to_le_bytes()).collect();
    let opened = |offset, shape: &[i32], strides: &[i32]| {
        let pickle = tensor_pickle(offset, shape, strides);
        Checkpoint::from_bytes("m.pt", archive(&[("m/data.pkl", &pickle), ("m/data/0", &storage)]))
    };
    assert_eq!(opened(0, &[2, 2], &[2, 1]).unwrap().values("w").unwrap(), counting(4));
    assert_eq!(opened(1, &[3], &[1]).unwrap().values("w").unwrap(), [2.0, 3.0, 4.0]);
    assert_eq!(opened(0, &[1, 4], &[i32::MAX, 1]).unwrap().values("w").unwrap(), counting(4));
    assert_eq!(opened(0, &[2, 2], &[0, 3]).unwrap().values("w").unwrap(), [1.0, 4.0, 1.0, 4.0]);
    for (offset, shape, strides) in [
        (0, &[2, 3][..], &[3, 1][..]),
        (1, &[2, 2], &[2, 1]),
        (4, &[1], &[1]),
        (0, &[2, 2], &[i32::MAX, 1]),
        (0, &[i32::MAX, i32::MAX], &[0, 0]),
        (0, &[1 << 16, 1 << 16], &[0, 0]),
        (i32::MAX, &[1], &[1]),
    ] {
        let says = refusal(opened(offset, shape, strides));
        assert!(says.contains("tensor \"w\" is larger than its storage"), "{shape:?}: {says}");
    }
    // What is no tensor is left out: negative sizes, a stride too few.
    assert!(opened(-1, &[1], &[1]).unwrap().tensors().is_empty());
    assert!(opened(0, &[2, 2], &[1]).unwrap().tensors().is_empty());
    let no_storage = Checkpoint::from_bytes("m.pt", archive(&[("m/data.pkl", &tensor_pickle(0, &[1], &[1]))]));
    assert!(refusal(no_storage).contains("\"data/0\" is missing in it"));
}

#[test]
fn what_is_not_read_is_named_with_what_converts_it() {
    let refused = |name: &str, bytes: &[u8]| refusal(Checkpoint::from_bytes(name, bytes.to_vec()));
    let legacy = std::fs::read(formats().join("legacy.bin")).unwrap();
    for (name, bytes, kind, tool) in [
        ("pytorch_model.bin", &legacy[..], "a pickle of Python", "torch.save(torch.load("),
        ("model.h5", b"\x89HDF\r\n\x1a\n", "an HDF5 file", "h5py"),
        ("model.keras", b"PK\x03\x04", "an archive of Keras", "keras.saving.load_model"),
        ("flax_model.msgpack", b"\xde\x00", "a checkpoint of Flax", "from_flax=True"),
        ("model.onnx", b"\x08\x07", "an ONNX graph", "onnx.numpy_helper"),
        ("model.ckpt.index", b"\x00", "a file of TensorFlow", "tf.train.load_checkpoint"),
        ("model.ckpt-10.data-00000-of-00001", b"\x00", "a file of TensorFlow", "tf.train.load_checkpoint"),
        ("w.npz", b"PK\x03\x04", "an archive of NumPy arrays", "np.load"),
        ("__0_0.distcp", b"PK\x03\x04", "a part of a distributed checkpoint", "dcp_to_torch"),
        ("ggml-model-q4_0.bin", b"tjgg\x03", "a GGML file", "convert_llama_ggml_to_gguf.py"),
        ("model.nemo", b"", "an archive", "unpack it"),
        ("model.safetensors", b"<!DOCTYPE html>\n", "a web page", "/resolve/"),
    ] {
        let says = refused(name, bytes);
        assert!(says.contains(&format!("{name} is {kind}")) && says.contains(tool), "{says}");
    }
    assert!(refused("pytorch_model.bin", b"").contains("is empty"));
    assert!(refused("pytorch_model.bin", b"version https://git-lfs.github.com/spec/v1\n").contains("git lfs pull"));
    assert!(refused("pytorch_model.bin", b"abc").contains("of no known kind"));
    // A download that is not finished has no list of files yet.
    let cut = std::fs::read(formats().join("tensors.pt")).unwrap();
    assert!(refused("m.pt", &cut[..2000]).contains("the list of its files is missing"));
    assert!(refused("m.pt", &archive(&[("x/data", b"")])).contains("not one of PyTorch"));
}

/// A `.safetensors` of these tensors: name, format, shape, bytes.
fn safetensors(tensors: &[(&str, &str, &[usize], Vec<u8>)]) -> Vec<u8> {
    let (mut entries, mut data) = (Vec::new(), Vec::new());
    for (name, dtype, shape, bytes) in tensors {
        let start = data.len();
        data.extend(bytes);
        let offsets = format!("[{start},{}]", data.len());
        entries.push(format!("\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape:?},\"data_offsets\":{offsets}}}"));
    }
    let header = format!("{{{}}}", entries.join(","));
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
}

fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

#[test]
fn eight_bits_are_multiplied_by_their_scales() {
    // 1 and −2 in E4M3, 1 and −2 in E5M2.
    let eight = |bytes: [u8; 2], scale: &str, shape: &[usize], scales: &[f32]| {
        let dtype = if bytes[0] == 0x38 { "F8_E4M3" } else { "F8_E5M2" };
        let scale = (format!("a.{scale}"), "F32", shape.to_vec(), f32s(scales));
        let bytes = safetensors(&[
            ("a.weight", dtype, &[2, 2], [bytes, bytes].concat()),
            (&scale.0, scale.1, &scale.2, scale.3.clone()),
        ]);
        Checkpoint::from_bytes("m.safetensors", bytes).unwrap()
    };
    for bytes in [[0x38, 0xc0], [0x3c, 0xc0]] {
        for (name, shape, scales, expected) in [
            ("weight_scale", &[][..], &[3.0][..], [3.0, -6.0, 3.0, -6.0]),
            ("weight_scale", &[1], &[3.0], [3.0, -6.0, 3.0, -6.0]),
            ("weight_scale", &[2, 1], &[3.0, 0.5], [3.0, -6.0, 0.5, -1.0]),
            ("weight_scale_inv", &[1, 1], &[3.0], [3.0, -6.0, 3.0, -6.0]),
            ("scale_weight", &[1], &[3.0], [3.0, -6.0, 3.0, -6.0]),
            ("another", &[2, 1], &[3.0, 0.5], [1.0, -2.0, 1.0, -2.0]),
        ] {
            let checkpoint = eight(bytes, name, shape, scales);
            let layer = checkpoint.layer("a.weight", Orientation::AsStored).unwrap();
            assert_eq!(layer.weight.as_slice(), expected, "{name} {shape:?}");
            assert_eq!(layer.dtype, Dtype::BF16);
            // A scale is no layer.
            let layers: Vec<_> = checkpoint.layers().map(|info| info.name.as_str()).collect();
            assert!(layers == ["a.weight"] || name == "another", "{layers:?}");
            let quantized = refusal(checkpoint.check_not_quantized());
            assert!(
                quantized.starts_with("the weights of m.safetensors are quantized (\"a.weight\" in F8_E"),
                "{quantized}"
            );
        }
        let wrong = eight(bytes, "weight_scale", &[3], &[1.0; 3]);
        assert_eq!(
            refusal(wrong.layer("a.weight", Orientation::AsStored)),
            "tensor \"a.weight\" of shape [2, 2] cannot be multiplied by its scale \"a.weight_scale\" of shape [3]: \
             convert the model to BF16 first"
        );
    }
}

#[test]
fn packed_layers_are_named_with_what_unpacks_them() {
    let opened = |tensors: &[(&str, &str, &[usize], Vec<u8>)]| {
        Checkpoint::from_bytes("m.safetensors", safetensors(tensors)).unwrap()
    };
    let gptq = opened(&[("a.qweight", "I32", &[1, 1], vec![0; 4]), ("a.qzeros", "I32", &[1, 1], vec![0; 4])]);
    let note =
        "1 layer is packed by GPTQ or AWQ, which is not read: open the model that it was made from, in BF16 or F16";
    assert_eq!(gptq.notes(), [note]);
    let says = refusal(gptq.layer("a.qweight", Orientation::AsStored));
    assert!(says.contains("\"I32\", which are not read as weights: open the model that it was made from"), "{says}");
    let four = opened(&[("a.weight", "U8", &[1, 1], vec![0]), ("a.weight.absmax", "F32", &[1], vec![0; 4])]);
    assert!(four.notes()[0].contains("bitsandbytes") && four.notes()[0].contains(".dequantize()"));
    let plain = opened(&[("a.weight", "I32", &[1, 1], vec![0; 4])]);
    assert!(plain.notes().is_empty());
    assert!(refusal(plain.layer("a.weight", Orientation::AsStored)).ends_with("convert it first"));
}

/// A block format: its name, its number, values and bytes of a block, and where halves stand with these values.
type Blocks = (&'static str, u32, usize, usize, &'static [(usize, f32)]);

const BLOCKS: [Blocks; 10] = [
    ("Q4_0", 2, 32, 18, &[(0, 0.25)]),
    ("Q4_1", 3, 32, 20, &[(0, 0.25), (2, -1.5)]),
    ("Q5_0", 6, 32, 22, &[(0, 0.25)]),
    ("Q5_1", 7, 32, 24, &[(0, 0.25), (2, -1.5)]),
    ("Q8_0", 8, 32, 34, &[(0, 0.25)]),
    ("Q2_K", 10, 256, 84, &[(80, 0.25), (82, 0.125)]),
    ("Q3_K", 11, 256, 110, &[(108, 0.25)]),
    ("Q4_K", 12, 256, 144, &[(0, 0.25), (2, 0.125)]),
    ("Q5_K", 13, 256, 176, &[(0, 0.25), (2, 0.125)]),
    ("Q6_K", 14, 256, 210, &[(208, 0.25)]),
];

/// 512 values in blocks: byte i is (7i² + 13i + 5 + 31·type) mod 251, but for the halves.
fn blocks(&(_, number, values, bytes, halves): &Blocks) -> Vec<u8> {
    let byte = |i: usize| ((i * i * 7 + i * 13 + 5 + 31 * number as usize) % 251) as u8;
    let mut all: Vec<u8> = (0..512 / values * bytes).map(byte).collect();
    for block in all.chunks_exact_mut(bytes) {
        for &(at, half) in halves {
            block[at..at + 2].copy_from_slice(&f16::from_f32(half).to_le_bytes());
        }
    }
    all
}

/// Value i of a block, by the published layout.
fn value(name: &str, b: &[u8], i: usize) -> f32 {
    let half = |at: usize| f16::from_le_bytes([b[at], b[at + 1]]).to_f32();
    let nibble = |from: usize| b[from + i % 16] >> (i / 16 * 4) & 15;
    let bit = |from: usize| (b[from + i / 8] >> (i % 8) & 1) * 16;
    // Of 256 values: the half, the 32 within it, and the place in those.
    let (side, quarter, column) = (i / 128, i % 128 / 32, i % 32);
    let two_bits = |from: usize| b[from + side * 32 + column] >> (quarter * 2) & 3;
    let six = |from: usize| {
        let (g, s) = (i / 32, &b[from..]);
        match g < 4 {
            true => (s[g] & 63, s[g + 4] & 63),
            false => (s[g + 4] & 15 | (s[g - 4] >> 6) << 4, s[g + 4] >> 4 | (s[g] >> 6) << 4),
        }
    };
    match name {
        "Q4_0" => half(0) * (f32::from(nibble(2)) - 8.0),
        "Q4_1" => half(0) * f32::from(nibble(4)) + half(2),
        "Q5_0" => half(0) * (f32::from(nibble(6) + bit(2)) - 16.0),
        "Q5_1" => half(0) * f32::from(nibble(8) + bit(4)) + half(2),
        "Q8_0" => half(0) * f32::from(b[2 + i] as i8),
        "Q2_K" => {
            let scale = b[i / 16];
            half(80) * f32::from(scale & 15) * f32::from(two_bits(16)) - half(82) * f32::from(scale >> 4)
        }
        "Q3_K" => {
            let (s, group) = (&b[96..108], i / 16);
            let scale = s[group % 8] >> (group / 8 * 4) & 15 | (s[8 + group % 4] >> (group / 4 * 2) & 3) << 4;
            let third = b[column] >> (i / 32) & 1;
            half(108) * (f32::from(scale) - 32.0) * (f32::from(two_bits(32) + third * 4) - 4.0)
        }
        "Q4_K" => {
            let (scale, offset) = six(4);
            let q = b[16 + i / 64 * 32 + column] >> (i / 32 % 2 * 4) & 15;
            half(0) * f32::from(scale) * f32::from(q) - half(2) * f32::from(offset)
        }
        "Q5_K" => {
            let (scale, offset) = six(4);
            let q = b[48 + i / 64 * 32 + column] >> (i / 32 % 2 * 4) & 15 | (b[16 + column] >> (i / 32) & 1) << 4;
            half(0) * f32::from(scale) * f32::from(q) - half(2) * f32::from(offset)
        }
        "Q6_K" => {
            let low = b[side * 64 + quarter % 2 * 32 + column] >> (quarter / 2 * 4) & 15;
            let high = b[128 + side * 32 + column] >> (quarter * 2) & 3;
            half(208) * f32::from(b[192 + i / 16] as i8) * (f32::from(low | high << 4) - 32.0)
        }
        other => panic!("{other}"),
    }
}

fn gguf_text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

/// A `.gguf`: pairs of metadata with types and bytes, tensors with dimensions (innermost first), type and bytes.
fn gguf(pairs: &[(&str, u32, Vec<u8>)], tensors: &[(&str, &[u64], u32, Vec<u8>)]) -> Vec<u8> {
    let mut file =
        [&b"GGUF\x03\0\0\0"[..], &(tensors.len() as u64).to_le_bytes(), &(pairs.len() as u64).to_le_bytes()].concat();
    for (key, kind, value) in pairs {
        file.extend([gguf_text(key), kind.to_le_bytes().to_vec(), value.clone()].concat());
    }
    let mut data: Vec<u8> = Vec::new();
    for (name, shape, kind, bytes) in tensors {
        data.resize(data.len().next_multiple_of(32), 0);
        file.extend(gguf_text(name));
        file.extend((shape.len() as u32).to_le_bytes());
        shape.iter().for_each(|n| file.extend(n.to_le_bytes()));
        file.extend(kind.to_le_bytes());
        file.extend((data.len() as u64).to_le_bytes());
        data.extend(bytes);
    }
    file.resize(file.len().next_multiple_of(32), 0);
    file.extend(data);
    file
}

/// Sum, sum of absolute values, and sum of values times 1, 2, 3, … as `gguf.quants.dequantize` of the Python package gguf
/// 0.19.0 gives them for [`blocks`].
const DEQUANTIZED: [(&str, f64, f64, f64); 10] = [
    ("Q4_0", -94.0, 479.0, -24769.5),
    ("Q4_1", 190.25, 493.75, 46624.5),
    ("Q5_0", -192.0, 1043.5, -52069.5),
    ("Q5_1", 1128.0, 1335.0, 292267.5),
    ("Q8_0", 632.5, 7948.0, 182490.0),
    ("Q2_K", 527.5, 963.5, 154381.75),
    ("Q3_K", -130.25, 3912.25, -80842.0),
    ("Q4_K", 26809.25, 27232.25, 6217798.75),
    ("Q5_K", 53491.25, 53663.0, 14677613.0),
    ("Q6_K", -11921.75, 138993.75, -1826531.75),
];

#[test]
fn blocks_of_every_kind_have_the_values_of_two_other_decoders() {
    let tensors: Vec<(&str, &[u64], u32, Vec<u8>)> =
        BLOCKS.iter().map(|kind| (kind.0, &[256, 2][..], kind.1, blocks(kind))).collect();
    let checkpoint = Checkpoint::from_bytes("m.gguf", gguf(&[], &tensors)).unwrap();
    for (kind, (name, sum, size, weighted)) in BLOCKS.iter().zip(DEQUANTIZED) {
        let info = checkpoint.tensor(name).unwrap();
        assert_eq!((info.dtype.as_str(), &info.shape[..], info.format), (name, &[2, 256][..], Some(Dtype::F16)));
        let values = checkpoint.layer(name, Orientation::AsStored).unwrap().weight.as_slice().to_vec();
        let stored = blocks(kind);
        for (i, &found) in values.iter().enumerate() {
            let expected = value(name, &stored[i / kind.2 * kind.3..][..kind.3], i % kind.2);
            assert_eq!(found, expected, "value {i} of {name}");
        }
        let of = |f: &dyn Fn(usize, f64) -> f64| values.iter().enumerate().map(|(i, &x)| f(i, x.into())).sum::<f64>();
        let found = (of(&|_, x| x), of(&|_, x| x.abs()), of(&|i, x| x * (i + 1) as f64));
        assert_eq!(found, (sum, size, weighted), "{name}");
        assert_eq!(*checkpoint.bytes(name).unwrap(), stored);
    }
}

#[test]
fn a_gguf_lists_its_tensors_and_metadata() {
    let array =
        [8u32.to_le_bytes().to_vec(), 2u64.to_le_bytes().to_vec(), gguf_text("<s>"), gguf_text("\u{e9}")].concat();
    let nested = [
        9u32.to_le_bytes().to_vec(),
        1u64.to_le_bytes().to_vec(),
        4u32.to_le_bytes().to_vec(),
        1u64.to_le_bytes().to_vec(),
        vec![1, 0, 0, 0],
    ]
    .concat();
    let pairs = [
        ("general.architecture", 8, gguf_text("llama")),
        ("llama.block_count", 4, 2u32.to_le_bytes().to_vec()),
        ("llama.rope.freq_base", 6, 500f32.to_le_bytes().to_vec()),
        ("tokenizer.ggml.tokens", 9, array),
        ("nested", 9, nested),
        ("yes", 7, vec![1]),
    ];
    let tensors: [(&str, &[u64], u32, Vec<u8>); 5] = [
        ("blk.0.attn_q.weight", &[3, 2], 0, f32s(&counting(6))),
        ("half", &[2, 1], 1, [1.0, -2.0].iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect()),
        ("bf16", &[2, 1], 30, [1.0, -2.0].iter().flat_map(|&x| bf16::from_f32(x).to_le_bytes()).collect()),
        ("norm", &[2], 0, f32s(&[1.0, 2.0])),
        ("packed", &[256, 1], 16, vec![0; 66]),
    ];
    let checkpoint = Checkpoint::from_bytes("m.GGUF", gguf(&pairs, &tensors)).unwrap();
    let metadata: Vec<_> = checkpoint.metadata().iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(
        metadata,
        [
            ("general.architecture", "llama"),
            ("llama.block_count", "2"),
            ("llama.rope.freq_base", "500"),
            ("nested", "1 values"),
            ("tokenizer.ggml.tokens", "2 values"),
            ("yes", "true"),
        ]
    );
    // Dimensions stand in the file innermost first.
    let layer = checkpoint.layer("blk.0.attn_q.weight", Orientation::AsStored).unwrap();
    assert_eq!((layer.weight.shape(), layer.weight.row(1)), ((2, 3), &[4.0, 5.0, 6.0][..]));
    for name in ["half", "bf16"] {
        assert_eq!(checkpoint.values(name).unwrap(), [1.0, -2.0]);
    }
    let packed = checkpoint.tensor("packed").unwrap();
    assert_eq!((packed.dtype.as_str(), packed.bytes, packed.format), ("IQ2_XXS", 66, None));
    let says = refusal(checkpoint.layer("packed", Orientation::AsStored));
    assert!(says.contains("llama-quantize --allow-requantize"), "{says}");
    let part = [("split.no", 2, vec![0, 0]), ("split.count", 2, vec![3, 0])];
    let part = Checkpoint::from_bytes("m-00001-of-00003.gguf", gguf(&part, &tensors)).unwrap();
    assert!(part.notes()[0].starts_with("m-00001-of-00003.gguf is part 1 of 3"));
}

#[test]
fn a_wrong_gguf_is_refused() {
    let opened = |bytes: Vec<u8>| refusal(Checkpoint::from_bytes("m.gguf", bytes));
    let good = gguf(&[("a", 4, vec![1, 0, 0, 0])], &[("w", &[2, 2], 0, vec![0; 16])]);
    for end in [0, 3, 10, 30, 60, good.len() - 1] {
        let says = opened(good[..end].to_vec());
        assert!(says.contains("is empty") || says.contains("ends after"), "{end}: {says}");
    }
    assert!(opened(b"GGUF\x01\0\0\0".to_vec()).contains("its version is 1"));
    assert!(opened(b"GGUF\0\0\0\x03".to_vec()).contains("big-endian"));
    assert!(opened(b"GGML\0\0\0\x03".to_vec()).contains("does not start as a GGUF"));
    let many = [&b"GGUF\x03\0\0\0"[..], &u64::MAX.to_le_bytes(), &u64::MAX.to_le_bytes()].concat();
    assert!(opened(many).contains("ends after"));
    let one = |shape: &[u64], kind, bytes: usize| opened(gguf(&[], &[("w", shape, kind, vec![0; bytes])]));
    assert!(one(&[33, 1], 2, 36).contains("not made of blocks of 32"));
    assert!(one(&[], 2, 18).contains("not made of blocks of 32"));
    assert!(one(&[2, 3], 0, 20).contains("ends after"));
    assert!(one(&[1 << 40, 1 << 40], 0, 20).contains("larger than any file"));
    assert!(one(&[1 << 33, 0], 0, 20).contains("a dimension of 8589934592"));
    assert!(one(&[1; 5], 0, 20).contains("5 dimensions"));
    let twice = gguf(&[], &[("w", &[1], 0, vec![0; 4]), ("w", &[1], 0, vec![0; 4])]);
    assert!(opened(twice).contains("lists \"w\" twice"));
    let array = |count: u64| [0u32.to_le_bytes().to_vec(), count.to_le_bytes().to_vec()].concat();
    assert!(opened(gguf(&[("a", 9, array(u64::MAX))], &[])).contains("ends after"));
    assert!(opened(gguf(&[("a", 99, vec![])], &[])).contains("a value of type 99"));
    assert!(opened(gguf(&[("general.alignment", 4, vec![0; 4])], &[])).contains("alignment"));
    let deep = std::iter::repeat_n([9u32.to_le_bytes().to_vec(), 1u64.to_le_bytes().to_vec()].concat(), 100)
        .flatten()
        .collect();
    assert!(opened(gguf(&[("a", 9, deep)], &[])).contains("an array of type 9"));
}

fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{header}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

#[test]
fn headers_that_numpy_takes_are_taken() {
    let data = f32s(&counting(6));
    for header in [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }",
        "{'descr': '=f4', 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': 'f4', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': 'float32', 'fortran_order': False, 'shape': (2,3)}",
        "{\"descr\": \"<f4\", \"fortran_order\": False, \"shape\": (2, 3)}",
        "{'shape': (2, 3), 'fortran_order': False, 'descr': '=f4'}",
    ] {
        let checkpoint =
            Checkpoint::from_bytes("w.npy", npy(header, &data)).unwrap_or_else(|e| panic!("{header}: {e}"));
        let layer = checkpoint.layer("w", Orientation::AsStored).unwrap();
        assert_eq!((layer.weight.shape(), layer.weight.as_slice()), ((2, 3), &counting(6)[..]), "{header}");
        assert!(checkpoint.notes().is_empty());
    }
}

#[test]
fn bfloat16_without_a_type_and_a_second_array_are_said() {
    let header = "{'descr': '|V2', 'fortran_order': False, 'shape': (1, 2), }";
    let checkpoint = Checkpoint::from_bytes("w.npy", npy(header, &[0x80, 0x3f, 0x00, 0xc0])).unwrap();
    let layer = checkpoint.layer("w", Orientation::AsStored).unwrap();
    assert_eq!((layer.weight.as_slice(), layer.dtype), (&[1.0, -2.0][..], Dtype::BF16));
    assert!(checkpoint.notes()[0].contains("they are read as bfloat16"), "{:?}", checkpoint.notes());

    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }";
    let two = [npy(header, &f32s(&[1.0, 2.0])), npy(header, &f32s(&[3.0, 4.0]))].concat();
    let checkpoint = Checkpoint::from_bytes("w.npy", two).unwrap();
    assert_eq!(checkpoint.values("w").unwrap(), [1.0, 2.0]);
    assert_eq!(checkpoint.notes(), ["w.npy holds more than one array, saved one after the other: the first is read"]);
}

#[test]
fn a_file_that_is_cut_short_while_it_is_open_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    let bytes = safetensors(&[("a", "F32", &[64, 64], vec![0; 16384]), ("b", "F32", &[64, 64], vec![0; 16384])]);
    std::fs::write(&path, &bytes).unwrap();
    let checkpoint = open(&path).unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(bytes.len() as u64 - 16000).unwrap();
    assert!(checkpoint.layer("a", Orientation::AsStored).is_ok());
    for says in [refusal(checkpoint.layer("b", Orientation::AsStored)), refusal(checkpoint.bytes("b"))] {
        let all = bytes.len();
        assert!(
            says.contains(&format!("was cut short while it was open: {} of {all} bytes are left", all - 16000)),
            "{says}"
        );
    }
}
