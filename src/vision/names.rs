//! From the names and shapes of tensors to the network's layers.
//!
//! Three namings are known: torchvision's (`conv1`, `layer1.0.conv1`, `downsample.0`, `fc`; timm's residual networks have the
//! same), that of networks for CIFAR-10 (three stages, `shortcut.0` or none, `linear`), and that of Hugging Face
//! (`resnet.encoder.stages.0.layers.0.layer.0.convolution`). Depth, width and kind of block follow from what is there.

use super::Error;
use super::architecture::{Architecture, BlockShape, LayerShape, Shortcut};
use crate::model::{Checkpoint, TensorInfo};
use serde_json::Value;
use std::collections::BTreeSet;

/// Words of a Hugging Face `config.json` that the names do not tell.
#[derive(Clone, Copy, Debug, Default)]
struct Details {
    /// Whether the first stage halves the image too.
    halves_first: bool,
    /// Whether a block of three convolutions halves it at its first one, not at its second.
    halves_at_first: bool,
}

/// How the tensors of a network are named.
enum Naming {
    /// torchvision's and that of networks for CIFAR-10, with what stands before every name.
    Torch {
        /// Start of all names.
        start: String,
    },
    /// Hugging Face's.
    HuggingFace,
}

impl Naming {
    fn of(checkpoint: &Checkpoint) -> Option<Self> {
        const STEM: &str = "resnet.embedder.embedder.convolution.weight";
        if checkpoint.has(STEM) {
            return Some(Self::HuggingFace);
        }
        let first = |tensor: &TensorInfo| Some(tensor.name.strip_suffix("layer1.0.conv1.weight")?.to_owned());
        let start = checkpoint.tensors().iter().find_map(first)?;
        checkpoint.has(&format!("{start}conv1.weight")).then_some(Self::Torch { start })
    }

    /// Names of the stem's convolution and norm.
    fn first(&self) -> [String; 2] {
        match self {
            Self::Torch { start } => [format!("{start}conv1"), format!("{start}bn1")],
            Self::HuggingFace => {
                ["convolution", "normalization"].map(|part| format!("resnet.embedder.embedder.{part}"))
            }
        }
    }

    fn block(&self, stage: usize, block: usize) -> String {
        match self {
            Self::Torch { start } => format!("{start}layer{}.{block}.", stage + 1),
            Self::HuggingFace => format!("resnet.encoder.stages.{stage}.layers.{block}."),
        }
    }

    /// Names of a block's convolution and norm.
    fn convolution(&self, block: &str, at: usize) -> [String; 2] {
        match self {
            Self::Torch { .. } => [format!("{block}conv{}", at + 1), format!("{block}bn{}", at + 1)],
            Self::HuggingFace => ["convolution", "normalization"].map(|part| format!("{block}layer.{at}.{part}")),
        }
    }

    /// Possible names of a shortcut's convolution and norm.
    fn shortcuts(&self, block: &str) -> Vec<[String; 2]> {
        match self {
            Self::Torch { .. } => {
                ["downsample", "shortcut"].map(|part| [format!("{block}{part}.0"), format!("{block}{part}.1")]).into()
            }
            Self::HuggingFace => {
                vec![["convolution", "normalization"].map(|part| format!("{block}shortcut.{part}"))]
            }
        }
    }

    /// Possible names of the classifier.
    fn classifiers(&self) -> Vec<String> {
        match self {
            Self::Torch { start } => ["fc", "linear", "classifier"].map(|name| format!("{start}{name}")).into(),
            Self::HuggingFace => vec!["classifier.1".to_owned()],
        }
    }
}

/// Reads the architecture from the tensors' names and shapes, and what they do not tell from `config.json`, if there is one.
pub fn read(checkpoint: &Checkpoint, config: Option<&[u8]>) -> Result<Architecture, Error> {
    let naming = Naming::of(checkpoint).ok_or_else(|| Error::NoNetwork { file: checkpoint.name().to_owned() })?;
    // Beside a network with other names stands, if anything, a file of another program.
    let details = match naming {
        Naming::HuggingFace => details(config)?,
        Naming::Torch { .. } => Details::default(),
    };
    let mut reader = Reader { checkpoint, layers: Vec::new() };
    let [convolution, norm] = naming.first();
    let shape = reader.shape(&convolution)?;
    // Whether the stem halves the image is not in the file.
    let large = match (shape[2], shape[3]) {
        (3, 3) => false,
        (7, 7) => true,
        (height, width) => {
            return Err(Error::Unsupported { what: format!("a first convolution of {height}×{width}") });
        }
    };
    reader.convolution(convolution, norm, if large { 2 } else { 1 })?;
    let (mut blocks, mut channels) = (Vec::new(), shape[0]);
    for stage in 0.. {
        if !checkpoint.has(&weight(&naming.convolution(&naming.block(stage, 0), 0)[0])) {
            break;
        }
        for number in 0.. {
            let name = naming.block(stage, number);
            let names: Vec<[String; 2]> = (0..)
                .map(|at| naming.convolution(&name, at))
                .take_while(|[convolution, _]| checkpoint.has(&weight(convolution)))
                .collect();
            if names.is_empty() {
                break;
            }
            let stride = if number == 0 && (stage > 0 || details.halves_first) { 2 } else { 1 };
            let halving = if names.len() > 2 && !details.halves_at_first { 1 } else { 0 };
            let mut main = Vec::new();
            for (at, [convolution, norm]) in names.into_iter().enumerate() {
                main.push(reader.convolution(convolution, norm, if at == halving { stride } else { 1 })?);
            }
            let outputs = main.last().map_or(channels, |&layer| reader.layers[layer].outputs);
            let mut shortcut = match (stride, outputs) {
                (1, outputs) if outputs == channels => Shortcut::Identity,
                (stride, outputs) => Shortcut::Padded { stride, channels: outputs },
            };
            for [convolution, norm] in naming.shortcuts(&name) {
                if checkpoint.has(&weight(&convolution)) {
                    shortcut = Shortcut::Convolution(reader.convolution(convolution, norm, stride)?);
                }
            }
            reader.check_inputs(&main, shortcut, channels)?;
            blocks.push(BlockShape { main, shortcut });
            channels = outputs;
        }
    }
    let names = naming.classifiers();
    let Some(name) = names.iter().find(|name| checkpoint.has(&weight(name))) else {
        return Err(Error::NoClassifier { file: checkpoint.name().to_owned(), tensor: weight(&names[0]) });
    };
    reader.classifier(name.clone(), channels)?;
    let architecture = Architecture { layers: reader.layers, pools: large, blocks };
    check_all_used(checkpoint, &architecture)?;
    Ok(architecture)
}

fn weight(stem: &str) -> String {
    format!("{stem}.weight")
}

struct Reader<'a> {
    checkpoint: &'a Checkpoint,
    layers: Vec<LayerShape>,
}

impl Reader<'_> {
    /// The four dimensions of a convolution.
    fn shape(&self, stem: &str) -> Result<[usize; 4], Error> {
        let info = self.checkpoint.tensor(&weight(stem))?;
        let shape: Result<[usize; 4], _> = info.shape.as_slice().try_into();
        match shape {
            Ok(shape) if !shape.contains(&0) => Ok(shape),
            _ => Err(self.wrong(info, vec![0, 0, 0, 0])),
        }
    }

    fn wrong(&self, info: &TensorInfo, expected: Vec<usize>) -> Error {
        Error::Shape { tensor: info.name.clone(), shape: info.shape.clone(), expected }
    }

    /// Takes up a convolution with its norm; returns its index.
    fn convolution(&mut self, stem: String, norm: String, stride: usize) -> Result<usize, Error> {
        let [outputs, inputs, height, width] = self.shape(&stem)?;
        if height != width || height % 2 == 0 {
            let kernel = format!("the kernel of {height}×{width} of {}", weight(&stem));
            return Err(Error::Unsupported { what: kernel });
        }
        for part in ["weight", "bias", "running_mean", "running_var"] {
            self.check(&format!("{norm}.{part}"), &[outputs])?;
        }
        let kernel = (height, width);
        self.layers.push(LayerShape { stem, norm: Some(norm), outputs, inputs, kernel, stride, padding: height / 2 });
        Ok(self.layers.len() - 1)
    }

    fn classifier(&mut self, stem: String, channels: usize) -> Result<(), Error> {
        let info = self.checkpoint.tensor(&weight(&stem))?;
        let outputs = info.shape.first().copied().unwrap_or(0);
        self.check(&weight(&stem), &[outputs.max(1), channels])?;
        self.check(&format!("{stem}.bias"), &[outputs])?;
        let (kernel, norm) = ((1, 1), None);
        self.layers.push(LayerShape { stem, norm, outputs, inputs: channels, kernel, stride: 1, padding: 0 });
        Ok(())
    }

    fn check(&self, tensor: &str, shape: &[usize]) -> Result<(), Error> {
        let info = self.checkpoint.tensor(tensor)?;
        match info.shape == shape {
            true => Ok(()),
            false => Err(self.wrong(info, shape.to_vec())),
        }
    }

    /// Checks that each layer of a block reads as many channels as there are.
    fn check_inputs(&self, main: &[usize], shortcut: Shortcut, channels: usize) -> Result<(), Error> {
        let outputs = main.last().map_or(channels, |&layer| self.layers[layer].outputs);
        let mut given = channels;
        for &layer in main {
            self.check_input(layer, given)?;
            given = self.layers[layer].outputs;
        }
        match shortcut {
            Shortcut::Convolution(layer) => {
                self.check_input(layer, channels)?;
                let LayerShape { inputs, kernel, .. } = self.layers[layer];
                self.check(&self.layers[layer].tensor(), &[outputs, inputs, kernel.0, kernel.1])
            }
            Shortcut::Padded { channels: outputs, .. } if outputs < channels => {
                Err(Error::Unsupported { what: format!("a shortcut from {channels} to {outputs} channels") })
            }
            Shortcut::Padded { .. } | Shortcut::Identity => Ok(()),
        }
    }

    fn check_input(&self, layer: usize, given: usize) -> Result<(), Error> {
        let LayerShape { inputs, outputs, kernel, .. } = self.layers[layer];
        let tensor = self.layers[layer].tensor();
        match given {
            given if given == inputs => Ok(()),
            given if inputs > 0 && given % inputs == 0 && outputs % (given / inputs) == 0 => {
                Err(Error::Unsupported { what: format!("a convolution in groups, as {tensor} is") })
            }
            given => self.check(&tensor, &[outputs, given, kernel.0, kernel.1]),
        }
    }
}

/// Refuses a network with tensors that would not be computed.
fn check_all_used(checkpoint: &Checkpoint, architecture: &Architecture) -> Result<(), Error> {
    let mut used = BTreeSet::new();
    for layer in &architecture.layers {
        used.insert(layer.tensor());
        match &layer.norm {
            Some(norm) => {
                for part in ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"] {
                    used.insert(format!("{norm}.{part}"));
                }
            }
            None => drop(used.insert(format!("{}.bias", layer.stem))),
        }
    }
    match checkpoint.tensors().iter().find(|tensor| !used.contains(&tensor.name)) {
        Some(tensor) => Err(Error::Unsupported { what: format!("the tensor {}", tensor.name) }),
        None => Ok(()),
    }
}

/// What the names do not tell.
fn details(config: Option<&[u8]>) -> Result<Details, Error> {
    let Some(bytes) = config else { return Ok(Details::default()) };
    let config: Value = serde_json::from_slice(bytes).map_err(|error| Error::Config { problem: error.to_string() })?;
    if let Some(activation) = config["hidden_act"].as_str().filter(|name| *name != "relu") {
        return Err(Error::Unsupported { what: format!("the activation {activation}") });
    }
    let is = |key: &str| config[key].as_bool().unwrap_or(false);
    Ok(Details { halves_first: is("downsample_in_first_stage"), halves_at_first: is("downsample_in_bottleneck") })
}
