//! The network before its training.

use std::collections::BTreeMap;
use std::sync::Arc;

use dsf_explorer::glyphs::CLASSES;
use dsf_explorer::model::Checkpoint;
use dsf_explorer::vision::{Network, VisionModel};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use safetensors::tensor::{Dtype, TensorView, serialize};

use crate::Result;

/// Channels of each stage.
const WIDTHS: [usize; 3] = [16, 32, 64];
/// Residual blocks of each stage.
const BLOCKS: usize = 2;

/// Tensors by name, each with its shape and values.
#[derive(Default)]
struct Tensors(BTreeMap<String, (Vec<usize>, Vec<f32>)>);

impl Tensors {
    /// A convolution of 3×3 with weights of variance 2/inputs (He et al. 2015), and its norm.
    fn convolution(&mut self, random: &mut Pcg64Mcg, names: [String; 2], outputs: usize, inputs: usize) {
        let deviation = (2.0 / (9 * inputs) as f32).sqrt();
        let values = (0..9 * outputs * inputs).map(|_| deviation * normal(random)).collect();
        let [convolution, norm] = names;
        self.0.insert(format!("{convolution}.weight"), (vec![outputs, inputs, 3, 3], values));
        for (part, value) in [("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)] {
            self.0.insert(format!("{norm}.{part}"), (vec![outputs], vec![value; outputs]));
        }
    }
}

/// A number that is nearly normally distributed: the sum of twelve even ones, the same on every platform.
fn normal(random: &mut Pcg64Mcg) -> f32 {
    (0..12).map(|_| (random.next_u32() >> 8) as f32 / (1 << 24) as f32).sum::<f32>() - 6.0
}

/// A residual network in the style of those for CIFAR-10 (He et al. 2015): three stages, shortcuts without weights.
pub fn network(seed: u64) -> Result<Network> {
    let random = &mut Pcg64Mcg::seed_from_u64(seed);
    let mut tensors = Tensors::default();
    tensors.convolution(random, ["conv1", "bn1"].map(String::from), WIDTHS[0], 3);
    let mut inputs = WIDTHS[0];
    for (stage, width) in (1..).zip(WIDTHS) {
        for block in 0..BLOCKS {
            for at in 1..=2 {
                let names = ["conv", "bn"].map(|part| format!("layer{stage}.{block}.{part}{at}"));
                tensors.convolution(random, names, width, inputs);
                inputs = width;
            }
        }
    }
    let deviation = (1.0 / inputs as f32).sqrt();
    let weight = (0..CLASSES.len() * inputs).map(|_| deviation * normal(random)).collect();
    tensors.0.insert("linear.weight".into(), (vec![CLASSES.len(), inputs], weight));
    tensors.0.insert("linear.bias".into(), (vec![CLASSES.len()], vec![0.0; CLASSES.len()]));

    let bytes: Vec<_> = tensors
        .0
        .iter()
        .map(|(name, (shape, values))| {
            (name, shape.clone(), values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
        })
        .collect();
    let views = bytes.iter().map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)));
    let file = serialize(views.collect::<Result<Vec<_>>>()?, None)?;
    let checkpoint = Arc::new(Checkpoint::from_safetensors("model.safetensors", file)?);
    Ok(VisionModel::new(checkpoint, None, None)?.network()?)
}
