//! Norms of all layers of a checkpoint, measured when asked for.

use crate::model::{Checkpoint, Orientation};
use crate::tasks::{self, Message, Queue, Task, TaskHandle, shared};
use eframe::egui::Context;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// Measures ‖W‖_F of these layers, one after the other.
#[derive(Serialize, Deserialize)]
pub struct MeasureNorms {
    #[serde(with = "shared")]
    checkpoint: Arc<Checkpoint>,
    names: Vec<String>,
}

impl Task for MeasureNorms {
    const NAME: &'static str = "norms";
    const QUEUE: Queue = Queue::Slow;
    type Progress = (String, f64);
    type Output = ();

    fn run(self, progress: &(dyn Fn((String, f64)) -> bool + Sync)) {
        for name in self.names {
            // A layer that cannot be read says so when it is opened.
            let layer = self.checkpoint.layer(&name, Orientation::AsStored);
            let norm = layer.map_or(f64::NAN, |layer| layer.weight.norm_squared().sqrt());
            if !progress((name, norm)) {
                return;
            }
        }
    }
}

/// ‖W‖_F of the layers.
#[derive(Default)]
pub struct Norms {
    of: Option<Arc<Checkpoint>>,
    values: HashMap<String, f64>,
    all: usize,
    underway: Option<(TaskHandle, Receiver<(String, f64)>)>,
}

impl Norms {
    /// Returns the number of layers that are measured.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// The norm of the layer of this tensor.
    pub fn of(&self, name: &str) -> Option<f64> {
        self.values.get(name).copied()
    }

    /// Returns the number of layers that are measured, of how many; none while nothing goes on.
    pub fn progress(&self) -> Option<(usize, usize)> {
        self.underway.as_ref().map(|_| (self.values.len(), self.all))
    }

    /// Stops measuring the norms.
    pub fn stop(&mut self) {
        self.underway = None;
    }

    /// Measures those that are missing.
    pub fn start(&mut self, ctx: &Context, checkpoint: &Arc<Checkpoint>) {
        let (sender, receiver) = channel();
        let mut names: Vec<String> = checkpoint.layers().map(|layer| layer.name.clone()).collect();
        self.all = names.len();
        names.retain(|name| !self.values.contains_key(name));
        let ctx = ctx.clone();
        let handle = tasks::spawn(MeasureNorms { checkpoint: checkpoint.clone(), names }, move |message| {
            if let Message::Progress(norm) = message
                && sender.send(norm).is_ok()
            {
                ctx.request_repaint();
            }
        });
        self.underway = Some((handle, receiver));
    }

    /// Takes what has been measured; forgets it when another file is open.
    pub fn poll(&mut self, checkpoint: Option<&Arc<Checkpoint>>) {
        if self.of.as_ref().map(Arc::as_ptr) != checkpoint.map(Arc::as_ptr) {
            *self = Self { of: checkpoint.cloned(), ..Self::default() };
        }
        if let Some((_, receiver)) = &self.underway {
            let over = loop {
                match receiver.try_recv() {
                    Ok((name, norm)) => _ = self.values.insert(name, norm),
                    Err(error) => break error == TryRecvError::Disconnected,
                }
            };
            if over || self.values.len() == self.all {
                self.underway = None;
            }
        }
    }
}
