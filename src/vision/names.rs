//! From the names and shapes of tensors to the network's layers.
//!
//! Three namings are known: torchvision's (`conv1`, `layer1.0.conv1`, `downsample.0`, `fc`; timm's residual networks have the
//! same), that of networks for CIFAR-10 (three stages, `shortcut.0` or none, `linear`), and that of Hugging Face
//! (`resnet.encoder.stages.0.layers.0.layer.0.convolution`). Depth, width and kind of block follow from what is there.

use super::Error;
use super::architecture::{Architecture, BlockShape, LayerShape, Shortcut};
use super::dimensions;
use crate::model::{Checkpoint, StoredSparse};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

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
        let names = || checkpoint.tensors().iter().map(|tensor| tensor.name.as_str());
        // What follows is `weight`, or a part of what the layer is stored as.
        if names().any(|name| name.starts_with("resnet.embedder.embedder.convolution.")) {
            return Some(Self::HuggingFace);
        }
        let start = names().find_map(|name| Some(name.split_once("layer1.0.conv1.")?.0))?;
        let stem = format!("{start}conv1.");
        names().any(|name| name.starts_with(&stem)).then(|| Self::Torch { start: start.to_owned() })
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

/// Whether the tensors are named as those of a residual network.
pub fn is_residual_network(checkpoint: &Checkpoint) -> bool {
    Naming::of(checkpoint).is_some()
}

/// Reads the architecture from the tensors' names and shapes, and what they do not tell from `config.json`, if there is one.
pub fn read(checkpoint: &Checkpoint, config: Option<&[u8]>) -> Result<Architecture, Error> {
    let naming = Naming::of(checkpoint).ok_or_else(|| Error::NoNetwork { file: checkpoint.name().to_owned() })?;
    // Beside a network with other names stands, if anything, a file of another program.
    let details = match naming {
        Naming::HuggingFace => details(config)?,
        Naming::Torch { .. } => Details::default(),
    };
    let mut reader = Reader { checkpoint, dimensions: dimensions::from_metadata(checkpoint), layers: Vec::new() };
    let [convolution, norm] = naming.first();
    let shape = reader.convolution_dimensions(&convolution)?;
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
        if !reader.has(&naming.convolution(&naming.block(stage, 0), 0)[0]) {
            break;
        }
        for number in 0.. {
            let name = naming.block(stage, number);
            let names: Vec<[String; 2]> = (0..)
                .map(|at| naming.convolution(&name, at))
                .take_while(|[convolution, _]| reader.has(convolution))
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
                if reader.has(&convolution) {
                    shortcut = Shortcut::Convolution(reader.convolution(convolution, norm, stride)?);
                }
            }
            reader.check_inputs(&main, shortcut, channels)?;
            blocks.push(BlockShape { main, shortcut });
            channels = outputs;
        }
    }
    let names = naming.classifiers();
    let Some(name) = names.iter().find(|name| reader.has(name)) else {
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
    /// Dimensions of weights that are stored as matrices.
    dimensions: BTreeMap<String, Vec<usize>>,
    layers: Vec<LayerShape>,
}

impl Reader<'_> {
    /// Whether there is such a layer, dense or not.
    fn has(&self, stem: &str) -> bool {
        self.checkpoint.has(&weight(stem)) || self.checkpoint.stored_sparse(stem).is_ok_and(|stored| stored.is_some())
    }

    /// Dimensions of a layer's weight.
    fn dimensions(&self, stem: &str) -> Result<Vec<usize>, Error> {
        let tensor = weight(stem);
        if self.checkpoint.has(&tensor) {
            return Ok(self.checkpoint.tensor(&tensor)?.shape.clone());
        }
        let Some(StoredSparse { shape: (rows, cols), .. }) = self.checkpoint.stored_sparse(stem)? else {
            return Ok(self.checkpoint.tensor(&tensor)?.shape.clone());
        };
        match self.dimensions.get(stem) {
            None => Ok(vec![rows, cols]),
            Some(known) if known.first() == Some(&rows) && product(&known[1..]) == Some(cols) => Ok(known.clone()),
            Some(known) => Err(Error::Shape { tensor, shape: vec![rows, cols], expected: known.clone() }),
        }
    }

    /// The four dimensions of a convolution.
    fn convolution_dimensions(&self, stem: &str) -> Result<[usize; 4], Error> {
        let shape = self.dimensions(stem)?;
        match <[usize; 4]>::try_from(shape.as_slice()) {
            Ok(shape) if !shape.contains(&0) => Ok(shape),
            _ => Err(Error::Shape { tensor: weight(stem), shape, expected: vec![0, 0, 0, 0] }),
        }
    }

    /// Takes up a convolution with its norm; returns its index.
    fn convolution(&mut self, stem: String, norm: String, stride: usize) -> Result<usize, Error> {
        let [outputs, inputs, height, width] = self.convolution_dimensions(&stem)?;
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
        let outputs = self.dimensions(&stem)?.first().copied().unwrap_or(0);
        self.check_layer(&stem, &[outputs.max(1), channels])?;
        self.check(&format!("{stem}.bias"), &[outputs])?;
        let (kernel, norm) = ((1, 1), None);
        self.layers.push(LayerShape { stem, norm, outputs, inputs: channels, kernel, stride: 1, padding: 0 });
        Ok(())
    }

    fn check(&self, tensor: &str, shape: &[usize]) -> Result<(), Error> {
        check(tensor, &self.checkpoint.tensor(tensor)?.shape, shape)
    }

    /// Checks the dimensions of a layer's weight.
    fn check_layer(&self, stem: &str, shape: &[usize]) -> Result<(), Error> {
        check(&weight(stem), &self.dimensions(stem)?, shape)
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
                self.check_layer(&self.layers[layer].stem, &[outputs, inputs, kernel.0, kernel.1])
            }
            Shortcut::Padded { channels: outputs, .. } if outputs < channels => {
                Err(Error::Unsupported { what: format!("a shortcut from {channels} to {outputs} channels") })
            }
            Shortcut::Padded { .. } | Shortcut::Identity => Ok(()),
        }
    }

    fn check_input(&self, layer: usize, given: usize) -> Result<(), Error> {
        let LayerShape { inputs, outputs, kernel, .. } = self.layers[layer];
        let LayerShape { stem, .. } = &self.layers[layer];
        let tensor = weight(stem);
        match given {
            given if given == inputs => Ok(()),
            given if inputs > 0 && given % inputs == 0 && outputs % (given / inputs) == 0 => {
                Err(Error::Unsupported { what: format!("a convolution in groups, as {tensor} is") })
            }
            given => self.check_layer(stem, &[outputs, given, kernel.0, kernel.1]),
        }
    }
}

fn check(tensor: &str, found: &[usize], expected: &[usize]) -> Result<(), Error> {
    match found == expected {
        true => Ok(()),
        false => Err(Error::Shape { tensor: tensor.to_owned(), shape: found.to_vec(), expected: expected.to_vec() }),
    }
}

fn product(dimensions: &[usize]) -> Option<usize> {
    dimensions.iter().try_fold(1usize, |product, &dimension| product.checked_mul(dimension))
}

/// Refuses a network with tensors that would not be computed.
fn check_all_used(checkpoint: &Checkpoint, architecture: &Architecture) -> Result<(), Error> {
    let (mut used, mut sparse) = (BTreeSet::new(), Vec::new());
    for layer in &architecture.layers {
        match checkpoint.has(&layer.tensor()) {
            true => drop(used.insert(layer.tensor())),
            false => sparse.push(format!("{}.", layer.stem)),
        }
        match &layer.norm {
            Some(norm) => {
                for part in ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"] {
                    used.insert(format!("{norm}.{part}"));
                }
            }
            None => drop(used.insert(format!("{}.bias", layer.stem))),
        }
    }
    let is_used = |name: &String| used.contains(name) || sparse.iter().any(|stem| name.starts_with(stem));
    match checkpoint.tensors().iter().find(|tensor| !is_used(&tensor.name)) {
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
