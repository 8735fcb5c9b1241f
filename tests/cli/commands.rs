//! Other methods, `compare` and `bench`, and the program without a command.

use super::*;

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
fn a_bench_says_how_soon_the_published_error_is_reached() {
    let folder = folder("until");
    let command = ["bench", "solver", "--until-published", "--sizes", "32", "--threads", "1", "--json"];
    let all = json(&run(&folder, &command));
    let of = |part: &str, key: &str| all[0][part][key].as_f64().unwrap();
    assert!(of("reached", "relative_error") <= of("published", "relative_error"), "{all}");
    assert!(of("reached", "outer") >= 6.0 && of("same_time", "seconds") > 0.0, "{all}");
    assert_eq!(all[0]["paper_code_seconds"], Value::Null, "not measured at this size");
    let output = run(&folder, &["bench", "solver", "--until-published", "--backend", "auto"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("is for the processor"), "{}", text(&output.stderr));
}

/// Small ones: what is measured is checked, not how fast it is.
#[test]
fn bench_sparse_says_what_it_measured() {
    let folder = folder("bench sparse");
    let arguments =
        "bench sparse --sizes 64 --layers 2 --densities 0.5,0.125 --batches 1,16,64,5 --threads 1 --passes 1";
    let arguments: Vec<&str> = arguments.split(' ').chain(["--json", "--figure", "times.svg"]).collect();
    let measured = json(&run(&folder, &arguments));
    let measured = measured.as_array().unwrap();
    // Two number formats, two densities, four numbers of columns, five kinds.
    assert_eq!(measured.len(), 2 * 2 * 4 * 5);
    for one in measured {
        let number = |key: &str| one[key].as_f64().unwrap();
        assert!(number("seconds") > 0.0 && number("speedup") > 0.0);
        assert_eq!((number("rows"), number("cols"), number("layers"), number("threads")), (64.0, 64.0, 2.0, 1.0));
        let (dense, value) = (2.0 * 64.0 * 64.0, if one["values"] == "f16" { 2.0 } else { 4.0 });
        match one["kind"].as_str().unwrap() {
            "dense" => {
                assert_eq!((number("bytes"), number("flops")), (value * dense, 2.0 * dense * number("batch")));
                assert_eq!(one["format"], serde_json::json!(["dense"]));
            }
            kind => {
                // Random masks have about as many entries as they should.
                let share = number("flops") / (2.0 * dense * number("batch")) / number("density");
                assert!((0.8..1.2).contains(&share), "{one}");
                assert_eq!(one["format"].as_array().unwrap().len(), if kind == "one" { 1 } else { 2 });
            }
        }
    }
    assert!(text(&std::fs::read(folder.join("times.svg")).unwrap()).contains("A·(B·X), 16 columns"));
    for (arguments, says) in [
        (["bench", "sparse", "--densities", "0"], "above 0"),
        (["bench", "sparse", "--instructions", "mmx"], "avx512"),
        (["bench", "sparse", "--figure", "times.jpg"], ".svg or .png"),
        (["bench", "sparse", "--sizes", "100000000"], "too many"),
        (["bench", "sparse", "--batches", "100000000"], "too many"),
    ] {
        let output = run(&folder, &arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(says), "{}", text(&output.stderr));
    }
}

/// A text is the same on any number of threads, and the bench says as much of it as `generate`.
#[test]
fn texts_are_generated() {
    let folder = folder("generate");
    let told = |more: &[&str]| run(&folder, &[&["generate", "--tokens", "20", "--seed", "5"][..], more].concat());
    let [one, two] = ["1", "2"].map(|threads| json(&told(&["--json", "--threads", threads, "--prompt", "mia saw"])));
    assert_eq!((&one["text"], &one["seed"]), (&two["text"], &serde_json::json!(5)));
    assert_eq!((&one["tokens"], &one["prompt_tokens"]), (&serde_json::json!(20), &serde_json::json!(3)));
    for key in ["prefill_tokens_per_second", "decode_tokens_per_second", "weight_bytes"] {
        assert!(one[key].as_f64().unwrap() > 0.0, "{key}");
    }
    // As it comes: the prompt, then the text; how fast it was goes elsewhere.
    let plain = told(&["--prompt", "mia saw"]);
    assert_eq!(text(&plain.stdout), format!("mia saw{}\n", one["text"].as_str().unwrap()));
    assert!(text(&plain.stderr).contains("a second"));
    let [f32, f16] = ["f32", "f16"].map(|values| json(&told(&["--json", "--values", values]))["weight_bytes"].as_u64());
    // The norms are f32 in both.
    assert!(f32.unwrap() > f16.unwrap() && f32.unwrap() < 2 * f16.unwrap());
    let bench =
        ["bench", "generate", "--keep", "f32,f16", "--threads", "1", "--tokens", "8", "--repeats", "1", "--json"];
    let bench = json(&run(&folder, &bench));
    let bytes: Vec<Option<u64>> = bench.as_array().unwrap().iter().map(|one| one["weight_bytes"].as_u64()).collect();
    assert_eq!(bytes, [f32, f16]);
    assert!(bench[1]["decode_tokens_per_second"].as_f64().unwrap() > 0.0 && bench[1]["model"] == "built-in");
    assert_refused(&folder, &["generate", "nowhere"], "nowhere");
    assert_refused(&folder, &["generate", "--tokens", "99999999999"], "there is room for");
    for arguments in
        [["generate", "--temperature", "-1"], ["generate", "--tokens", "0"], ["generate", "--values", "i8"]]
    {
        assert_eq!(run(&folder, &arguments).status.code(), Some(2), "{arguments:?}");
    }
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
