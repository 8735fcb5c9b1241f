//! `factorize`: its report, the file it writes, and what each setting does.

use super::*;

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
        layer_error_before_finalize layer_error_held_out method nnz nnz_a nnz_b notes outer preset relative_error rows seconds \
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

/// Rows that weigh a hundred times as much come out better with every method, within the same budget.
#[test]
fn weights_of_outputs_say_which_rows_matter() {
    let folder = folder("weights");
    layer(&folder);
    let weight = open(&folder.join("w.npy")).unwrap().layer("w", Orientation::AsStored).unwrap().weight;
    let (rows, cols) = weight.shape();
    common::npy(&folder.join("weights.npy"), 1, rows, |at| if at < 5 { 100.0 } else { 1.0 });
    for method in ["dsf", "magnitude", "svd", "palm4msa"] {
        let first_rows = |more: &[&str]| {
            let command = ["factorize", "w.npy", "--density", "0.4", "--method", method, "--layout", "merged"];
            let report =
                json(&run(&folder, &[&command, more, &["--json", "--out", "m.safetensors", "--force"]].concat()));
            assert!(report["nnz"].as_u64().unwrap() as usize <= 4 * rows * cols / 10, "{method}");
            let product =
                open(&folder.join("m.safetensors")).unwrap().layer("w", Orientation::AsStored).unwrap().weight;
            let squares = weight.as_slice().iter().zip(product.as_slice()).take(5 * cols).map(|(w, x)| (w - x).powi(2));
            squares.sum::<f32>()
        };
        let (plain, weighed) = (first_rows(&[]), first_rows(&["--output-weights", "weights.npy"]));
        assert!(weighed < 0.5 * plain, "{method}: {weighed} instead of {plain}");
    }
}

/// Flags, presets and their defaults: `outputs` is what `best` and `fast` do where inputs are given.
#[test]
fn the_objective_is_the_presets_unless_it_is_given() {
    let folder = folder("objective");
    layer(&folder);
    let error = |preset: &str, more: &[&str]| {
        let command = ["factorize", "w.npy", "--density", "0.4", "--outer", "12", "--preset", preset, "--json"];
        let report = json(&run(&folder, &[&command, more].concat()));
        (report["layer_error"].as_f64(), report["relative_error"].as_f64().unwrap())
    };
    let inputs = ["--calibration", "x.npy"];
    let with = |preset, objective| error(preset, &[&inputs[..], &["--objective", objective]].concat());
    for (preset, default, other) in
        [("best", "outputs", "norms"), ("fast", "outputs", "norms"), ("published", "norms", "outputs")]
    {
        assert_eq!(error(preset, &inputs), with(preset, default), "{preset}");
        assert_ne!(error(preset, &inputs), with(preset, other), "{preset}");
        // Without inputs there is one objective only.
        assert_eq!(error(preset, &["--objective", other]), error(preset, &[]), "{preset}");
    }
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
