//! What a run was asked for.

use super::loaded_layer::LoadedLayer;
use crate::factorize::Settings;
use crate::matrix::Problem;
use crate::methods::{Method, ThresholdScope};
use crate::model::one_line;

/// A run's layer, method and settings.
#[derive(Clone)]
pub struct RunSpec {
    /// Name of the model: the file or folder that was opened.
    pub model: String,
    /// Name of the layer in it, or of the factorization in a file of factors.
    pub layer_name: String,
    /// Layer whose W is replaced; for factors from a file the one they are compared with, if any.
    pub layer: Option<LoadedLayer>,
    /// Problem of the run; `None` for factors from a file.
    pub problem: Option<Problem>,
    /// Method that replaces W.
    pub method: Method,
    /// Entries that compete with each other, where the method leaves that open.
    pub threshold: ThresholdScope,
    /// Settings of the run; methods other than DSF use the density only. `None` for factors from a file.
    pub settings: Option<Settings>,
}

impl RunSpec {
    /// A run of DSF on an open layer.
    pub fn new(layer: LoadedLayer, problem: Problem, settings: Settings) -> Self {
        Self {
            model: layer.origin.clone(),
            layer_name: layer.layer.name.clone(),
            layer: Some(layer),
            problem: Some(problem),
            method: Method::Dsf,
            threshold: ThresholdScope::default(),
            settings: Some(settings),
        }
    }

    /// Factors that were opened from the file `model`; `layer` is the one they are compared with.
    pub fn opened(model: String, stem: String, layer: Option<LoadedLayer>) -> Self {
        Self {
            model,
            layer_name: stem,
            layer,
            problem: None,
            method: Method::Dsf,
            threshold: ThresholdScope::default(),
            settings: None,
        }
    }

    /// Model and layer, in one line.
    pub fn title(&self) -> String {
        let (model, name) = (one_line(&self.model), one_line(&self.layer_name));
        match (&self.layer, self.is_opened()) {
            (Some(layer), true) => format!("{model}, {name}, against {}", one_line(&layer.layer.file)),
            _ => format!("{model}, {name}"),
        }
    }

    /// Whether it is of factors from a file rather than of a run.
    pub fn is_opened(&self) -> bool {
        self.problem.is_none()
    }

    /// Whether the errors of its outputs are minimised: the layer's inputs are known.
    pub fn is_layerwise(&self) -> bool {
        self.problem.as_ref().is_some_and(|problem| problem.calibration.is_some())
    }
}
