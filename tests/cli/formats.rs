//! Files of other programs.

use super::*;

#[test]
fn a_checkpoint_of_pytorch_is_listed_and_factorized() {
    let folder = folder("pytorch");
    let file =
        |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats").join(name).display().to_string();
    let output = run(&folder, &["inspect", &file("training.ckpt"), "--json"]);
    let tensors = json(&output)["tensors"].clone();
    assert_eq!((&tensors[1]["name"], &tensors[1]["shape"]), (&"fc.weight".into(), &serde_json::json!([2, 3])));
    let note = "note: training.ckpt: the tensors under \"state_dict\" are listed, and not those beside it\n";
    assert_eq!(text(&output.stderr), note);
    let tensors = json(&run(&folder, &["inspect", &file("tensors.pt"), "--json"]))["tensors"].clone();
    let eight = tensors.as_array().unwrap().iter().find(|tensor| tensor["name"] == "eight").unwrap();
    assert_eq!(eight["dtype"], "F8_E4M3");
    let arguments =
        ["factorize", &file("tensors.pt"), "--tensor", "same", "--density", "0.9", "--out", "f.safetensors"];
    assert_eq!(run(&folder, &arguments).status.code(), Some(0));
    let factors = open(&folder.join("f.safetensors")).unwrap().factors("same").unwrap();
    assert_eq!((factors.a.rows(), factors.b.cols()), (2, 6));
    assert_refused(
        &folder,
        &["inspect", &file("legacy.bin")],
        "a pickle of Python, as PyTorch wrote before version 1.6",
    );
}

#[test]
fn bfloat16_of_numpy_is_read_and_said() {
    let folder = folder("bfloat16");
    let header = "{'descr': '|V2', 'fortran_order': False, 'shape': (4, 4), }\n";
    let length = (header.len() as u16).to_le_bytes();
    let values: Vec<u8> = (0..16).flat_map(|at| half::bf16::from_f32(some_values(at)).to_le_bytes()).collect();
    std::fs::write(folder.join("w.npy"), [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &values].concat())
        .unwrap();
    let output = run(&folder, &["factorize", "w.npy", "--density", "0.5"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("they are read as bfloat16"), "{}", text(&output.stderr));
}
