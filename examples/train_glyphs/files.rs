//! The trained network as files.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use dsf_explorer::glyphs::{CLASSES, SIDE};
use dsf_explorer::model::Checkpoint;
use dsf_explorer::vision::{Network, VisionModel};
use half::f16;
use safetensors::tensor::{Dtype, TensorView, serialize};
use serde_json::{Map, Value, json};

use crate::Result;

/// Writes `model.safetensors`, in f16, with the names of networks for CIFAR-10, `config.json` with the classes' names, and
/// `preprocessor_config.json`. Returns the network as it is read again.
pub fn write(folder: &Path, network: &Network, seed: u64) -> Result<Network> {
    let mut tensors: Vec<(String, Vec<usize>, Vec<f32>)> = Vec::new();
    for (layer, shape) in network.architecture().layers.iter().enumerate() {
        let mut dimensions = vec![shape.outputs, shape.inputs];
        if let (Some(norm), Some(name)) = (network.norm(layer), &shape.norm) {
            dimensions.extend([shape.kernel.0, shape.kernel.1]);
            let parts = [
                ("weight", &norm.scale),
                ("bias", &norm.shift),
                ("running_mean", &norm.running.mean),
                ("running_var", &norm.running.variance),
            ];
            for (part, values) in parts {
                tensors.push((format!("{name}.{part}"), vec![values.len()], values.clone()));
            }
        } else {
            tensors.push((format!("{}.bias", shape.stem), vec![shape.outputs], network.bias().to_vec()));
        }
        tensors.push((shape.tensor(), dimensions, network.weight(layer).into_vec()));
    }
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(.., values)| values.iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect())
        .collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|((name, shape, _), bytes)| Ok((name, TensorView::new(Dtype::F16, shape.clone(), bytes)?)));
    let classes = serde_json::to_string(&CLASSES)?;
    let metadata = [("format", "pt"), ("classes", &classes), ("training_seed", &seed.to_string())]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    let file = serialize(views.collect::<Result<Vec<_>>>()?, Some(HashMap::from(metadata)))?;

    fs::create_dir_all(folder)?;
    let names: Map<String, Value> =
        CLASSES.iter().enumerate().map(|(class, name)| (class.to_string(), json!(name))).collect();
    write_json(&folder.join("config.json"), &json!({ "id2label": names }))?;
    let preprocess = network.preprocess();
    let processor = json!({
        "image_processor_type": "ViTImageProcessor",
        "do_resize": true,
        "size": { "height": SIDE, "width": SIDE },
        "do_rescale": true,
        "rescale_factor": 1.0 / 255.0,
        "do_normalize": true,
        "image_mean": preprocess.mean.map(short),
        "image_std": preprocess.std.map(short),
        // Training saw the pictures as they are.
        "augment": { "shift": 0, "mirror": false },
    });
    write_json(&folder.join("preprocessor_config.json"), &processor)?;
    write_beside(&folder.join("model.safetensors"), &file)?;
    let checkpoint = Arc::new(Checkpoint::from_safetensors("model.safetensors", file)?);
    Ok(VisionModel::new(checkpoint, None, None)?.network()?)
}

/// The number with as many digits as tell it apart.
fn short(x: f32) -> f64 {
    x.to_string().parse().expect("a number")
}

fn write_json(path: &Path, value: &Value) -> Result<()> {
    write_beside(path, format!("{value:#}\n").as_bytes())
}

/// Beside its place and then renamed, so that a reader never sees half of it.
fn write_beside(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = path.with_extension("part");
    fs::write(&beside, bytes)?;
    Ok(fs::rename(beside, path)?)
}
