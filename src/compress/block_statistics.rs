//! Statistics of one block's inputs at a time, in files: for machines that go through the blocks of a model together.

use super::work_folder::{STATISTICS, STREAMS, failed};
use super::{Error, Inside, Layered, OutputSquares, Plan, Store, output_squares};
use crate::export::{self, Tensor};
use crate::language::{CalibrationPass, LanguageModel, LayerId, ResidualStreams, Windows};
use crate::matrix::Matrix;
use crate::model::{self, Dtype, Portion, SavedStatistics, StatisticsLabel};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Statistics of one block, a file for each stage and portion of the calibration windows, with the residual streams before that
/// block: in the working folder of a compression.
///
/// They are collected once the layers of all blocks before it are finished. With them the block's layers can be compressed side
/// by side, each by another process. What was kept of the block before is deleted then.
#[derive(Clone)]
pub struct BlockStatistics {
    model: LanguageModel,
    /// The working folder.
    partial: PathBuf,
    /// Fingerprint of the model and of all portions' samples.
    collection: String,
}

impl BlockStatistics {
    /// In the working folder `partial`.
    pub(super) fn new(model: &LanguageModel, partial: &Path, collection: &str) -> Self {
        Self { model: model.clone(), partial: partial.to_owned(), collection: collection.to_owned() }
    }

    /// Collects those of a block over `windows`, which are this portion of all; returns whether anything was left to collect.
    ///
    /// `store` holds the layers of earlier blocks. `progress` is told of the stages, and called while the loss is measured.
    pub fn collect(
        &self,
        plan: &Plan,
        (windows, portion): (&Windows, Portion),
        block: usize,
        store: &mut dyn Store,
        progress: Inside<'_>,
    ) -> Result<bool, Error> {
        let blocks = self.model.config().blocks;
        if block >= blocks {
            return Err(Error::NoBlock { model: self.model.name().to_owned(), blocks, block });
        }
        if let Some(parts) = self.parts().filter(|&parts| parts != portion.parts) {
            return Err(Error::OtherParts { path: self.partial.clone(), parts });
        }
        if self.has_passed(block, portion) {
            return Ok(false);
        }
        let stages = self.stages_of(block);
        let is_left = |stage: &[LayerId]| {
            let is_replaced = stage.iter().any(|&id| plan.densities.of(id) < 1.0);
            is_replaced && !self.stage_file(stage[0], portion).exists()
        };
        let is_done = self.streams_file(block, portion).exists() && !stages.iter().any(|stage| is_left(stage));
        if !is_done {
            for folder in [STATISTICS, STREAMS].map(|folder| self.partial.join(folder)) {
                fs::create_dir_all(&folder).map_err(|error| failed(&folder, &error))?;
            }
            let mut pass = self.pass_at(plan, (windows, portion), block, store)?;
            let outputs = self.output_squares(plan, (windows, portion), &|| progress(stages[0][0], 0.0))?;
            for (at, stage) in stages.iter().enumerate() {
                if !progress(stage[0], at as f64 / stages.len() as f64) {
                    return Err(Error::Cancelled);
                }
                if is_left(stage) {
                    self.keep_stage(&mut pass, (stage, &outputs), (windows, portion))?;
                }
                if at + 1 < stages.len() {
                    pass.advance()?;
                }
            }
        }
        if let Some(before) = block.checked_sub(1) {
            self.delete(before, portion);
        }
        Ok(!is_done)
    }

    /// Into how many parts the windows are divided, as the files say, if there are any.
    fn parts(&self) -> Option<usize> {
        let files = fs::read_dir(self.partial.join(STREAMS)).into_iter().flatten().flatten();
        let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
        names.filter_map(|name| name.strip_suffix(".safetensors")?.rsplit_once("-of-")?.1.parse().ok()).next()
    }

    /// Whether a later block was begun, so that all of this one was done and is deleted.
    fn has_passed(&self, block: usize, portion: Portion) -> bool {
        (block + 1..self.model.config().blocks).any(|later| self.streams_file(later, portion).exists())
    }

    /// The statistics of a stage, over all portions.
    pub fn of_stage(&self, first: LayerId) -> Result<SavedStatistics, Error> {
        let (folder, start) = (self.partial.join(STATISTICS), format!("{}.", self.model.config().stem(first)));
        let mut files = Vec::new();
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            // `<stem>.I-of-N.safetensors`: the stem of another layer may begin with this one's.
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.strip_prefix(&start).is_some_and(|rest| rest.matches('.').count() == 1) {
                files.push(model::open(&entry.path())?);
            }
        }
        let block = first.block;
        let is_gone = |parts: usize| (1..=parts).any(|part| self.has_passed(block, Portion { part, parts }));
        match files.is_empty() {
            true if self.parts().is_some_and(is_gone) => Err(Error::StatisticsGone { block }),
            true => Err(Error::NoStatistics { block }),
            false => SavedStatistics::new(files).map_err(|error| match error {
                model::Error::MissingPart { .. } => Error::NoStatistics { block },
                other => other.into(),
            }),
        }
    }

    /// A pass at the start of the block, whose streams are kept by then.
    fn pass_at(
        &self,
        plan: &Plan,
        (windows, portion): (&Windows, Portion),
        block: usize,
        store: &mut dyn Store,
    ) -> Result<CalibrationPass, Error> {
        let (model, context, file) = (&self.model, windows.context(), self.streams_file(block, portion));
        if file.exists() {
            return Ok(CalibrationPass::at_block(model, context, block, read_streams(&file, windows)?)?);
        }
        let pass = match block.checked_sub(1) {
            None => CalibrationPass::new(model, windows)?,
            Some(before) => {
                let kept = self.streams_file(before, portion);
                if !kept.exists() {
                    return Err(Error::NoStatistics { block: before });
                }
                let mut compressed = model.block(before, &model.angles(context))?;
                for id in model.config().layers_of(before).into_iter().filter(|&id| plan.densities.of(id) < 1.0) {
                    match store.find(id)? {
                        Some(layer) => compressed.replace(id, layer.weight.clone()),
                        None => return Err(Error::NotFinished { layer: model.stem_of(id) }),
                    }
                }
                let mut streams = read_streams(&kept, windows)?;
                streams.forward(&compressed, before)?;
                // One block is in memory at a time.
                drop(compressed);
                CalibrationPass::at_block(model, context, block, streams)?
            }
        };
        let tensor = |(at, h): (usize, &Matrix)| {
            Tensor::values(window_name(at), Dtype::F32, &[h.rows(), h.cols()], h.as_slice())
        };
        let tensors = pass.streams().iter().enumerate().map(tensor).collect();
        export::write_with(&file, true, |out| export::write_tensors(out, tensors, &BTreeMap::new()))?;
        Ok(pass)
    }

    /// What the loss of the dense model feels over this portion, measured once; nothing where it does not count.
    fn output_squares(
        &self,
        plan: &Plan,
        (windows, portion): (&Windows, Portion),
        progress: &(dyn Fn() -> bool + Sync),
    ) -> Result<OutputSquares, Error> {
        if !plan.weighs_outputs() {
            return Ok(OutputSquares::default());
        }
        let file = self.partial.join(STREAMS).join(format!("output_weights.{}.safetensors", portion_name(portion)));
        if file.exists() {
            return OutputSquares::saved(&self.model, &SavedStatistics::new(vec![model::open(&file)?])?);
        }
        let squares = OutputSquares::measure(&self.model, windows, &|_, _| progress())?;
        let tensors = squares.iter().map(|(id, squares)| output_squares::tensor_of(&self.model, id, squares)).collect();
        export::write(&file, &export::safetensors(tensors, &BTreeMap::new()), true)?;
        Ok(squares)
    }

    /// Computes and keeps the statistics of the stage that `pass` stands at.
    fn keep_stage(
        &self,
        pass: &mut CalibrationPass,
        (stage, outputs): (&[LayerId], &OutputSquares),
        (windows, portion): (&Windows, Portion),
    ) -> Result<(), Error> {
        let stem = self.model.config().stem(stage[0]);
        let (mut tensors, mut exponents) = (Vec::new(), BTreeMap::new());
        if let Some(statistics) = pass.statistics()?.statistics {
            let xtx = statistics.xtx();
            let name = format!("{stem}.XtX");
            tensors.push(Tensor::values(name, Dtype::F32, &[xtx.rows(), xtx.cols()], xtx.as_slice()));
            exponents.insert(stem, statistics.exponent());
        }
        let of_stage = outputs.iter().filter(|(id, _)| stage.contains(id));
        tensors.extend(of_stage.map(|(id, squares)| output_squares::tensor_of(&self.model, id, squares)));
        let samples = windows.len() * windows.context();
        let label = StatisticsLabel { portion, samples, collection: self.collection.clone(), exponents };
        let metadata = BTreeMap::from([(StatisticsLabel::KEY.to_owned(), json!(label).to_string())]);
        Ok(export::write(&self.stage_file(stage[0], portion), &export::safetensors(tensors, &metadata), true)?)
    }

    /// Layers of a block that read the same inputs, in order.
    fn stages_of(&self, block: usize) -> Vec<Vec<LayerId>> {
        let layers = self.model.config().layers_of(block);
        layers.chunk_by(|a, b| a.shares_inputs(*b)).map(<[LayerId]>::to_vec).collect()
    }

    /// Deletes what is kept of a block. What cannot be deleted goes with the folder in the end.
    fn delete(&self, block: usize, portion: Portion) {
        let stages = self.stages_of(block);
        let files = stages.iter().map(|stage| self.stage_file(stage[0], portion));
        for file in files.chain([self.streams_file(block, portion)]) {
            let _ = fs::remove_file(file);
        }
    }

    fn streams_file(&self, block: usize, portion: Portion) -> PathBuf {
        self.partial.join(STREAMS).join(format!("before.{block}.{}.safetensors", portion_name(portion)))
    }

    fn stage_file(&self, first: LayerId, portion: Portion) -> PathBuf {
        self.partial.join(STATISTICS).join(format!(
            "{}.{}.safetensors",
            self.model.config().stem(first),
            portion_name(portion)
        ))
    }
}

/// A portion in the name of a file.
fn portion_name(Portion { part, parts }: Portion) -> String {
    format!("{part}-of-{parts}")
}

/// Name of a window's streams.
fn window_name(at: usize) -> String {
    format!("window.{at}")
}

fn read_streams(file: &Path, windows: &Windows) -> Result<ResidualStreams, Error> {
    let kept = model::open(file)?;
    let read = |at: usize| -> Result<Matrix, Error> {
        let values = kept.values(&window_name(at))?;
        Ok(Matrix::from_vec(windows.context(), values.len() / windows.context(), values))
    };
    Ok((0..windows.len()).map(read).collect::<Result<Vec<_>, _>>()?.into())
}
