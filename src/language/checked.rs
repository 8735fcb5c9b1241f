//! That a checkpoint holds what a model's description asks for.

use super::Error;
use super::config::names::NormPlace;
use super::config::{Config, NormKind, NormSpan};
use super::layers::Linear;
use crate::model::Checkpoint;

/// Checks that every tensor is there and has the right shape; returns the names of those that are stored dense.
pub(super) fn check_tensors(config: &Config, checkpoint: &Checkpoint) -> Result<Vec<String>, Error> {
    let mut checked = Checked { checkpoint, used: Vec::new() };
    checked.outer_layers(config)?;
    for block in 0..config.blocks {
        checked.norms(config, block)?;
        if let Some(experts) = config.experts_of(block) {
            checked.tensor(config.names.router(block), &[experts.count, config.hidden])?;
        }
    }
    checked.layers(config)?;
    Ok(checked.used)
}

struct Checked<'a> {
    checkpoint: &'a Checkpoint,
    used: Vec<String>,
}

impl Checked<'_> {
    fn tensor(&mut self, tensor: String, expected: &[usize]) -> Result<(), Error> {
        let info = self.checkpoint.tensor(&tensor)?;
        if info.shape != expected {
            return Err(Error::Shape { tensor, shape: info.shape.clone(), expected: expected.to_vec() });
        }
        if info.format.is_none() {
            return Err(Error::Unsupported { what: format!("{tensor} in the format {}", info.dtype) });
        }
        self.used.push(tensor);
        Ok(())
    }

    fn norm(&mut self, stem: &str, kind: NormKind, shape: &[usize]) -> Result<(), Error> {
        self.tensor(format!("{stem}.weight"), shape)?;
        if kind.has_bias() { self.tensor(format!("{stem}.bias"), shape) } else { Ok(()) }
    }

    fn outer_layers(&mut self, config: &Config) -> Result<(), Error> {
        let Config { hidden, vocabulary, embedding_width, .. } = *config;
        self.tensor(config.names.embedding(), &[vocabulary, embedding_width])?;
        if let Some(offset) = config.learned_positions {
            self.tensor(config.names.positions(), &[config.positions + offset, hidden])?;
        }
        if embedding_width != hidden {
            self.tensor(config.names.projection(true), &[hidden, embedding_width])?;
            self.tensor(config.names.projection(false), &[embedding_width, hidden])?;
        }
        if config.final_norm {
            self.norm(&config.names.final_norm(), config.norm, &[hidden])?;
        }
        let head = config.names.head_weight();
        if !config.tied || self.checkpoint.has(&head) {
            self.tensor(head, &[vocabulary, embedding_width])?;
        }
        if config.biases.head {
            self.tensor(format!("{}.bias", config.names.head()), &[vocabulary])?;
        }
        Ok(())
    }

    fn norms(&mut self, config: &Config, block: usize) -> Result<(), Error> {
        for place in NormPlace::ALL {
            if let Some(stem) = config.names.norm(block, place, config.order) {
                self.norm(&stem, config.norm, &[config.hidden])?;
            }
        }
        let Some(of) = config.query_key_norm else { return Ok(()) };
        let width = config.head_dim;
        for (linear, heads) in [(Linear::Query, config.heads), (Linear::Key, config.kv_heads)] {
            let stem = config.names.query_key_norm(block, linear, of);
            match of.span {
                NormSpan::Head => self.norm(&stem, of.kind, &[width])?,
                NormSpan::OwnHead => self.norm(&stem, of.kind, &[heads, width])?,
                NormSpan::All => self.norm(&stem, of.kind, &[heads * width])?,
                NormSpan::NumberedHead => {
                    for head in 0..heads {
                        self.norm(&format!("{stem}.norms.{head}"), of.kind, &[width])?;
                    }
                }
            }
        }
        Ok(())
    }

    fn layers(&mut self, config: &Config) -> Result<(), Error> {
        for id in config.layers() {
            let (rows, cols) = config.shape(id);
            let place = config.place(id);
            match self.checkpoint.stored_sparse(&config.stem(id))? {
                None => {
                    let outputs = config.outputs_with(id);
                    let shape = if place.transposed { [cols, outputs] } else { [outputs, cols] };
                    self.tensor(format!("{}.weight", place.stem), &shape)?;
                }
                Some(stored) if stored.shape == (rows, cols) => {}
                Some(stored) => {
                    let shape = vec![stored.shape.0, stored.shape.1];
                    return Err(Error::Shape { tensor: config.stem(id), shape, expected: vec![rows, cols] });
                }
            }
            if config.has_bias(id.linear) {
                self.tensor(format!("{}.bias", place.stem), &[config.outputs_with(id)])?;
            }
        }
        Ok(())
    }
}
