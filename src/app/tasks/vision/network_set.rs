//! A network with the images it is measured and calibrated on.

use super::images;
use crate::app::state::loaded_layer::LoadedLayer;
use crate::factorize::{Objective, Settings};
use crate::hint::Failure;
use crate::measure::cost::{RunSize, convolution_cost};
use crate::model::{self, Checkpoint};
use crate::tasks::{LazySource, shared};
use crate::vision::{self, Architecture, Augment, ImageSet, Network, Pictures, VisionModel};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Source of a network and its images.
#[derive(Clone, Serialize, Deserialize)]
pub struct VisionSource {
    /// Checkpoint with the network's weights.
    #[serde(with = "shared")]
    pub checkpoint: Arc<Checkpoint>,
    /// Source it was opened from; the built-in network without.
    pub from: Option<model::Source>,
    /// Images of one's own.
    pub images: Option<model::Source>,
}

/// A network and its images.
pub struct NetworkSet {
    /// The model, with its weights in their file.
    pub model: VisionModel,
    /// The dense network in memory.
    pub network: Network,
    /// Images to measure on; `None` until some are given.
    pub measured: Option<ImageSet>,
    /// Images that its layers' inputs are taken from: others than those.
    pub calibrating: Option<Pictures>,
    /// How calibration images are changed to estimate batch normalization anew.
    pub augment: Option<Augment>,
    classes: Vec<String>,
    skipped: usize,
    images_problem: Option<Failure>,
    own_images: bool,
}

/// Facts about the network for the panels.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NetworkInfo {
    /// Layers and how they are joined.
    pub architecture: Architecture,
    /// Names of the classes, by label; empty where none are known.
    pub classes: Vec<String>,
    /// Number of the images it is measured on, their height and width; none until some are given.
    pub images: Option<[usize; 3]>,
    /// Whether their classes are known.
    pub is_labelled: bool,
    /// Number of images that its layers' inputs are taken from.
    pub calibrating: usize,
    /// Multiplications of each layer for one image of that size, or of 32×32 pixels where none is given.
    pub multiplications: Vec<usize>,
    /// Number of images that could not be read.
    pub skipped: usize,
    /// Why the images that were given are not used.
    pub images_problem: Option<Failure>,
    /// Whether the images are some that were given.
    pub own_images: bool,
    /// Whether layers are stored as factors, or as one sparse matrix: they run as they are, and are not compressed again.
    pub keeps_factors: bool,
}

impl LazySource for VisionSource {
    type Value = Result<NetworkSet, Failure>;

    fn make(&self) -> Self::Value {
        NetworkSet::open(self)
    }
}

impl NetworkSet {
    /// Reads the network and the images. Images that cannot be used do no harm.
    fn open(source: &VisionSource) -> Result<Self, Failure> {
        let (model, own) = match &source.from {
            Some(from) => (vision::open_with(from, source.checkpoint.clone())?, true),
            None => (vision::example(), false),
        };
        let mut set = Self {
            network: model.network()?,
            measured: (!own).then(|| ImageSet::of(vision::example_held_out(images::MEASURED))),
            calibrating: (!own).then(|| vision::example_calibration(images::CALIBRATING)),
            augment: None,
            classes: model.class_names().to_vec(),
            skipped: 0,
            images_problem: None,
            own_images: false,
            model,
        };
        if let Some(images) = &source.images {
            set.images_problem = set.read(images).err();
            set.own_images = set.images_problem.is_none();
        }
        set.augment = set.measured.as_ref().map(|images| set.model.augment(images.size()));
        Ok(set)
    }

    /// Whether the images are some that were given.
    pub fn own_images(&self) -> bool {
        self.own_images
    }

    fn read(&mut self, source: &model::Source) -> Result<(), Failure> {
        let images = images::read(source, &self.model)?;
        self.network.check_size(images.measured.height, images.measured.width)?;
        if !images.classes.is_empty() {
            self.classes = images.classes;
        }
        self.measured = Some(ImageSet::of(images.measured));
        self.calibrating = (!images.calibrating.is_empty()).then_some(images.calibrating);
        self.skipped = images.skipped;
        Ok(())
    }
}

impl NetworkInfo {
    /// Of a network that was read.
    pub fn of(set: &NetworkSet) -> Self {
        let architecture = (**set.model.architecture()).clone();
        let size = set.measured.as_ref().map(ImageSet::size);
        Self {
            multiplications: architecture.multiplications(size.unwrap_or((32, 32))),
            architecture,
            classes: set.classes.clone(),
            images: set.measured.as_ref().map(|images| [images.len(), images.size().0, images.size().1]),
            is_labelled: set.measured.as_ref().is_some_and(ImageSet::is_labelled),
            calibrating: set.calibrating.as_ref().map_or(0, Pictures::len),
            skipped: set.skipped,
            images_problem: set.images_problem.clone(),
            own_images: set.own_images,
            keeps_factors: set.model.is_sparse(),
        }
    }

    /// All layers, in the order in which they are computed.
    pub fn layers(&self) -> std::ops::Range<usize> {
        0..self.architecture.layers.len()
    }

    /// Whether there are images to take the layers' inputs from.
    pub fn calibrates(&self) -> bool {
        self.calibrating > 0
    }

    /// Shape `(out, in·kh·kw)` of a layer's weight as a matrix.
    pub fn shape(&self, layer: usize) -> (usize, usize) {
        self.architecture.layers[layer].shape()
    }

    /// A layer's name without what all names begin with.
    pub fn label(&self, layer: usize) -> String {
        let stem = &self.architecture.layers[layer].stem;
        let stem = stem.strip_prefix("resnet.").unwrap_or(stem);
        stem.strip_prefix("encoder.").unwrap_or(stem).to_owned()
    }

    /// Name of a class.
    pub fn class(&self, class: usize) -> String {
        self.classes.get(class).cloned().unwrap_or_else(|| format!("class {class}"))
    }

    /// A layer's share of all multiplications.
    pub fn share_of_work(&self, layer: usize) -> f64 {
        let all: f64 = self.multiplications.iter().map(|&count| count as f64).sum();
        self.multiplications[layer] as f64 / all.max(1.0)
    }

    /// Multiplications of all layers for all images that it is measured on.
    pub fn work(&self) -> f64 {
        let of_one: f64 = self.multiplications.iter().map(|&count| count as f64).sum();
        of_one * self.images.map_or(0.0, |[count, ..]| count as f64)
    }

    /// What compressing a layer costs, relative to the others.
    pub fn cost(&self, layer: usize, settings: &Settings) -> f64 {
        let (rows, cols) = self.shape(layer);
        let inner_dim = (settings.expansion * rows.min(cols) as f64) as usize;
        let in_metric = self.calibrates() && settings.objective == Objective::Outputs;
        let run = RunSize { rows, cols, inner_dim, outer: settings.outer, inner: settings.inner, in_metric };
        let patches = self.multiplications[layer] / (rows * cols).max(1) * self.calibrating;
        convolution_cost(&run, patches as f64)
    }

    /// Returns the layer of the network in `checkpoint` that `subject` is, if it is one.
    pub fn layer_of(&self, checkpoint: &Arc<Checkpoint>, subject: &LoadedLayer) -> Option<usize> {
        let own = subject.checkpoint.as_ref().is_some_and(|of| Arc::ptr_eq(of, checkpoint));
        let name = &subject.layer.name;
        let layer = self.architecture.layers.iter().position(|layer| layer.tensor() == *name)?;
        (own && !subject.layer.transposed).then_some(layer)
    }
}
