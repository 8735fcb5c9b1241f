//! Exported files, read by others: numpy, safetensors and, where there is one, torch.
//!
//! Runs where `DSF_TEST_PYTHON` is the path of a Python that has numpy and safetensors.

mod common;

use dsf_explorer::Named;
use dsf_explorer::export::{Export, Layout, Tensor, safetensors};
use dsf_explorer::factorize::{Settings, Solver};
use dsf_explorer::matrix::{Matrix, Replacement};
use dsf_explorer::model::{Dtype, Layer};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

#[test]
fn python_finds_the_reported_error_in_every_layout() {
    let Some(python) = std::env::var_os("DSF_TEST_PYTHON") else {
        println!("skipped: DSF_TEST_PYTHON is not set");
        return;
    };
    let weight = Matrix::from_fn(24, 36, |i, j| (0.7 * (i * i) as f32 + 1.3 * j as f32).sin() / 50.0);
    let settings = Settings { density: 0.4, outer: 3, ..Settings::default() };
    let mut solver = Solver::new(&weight, &settings).unwrap();
    while solver.step().unwrap().is_some() {}
    let replacement = Arc::new(Replacement::Factors(solver.finish()));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/check_export.py");
    let folder = tempfile::tempdir().unwrap();
    let (exported, original) = (folder.path().join("exported.safetensors"), folder.path().join("w.safetensors"));

    for (shape, transposed) in [(vec![24, 36], false), (vec![24, 4, 3, 3], false), (vec![36, 24], true)] {
        for &layout in Layout::ALL {
            for dtype in [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::F64] {
                let (name, file, shape) = ("fc.weight".to_owned(), "w.safetensors".to_owned(), shape.clone());
                let layer = Layer { name, file, shape, dtype: Dtype::F32, transposed, weight: weight.clone().into() };
                let stored = if transposed { weight.transposed() } else { weight.clone() };
                let tensor = Tensor::values(&layer.name, layer.dtype, &layer.shape, stored.as_slice());
                std::fs::write(&original, safetensors(vec![tensor], &BTreeMap::new())).unwrap();

                let export = Export::new(&layer, &replacement, layout, Some(dtype)).unwrap();
                let report = json!({ "relative_error": export.relative_error(&layer) });
                std::fs::write(&exported, export.to_bytes(&json!(settings), &report)).unwrap();

                let mut check = Command::new(&python);
                check.arg(&script).args([&exported, &original]).arg(&layer.name);
                check.args(transposed.then_some("--transposed"));
                let output = check.output().expect("DSF_TEST_PYTHON is the path of a Python");
                let (said, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
                assert!(output.status.success(), "{layout:?} {dtype:?} {:?}\n{failed}", layer.shape);
                print!("{said}");
            }
        }
    }
}

/// A model that keeps its factors, as transformers loads it: the logits of the model with their products, within the rounding of
/// those to f16.
#[test]
fn transformers_runs_what_compress_writes() {
    let Some(python) = transformers() else { return };
    let folder = tempfile::tempdir().unwrap();
    let done = |command: &mut Command| said(command.current_dir(folder.path()));
    let compress = |arguments: &str| {
        let quick = ["compress", "--density", "0.4", "--calibration-samples", "4", "--force"];
        done(Command::new(env!("CARGO_BIN_EXE_dsf-explorer")).args(quick).args(arguments.split(' ')));
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/check_model.py");
    for (method, layouts) in [("--preset fast --outer 3", &["bitmask", "csr"][..]), ("--method wanda", &["bitmask"])] {
        compress(&format!("{method} --out merged"));
        for layout in layouts {
            compress(&format!("{method} --layout {layout} --out own"));
            let mut check = Command::new(&python);
            let said = done(check.arg(&script).args(["own", "merged"]).env("HF_HUB_OFFLINE", "1"));
            assert!(said.starts_with("ok: 28 layers"), "{said}");
            print!("{said}");
        }
    }
}

/// A residual network is loaded with the products of its factors, and built of two convolutions for each.
#[test]
fn compressed_networks_compute_the_same_in_torch() {
    let (Some(python), Some(data)) = (transformers(), common::test_data()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (network, images) = (data.join("resnets/hf_basic"), data.join("resnets/images.npy"));
    let ours = |arguments: &[&str]| {
        said(Command::new(env!("CARGO_BIN_EXE_dsf-explorer")).args(arguments).current_dir(folder.path()))
    };
    let [network, images] = [&network, &images].map(|path| path.to_str().unwrap());
    // Of the first convolution too, of 7×7 pixels.
    let wanted = ["--density", "0.5", "--preset", "fast", "--density-of", "resnet.embedder.embedder.convolution=0.6"];
    let compress = ["compress", network, "--calibration-images", images, "--out"];
    ours(&[&compress[..], &["both", "--layout", "merged,dense"], &wanted[..]].concat());
    let logits = ours(&["accuracy", "both", "--images", images, "--json", "--logits"]);
    std::fs::write(folder.path().join("logits.json"), logits).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/check_network.py");
    let mut check = Command::new(python);
    let said = said(check.arg(script).args(["both", "both", images, "logits.json"]).current_dir(folder.path()));
    assert!(said.starts_with("ok: "), "{said}");
    print!("{said}");
}

/// The sums over all patches of real images, against NumPy's.
#[test]
fn statistics_of_convolutions_are_those_of_numpy() {
    let (Some(python), Some(data)) = (std::env::var_os("DSF_TEST_PYTHON"), common::test_data()) else {
        println!("skipped: DSF_TEST_PYTHON or DSF_TEST_DATA is not set");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let images = std::fs::read(data.join("cifar10/train_first5000.bin")).unwrap();
    std::fs::write(folder.path().join("images.bin"), &images[..12 * 3073]).unwrap();
    let network = data.join("resnet20/model.safetensors");
    let wanted = "--method magnitude --parallel --calibration-images images.bin --save-calibration x.safetensors";
    let mut compress = Command::new(env!("CARGO_BIN_EXE_dsf-explorer"));
    said(compress.arg("compress").arg(&network).args(wanted.split(' ')).current_dir(folder.path()));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/check_statistics.py");
    let mut check = Command::new(python);
    let said =
        said(check.arg(script).arg(network).args(["images.bin", "12", "x.safetensors"]).current_dir(folder.path()));
    assert!(said.starts_with("ok: "), "{said}");
    print!("{said}");
}

/// A Python that has torch and transformers.
fn transformers() -> Option<std::ffi::OsString> {
    let python = std::env::var_os("DSF_TEST_TRANSFORMERS");
    if python.is_none() {
        println!("skipped: DSF_TEST_TRANSFORMERS is not set to a Python that has torch and transformers");
    }
    python
}

/// What a command prints; it has to succeed.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Losses and gradients of tiny random models of all families, with the settings in which they differ, as transformers has
/// them.
#[test]
fn every_family_has_the_losses_and_gradients_of_transformers() {
    let Some(python) = transformers() else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let said = said(
        Command::new(python)
            .arg(root.join("tests/python/check_families.py"))
            .arg(env!("CARGO_BIN_EXE_dsf-explorer"))
            .arg(root.join("tests/llama/llama3/tokenizer.json")),
    );
    assert!(said.starts_with("ok: 35 models of 19 families"), "{said}");
    print!("{said}");
}
