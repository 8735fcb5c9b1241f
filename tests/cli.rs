//! The command line as its users meet it: what it prints, writes and refuses.

mod common;

use dsf_explorer::Named;
use dsf_explorer::factorize::{Budget, Preset, Settings};
use dsf_explorer::matrix::{Csr, Factor, Mask, Matrix};
use dsf_explorer::measure;
use dsf_explorer::model::{Orientation, open, open_calibration};
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

fn some_values(at: usize) -> f32 {
    ((at * 7919 + at * at % 31) % 211) as f32 - 105.0
}

#[test]
fn factorize_prints_every_key_and_writes_what_it_says() {
    let folder = folder("factorize");
    common::npy(&folder.join("w.npy"), 32, 48, some_values);
    let report = json(&run(
        &folder,
        &["factorize", "w.npy", "--density", "0.3", "--outer", "12", "--json", "--out", "f.safetensors"],
    ));
    let mut keys: Vec<&str> = report.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let expected = "adapter backend bytes bytes_bitmask bytes_csr bytes_dense cols density history inner inner_dim layer_error \
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
    common::npy(&folder.join("w.npy"), 96, 96, some_values);
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
    common::npy(&folder.join("w.npy"), 16, 16, some_values);
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
    common::npy(&folder.join("w.npy"), 16, 16, some_values);
    std::fs::write(folder.join("f.safetensors"), "precious").unwrap();
    let arguments = ["factorize", "w.npy", "--outer", "2", "--out", "f.safetensors"];
    assert_refused(&folder, &arguments, "--force");
    assert_eq!(std::fs::read(folder.join("f.safetensors")).unwrap(), b"precious");
    assert!(run(&folder, &[&arguments[..], &["--force"]].concat()).status.success());
    assert!(std::fs::read(folder.join("f.safetensors")).unwrap().len() > 1000);
}

#[test]
fn a_page_about_the_run_is_written_with_and_without_factors() {
    let folder = folder("page");
    common::npy(&folder.join("w.npy"), 24, 40, some_values);
    let arguments = ["factorize", "w.npy", "--outer", "3", "--report", "r.html"];
    let report = json(&run(&folder, &[&arguments[..], &["--json"]].concat()));
    let page = std::fs::read_to_string(folder.join("r.html")).unwrap();
    let error = report["relative_error"].as_f64().unwrap();
    assert!(page.contains(&format!("<td>{error:.6}</td>")), "{error}");
    assert_eq!(page.matches("data:image/png;base64,").count(), 5);
    // ⌊0.25·24·40⌋ = 240 nonzeros pay for rank ⌊240/64⌋.
    assert!(page.contains(">magnitude pruning</text>") && page.contains(">SVD, rank 3</text>"));
    assert!(!page.contains("In Python"), "no factors were written");

    assert_refused(&folder, &arguments, "--force");
    assert_refused(&folder, &["factorize", "w.npy", "--report", "missing/r.html"], "missing");
    let same = ["factorize", "w.npy", "--out", "f.safetensors", "--report", "./f.safetensors"];
    assert_refused(&folder, &same, "same file");
    // Neither file is written when one of them cannot be.
    assert_refused(&folder, &[&arguments[..], &["--out", "f.safetensors"]].concat(), "r.html exists");

    let both = [&arguments[..], &["--out", "f.safetensors", "--layout", "csr", "--force"]].concat();
    let output = run(&folder, &both);
    assert!(text(&output.stdout).contains("f.safetensors") && text(&output.stdout).contains("r.html"));
    let page = std::fs::read_to_string(folder.join("r.html")).unwrap();
    assert!(page.contains("load_file(&quot;f.safetensors&quot;)") && page.contains("torch.sparse_csr_tensor"));
    assert!(folder.join("f.safetensors").is_file());
}

#[test]
fn what_cannot_be_done_is_refused_in_one_line() {
    let folder = folder("refused");
    common::npy(&folder.join("w.npy"), 16, 16, some_values);
    common::npy(&folder.join("nan.npy"), 4, 4, |at| if at == 6 { f32::NAN } else { 1.0 });
    common::npy(&folder.join("empty.npy"), 0, 4, some_values);
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

/// What is asked for and cannot have an effect is refused, with a way out.
#[test]
fn flags_without_effect_end_with_2() {
    let folder = folder("effect");
    for (arguments, says) in [
        ("factorize w.npy --method magnitude --outer 3", "--outer is for dsf"),
        ("factorize w.npy --method svd --preset best", "--preset is for dsf"),
        ("factorize w.npy --method svd --no-warm-start", "--no-warm-start is for dsf"),
        ("factorize w.npy --method svd --threshold row", "--threshold is for admm and sparsegpt"),
        (
            "factorize w.npy --method magnitude --layout csr",
            "this method makes one matrix: write it with --layout merged",
        ),
        ("factorize w.npy --method hierarchical --layout csr", "makes three: write their product with --layout merged"),
        ("compare w.npy --density 0.5 --methods magnitude,svd --outer 3", "--outer is for dsf"),
        ("compress --density 0.5 --method magnitude --outer 3", "--outer is for dsf"),
        ("compress --density 0.5 --method magnitude --layout csr", "no two sparse factors"),
        ("sweep --figure 8 --density 0.3", "--density has no effect on this figure"),
        ("sweep --figure 8 --method svd", "--method has no effect on this figure"),
        ("sweep --figure 8 --tensor w", "--tensor has no effect on this figure"),
        ("sweep --figure 8 --calibration x.npy", "--calibration has no effect on this figure"),
        ("sweep --figure starts --text t.txt", "--text is for --figure perplexity"),
        ("sweep --figure starts --method svd", "--method has no effect on a figure"),
        ("sweep --figure starts --start svd", "--start has no effect, for this sweep varies it"),
        ("sweep --figure density --density 0.3", "--density has no effect, for this sweep varies it"),
        ("sweep --vary density=0.2,0.3 --density 0.3", "--density has no effect, for this sweep varies it"),
        ("sweep --vary method=dsf,svd --method svd", "--method has no effect, for this sweep varies it"),
        ("sweep --vary density=0.2 --method svd --outer 3", "--outer is for dsf"),
    ] {
        let output = run(&folder, &arguments.split(' ').collect::<Vec<_>>());
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {err}");
        assert!(err.contains(says) && output.stdout.is_empty(), "{arguments}: {err}");
    }
}

/// A budget that holds no nonzero is no sweep of dashes.
#[test]
fn nothing_is_fitted_into_no_budget() {
    let folder = folder("no-budget");
    common::npy(&folder.join("w.npy"), 64, 64, some_values);
    assert_refused(&folder, &["sweep", "w.npy", "--figure", "sizes", "--density", "1e-6"], "no point of this sweep");
    assert_refused(&folder, &["factorize", "w.npy", "--method", "magnitude", "--density", "1e-6"], "too few");
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
        let why = if cfg!(feature = "gui") { "DISPLAY" } else { "default features" };
        assert!(out.contains(why) && out.contains("25 %"), "{out}");
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
    common::npy(&folder.join("w.npy"), 16, 16, some_values);
    assert_refused(&folder, &["w.npy"], "dsf-explorer inspect w.npy");
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

#[test]
fn presets_and_expansions_are_what_they_say() {
    let folder = folder("presets");
    common::npy(&folder.join("w.npy"), 24, 40, some_values);
    for &preset in Preset::ALL {
        let (report, settings, factors) =
            written(&folder, &["factorize", "w.npy", "--density", "0.4", "--preset", preset.name()]);
        let expected = Settings { density: 0.4, ..Settings::default() }.with_preset(preset);
        assert_eq!(serde_json::from_value::<Settings>(settings).unwrap().outer, expected.outer);
        assert_eq!((&report["preset"], &report["outer"]), (&preset.name().into(), &expected.outer.into()));
        assert_eq!(report["inner"], expected.inner);
        assert_eq!(report["history"].as_array().unwrap().len(), expected.outer);
        // z = ⌊0.4·24·40⌋.
        assert_eq!(report["nnz"], 384);
        let k = factors.a.cols();
        assert_eq!((k, &report["inner_dim"]), (factors.b.rows(), &k.into()));
    }
    for (expansion, k) in [("0.5", 12), ("1.5", 36), ("4", 96)] {
        let (report, _, factors) =
            written(&folder, &["factorize", "w.npy", "--preset", "best", "--outer", "4", "--expansion", expansion]);
        assert_eq!((&report["inner_dim"], factors.a.cols(), &report["nnz"]), (&k.into(), k, &240.into()));
        let bits = (24 * k).div_ceil(8) + (k * 40).div_ceil(8);
        assert_eq!(report["bytes_bitmask"], 2 * 240 + bits);
    }
}

/// z_a goes to the factor on W's smaller side; of a square W to the one on the side of the rows of what is factorized.
#[test]
fn orientation_and_split_say_who_gets_the_nonzeros() {
    let folder = folder("orientation");
    for (file, rows, cols) in [("wide.npy", 24, 40), ("tall.npy", 40, 24), ("square.npy", 30, 30)] {
        common::npy(&folder.join(file), rows, cols, some_values);
        let budget = Budget::new(rows, cols, &Settings { density: 0.4, ..Settings::default() }).unwrap();
        let arguments =
            |more: &[&'static str]| [&["factorize", file, "--density", "0.4", "--outer", "8"], more].concat();
        for (orientation, first) in
            [("as-is", Factor::A), ("transposed", Factor::B), ("paper", Factor::first(rows, cols))]
        {
            let first = if rows == cols { first } else { Factor::first(rows, cols) };
            let (report, _, _) = written(&folder, &arguments(&["--orientation", orientation]));
            let a = if first == Factor::A { budget.first } else { budget.second };
            assert_eq!((&report["nnz_a"], &report["nnz"]), (&a.into(), &budget.total().into()), "{file} {orientation}");
        }
        let (report, settings, _) = written(&folder, &arguments(&["--split", "auto", "--orientation", "auto"]));
        assert_eq!(report["nnz"], budget.total());
        assert_eq!(report["history"].as_array().unwrap().len(), 8);
        // What was found stands in the file: with it the run is the same without a search.
        assert_ne!(settings["split"], "auto");
        let found = settings["factor_density"].as_f64().map(|density| density.to_string());
        let mut again = vec!["factorize", file, "--density", "0.4", "--outer", "8", "--json"];
        again.extend(["--orientation", settings["orientation"].as_str().unwrap()]);
        match &found {
            Some(density) => again.extend(["--factor-density", density]),
            None => again.extend(["--split", "balanced"]),
        }
        assert_eq!(json(&run(&folder, &again))["relative_error"], report["relative_error"], "{file}");
    }
}

/// A layer's weights and two sets of inputs.
fn layer(folder: &Path) {
    common::npy(&folder.join("w.npy"), 20, 28, some_values);
    common::npy(&folder.join("x.npy"), 60, 28, |at| some_values(3 * at + at / 28) * (1 + at % 28) as f32);
    common::npy(&folder.join("other.npy"), 50, 28, |at| some_values(5 * at + 7) * (1 + at % 28) as f32);
}

#[test]
fn layer_errors_are_those_of_the_file() {
    let folder = folder("layer");
    layer(&folder);
    let weight = open(&folder.join("w.npy")).unwrap().layer("w", Orientation::AsStored).unwrap().weight;
    let statistics = |file: &str| open_calibration(&folder.join(file), "", 28).unwrap();
    let (calibration, held_out) = (statistics("x.npy"), statistics("other.npy"));
    for preset in ["published", "fast"] {
        for layout in ["dense", "csr", "bitmask", "merged"] {
            for dtype in ["f32", "f16", "bf16"] {
                let report = json(&run(
                    &folder,
                    &[
                        "factorize",
                        "w.npy",
                        "--density",
                        "0.5",
                        "--preset",
                        preset,
                        "--outer",
                        "8",
                        "--calibration",
                        "x.npy",
                        "--held-out",
                        "other.npy",
                        "--layout",
                        layout,
                        "--dtype",
                        dtype,
                        "--out",
                        "f.safetensors",
                        "--force",
                        "--json",
                    ],
                ));
                let file = open(&folder.join("f.safetensors")).unwrap();
                let (a, b) = if layout == "merged" {
                    let product = file.layer("w", Orientation::AsStored).unwrap().weight;
                    let identity = Matrix::from_fn(28, 28, |i, j| f32::from(u8::from(i == j)));
                    (Csr::from_dense(&product), Csr::from_dense(&identity))
                } else {
                    let factors = file.factors("w").unwrap();
                    (factors.a, factors.b)
                };
                let what = format!("{preset} {layout} {dtype}");
                let near = |key: &str, expected: f64| {
                    let got = report[key].as_f64().unwrap();
                    assert!((got - expected).abs() <= 1e-9 * expected, "{what}: {key} is {got}, recomputed {expected}");
                };
                near("layer_error", measure::layer_error(&weight, &a, &b, calibration.xtx()));
                near("layer_error_held_out", measure::layer_error(&weight, &a, &b, held_out.xtx()));
                near("relative_error", measure::relative_error(&weight, &a, &b));
                let before = report["layer_error_before_finalize"].as_f64().unwrap();
                assert!(report["layer_error"].as_f64().unwrap() < before, "{what}: {before} before");
                // ⌊0.5·20·28⌋, whatever is written.
                assert_eq!(report["nnz"], 280, "{what}");
            }
        }
    }
}

#[test]
fn layer_error_keys_are_null_without_inputs() {
    let folder = folder("nulls");
    layer(&folder);
    let arguments = ["factorize", "w.npy", "--outer", "3", "--json"];
    let keys = ["layer_error", "layer_error_before_finalize", "layer_error_held_out"];
    let plain = json(&run(&folder, &arguments));
    assert!(keys.iter().all(|key| plain[*key].is_null()));
    let calibrated = json(&run(&folder, &[&arguments[..], &["--calibration", "x.npy"]].concat()));
    assert!(keys[..2].iter().all(|key| calibrated[*key].is_f64()) && calibrated[keys[2]].is_null());
}

#[test]
fn finalisation_lowers_the_error_and_can_be_left_out() {
    let folder = folder("finalize");
    layer(&folder);
    let report = |more: &[&str]| {
        let always = ["factorize", "w.npy", "--density", "0.5", "--outer", "8", "--calibration", "x.npy", "--json"];
        json(&run(&folder, &[&always[..], more].concat()))
    };
    let error = |report: &Value| report["layer_error"].as_f64().unwrap();
    let (left, one) = (report(&["--no-finalize"]), report(&[]));
    assert_eq!(left["layer_error"], left["layer_error_before_finalize"]);
    assert_eq!(left["layer_error"], one["layer_error_before_finalize"]);
    let (both, rounds) = (report(&["--finalize-both"]), report(&["--finalize-both", "--rounds", "4"]));
    let exact = report(&["--finalize-both", "--rounds", "4", "--exact"]);
    assert!(
        error(&one) < error(&left) && error(&both) < error(&one),
        "{} {} {}",
        error(&left),
        error(&one),
        error(&both)
    );
    assert!(error(&rounds) < error(&both) && error(&exact) < error(&both));
    assert!(error(&report(&["--shrinkage", "0.5", "--exact"])) > error(&report(&["--exact"])));
    // The masks are found before.
    assert_eq!(left["history"], rounds["history"]);
}

#[test]
fn a_fixed_mask_is_shared_by_a_seed() {
    let folder = folder("fixed");
    let random = |seed| common::random(32, 32, seed);
    common::npy(&folder.join("w.npy"), 32, 32, |at| random(1).as_slice()[at]);
    common::npy(&folder.join("v.npy"), 32, 32, |at| random(2).as_slice()[at]);
    let first = |file: &str, seed: &str| {
        let (report, _, factors) =
            written(&folder, &["factorize", file, "--density", "0.4", "--fixed-mask", "--seed", seed]);
        assert_eq!((&report["nnz"], &report["seed"]), (&409.into(), &seed.parse::<u64>().unwrap().into()));
        // Of a square W the first factor is B.
        Mask::of_csr(&factors.b)
    };
    let (w, v, other) = (first("w.npy", "3"), first("v.npy", "3"), first("w.npy", "4"));
    let united =
        |x: &Mask, y: &Mask| (0..32 * 32).filter(|at| x.get(at / 32, at % 32) || y.get(at / 32, at % 32)).count();
    // ⌊0.1·32²⌋ entries, of which a few are of no use where A has an empty column.
    assert!(united(&w, &v) <= 102 && united(&w, &w) > 90, "{}", united(&w, &v));
    assert!(united(&w, &other) > 150, "{}", united(&w, &other));
}

#[test]
fn what_is_wrong_with_settings_and_inputs_is_said() {
    let folder = folder("inputs");
    layer(&folder);
    common::npy(&folder.join("nan.npy"), 4, 28, |at| if at == 30 { f32::NAN } else { 1.0 });
    common::npy(&folder.join("none.npy"), 0, 28, some_values);
    std::fs::write(folder.join("text.safetensors"), "no numbers").unwrap();
    let refused = |more: &[&str], says: &str| {
        assert_refused(&folder, &[&["factorize", "w.npy", "--json", "--out", "f.safetensors"], more].concat(), says);
    };
    for (setting, value, says) in [
        ("--expansion", "9", "expansion is 9"),
        ("--expansion", "0", "expansion is 0"),
        ("--relaxation", "2", "relaxation is 2"),
        ("--rounds", "0", "rounds is 0"),
        ("--shrinkage", "-1", "shrinkage is -1"),
        ("--ramp-from", "2", "ramp from is 2"),
        ("--ridge-start", "-1", "ridge start is -1"),
    ] {
        refused(&["--preset", "best", setting, value], says);
    }
    // Weights for inputs: 20 of them in w.npy's rows, but 28 columns.
    common::npy(&folder.join("narrow.npy"), 60, 20, some_values);
    for (file, says) in [
        ("narrow.npy", "[samples, 28]"),
        ("nan.npy", "row 1, column 2"),
        ("none.npy", "[samples, 28]"),
        ("nowhere.npy", "nowhere.npy"),
        ("text.safetensors", "text.safetensors"),
    ] {
        refused(&["--calibration", file], says);
        refused(&["--calibration", "x.npy", "--held-out", file], says);
    }
    for more in [
        &["--held-out", "other.npy"][..],
        &["--preset", "better"],
        &["--split", "half"],
        &["--orientation", "sideways"],
        &["--expansion", "much"],
        &["--rounds", "-1"],
        &["--calibration"],
    ] {
        let output = run(&folder, &[&["factorize", "w.npy", "--json"], more].concat());
        assert_eq!(output.status.code(), Some(2), "{more:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{more:?}");
    }
}

#[test]
fn bench_reports_phases_and_the_floor() {
    let folder = folder("bench");
    let arguments = ["bench", "solver", "--sizes", "32,48", "--threads", "1", "--presets", "published,best", "--json"];
    let runs = json(&run(&folder, &arguments));
    let runs = runs.as_array().unwrap();
    assert_eq!(runs.len(), 4);
    for (run, (preset, n)) in runs.iter().zip([("published", 32), ("published", 48), ("best", 32), ("best", 48)]) {
        assert_eq!((&run["preset"], &run["rows"], &run["cols"]), (&preset.into(), &n.into(), &n.into()));
        let settings = Preset::named(preset).unwrap().settings();
        assert_eq!((&run["steps"], &run["threads"]), (&(2 * settings.outer).into(), &1.into()));
        assert_eq!(run["inner_dim"], settings.inner_dim(n, n));
        let number = |key: &str| run[key].as_f64().unwrap();
        let (seconds, floor) = (number("seconds"), number("floor_seconds"));
        assert!((number("ratio") - seconds / floor).abs() < 1e-6 * number("ratio") && floor > 0.0);
        assert!(number("gemm_gflops") > 0.0 && number("relative_error") < 1.0);
        let phases = run["phases"].as_object().unwrap();
        let phase = |name: &str| phases[name].as_f64().unwrap();
        let seconds_of = ["gram", "factorize", "products", "top-k", "update", "report"].map(phase);
        let sum: f64 = seconds_of.iter().sum();
        assert!(phases.len() == 6 && sum <= seconds && seconds_of.iter().all(|s| *s >= 0.0), "{sum} of {seconds} s");
    }
    assert_eq!(run(&folder, &["bench", "solver", "--sizes", "0"]).status.code(), Some(2));
    assert_refused(&folder, &["bench", "solver", "--sizes", "16", "--density", "2"], "density is 2");
    for arguments in [&["bench"][..], &["bench", "solver", "--sizes", "big"], &["bench", "nothing"]] {
        assert_eq!(run(&folder, arguments).status.code(), Some(2));
    }
}

#[test]
fn every_method_is_factorized_and_written() {
    let folder = folder("methods");
    common::npy(&folder.join("w.npy"), 24, 40, some_values);
    common::npy(&folder.join("x.npy"), 90, 40, |at| some_values(3 * at + at / 40) * (1 + at % 40) as f32);
    for (method, kept, inner) in [
        ("magnitude", 288, false),
        ("wanda", 288, false),
        ("admm", 288, false),
        ("sparsegpt", 288, false),
        ("obc", 288, false),
        // r = ⌊288/(24 + 40)⌋ = 4 and 4·64 entries; b·r·64 for Monarch with b·r = 4.
        ("svd", 256, true),
        ("monarch", 256, true),
        ("palm4msa", 288, true),
    ] {
        let command = ["factorize", "w.npy", "--method", method, "--density", "0.3", "--calibration", "x.npy"];
        let report = json(&run(&folder, &[&command[..], &["--out", "out.safetensors", "--force", "--json"]].concat()));
        assert_eq!((&report["method"], &report["nnz"]), (&method.into(), &kept.into()), "{report}");
        assert_eq!(report["inner_dim"].is_null(), !inner, "{method}");
        assert_eq!(report["nnz_a"].is_null(), !inner, "{method}");
        assert_eq!((&report["preset"], &report["history"]), (&Value::Null, &serde_json::json!([])));
        assert!(report["bytes"].as_u64().unwrap() < report["bytes_dense"].as_u64().unwrap());
        let dense = matches!(method, "svd" | "monarch");
        assert_eq!(report["bytes_bitmask"].is_null(), dense, "{method}");
        // The errors are those of the file.
        let (w, inputs) = (
            open(&folder.join("w.npy")).unwrap().layer("w", Orientation::AsStored).unwrap().weight,
            open_calibration(&folder.join("x.npy"), "", 40).unwrap(),
        );
        let file = open(&folder.join("out.safetensors")).unwrap();
        let found = match inner {
            true => file.factors("w").unwrap().dense_product(),
            false => Matrix::clone(&file.layer("w", Orientation::AsStored).unwrap().weight),
        };
        let error = report["relative_error"].as_f64().unwrap();
        assert!((measure::relative_difference(&w, &found) - error).abs() < 1e-6, "{method}");
        let error = report["layer_error"].as_f64().unwrap();
        assert!((measure::layer_difference(&w, &found, inputs.xtx()) - error).abs() < 1e-6, "{method}");
    }
    assert_refused(&folder, &["factorize", "w.npy", "--method", "wanda"], "give a calibration");
}

#[test]
fn compare_puts_methods_side_by_side() {
    let folder = folder("compare");
    common::npy(&folder.join("w.npy"), 24, 40, some_values);
    common::npy(&folder.join("x.npy"), 90, 40, |at| some_values(3 * at + at / 40) * (1 + at % 40) as f32);
    let output = run(&folder, &["compare", "w.npy", "--density", "0.3", "--json"]);
    let reports = json(&output);
    let methods: Vec<&str> =
        reports.as_array().unwrap().iter().map(|report| report["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["dsf", "magnitude", "svd", "monarch", "palm4msa", "hierarchical"]);
    assert!(text(&output.stderr).contains("Wanda, ADMM, SparseGPT, OBC need the layer's inputs"));
    for report in reports.as_array().unwrap() {
        assert!(report["nnz"].as_u64().unwrap() <= 288 && report["layer_error"].is_null());
    }
    // The same numbers as by itself.
    let alone = json(&run(&folder, &["factorize", "w.npy", "--density", "0.3", "--json"]));
    assert_eq!((&alone["relative_error"], &alone["history"]), (&reports[0]["relative_error"], &reports[0]["history"]));

    let named = ["compare", "w.npy", "--methods", "obc,wanda", "--calibration", "x.npy", "--chart", "bars.png"];
    let table = text(&run(&folder, &named).stdout);
    assert!(table.contains("layer error") && table.contains("Wanda") && table.contains("OBC"), "{table}");
    assert_eq!(std::fs::read(folder.join("bars.png")).unwrap()[1..4], *b"PNG");
    assert_refused(&folder, &named, "--force");
    assert_refused(&folder, &["compare", "w.npy", "--methods", "dsf,obc"], "OBC needs the layer's inputs");
}
