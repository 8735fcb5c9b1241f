//! Methods side by side: what can be done, what comes of it, and how it is looked at.

use super::driver::{calibrate, click, close, finished, inputs, large, npy, ready, scratch, settled, until, window};
use dsf_explorer::Named;
use dsf_explorer::app::{Explorer, LaunchOptions};
use dsf_explorer::compare::Candidate;
use dsf_explorer::matrix::{Problem, ReplacementKind};
use dsf_explorer::methods::Method;
use dsf_explorer::model::{Orientation, Source, open};
use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::NodeT, kittest::Queryable};
use serde_json::{Value, json};

fn rows(harness: &Harness<'_, Explorer>) -> Vec<Value> {
    harness.state().state()["comparison"].as_array().unwrap().clone()
}

fn row(harness: &Harness<'_, Explorer>, method: Method) -> Value {
    rows(harness).into_iter().find(|row| row["method"] == method.name()).unwrap_or_default()
}

fn all_done(harness: &Harness<'_, Explorer>) -> bool {
    let rows = rows(harness);
    !rows.is_empty() && rows.iter().all(|row| row["state"] == "done")
}

fn order(harness: &mut Harness<'_, Explorer>, order: Value) -> Result<(), String> {
    let ctx = harness.ctx.clone();
    let done = harness.state_mut().order(&ctx, &order).map_err(|why| why.sentence());
    harness.run_steps(2);
    done
}

/// Compares these and waits for them.
fn compared(harness: &mut Harness<'_, Explorer>, methods: &[Method]) {
    let names: Vec<&str> = methods.iter().map(|method| method.name()).collect();
    order(harness, json!({ "compare": names })).unwrap();
    order(harness, json!({ "show": "Methods" })).unwrap();
    until(harness, "the methods", all_done);
    harness.run_steps(3);
}

#[test]
fn all_that_can_be_done_is_compared_and_is_what_the_methods_make_alone() {
    let mut harness = ready();
    click(&mut harness, "Compare");
    assert!(harness.query_by_label_contains("Wanda, ADMM, SparseGPT and OBC need the layer's inputs").is_some());
    for &method in Method::ALL {
        let label = format!("Compare {}", method.title());
        let tick = harness.get_by_role_and_label(Role::CheckBox, &label);
        assert_eq!(tick.accesskit_node().is_disabled(), method.needs_inputs(), "{method:?}");
    }
    harness.get_by_role_and_label(Role::CheckBox, "Compare Wanda").hover();
    until(&mut harness, "why not Wanda", |harness| {
        harness.query_by_label_contains("Wanda needs the layer's inputs: give them in the settings").is_some()
    });
    harness.check_accessibility();
    click(&mut harness, "▶ Compare");
    until(&mut harness, "all methods", all_done);
    harness.run_steps(3);
    harness.check_accessibility();
    let done: Vec<Value> = rows(&harness).into_iter().map(|row| row["method"].clone()).collect();
    let expected: Vec<&str> =
        Method::ALL.iter().copied().filter(|method| !method.needs_inputs()).map(Method::name).collect();
    assert_eq!(done, expected);

    let layer = harness.state().runs()[0].spec.layer.as_ref().unwrap().layer.clone();
    let problem = Problem::plain(layer.weight.clone());
    let settings = harness.state().settings().clone();
    for method in [Method::Dsf, Method::Magnitude, Method::Svd, Method::Monarch] {
        let made = Candidate::new(method, settings.clone()).replace(&layer, &problem, 1, &|_| true).unwrap();
        let row = row(&harness, method);
        assert_eq!(row["error"].as_f64(), Some(made.report.relative_error), "{method:?}");
        assert_eq!(
            (row["nnz"].as_u64(), row["bytes"].as_u64()),
            (Some(made.report.nnz as u64), Some(made.report.bytes))
        );
        let text = format!("{:.4}", made.report.relative_error);
        assert!(harness.query_all_by_label(&text).count() > 0, "{method:?}: {text} in the table");
    }
    assert_eq!(
        row(&harness, Method::Dsf)["error"].as_f64(),
        harness.state().runs()[0].error(),
        "with the run's settings"
    );
    assert!(harness.query_by_label("× 1.000").is_some(), "magnitude pruning to itself");
    let budget = (settings.density * layer.weight.len() as f64) as u64;
    assert!(rows(&harness).iter().all(|row| row["nnz"].as_u64().unwrap() <= budget));

    // What is set otherwise later does not change what was compared.
    order(&mut harness, json!({ "settings": { "density": 0.5 } })).unwrap();
    assert!(harness.query_by_label_contains("These results are at 10 %, not at 50 %").is_some());
}

#[test]
fn a_result_is_one_click_from_its_pictures_and_its_files() {
    let mut harness = ready();
    compared(&mut harness, &[Method::Magnitude, Method::Svd]);
    click(&mut harness, "Show Magnitude");
    until(&mut harness, "a run of it", |harness| harness.state().runs().len() == 2);
    settled(&mut harness);
    let run = harness.state().shown().unwrap();
    assert_eq!(
        (run.name.as_str(), run.spec.method, run.kind()),
        ("Magnitude, 10 %", Method::Magnitude, ReplacementKind::Sparse)
    );
    assert_eq!((run.nnz(), run.outcome.as_ref().unwrap().replacement.nnz_of_factors()), (Some(6553), [0, 6553]));
    assert_eq!(run.error(), row(&harness, Method::Magnitude)["error"].as_f64());
    harness.get_by_label("Picture of B, 256 by 256");
    until(&mut harness, "its name for B", |harness| harness.query_by_label_contains("B = Ŵ").is_some());
    assert!(harness.query_by_label("this method has no iterations to go back to").is_some());
    assert!(harness.query_all_by_label("Magnitude, 10 %").count() > 1, "in the list, and in the curves");
    let pictures = harness.state().pictures().unwrap().clone();
    let whole = pictures.product.as_ref().unwrap().matrix();
    assert_eq!((whole, whole.nnz()), (pictures.b.as_ref().unwrap().matrix(), 6553));

    // Once more it is only brought back.
    order(&mut harness, json!({ "run": 1 })).unwrap();
    click(&mut harness, "Compare");
    click(&mut harness, "Show Magnitude");
    harness.run_steps(3);
    assert_eq!((harness.state().runs().len(), harness.state().shown().unwrap().number), (2, 2));

    // Its files are of this method, whatever layout was chosen for factors.
    let write = |harness: &mut Harness<'_, Explorer>, what: &str, name: &str| {
        let path = scratch(name);
        order(harness, json!({ "export": { "what": what, "name": path } })).unwrap();
        until(harness, what, |harness| path.exists() && harness.query_by_label_contains(name).is_some());
        path
    };
    let path = write(&mut harness, "Run (JSON)", "magnitude.json");
    let json: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!((&json["report"]["method"], &json["report"]["nnz"]), (&json!("magnitude"), &json!(6553)));
    assert_eq!((&json["settings"], &json["report"]["threads"]), (&Value::Null, &json!(1)));
    let path = write(&mut harness, "Factors (safetensors)", "magnitude.safetensors");
    let name = harness.state().shown().unwrap().spec.layer_name.clone();
    let written = open(&path).unwrap().layer(&name, Orientation::AsStored).unwrap();
    assert_eq!(written.weight.nnz(), 6553);
    let path = write(&mut harness, "Report (HTML)", "magnitude.html");
    let page = std::fs::read_to_string(path).unwrap();
    assert!(page.contains("as one sparse matrix") && page.contains("Keeps the largest weights"));
    assert_eq!(page.matches("data:image/png;base64,").count(), 3, "W, what replaces it, and the error");
    let path = write(&mut harness, "All pictures (PNG)", "magnitude.png");
    assert!(std::fs::read(path).unwrap().starts_with(b"\x89PNG"));

    click(&mut harness, "Compare");
    click(&mut harness, "Show SVD");
    until(&mut harness, "SVD", |harness| harness.state().shown().is_some_and(|run| run.spec.method == Method::Svd));
    settled(&mut harness);
    harness.get_by_label("Picture of A, 256 by 12");
    // Magnitude's factors were saved above, these were not.
    close(&mut harness);
    harness.get_by_label_contains("The factors of SVD, 10 % were not exported");
    click(&mut harness, "Stay");
}

/// An identity of gigabytes is not made, but said.
#[test]
fn beside_a_tall_pruned_matrix_a_is_an_identity_in_words() {
    let source = Some(Source::from(npy("tall.npy", 8200, 8)));
    let mut harness = window(LaunchOptions { source, ..LaunchOptions::default() });
    until(&mut harness, "its run", finished);
    compared(&mut harness, &[Method::Magnitude]);
    click(&mut harness, "Show Magnitude");
    until(&mut harness, "words", |harness| {
        harness.query_by_label("A is the identity: B alone stands in the place of W").is_some()
    });
    harness.get_by_label("Picture of B, 8200 by 8");
}

#[test]
fn masks_of_two_methods_lie_over_each_other() {
    let path = inputs("compared.safetensors", 256);
    let mut harness = window(LaunchOptions::default());
    until(&mut harness, "the first run", finished);
    calibrate(&mut harness, &path);
    compared(&mut harness, &[Method::Magnitude, Method::Wanda, Method::Sparsegpt, Method::Svd]);
    assert!(
        row(&harness, Method::Sparsegpt)["layer_error"].as_f64()
            < row(&harness, Method::Magnitude)["layer_error"].as_f64()
    );
    let masks_of_svd = harness.get_by_role_and_label(Role::Button, "Masks of SVD");
    assert!(masks_of_svd.accesskit_node().is_disabled());
    let counts = |harness: &Harness<'_, Explorer>| -> Vec<usize> {
        let count = |name: &str| {
            let beginning = format!("{name} ");
            let node = harness.query_all_by_label_contains(&beginning).next()?;
            node.value().or(node.accesskit_node().label())?.rsplit(' ').next()?.parse().ok()
        };
        ["both", "only the first", "only the second"].into_iter().filter_map(count).collect()
    };
    click(&mut harness, "Masks of Wanda");
    until(&mut harness, "the overlap", |harness| harness.query_by_label_contains("overlap").is_some());
    until(&mut harness, "its pictures", |harness| harness.state().is_up_to_date());
    harness.run_steps(3);
    assert_eq!(harness.state().shown().unwrap().name, "Wanda, 10 %");
    let [both, first, second] = counts(&harness)[..] else { panic!("no counts") };
    assert_eq!((both + first, both + second), (6553, 6553));
    assert!(first > 0);
    // The next is laid over what is on screen.
    click(&mut harness, "Compare");
    click(&mut harness, "Masks of SparseGPT");
    until(&mut harness, "SparseGPT", |harness| {
        harness.state().shown().is_some_and(|run| run.name == "SparseGPT, 10 %")
    });
    harness.get_by_role_and_label(Role::ComboBox, "SparseGPT, 10 % on screen, against");
    assert_eq!(harness.state().runs().iter().filter(|run| run.report.is_some()).count(), 3);
}

#[test]
fn methods_are_cancelled_one_by_one_and_all_together() {
    let mut harness = large("compared.npy");
    order(&mut harness, json!({ "act": "Compare methods" })).unwrap();
    let waits = |harness: &Harness<'_, Explorer>, method| {
        matches!(row(harness, method)["state"].as_str(), Some("waiting" | "working"))
    };
    assert!(waits(&harness, Method::Palm4msa));
    until(&mut harness, "its line", |harness| {
        harness.query_by_role_and_label(Role::Button, "Cancel palm4msa").is_some()
    });
    click(&mut harness, "Cancel palm4msa");
    assert_eq!(row(&harness, Method::Palm4msa)["state"], "cancelled");
    assert!(waits(&harness, Method::Hierarchical), "the others go on");
    assert!(harness.query_by_label("cancelled").is_some());
    until(&mut harness, "magnitude", |harness| row(harness, Method::Magnitude)["state"] == "done");
    assert_eq!(order(&mut harness, json!({ "compare": [] })), Err("A comparison is going on: cancel it first".into()));
    click(&mut harness, "⏹ Cancel all");
    assert!(!rows(&harness).iter().any(|row| row["state"] == "working" || row["state"] == "waiting"));
    assert_eq!(row(&harness, Method::Magnitude)["state"], "done", "what is done stays");
    // What was cancelled can be wanted again.
    click(&mut harness, "palm4msa again");
    assert!(waits(&harness, Method::Palm4msa));
    order(&mut harness, json!({ "compare": "cancel" })).unwrap();
    assert_eq!(row(&harness, Method::Palm4msa)["state"], "cancelled");
}

#[test]
fn wrong_comparisons_say_what_is_wrong() {
    let mut harness = ready();
    for (wrong, part) in [
        (json!(["best"]), "there is no method best"),
        (json!(["magnitude", "wanda"]), "Wanda needs the layer's inputs: give them in the settings"),
        (json!({ "show": "svd" }), "SVD is not done"),
        (json!("stop"), "cancel"),
    ] {
        let why = order(&mut harness, json!({ "compare": wrong })).unwrap_err();
        assert!(why.contains(part), "{wrong}: {why}");
    }
    assert!(rows(&harness).is_empty());
}
