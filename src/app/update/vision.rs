//! The vision model: what is asked for of it, from its panels and from outside.

use super::whole_model::{MODEL_ORDERS, model_order};
use crate::app::explorer::Explorer;
use crate::app::platform::{pick::Pick, typed};
use crate::app::state::order_error::OrderError;
use crate::app::state::pane::Pane;
use crate::app::state::vision_command::VisionCommand;
use eframe::egui::Context;
use serde_json::Value;

impl Explorer {
    /// Does what a panel asks for.
    pub(super) fn perform_vision(&mut self, ctx: &Context, command: VisionCommand) {
        let (vision, preferences) = (&mut self.state.vision, &self.state.preferences);
        let loader = &mut self.state.computed.loader;
        match command {
            VisionCommand::Model(command) => {
                vision.perform(ctx, command, (&preferences.settings, preferences.compute_config()));
            }
            VisionCommand::OpenExample => self.open_vision_example(),
            VisionCommand::BrowseImages => loader.pick_images(Pick::Images),
            VisionCommand::BrowseImageFolder => loader.pick_images(Pick::ImageFolder),
            VisionCommand::Save => _ = self.save_network(),
            VisionCommand::CompareEstimated(estimated) => vision.measures.compares_estimated = estimated,
            VisionCommand::TakeInputs(layer) => self.inputs_from_network(layer),
            VisionCommand::ShowImages(places) => vision.want_samples(ctx, places),
        }
    }

    /// Writes the network with its compressed layers; false when there are none.
    fn save_network(&mut self) -> bool {
        let (settings, threads) = (&self.state.preferences.settings, self.state.preferences.threads);
        let saving = self.state.vision.saving(settings, threads, self.panels.network.save_target());
        let there = saving.is_some();
        saving.into_iter().for_each(|(version, task)| self.state.computed.loader.save_network(version, task));
        there
    }

    /// Opens the built-in network, and shows its page.
    pub(super) fn open_vision_example(&mut self) {
        self.show(Pane::Vision);
        self.state.computed.loader.open_vision_example();
    }

    /// Reads the statistics of what a layer reads in the network.
    pub(super) fn inputs_from_network(&mut self, layer: usize) {
        let vision = &self.state.vision;
        if let (Some(task), Some(info)) = (vision.collecting(layer), vision.info()) {
            let tensor = info.architecture.layers[layer].tensor();
            self.state.computed.loader.collect(task, tensor, "the network's images");
        }
    }

    /// `"example"`, `{"images": path or address}`, `{"compress": density}`, `{"tune": {"steps": 20}}` with [`Settings`](crate::finetune::Settings),
    /// `"pause tuning"`, `"resume tuning"`, `"cancel tuning"`, `"undo tuning"`, `"cancel"` or `"save"`.
    pub(super) fn vision_order(&mut self, ctx: &Context, order: &Value) -> Result<(), OrderError> {
        let (vision, preferences) = (&mut self.state.vision, &self.state.preferences);
        if let Some(images) = order.get("images").and_then(Value::as_str) {
            vision.read_data(Some(typed(images)));
            return Ok(());
        }
        if model_order(vision, ctx, order, preferences)? {
            return Ok(());
        }
        match order.as_str() {
            Some("example") => self.open_vision_example(),
            Some("save") => match self.save_network() {
                true => {}
                false => return Err(OrderError::not_now("no layer is compressed")),
            },
            _ => {
                let takes = format!("\"example\", {{\"images\": path}}, {MODEL_ORDERS} or \"save\"");
                return Err(OrderError::takes("a vision model", takes));
            }
        }
        Ok(())
    }
}
