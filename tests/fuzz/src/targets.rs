//! The readers, each as a function of bytes. Every one may refuse its input; none may panic.

use crate::seeds;
use dsf_explorer::language::{Config, LanguageModel, Tokenizer, TokenizerFiles};
use dsf_explorer::model::{Checkpoint, Error, Orientation};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// A reader that is fuzzed.
pub struct Target {
    /// Name on the command line.
    pub name: &'static str,
    /// Reads an input, and says what came of it, the same for inputs that took the same way.
    pub run: fn(&[u8]) -> String,
    /// Good inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Parts of inputs that a random change would hardly ever make.
    pub words: &'static [&'static [u8]],
}

/// All of them.
pub const TARGETS: [Target; 10] = [
    Target { name: "safetensors", run: safetensors, seeds: seeds::safetensors, words: JSON },
    Target { name: "index", run: index, seeds: seeds::index, words: JSON },
    Target { name: "npy", run: npy, seeds: seeds::npy, words: NPY },
    Target { name: "torch", run: torch, seeds: seeds::torch, words: PICKLE },
    Target { name: "pickle", run: pickle, seeds: seeds::pickle, words: PICKLE },
    Target { name: "gguf", run: gguf, seeds: seeds::gguf, words: &[b"GGUF", b"general.alignment", b"split.count"] },
    Target { name: "exported", run: exported, seeds: seeds::exported, words: JSON },
    Target { name: "calibration", run: calibration, seeds: seeds::calibration, words: JSON },
    Target { name: "config", run: config, seeds: seeds::config, words: JSON },
    Target { name: "tokenizer", run: tokenizer, seeds: seeds::tokenizer, words: JSON },
];

const JSON: &[&[u8]] = &[
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"\"\"",
    b"-1",
    b"0",
    b"1e308",
    b"18446744073709551615",
    b"4294967296",
    b"[[[[[[[[",
    b"\\u0000",
    b"F32",
    b"F8_E4M3",
    b"F8_E8M0",
    b"BF16",
    b"I64",
    b"F4",
    b"weight_scale",
    b"weight_scale_inv",
    b".safetensors",
    b"../",
];
const NPY: &[&[u8]] =
    &[b"|V2", b"=f4", b"'f4'", b"float32", b"3L", b"(1,)", b"True", b"\x93NUMPY\x01\x00", b">f8", b"|O"];
const PICKLE: &[&[u8]] = &[
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch._utils\n_rebuild_parameter\n",
    b"ccollections\nOrderedDict\n",
    b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"K\x00",
    b"}",
    b"(",
    b"t",
    b"R",
    b"h\x00",
    b"q\x00",
    b"PK\x03\x04",
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"PK\x06\x06",
    b"PK\x06\x07",
    b"state_dict",
];

fn safetensors(input: &[u8]) -> String {
    read_everything(Checkpoint::from_bytes("fuzz.safetensors", fitted(input)))
}

/// The length of a header is made to fit for half of the inputs, or almost every one would end there.
fn fitted(input: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let end = input.windows(2).rposition(|two| two == b"}}").map(|at| at + 2);
    if let Some(end) = end.filter(|&end| end >= 8 && input.len() % 2 == 0) {
        bytes[..8].copy_from_slice(&(end as u64 - 8).to_le_bytes());
    }
    bytes
}

fn index(input: &[u8]) -> String {
    let shards: BTreeMap<String, Vec<u8>> = seeds::shards();
    read_everything(Checkpoint::from_shards("model.safetensors.index.json", input, shards))
}

fn npy(input: &[u8]) -> String {
    read_everything(Checkpoint::from_bytes("fuzz.npy", input.to_vec()))
}

fn torch(input: &[u8]) -> String {
    read_everything(Checkpoint::from_bytes("fuzz.pt", input.to_vec()))
}

/// The pickle of an archive that is good but for it.
fn pickle(input: &[u8]) -> String {
    let storage = [7; 96];
    let files = [("m/data.pkl", input), ("m/data/0", &storage), ("m/data/1", &storage[..24])];
    read_everything(Checkpoint::from_bytes("fuzz.pt", seeds::archive(&files)))
}

fn gguf(input: &[u8]) -> String {
    read_everything(Checkpoint::from_bytes("fuzz.gguf", input.to_vec()))
}

fn exported(input: &[u8]) -> String {
    let opened = match Checkpoint::from_bytes("fuzz.safetensors", fitted(input)) {
        Ok(checkpoint) => checkpoint,
        Err(error) => return one_line(&error),
    };
    let mut said = String::new();
    for stem in opened.factorizations() {
        said += &match opened.factors(&stem) {
            Ok(factors) => {
                assert_eq!(factors.a.cols(), factors.b.rows());
                "factors".to_owned()
            }
            Err(error) => one_line(&error),
        };
    }
    for stem in ["m", "n"] {
        said +=
            &opened.stored_sparse(stem).map_or_else(|error| one_line(&error), |found| format!("{}", found.is_some()));
        said += &opened.replacement(stem).map_or_else(|error| one_line(&error), |_| "replacement".to_owned());
    }
    said
}

fn calibration(input: &[u8]) -> String {
    let opened = match Checkpoint::from_bytes("fuzz.safetensors", fitted(input)) {
        Ok(checkpoint) => checkpoint,
        Err(error) => return one_line(&error),
    };
    let mut said = String::new();
    for stem in ["", "m"] {
        said += &opened.calibration(stem, 3).map_or_else(|error| one_line(&error), |_| "statistics".to_owned());
        said += &opened.calibration_of(stem, 3).map_or_else(|error| one_line(&error), |_| "statistics".to_owned());
        said += &opened.output_weights(stem, 3).map_or_else(|error| one_line(&error), |_| "weights".to_owned());
    }
    said
}

/// A `config.json` beside the weights and the tokenizer of a small model.
fn config(input: &[u8]) -> String {
    static WEIGHTS: LazyLock<Arc<Checkpoint>> = LazyLock::new(|| Arc::new(seeds::model_weights()));
    static TOKENIZER: LazyLock<TokenizerFiles> = LazyLock::new(|| files(&seeds::model_file("tokenizer.json")));
    match Config::read(input) {
        Err(error) => checked(error.to_string()),
        // The tokenizer takes longer than all else: it is read only where a configuration may fit.
        Ok(_) => match LanguageModel::new("fuzz", input, &TOKENIZER, WEIGHTS.clone()) {
            Err(error) => checked(error.to_string()),
            Ok(model) => {
                model.angles(4);
                "a model".to_owned()
            }
        },
    }
}

fn files(tokenizer: &[u8]) -> TokenizerFiles {
    TokenizerFiles { tokenizer: Some(tokenizer.to_vec()), ..TokenizerFiles::default() }
}

fn tokenizer(input: &[u8]) -> String {
    let tokenizer = match Tokenizer::read(&files(input), b"{}") {
        Ok(tokenizer) => tokenizer,
        Err(error) => return checked(error.to_string()),
    };
    match tokenizer.encode("w1 w2 <unk> once upon\n") {
        Ok(tokens) => {
            tokenizer.decode(&tokens).map_or_else(|error| checked(error.to_string()), |_| "a text".to_owned())
        }
        Err(error) => checked(error.to_string()),
    }
}

/// Reads every layer both ways, every tensor's bytes, and every pair of factors; each may fail, none may panic.
fn read_everything(opened: Result<Checkpoint, Error>) -> String {
    let checkpoint = match opened {
        Ok(checkpoint) => checkpoint,
        Err(error) => return one_line(&error),
    };
    let mut said = String::new();
    for note in checkpoint.notes() {
        assert!(!note.contains(char::is_control), "{note:?}");
        said += note;
    }
    for info in checkpoint.tensors() {
        let bytes = checkpoint.bytes(&info.name).expect("bytes in memory");
        assert!(info.format.is_none() || bytes.len() as u64 == info.bytes, "{} of {} bytes", bytes.len(), info.bytes);
        for orientation in [Orientation::AsStored, Orientation::Transposed] {
            said += &match checkpoint.layer(&info.name, orientation) {
                Ok(layer) => {
                    assert_eq!(layer.weight.len(), info.len());
                    info.dtype.clone()
                }
                Err(error) => one_line(&error),
            };
        }
        if info.format.is_some() {
            checkpoint
                .values(&info.name)
                .map_or_else(|error| drop(one_line(&error)), |v| assert_eq!(v.len(), info.len()));
        }
    }
    for stem in checkpoint.factorizations() {
        if let Err(error) = checkpoint.factors(&stem) {
            said += &one_line(&error);
        }
    }
    said
}

fn one_line(error: &Error) -> String {
    checked(error.to_string())
}

/// The message, which must be a line.
fn checked(message: String) -> String {
    assert!(!message.contains(char::is_control), "{message:?}");
    message
}
