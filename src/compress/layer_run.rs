//! The run of one layer.

use super::layered::{LayerKey, Layered};
use super::{CompressedLayer, Error, Plan};
use crate::compute::Device;
use crate::export::{self, Export, Layout, RunReport};
use crate::factorize::{self, Budget};
use crate::job::{End, Outcome, Pipeline, Progress};
use crate::matrix::Problem;
use crate::methods::{self, Method};
use crate::model::Layer;
use std::sync::Arc;

/// A layer in progress.
pub(super) struct LayerRun<K> {
    pub key: K,
    pub layer: Layer,
    pub problem: Problem,
    drive: Pipeline,
    /// Seconds spent in the solver.
    seconds: f64,
}

/// Where a layer's run stands.
pub(super) enum LayerStep<K> {
    /// A step is done.
    Stepped(Box<LayerRun<K>>, Box<Progress>),
    /// It is finished: the layer as it was, its problem, and what replaces it.
    Finished(Layer, Problem, Box<CompressedLayer<K>>),
}

/// Starts a layer's run; methods other than DSF are computed at once. `progress` receives the share that is done of those.
pub(super) fn begin<M: Layered>(
    model: &M,
    (key, layer, problem): (M::Key, Layer, Problem),
    plan: &Plan<M::Key>,
    device: &Device,
    clock: &dyn Fn() -> f64,
    progress: &(dyn Fn(f64) -> bool + Sync),
) -> Result<LayerStep<M::Key>, Error> {
    let start = clock();
    if plan.method == Method::Dsf {
        let drive = Pipeline::on_device(problem.clone(), &plan.settings_of(key), device);
        let drive = drive.map_err(|error| layer_error(model, key, error))?;
        let seconds = clock() - start;
        return LayerRun { key, layer, problem, drive, seconds }.step(model, plan, clock);
    }
    let failed = |error: methods::Error| match error {
        methods::Error::Cancelled => Error::Cancelled,
        error => layer_error(model, key, error),
    };
    let (method, density) = (plan.method, plan.densities.of(key));
    let replacement = method.replace(&problem, density, plan.threshold, progress).map_err(failed)?;
    let (replacement, took) = (Arc::new(replacement), (clock() - start, plan.threads));
    let (layout, dtype) = match replacement.kind().is_two_factors() {
        true => (plan.layout, plan.export_dtype()),
        false => (Layout::Merged, None),
    };
    let export = Export::new(&layer, &replacement, layout, dtype)?;
    let report = RunReport::new(&layer, &problem, (method, density), &export, took);
    let weight = Arc::new(export::merged(&replacement, layer.dtype)?);
    let settings = plan.settings_of(key);
    let compressed = CompressedLayer { id: key, replacement, weight, settings, report };
    Ok(LayerStep::Finished(layer, problem, Box::new(compressed)))
}

impl<K: LayerKey> LayerRun<K> {
    /// Takes the next step.
    pub fn step<M: Layered<Key = K>>(
        mut self,
        model: &M,
        plan: &Plan<K>,
        clock: &dyn Fn() -> f64,
    ) -> Result<LayerStep<K>, Error> {
        let key = self.key;
        let start = clock();
        let stepped = self.drive.step();
        self.seconds += clock() - start;
        let (stepped, end) = match stepped {
            Ok(stepped) => (stepped, End::Finished),
            // The best factors from before are worth more than none: the other layers can still be done.
            Err(_) if self.drive.has_result() => (None, End::Diverged),
            Err(error) => return Err(layer_error(model, key, error)),
        };
        if let Some(mut progress) = stepped {
            progress.seconds = self.seconds;
            return Ok(LayerStep::Stepped(Box::new(self), Box::new(progress)));
        }
        let Self { layer, problem, drive, seconds, .. } = self;
        let outcome = drive.finish(end, seconds).map_err(|error| layer_error(model, key, error))?;
        let export = Export::new(&layer, &outcome.replacement, plan.layout, plan.export_dtype())?;
        let report = RunReport::of_run(&layer, &problem, plan.preset, &export, &outcome, plan.threads);
        let Outcome { replacement, settings, .. } = outcome;
        let weight = Arc::new(export::merged(&replacement, layer.dtype)?);
        let compressed = CompressedLayer { id: key, replacement, weight, settings, report };
        Ok(LayerStep::Finished(layer, problem, Box::new(compressed)))
    }

    /// The device it computes on, if on one: it may have been lost and reopened.
    pub fn device(&self) -> Option<&Device> {
        Some(self.drive.device()).filter(|device| device.adapter().is_some())
    }
}

/// Checks in advance what would fail for a layer of this shape.
pub(super) fn check<M: Layered>(
    model: &M,
    key: M::Key,
    (rows, cols): (usize, usize),
    plan: &Plan<M::Key>,
) -> Result<(), Error> {
    let budget = factorize::share(plan.densities.of(key), rows * cols);
    plan.method.check_shape(rows, cols, budget).map_err(|error| layer_error(model, key, error))?;
    if plan.method == Method::Dsf {
        Budget::new(rows, cols, &plan.settings_of(key)).map_err(|error| layer_error(model, key, error))?;
    }
    Ok(())
}

fn layer_error<M: Layered>(model: &M, key: M::Key, error: impl Into<methods::Error>) -> Error {
    Error::Layer { tensor: model.tensor_of(key), source: error.into() }
}
