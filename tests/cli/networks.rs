//! `compress` of residual networks.

use super::*;
use dsf_explorer::vision;

/// An empty folder with the first 512 training images.
fn with_images(data: &Path, name: &str) -> PathBuf {
    let folder = folder(name);
    let bytes = std::fs::read(data.join("cifar10/train_first5000.bin")).unwrap();
    std::fs::write(folder.join("train.bin"), &bytes[..512 * (1 + 3 * 32 * 32)]).unwrap();
    folder
}

/// Arguments on ResNet-20, with these added.
fn resnet20(data: &Path, more: &str) -> Vec<String> {
    let path = |name: &str| data.join(name).to_str().unwrap().to_owned();
    let mut arguments = vec!["compress".to_owned(), path("resnet20")];
    arguments.extend(["--calibration-images", "train.bin"].map(str::to_owned));
    arguments.extend(["--images".to_owned(), path("cifar10/test_first1000.bin")]);
    arguments.extend(more.split_whitespace().map(str::to_owned));
    arguments
}

fn done(folder: &Path, arguments: &[String]) -> Value {
    json(&run(folder, &arguments.iter().map(String::as_str).collect::<Vec<_>>()))
}

/// The share of right answers among the first 300 test images.
fn accuracy(folder: &Path, data: &Path, model: &str) -> f64 {
    let images = data.join("cifar10/test_first1000.bin");
    let arguments = ["accuracy", model, "--images", images.to_str().unwrap(), "--limit", "300", "--json"];
    json(&run(folder, &arguments))["accuracy"].as_f64().unwrap()
}

#[test]
fn a_compressed_network_is_written_in_every_layout() {
    let Some(data) = common::test_data() else { return };
    let folder = with_images(&data, "network");
    let wanted = "--density 0.3 --preset fast --calibration-samples 64 --limit 300 --json --layout";
    let report = done(&folder, &resnet20(&data, &format!("{wanted} merged,bitmask --out both")));
    // 18 convolutions of 16·144, 16·144 … weights; ⌊0.3 · weights⌋ of each.
    let layers = report["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 18);
    let sizes = |layer: &Value| layer["rows"].as_u64().unwrap() * layer["cols"].as_u64().unwrap();
    assert!(layers.iter().all(|layer| layer["nnz"].as_u64().unwrap() == sizes(layer) * 3 / 10));
    // The first convolution and the classifier stay: 27·16 and 64·10.
    let nnz: u64 = layers.iter().map(|layer| layer["nnz"].as_u64().unwrap()).sum();
    assert_eq!(report["nnz"], nnz + 432 + 640);
    assert_eq!(report["flops_dense"], 2 * 40_551_040u64);
    // Of the stem and the classifier all, of the rest 30 % but for rounding.
    let flops = report["flops"].as_f64().unwrap() / 2.0;
    let all = f64::from(27 * 16 * 32 * 32 + 640);
    assert!((flops - all - 0.3 * (40_551_040.0 - all)).abs() < 2e-3 * flops, "{flops}");
    let accuracies =
        ["accuracy", "accuracy_before_batch_norm", "accuracy_dense"].map(|key| report[key].as_f64().unwrap());
    assert!(accuracies[2] > 0.88 && accuracies[0] > 0.8, "{accuracies:?}");

    // What is written is what was measured, from the products as well as from the factors.
    assert_eq!(accuracy(&folder, &data, "both"), accuracies[0]);
    for layout in ["bitmask", "csr", "dense"] {
        done(&folder, &resnet20(&data, &format!("{wanted} {layout} --out {layout}")));
        assert!((accuracy(&folder, &data, layout) - accuracies[0]).abs() <= 1.0 / 300.0, "{layout}");
    }
    // Dimensions are kept where layers are matrices.
    let [both, factors] = ["both", "bitmask"].map(|name| vision::open(&folder.join(name)).unwrap());
    assert_eq!(both.architecture(), factors.architecture());
    assert!(factors.is_sparse() && !both.is_sparse());
    // The original's tensors, and only what was replaced or estimated anew has other values.
    let dense = vision::open(&data.join("resnet20")).unwrap();
    for tensor in dense.checkpoint().tensors() {
        let written = both.checkpoint().tensor(&tensor.name).unwrap();
        assert_eq!((&written.shape, &written.dtype), (&tensor.shape, &tensor.dtype));
        let same = dense.checkpoint().bytes(&tensor.name).unwrap() == both.checkpoint().bytes(&tensor.name).unwrap();
        let replaced = layers.iter().any(|layer| layer["tensor"] == tensor.name.as_str());
        assert_eq!(same, !(replaced || tensor.name.contains(".running_") || tensor.name.contains("bn1.running_")));
    }
    // Batch normalization stays where that is asked for.
    let kept = done(&folder, &resnet20(&data, &format!("{wanted} merged --keep-batch-norm")));
    assert_eq!(kept["accuracy"], kept["accuracy_before_batch_norm"]);
    assert!(kept["accuracy"].as_f64().unwrap() > 0.7, "{}", kept["accuracy"]);
}

#[test]
fn a_killed_compression_of_a_network_goes_on_where_it_was() {
    let Some(data) = common::test_data() else { return };
    let folder = with_images(&data, "network-killed");
    let wanted = "--density 0.4 --preset fast --calibration-samples 32 --limit 50 --json --layout merged,bitmask --out";
    let whole = done(&folder, &resnet20(&data, &format!("{wanted} whole")));
    let arguments = resnet20(&data, &format!("{wanted} cut"));
    let layers = folder.join("cut.partial/layers");
    let count = || std::fs::read_dir(&layers).map_or(0, Iterator::count);
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    kill_when(&folder, &words, || count() >= 4);
    assert!(!folder.join("cut").exists(), "nothing half-written");
    let again = run(&folder, &words);
    assert!(text(&again.stderr).contains("was there already"), "{}", text(&again.stderr));
    assert_eq!(json(&again)["accuracy"], whole["accuracy"]);
    for file in ["model.safetensors", "factors-bitmask.safetensors"] {
        let bytes = |name: &str| std::fs::read(folder.join(name).join(file)).unwrap();
        assert!(bytes("cut") == bytes("whole"), "{file}");
    }
}

#[test]
fn bounds_on_operations_are_kept() {
    let Some(data) = common::test_data() else { return };
    let folder = with_images(&data, "network-flops");
    let wanted = "--method magnitude --calibration-samples 16 --limit 50 --json --flops";
    for (factor, by) in [(2.0, "obc"), (4.0, "dsf")] {
        let report = done(&folder, &resnet20(&data, &format!("{wanted} {factor}x --distribute={by}")));
        let share = report["flops"].as_f64().unwrap() / report["flops_dense"].as_f64().unwrap();
        // Below by what lies between two levels of the last layer at most.
        assert!(share <= 1.0 / factor && share > 0.97 / factor, "{share}");
        let densities: Vec<f64> =
            report["layers"].as_array().unwrap().iter().map(|l| l["density"].as_f64().unwrap()).collect();
        let (least, most) = densities.iter().fold((1.0f64, 0.0f64), |(least, most), &d| (least.min(d), most.max(d)));
        assert!(most > 1.5 * least, "{densities:?}");
    }
    // Of the weights as well.
    let wanted = "--method magnitude --calibration-samples 16 --limit 50 --json --density 0.3 --distribute=obc";
    let report = done(&folder, &resnet20(&data, wanted));
    let all = report["nnz"].as_u64().unwrap() - 432 - 640;
    assert!((78_000..=268_336 * 3 / 10).contains(&all), "{all}");
}

#[test]
fn what_networks_and_texts_do_not_share_is_refused() {
    let Some(data) = common::test_data() else { return };
    let folder = folder("network-refused");
    let path = |name: &str| data.join(name).to_str().unwrap().to_owned();
    let (network, images) = (path("resnet20"), path("cifar10/test_first1000.bin"));
    let refused = |arguments: &[&str], says: &str| {
        let output = run(&folder, arguments);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments:?}");
        let said = text(&output.stderr);
        assert!(said.contains(says) && output.stdout.is_empty(), "{arguments:?}: {said}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "{arguments:?} leaves nothing");
    };
    refused(&["compress", "--calibration-images", &images], "is for residual networks");
    refused(&["compress", &network, "--calibration-text", &images], "is for language models");
    refused(&["compress", &network, "--blockwise"], "is for language models");
    refused(&["compress", &network, "--method", "obc", "--out", "out"], "--calibration-images");
    refused(&["compress", &network, "--flops", "2x"], "--calibration-images");
    refused(&["compress", &network, "--flops", "0.5"], "at least 1");
    refused(&["compress", &network, "--flops", "500x", "--calibration-images", &images], "allow more");
    refused(&["compress", &network, "--density-of", "layer9.conv1=0.5"], "inspect");
    refused(&["compress", &network, "--calibration-images", "nowhere"], "nowhere");
    let empty = folder.with_file_name("network-refused-images");
    std::fs::create_dir_all(empty.join("cat")).unwrap();
    std::fs::write(empty.join("cat/broken.png"), "no image").unwrap();
    refused(&["compress", &network, "--calibration-images", empty.to_str().unwrap()], "can be read");
}
