//! `accuracy` on real images and on broken ones.

use super::*;

/// Three pictures of 64×64 as the readers of `.npy` have them, without classes.
fn pictures(folder: &Path) {
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 3, 64, 64), }";
    bytes.extend(format!("{header:<117}\n").into_bytes());
    bytes.extend((0..3 * 3 * 64 * 64u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8));
    std::fs::write(folder.join("pictures.npy"), bytes).unwrap();
}

#[test]
fn accuracy_of_a_real_network() {
    let Some(data) = common::test_data() else { return };
    let folder = folder("accuracy");
    let path = |name: &str| data.join(name).to_str().unwrap().to_owned();
    let (network, images) = (path("resnet20/model.safetensors"), path("cifar10/test_first1000.bin"));
    let arguments = ["accuracy", &network, "--images", &images, "--limit", "200", "--json", "--logits"];
    let found = json(&run(&folder, &arguments));
    assert_eq!((found["images"].as_u64(), found["skipped"].as_u64()), (Some(200), Some(0)));
    let correct = found["correct"].as_u64().unwrap();
    assert_eq!(found["accuracy"].as_f64(), Some(correct as f64 / 200.0));
    // 91.5 % of the first 1000 in PyTorch: of 200 within three standard deviations.
    assert!((171..=195).contains(&correct), "{correct}");
    assert_eq!(found["logits"].as_array().map(Vec::len), Some(200));
    assert_eq!(found["per_class"][3]["name"], "cat");
    // The same bits on one thread.
    let one = json(&run(&folder, &[&arguments[..], &["--threads", "1"]].concat()));
    assert_eq!((&one["logits"], &one["loss"]), (&found["logits"], &found["loss"]));
    // Of another kind of pixels it makes nothing.
    let dark = json(&run(&folder, &[&arguments[..6], &["--json", "--mean", "9,9,9"]].concat()));
    assert!(dark["accuracy"].as_f64().unwrap() < 0.5, "{dark}");
    let said = run(&folder, &arguments[..6]);
    assert!(text(&said.stdout).contains("of 200 images") && text(&said.stdout).contains("truck"), "{said:?}");
}

#[test]
fn accuracy_of_the_built_in_network() {
    let folder = folder("accuracy-built-in");
    let found = json(&run(&folder, &["accuracy", "--limit", "300", "--json"]));
    assert_eq!((found["images"].as_u64(), found["skipped"].as_u64()), (Some(300), Some(0)));
    // 90 to 97 % of all: of 300 within three standard deviations.
    let accuracy = found["accuracy"].as_f64().unwrap();
    assert!((0.85..=1.0).contains(&accuracy), "{accuracy}");
    assert_eq!(found["per_class"].as_array().map(Vec::len), Some(12));
    let said = run(&folder, &["accuracy", "--limit", "100"]);
    assert!(text(&said.stdout).contains("of 100 images") && text(&said.stdout).contains("disc"), "{said:?}");
}

#[test]
fn images_without_classes_have_logits_only() {
    let Some(data) = common::test_data() else { return };
    let folder = folder("accuracy-npy");
    pictures(&folder);
    let network = data.join("resnets/hf_basic");
    let arguments = ["accuracy", network.to_str().unwrap(), "--images", "pictures.npy", "--json", "--logits"];
    let found = json(&run(&folder, &arguments));
    assert!(found["accuracy"].is_null() && found["correct"].is_null() && found["loss"].is_null());
    assert_eq!(found["logits"][2].as_array().map(Vec::len), Some(7));
}

#[test]
fn what_cannot_be_evaluated_says_why() {
    let Some(data) = common::test_data() else { return };
    let folder = folder("accuracy-refused");
    pictures(&folder);
    common::npy(&folder.join("w.npy"), 4, 4, |at| at as f32);
    std::fs::create_dir(folder.join("empty")).unwrap();
    std::fs::write(folder.join("short.bin"), [0; 3072]).unwrap();
    let network = data.join("resnet20/model.safetensors");
    let network = network.to_str().unwrap();
    for (arguments, words) in [
        (["accuracy", "w.npy", "--images", "pictures.npy"], "residual network"),
        (["accuracy", network, "--images", "empty"], "subfolder"),
        (["accuracy", network, "--images", "short.bin"], "3072 bytes"),
        (["accuracy", network, "--images", "w.npy"], "u8"),
        (["accuracy", network, "--images", "nothing"], "nothing"),
        (["accuracy", "nothing", "--images", "pictures.npy"], "nothing"),
        (["perplexity", network, "--text", "w.npy"], "`accuracy`"),
    ] {
        assert_refused(&folder, &arguments, words);
    }
    let of_numbers = ["accuracy", network, "--images", "pictures.npy", "--mean", "1,2"];
    for arguments in [&of_numbers[..], &["accuracy", network]] {
        let wrong = run(&folder, arguments);
        assert_eq!(wrong.status.code(), Some(2), "{}", text(&wrong.stderr));
    }
}

#[test]
fn broken_images_are_left_out_and_counted() {
    let Some(data) = common::test_data() else { return };
    let folder = folder("accuracy-broken");
    for class in ["cats", "dogs"] {
        std::fs::create_dir_all(folder.join("images").join(class)).unwrap();
        let colours = image::RgbImage::from_fn(40, 32, |x, y| image::Rgb([6 * x as u8, 7 * y as u8, 90]));
        colours.save(folder.join("images").join(class).join("a.png")).unwrap();
    }
    std::fs::write(folder.join("images/dogs/b.png"), b"\x89PNG\r\n\x1a\n and no more").unwrap();
    let network = data.join("resnet20/model.safetensors");
    let output = run(&folder, &["accuracy", network.to_str().unwrap(), "--images", "images", "--json"]);
    let found = json(&output);
    assert_eq!((found["images"].as_u64(), found["skipped"].as_u64()), (Some(2), Some(1)));
    assert_eq!(found["per_class"][1]["name"], "dogs");
    assert!(text(&output.stderr).contains("dogs/b.png"), "{}", text(&output.stderr));
}
