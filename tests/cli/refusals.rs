//! What is refused: in one line, with nothing left behind.

use super::*;

#[test]
fn what_cannot_be_done_is_refused_in_one_line() {
    let folder = folder("refused");
    common::npy(&folder.join("w.npy"), 16, 16, some_values);
    common::npy(&folder.join("nan.npy"), 4, 4, |at| if at == 6 { f32::NAN } else { 1.0 });
    common::npy(&folder.join("empty.npy"), 0, 4, some_values);
    std::fs::write(folder.join("cut.safetensors"), [8, 0, 0]).unwrap();
    std::fs::write(folder.join("huge.safetensors"), 10_000_000_000u64.to_le_bytes()).unwrap();
    std::fs::create_dir(folder.join("nothing")).unwrap();
    std::fs::create_dir(folder.join("nothing.safetensors")).unwrap();
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
        (&["--out", "nothing.safetensors"], "nothing.safetensors\" is not a file"),
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
        ("compress --density 0.5 --method magnitude --layout dense", "Magnitude makes is not written as dense"),
        ("compress --density 0.5 --dtype f16", "--dtype is for factors"),
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
        ("factorize w.npy --out f.npy", "--out: f.npy does not end in .safetensors"),
        ("factorize w.npy --out factors", "give a name such as factors.safetensors"),
        ("factorize w.npy --report page.pdf", "--report: page.pdf does not end in .html"),
        ("compare w.npy --chart bars.svg", "--chart: bars.svg does not end in .png"),
        ("compress --density 0.5 --save-calibration c.npy", "--save-calibration: c.npy does not end in .safetensors"),
        ("compress --density 0.5 --out model.safetensors", "--out model.safetensors is called as a file is"),
        ("sweep w.npy --vary density=0.2 --out table.csv", "give the name of a folder, such as table"),
        ("table --out table.json", "--out table.json is called as a file is"),
        ("factorize w.npy --out -", "--out - does not stand for standard output"),
        ("factorize w.npy --report -", "--report - does not stand for standard output"),
        ("compare w.npy --chart -", "--chart - does not stand for standard output"),
        ("compress --density 0.5 --out -", "--out - does not stand for standard output"),
        ("sweep w.npy --vary density=0.2 --out -", "--out - does not stand for standard output"),
        ("table --out -", "--out - does not stand for standard output"),
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
    common::npy(&folder.join("negative.npy"), 1, 20, |at| at as f32 - 1.0);
    for (file, says) in [
        ("narrow.npy", "1200 outputs where 20 are expected"),
        ("negative.npy", "the weight of output 0 (from 0) is -1"),
        ("nan.npy", "outputs"),
        ("nowhere.npy", "nowhere.npy"),
        ("text.safetensors", "text.safetensors"),
    ] {
        refused(&["--output-weights", file], says);
    }
    refused(&["--power", "3"], "power is 3");
    refused(&["--power-growth", "0"], "power growth is 0");
    refused(&["--rho1", "0"], "rho1 is 0");
    for more in [
        &["--objective", "better"][..],
        &["--held-out", "other.npy"],
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
