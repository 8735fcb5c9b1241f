//! The compression of a vision model as a step machine.

use super::layer_run::{self, LayerRun, LayerStep};
use super::{CompressedLayer, Error, Inside, LayerByLayer, OutputSquares, Parallel, Plan, Step, Store, VisionInputs};
use crate::compute::Device;
use crate::matrix::{Calibration, Problem};
use crate::model::SavedStatistics;
use crate::vision::{CalibrationPass, Pictures, VisionModel};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A compression of a vision model in progress: a step machine without threads or clock.
/// Layers are replaced in the order of computation. Those in the store are not computed again, but the calibration images go
/// through them as well.
pub struct VisionCompression {
    model: VisionModel,
    plan: Plan<usize>,
    /// The only layers to be replaced, if not all are.
    only: Option<BTreeSet<usize>>,
    store: Box<dyn Store<usize>>,
    clock: Box<dyn Fn() -> f64 + Send>,
    /// Without images the plain error of each layer is minimized.
    pass: Option<CalibrationPass>,
    /// Statistics in the images' place.
    saved: Option<Arc<SavedStatistics>>,
    /// Labelled calibration images until it is measured on them how much the loss feels each layer's outputs.
    labelled: Option<Pictures>,
    /// How much the loss feels each layer's outputs, once measured.
    outputs: Option<OutputSquares<usize>>,
    /// Index of the current layer.
    at: usize,
    statistics: Option<Arc<Calibration>>,
    run: Option<Box<LayerRun<usize>>>,
    device: Device,
}

impl LayerByLayer<usize> for VisionCompression {
    fn largest(&self) -> (usize, usize) {
        let shapes = self.model.architecture().shapes();
        let replaced = shapes.filter(|&(layer, _)| self.is_replaced(layer)).map(|(_, shape)| shape);
        replaced.max_by_key(|(rows, cols)| rows * cols).unwrap_or((1, 1))
    }

    fn set_device(&mut self, device: Device) {
        self.device = device;
    }

    fn keep_only(&mut self, layers: BTreeSet<usize>) {
        self.only = Some(layers);
    }

    fn step_with_progress(&mut self, progress: Inside<'_, usize>) -> Result<Option<Step<usize>>, Error> {
        self.step_inside(progress)
    }
}

impl VisionCompression {
    /// A compression before its first step, calibrated on `pictures`. `clock` returns seconds, for the reports.
    pub fn new(
        model: &VisionModel,
        plan: Plan<usize>,
        pictures: Option<&Pictures>,
        store: Box<dyn Store<usize>>,
        clock: Box<dyn Fn() -> f64 + Send>,
    ) -> Result<Self, Error> {
        check(model, &plan, pictures.is_some())?;
        let pass = pictures.map(|pictures| CalibrationPass::new(model.network()?, pictures)).transpose()?;
        let labelled = pictures.filter(|pictures| plan.weighs_outputs() && !pictures.labels.is_empty()).cloned();
        let (only, saved, outputs, at, statistics, run, device) = Default::default();
        let model = model.clone();
        Ok(Self { model, plan, only, store, clock, pass, saved, labelled, outputs, at, statistics, run, device })
    }

    /// Checks in advance what would fail at some layer.
    pub fn check(model: &VisionModel, plan: &Plan<usize>, inputs: &VisionInputs) -> Result<(), Error> {
        check(model, plan, !matches!(inputs, VisionInputs::Unknown))?;
        match inputs {
            VisionInputs::Saved(saved) => check_saved(model, plan, saved),
            VisionInputs::Unknown | VisionInputs::Pictures(_) => Ok(()),
        }
    }

    /// The same with statistics that were saved: no layer reads what the replaced ones before it give.
    pub fn of_saved(
        model: &VisionModel,
        plan: Plan<usize>,
        saved: &Arc<SavedStatistics>,
        store: Box<dyn Store<usize>>,
        clock: Box<dyn Fn() -> f64 + Send>,
    ) -> Result<Self, Error> {
        check(model, &plan, true)?;
        check_saved(model, &plan, saved)?;
        let outputs = plan.weighs_outputs().then(|| OutputSquares::saved(model, saved)).transpose()?;
        let (only, pass, labelled, at, statistics, run, device) = Default::default();
        let (model, saved) = (model.clone(), Some(saved.clone()));
        Ok(Self { model, plan, only, store, clock, pass, saved, labelled, outputs, at, statistics, run, device })
    }

    /// Whether a layer is to be replaced. One of density 1 stays unchanged.
    fn is_replaced(&self, layer: usize) -> bool {
        self.plan.densities.of(layer) < 1.0 && self.only.as_ref().is_none_or(|only| only.contains(&layer))
    }

    fn step_inside(&mut self, progress: Inside<'_, usize>) -> Result<Option<Step<usize>>, Error> {
        if let Some(run) = self.run.take() {
            let stepped = run.step(&self.model, &self.plan, &self.clock)?;
            return self.stepped(stepped).map(Some);
        }
        if let Some(pictures) = self.labelled.take() {
            // No part of the layer's own run.
            let at = self.at;
            let told = |_: f64| progress(at, 0.0);
            self.outputs = Some(self.measure_outputs(&pictures, &told)?);
            return Ok(Some(Step::OutputSquares));
        }
        while self.at < self.model.architecture().layers.len() {
            let layer = self.at;
            let is_wanted = self.is_replaced(layer);
            // To be saved as well, also where the layer stays as it is.
            if self.statistics.is_none()
                && self.store.wants_statistics(layer)
                && let Some(step) = self.collect()?
            {
                return Ok(Some(step));
            }
            if is_wanted {
                if let Some(found) = self.store.find(layer)? {
                    self.advance(Some(&found))?;
                    return Ok(Some(Step::Found(found)));
                }
                if self.statistics.is_none()
                    && let Some(step) = self.collect()?
                {
                    return Ok(Some(step));
                }
                return self.begin(layer, progress).map(Some);
            }
            if !(layer + 1..self.model.architecture().layers.len())
                .any(|later| self.is_replaced(later) || self.store.wants_statistics(later))
            {
                return Ok(None);
            }
            self.advance(None)?;
        }
        Ok(None)
    }

    /// How much the loss of the dense network feels each layer's outputs, stored or measured.
    fn measure_outputs(
        &mut self,
        pictures: &Pictures,
        progress: &dyn Fn(f64) -> bool,
    ) -> Result<OutputSquares<usize>, Error> {
        if let Some(stored) = self.store.output_squares()? {
            return Ok(stored);
        }
        let squares = OutputSquares::of_network(&self.model.network()?, pictures, progress)?;
        self.store.keep_output_squares(&squares)?;
        Ok(squares)
    }

    /// The statistics of the current layer's inputs; `None` without images and saved ones.
    fn collect(&mut self) -> Result<Option<Step<usize>>, Error> {
        let statistics = match (&self.pass, &self.saved) {
            (Some(pass), _) => pass.statistics()?,
            (None, Some(saved)) => {
                let layer = &self.model.architecture().layers[self.at];
                saved.calibration_of(&layer.stem, layer.shape().1)?
            }
            (None, None) => return Ok(None),
        };
        self.store.keep_statistics(self.at, &statistics)?;
        self.statistics = Some(Arc::new(statistics));
        Ok(Some(Step::Statistics(vec![self.at])))
    }

    fn begin(&mut self, at: usize, progress: Inside<'_, usize>) -> Result<Step<usize>, Error> {
        let layer = self.model.layer(at)?;
        let power = self.plan.settings.output_power;
        let outputs = self.outputs.as_ref().and_then(|outputs| outputs.weights(at, power));
        let problem = Problem {
            weight: layer.weight.clone(),
            calibration: self.statistics.clone(),
            held_out: None,
            output_weights: outputs.map(Arc::new),
        };
        let inside = |share: f64| progress(at, share);
        let work = (at, layer, problem);
        let stepped = layer_run::begin(&self.model, work, &self.plan, &self.device, &self.clock, &inside)?;
        self.stepped(stepped)
    }

    fn stepped(&mut self, stepped: LayerStep<usize>) -> Result<Step<usize>, Error> {
        match stepped {
            LayerStep::Stepped(run, progress) => {
                if let Some(device) = run.device() {
                    self.device = device.clone();
                }
                let layer = run.key;
                self.run = Some(run);
                Ok(Step::Layer(layer, progress))
            }
            LayerStep::Finished(_, _, compressed) => {
                let compressed = Arc::new(*compressed);
                self.store.keep(&compressed)?;
                self.advance(Some(&compressed))?;
                Ok(Step::Finished(compressed))
            }
        }
    }

    /// Goes on to the next layer. Later layers see this one's replacement, unless all are to see the dense network.
    fn advance(&mut self, replaced: Option<&CompressedLayer<usize>>) -> Result<(), Error> {
        if let Some(pass) = &mut self.pass {
            if let Some(layer) = replaced.filter(|_| self.plan.parallel == Parallel::No) {
                pass.replace(&layer.weight);
                if self.plan.norms {
                    pass.estimate_norm()?;
                }
            }
            pass.advance();
        }
        self.at += 1;
        self.statistics = None;
        Ok(())
    }
}

fn check_saved(model: &VisionModel, plan: &Plan<usize>, saved: &SavedStatistics) -> Result<(), Error> {
    let architecture = model.architecture();
    architecture
        .shapes()
        .filter(|&(layer, _)| plan.densities.of(layer) < 1.0)
        .try_for_each(|(layer, shape)| Ok(saved.check_calibration_of(&architecture.layers[layer].stem, shape.1)?))
}

/// Checks in advance what would fail at some layer.
fn check(model: &VisionModel, plan: &Plan<usize>, has_inputs: bool) -> Result<(), Error> {
    plan.check()?;
    if plan.parallel == Parallel::Block {
        return Err(Error::NoBlocks);
    }
    let architecture = model.architecture();
    for (at, layer) in architecture.layers.iter().enumerate().filter(|&(at, _)| plan.densities.of(at) < 1.0) {
        if plan.method.needs_inputs() && !has_inputs {
            return Err(Error::NeedsImages { method: plan.method.title() });
        }
        layer_run::check(model, at, layer.shape(), plan)?;
    }
    Ok(())
}
