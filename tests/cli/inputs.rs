//! Statistics and weights that mean nothing, and numbers that are none: what each command says of them.

use super::*;

/// W 24×20, inputs that are all 0, inputs of which one outweighs the others.
fn files(name: &str) -> PathBuf {
    let folder = folder(name);
    common::npy(&folder.join("w.npy"), 24, 20, some_values);
    common::npy(&folder.join("zero.npy"), 60, 20, |_| 0.0);
    let outlier = |at: usize| some_values(7 * at + at / 20) * if at % 20 == 3 { 1e5 } else { 1.0 };
    common::npy(&folder.join("outlier.npy"), 60, 20, outlier);
    folder
}

fn notes(report: &Value) -> String {
    let notes = report["notes"].as_array().expect("a list");
    notes.iter().map(|note| note.as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

#[test]
fn inputs_that_are_all_zero_are_as_good_as_none_and_said_to_be() {
    let folder = files("zero-inputs");
    let zero = ["--calibration", "zero.npy", "--density", "0.4"];
    for method in
        ["dsf", "magnitude", "wanda", "admm", "sparsegpt", "obc", "svd", "palm4msa", "monarch", "hierarchical"]
    {
        let command = [&["factorize", "w.npy", "--json", "--method", method][..], &zero].concat();
        let output = run(&folder, &command);
        let report = json(&output);
        assert!(text(&output.stderr).contains("all zero"), "{method}: {}", text(&output.stderr));
        assert!(notes(&report).contains("all zero") && report["layer_error"].is_null(), "{method}: {report}");
        assert!(report["nnz"].as_u64().unwrap() > 0 && report["relative_error"].as_f64().unwrap() < 1.0, "{method}");
    }
    // The plain error is minimised, as without a calibration.
    let error = |more: &[&str]| {
        json(&run(&folder, &[&["factorize", "w.npy", "--density", "0.4", "--json"], more].concat()))["relative_error"]
            .clone()
    };
    assert_eq!(error(&["--calibration", "zero.npy"]), error(&[]));
    // Others with which it is measured.
    let held_out = [&zero[..], &["--held-out", "zero.npy"]].concat();
    assert!(
        notes(&json(&run(&folder, &[&["factorize", "w.npy", "--json"][..], &held_out].concat()))).contains("held-out")
    );
    let output = run(&folder, &[&["compare", "w.npy"][..], &zero].concat());
    assert_eq!(text(&output.stderr).matches("all zero").count(), 1, "{}", text(&output.stderr));
    let sweep = ["sweep", "w.npy", "--vary", "density=0.3,0.5", "--calibration", "zero.npy"];
    let output = run(&folder, &sweep);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("all zero"));
}

#[test]
fn a_result_worse_than_magnitude_pruning_is_said_to_be() {
    let folder = files("outlier");
    let command = ["factorize", "w.npy", "--calibration", "outlier.npy", "--density", "0.4", "--json"];
    let output = run(&folder, &command);
    let report = json(&output);
    let said = text(&output.stderr);
    assert!(said.contains("magnitude pruning") && said.contains("--fallback"), "{said}");
    assert!(said.contains("input 3 (from 0)"), "{said}");
    assert!(notes(&report).contains("magnitude pruning") && !notes(&report).contains("--"), "{report}");
    // Where it is allowed, and better on these inputs, pruning is what comes out.
    let report = json(&run(&folder, &[&command[..], &["--fallback"]].concat()));
    assert!(notes(&report).contains("the result is magnitude pruning beside an identity"), "{report}");
    assert!(report["relative_error"].as_f64().unwrap() < 1.0);
    // A good result needs no note.
    let good = ["factorize", "w.npy", "--density", "0.4", "--preset", "best", "--json"];
    let report = json(&run(&folder, &good));
    assert!(report["notes"].is_array(), "{report}");
}

/// Of every command that takes a layer, its inputs, or weights of its outputs.
#[test]
fn numbers_that_are_none_are_refused_everywhere() {
    let folder = files("not-finite");
    for (name, value) in [("nan", f32::NAN), ("inf", f32::NEG_INFINITY)] {
        let file = |kind: &str| format!("{kind}-{name}.npy");
        common::npy(&folder.join(file("w")), 24, 20, |at| if at == 50 { value } else { some_values(at) });
        common::npy(&folder.join(file("x")), 60, 20, |at| if at == 50 { value } else { some_values(at) });
        common::npy(&folder.join(file("o")), 1, 24, |at| if at == 5 { value } else { 1.0 });
        std::fs::create_dir_all(folder.join(name)).unwrap();
        let product = folder.join(name).join("XtX.npy");
        common::npy(&product, 20, 20, |at| if at == 50 { value } else { f32::from(u8::from(at % 21 == 0)) });
        let (w, x, o, product) = (file("w"), file("x"), file("o"), format!("{name}/XtX.npy"));
        for command in [&["factorize"][..], &["compare"], &["sweep", "--vary", "density=0.3,0.5"]] {
            let refused =
                |arguments: &[&str], says: &str| assert_refused(&folder, &[command, arguments].concat(), says);
            refused(&[&w], "row 2, column 10");
            refused(&["w.npy", "--calibration", &x], "row 2, column 10");
            refused(&["w.npy", "--calibration", &product], "row 2, column 10");
            refused(&["w.npy", "--calibration", "outlier.npy", "--held-out", &x], "row 2, column 10");
            refused(&["w.npy", "--output-weights", &o], "output 5");
        }
    }
}
