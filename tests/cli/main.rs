//! The command line as its users meet it: what it prints, writes and refuses.

#[path = "../common/mod.rs"]
mod common;

mod accuracy;
mod commands;
mod factorize;
mod finetune;
mod finetune_networks;
mod formats;
mod inputs;
mod many_machines;
mod names;
mod networks;
mod refusals;

use dsf_explorer::Named;
use dsf_explorer::factorize::{Budget, Preset, Settings};
use dsf_explorer::matrix::{Csr, Factor, Factors, Mask, Matrix, Replacement};
use dsf_explorer::measure;
use dsf_explorer::model::{Orientation, open, open_calibration};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// An empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dsf-explorer"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .unwrap()
}

/// Starts the program, and kills it as soon as `is_time`.
fn kill_when(folder: &Path, arguments: &[&str], is_time: impl Fn() -> bool) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dsf-explorer"))
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !is_time() {
        assert!(begun.elapsed() < Duration::from_secs(120) && child.try_wait().unwrap().is_none(), "it goes on");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// One line that says what is wrong, exit status 1, nothing on standard output, nothing left in the folder.
fn assert_refused(folder: &Path, arguments: &[&str], says: &str) {
    let listing = || {
        let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = listing();
    let output = run(folder, arguments);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {err}");
    assert!(out.is_empty(), "{arguments:?} printed {out}");
    let error: Vec<&str> = err.lines().filter(|line| line.starts_with("error:")).collect();
    assert!(error.len() == 1 && error[0].contains(says), "{arguments:?} said {err}");
    assert!(!err.contains("panicked"), "{err}");
    assert_eq!(listing(), before, "{arguments:?} left something behind");
}

fn some_values(at: usize) -> f32 {
    ((at * 7919 + at * at % 31) % 211) as f32 - 105.0
}

/// A report, and the settings and factors of the file it is about.
fn written(folder: &Path, arguments: &[&str]) -> (Value, Value, dsf_explorer::matrix::Factors) {
    let report = json(&run(folder, &[arguments, &["--json", "--out", "f.safetensors", "--force"]].concat()));
    let checkpoint = open(&folder.join("f.safetensors")).unwrap();
    let catalogue = json(&run(folder, &["inspect", "f.safetensors", "--json"]));
    let settings = serde_json::from_str(catalogue["metadata"]["dsf.settings"].as_str().unwrap()).unwrap();
    let factors = checkpoint.factors(&checkpoint.factorizations()[0]).unwrap();
    assert_eq!(
        (report["nnz_a"].as_u64(), report["nnz_b"].as_u64()),
        (Some(factors.a.nnz() as u64), Some(factors.b.nnz() as u64))
    );
    assert_eq!(report["nnz"].as_u64(), Some(factors.nnz() as u64));
    (report, settings, factors)
}

/// A layer's weights and two sets of inputs.
fn layer(folder: &Path) {
    common::npy(&folder.join("w.npy"), 20, 28, some_values);
    common::npy(&folder.join("x.npy"), 60, 28, |at| some_values(3 * at + at / 28) * (1 + at % 28) as f32);
    common::npy(&folder.join("other.npy"), 50, 28, |at| some_values(5 * at + 7) * (1 + at % 28) as f32);
}
