//! The command line as its users meet it: what it prints, writes and refuses.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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

/// A .npy of f32 values.
fn npy(path: &Path, rows: usize, cols: usize, value: impl Fn(usize) -> f32) {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {cols}), }}");
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(format!("{header:<117}\n").into_bytes());
    bytes.extend((0..rows * cols).flat_map(|at| value(at).to_le_bytes()));
    std::fs::write(path, bytes).unwrap();
}

fn some_values(at: usize) -> f32 {
    ((at * 7919 + at * at % 31) % 211) as f32 - 105.0
}

#[test]
fn factorize_prints_every_key_and_writes_what_it_says() {
    let folder = folder("factorize");
    npy(&folder.join("w.npy"), 32, 48, some_values);
    let report = json(&run(
        &folder,
        &["factorize", "w.npy", "--density", "0.3", "--outer", "12", "--json", "--out", "f.safetensors"],
    ));
    let mut keys: Vec<&str> = report.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let expected = "adapter backend bytes_bitmask bytes_csr bytes_dense cols density history inner inner_dim layer_error \
        layer_error_before_finalize layer_error_held_out method nnz nnz_a nnz_b outer preset relative_error rows seconds \
        seed source tensor threads";
    assert_eq!(keys, expected.split_whitespace().collect::<Vec<_>>());
    // z = ⌊0.3·32·48⌋ = 460, z_a = ⌊0.25·32²⌋ = 256 but at most half: 230.
    assert_eq!((&report["nnz_a"], &report["nnz_b"], &report["nnz"]), (&230.into(), &230.into(), &460.into()));
    assert_eq!((&report["rows"], &report["cols"], &report["inner_dim"]), (&32.into(), &48.into(), &32.into()));
    assert_eq!((&report["source"], &report["tensor"]), (&"w.npy".into(), &"w".into()));
    assert_eq!(
        (&report["method"], &report["preset"], &report["backend"]),
        (&"dsf".into(), &"published".into(), &"cpu".into())
    );
    assert_eq!((&report["outer"], &report["inner"], &report["seed"]), (&12.into(), &5.into(), &0.into()));
    assert_eq!(report["bytes_dense"], 2 * 32 * 48);
    assert_eq!(report["bytes_bitmask"], 2 * 460 + (32 * 32 + 32 * 48) / 8);
    assert_eq!(report["history"].as_array().unwrap().len(), 12);
    assert_eq!(report["layer_error"], Value::Null);

    let catalogue = json(&run(&folder, &["inspect", "f.safetensors", "--json"]));
    assert_eq!(catalogue["factorizations"], serde_json::json!(["w"]));
    assert!(!catalogue["metadata"]["dsf.source"].as_str().unwrap().contains('/'));
    let written: Value = serde_json::from_str(catalogue["metadata"]["dsf.report"].as_str().unwrap()).unwrap();
    assert_eq!(written["relative_error"], report["relative_error"]);
}

#[test]
fn the_same_settings_give_the_same_bytes_whatever_the_threads() {
    let folder = folder("threads");
    npy(&folder.join("w.npy"), 96, 96, some_values);
    let factors = |threads: &str, file: &str| {
        let done = run(&folder, &["factorize", "w.npy", "--outer", "6", "--threads", threads, "--out", file]);
        assert!(done.status.success(), "{}", text(&done.stderr));
        let bytes = std::fs::read(folder.join(file)).unwrap();
        // The header tells the time and the threads; the values must not.
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + header..].to_vec()
    };
    assert!(factors("1", "one.safetensors") == factors("2", "two.safetensors"));
}

#[test]
fn an_option_wins_over_the_preset() {
    let folder = folder("preset");
    npy(&folder.join("w.npy"), 16, 16, some_values);
    let report = |more: &[&str]| {
        json(&run(&folder, &[&["factorize", "w.npy", "--preset", "published", "--json"], more].concat()))
    };
    assert_eq!(report(&[])["outer"], 40);
    assert_eq!(report(&["--outer", "3"])["outer"], 3);
    assert_ne!(report(&["--ridge", "0.2"])["relative_error"], report(&[])["relative_error"]);
}

#[test]
fn an_existing_file_is_replaced_only_when_asked() {
    let folder = folder("force");
    npy(&folder.join("w.npy"), 16, 16, some_values);
    std::fs::write(folder.join("f.safetensors"), "precious").unwrap();
    let arguments = ["factorize", "w.npy", "--outer", "2", "--out", "f.safetensors"];
    assert_refused(&folder, &arguments, "--force");
    assert_eq!(std::fs::read(folder.join("f.safetensors")).unwrap(), b"precious");
    assert!(run(&folder, &[&arguments[..], &["--force"]].concat()).status.success());
    assert!(std::fs::read(folder.join("f.safetensors")).unwrap().len() > 1000);
}

#[test]
fn what_cannot_be_done_is_refused_in_one_line() {
    let folder = folder("refused");
    npy(&folder.join("w.npy"), 16, 16, some_values);
    npy(&folder.join("nan.npy"), 4, 4, |at| if at == 6 { f32::NAN } else { 1.0 });
    npy(&folder.join("empty.npy"), 0, 4, some_values);
    std::fs::write(folder.join("cut.safetensors"), [8, 0, 0]).unwrap();
    std::fs::write(folder.join("huge.safetensors"), 10_000_000_000u64.to_le_bytes()).unwrap();
    std::fs::create_dir(folder.join("nothing")).unwrap();
    for (arguments, says) in [
        (&["--density", "0"][..], "density is 0"),
        (&["--density", "-0.5"], "density is -0.5"),
        (&["--density", "1.5"], "density is 1.5"),
        (&["--density", "nan"], "density is NaN"),
        (&["--density", "0.001"], "two factors need at least one each"),
        (&["--factor-density", "0.9"], "each factor needs one"),
        (&["--outer", "0"], "outer is 0"),
        (&["--inner", "0"], "inner is 0"),
        (&["--rho", "-1"], "rho is -1"),
        (&["--tensor", "v"], "v"),
        (&["--out", "missing/f.safetensors"], "missing"),
        (&["--out", "nothing"], "nothing"),
    ] {
        assert_refused(&folder, &[&["factorize", "w.npy"], arguments].concat(), says);
    }
    assert_refused(&folder, &["factorize", "nan.npy"], "row 1, column 2");
    assert_refused(&folder, &["factorize", "empty.npy"], "empty");
    for command in ["inspect", "factorize"] {
        assert_refused(&folder, &[command, "nowhere.safetensors"], "does not exist");
        assert_refused(&folder, &[command, "nothing"], "nothing");
        assert_refused(&folder, &[command, "cut.safetensors"], "cut.safetensors");
        assert_refused(&folder, &[command, "huge.safetensors"], "huge.safetensors");
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    let folder = folder("usage");
    for arguments in [
        &["factorize"][..],
        &["factorize", "w.npy", "--density", "much"],
        &["factorize", "w.npy", "--threads", "0"],
        &["factorize", "w.npy", "--layout", "square"],
        &["factorize", "w.npy", "--no-such-flag"],
        &["inspect"],
    ] {
        let output = run(&folder, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(run(&folder, &["--help"]).status.code(), Some(0));
    assert_eq!(run(&folder, &["--version"]).status.code(), Some(0));
}

#[test]
fn without_a_display_the_example_runs_in_the_terminal() {
    let folder = folder("demo");
    for _ in 0..2 {
        // The second time the folder is there, and is written again.
        let output = run(&folder, &[]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let out = text(&output.stdout);
        assert!(out.contains("DISPLAY") && out.contains("25 %"), "{out}");
        let factors = folder.join("dsf-explorer-out/factors.safetensors");
        let checkpoint = dsf_explorer::model::open(&factors).unwrap();
        let stem = &checkpoint.factorizations()[0];
        assert_eq!(checkpoint.factors(stem).unwrap().nnz(), 256 * 256 / 4);
        let png = std::fs::read(folder.join("dsf-explorer-out/pictures.png")).unwrap();
        assert!(png.starts_with(b"\x89PNG"));
    }
}

#[test]
fn a_window_that_cannot_open_says_what_to_do_instead() {
    let folder = folder("no-window");
    npy(&folder.join("w.npy"), 16, 16, some_values);
    assert_refused(&folder, &["w.npy"], "dsf-explorer inspect w.npy");
}
