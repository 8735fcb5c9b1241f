//! What `compress` does with a model of either kind, once it is known what is to be done: folder, device, progress, output.

use super::super::{Failure, output};
use super::drive::{Sink, drive};
use super::{Compress, apart};
use crate::compress::{Folder, LayerByLayer, Layered, Output, Plan, Totals};
use crate::export::RunReport;
use crate::job;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;
use tempfile::TempDir;

/// A model's compression by this command.
pub struct Work<'a, M: Layered> {
    args: &'a Compress,
    model: &'a M,
    plan: &'a Plan<M::Key>,
    /// The only layers that are replaced here, if not all are.
    only: Option<BTreeSet<M::Key>>,
    folder: Folder<M>,
    /// Holds the folder where there is no output.
    _hidden: TempDir,
    begun: Instant,
}

impl<'a, M: Layered> Work<'a, M> {
    /// Opens the folder of the work, which drops other unfinished work there if that is wanted: all that can be checked has been.
    pub fn open(
        args: &'a Compress,
        (model, plan, inputs): (&'a M, &'a Plan<M::Key>, &M::Inputs),
        begun: Instant,
    ) -> Result<Self, Failure> {
        let only = args.apart.chosen(model, plan)?;
        // Without an output the work is kept where nobody sees it.
        let hidden = tempfile::tempdir().map_err(Failure::unexplained)?;
        let out = args.out.clone().unwrap_or_else(|| hidden.path().join("model"));
        let keep_statistics = args.save_calibration.is_some();
        let folder = args.apart.folder(model, plan, inputs, (&out, args.force), keep_statistics)?;
        Ok(Self { args, model, plan, only, folder, _hidden: hidden, begun })
    }

    /// The folder of the work.
    pub fn folder(&self) -> &Folder<M> {
        &self.folder
    }

    /// Seconds since the command began.
    pub fn clock(&self) -> Box<dyn Fn() -> f64 + Send> {
        let begun = self.begun;
        Box::new(move || begun.elapsed().as_secs_f64())
    }

    /// Whether only some of the layers are replaced here.
    pub fn is_part(&self) -> bool {
        self.only.is_some()
    }

    /// Takes all steps of the compression on the device that is asked for.
    pub fn carry_out(
        &self,
        compression: &mut dyn LayerByLayer<M::Key>,
        sink: &mut dyn Sink<M::Key>,
    ) -> Result<(), Failure> {
        let mut costs = self.plan.costs(self.shapes());
        if let Some(only) = &self.only {
            costs.retain(|key, _| only.contains(key));
            compression.keep_only(only.clone());
        }
        if !self.args.apart.is_assembly() {
            let (backend, settings) = (self.args.backend, &self.args.tuning.settings);
            let (device, note) = job::device(backend, compression.largest(), settings, self.plan.threads);
            note.iter().for_each(|note| output::note(note));
            compression.set_device(device);
        }
        drive(&costs, &|key| self.model.stem_of(key), compression, sink)
    }

    /// What became of the layers, at this density of all.
    pub fn totals(&self, reports: Vec<RunReport>, density: f64) -> Totals {
        let dense = if self.is_part() { 0 } else { self.plan.dense_weights(self.shapes()) };
        // An assembly is quicker than the work that it ends.
        let of_layers = reports.iter().map(|report| report.seconds).sum::<f64>();
        Totals::new(reports, dense, density, of_layers.max(self.begun.elapsed().as_secs_f64()))
    }

    /// Says what became of some of the layers, which stay in the folder.
    pub fn end_part(self, reports: Vec<RunReport>) -> Result<(), Failure> {
        let totals = self.totals(reports, self.plan.densities.all);
        apart::say_layers(self.model.name(), &totals, self.args.out.as_deref(), self.args.json)
    }

    /// Writes the output and the statistics, as far as they are asked for; `values` are those of other tensors than the layers'.
    pub fn end(
        self,
        totals: &Totals,
        companions: impl FnOnce() -> Result<Vec<(String, Vec<u8>)>, Failure>,
        values: BTreeMap<String, Vec<f32>>,
    ) -> Result<(), Failure> {
        let Compress { layout, out, save_calibration, force, .. } = self.args;
        match (out, save_calibration) {
            (Some(_), statistics) => {
                let (layouts, statistics) = (layout.clone(), statistics.clone());
                let output = Output { layouts, companions: companions()?, values, statistics };
                self.folder.finish(self.plan, totals, &output, *force)?;
            }
            (None, Some(file)) => self.folder.finish_statistics(file, *force)?,
            (None, None) => {}
        }
        Ok(())
    }

    fn shapes(&self) -> impl Iterator<Item = (M::Key, (usize, usize))> {
        self.model.keys().into_iter().map(|key| (key, self.model.shape_of(key)))
    }
}
