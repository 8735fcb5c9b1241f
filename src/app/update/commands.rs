//! What panels ask for, done.

use crate::app::explorer::Explorer;
use crate::app::panels::settings::setting::control_label;
use crate::app::platform::pick::Pick;
use crate::app::state::command::Command;
use crate::app::state::inputs::InputsRole;
use crate::app::state::language_command::LanguageCommand;
use crate::app::state::pane::Pane;
use crate::app::state::vision_command::VisionCommand;
use crate::app::tasks::masks::CompareMasks;
use crate::app::tasks::write_export::WriteExport;
use crate::app::widgets::marks::focus_on;
use crate::app::widgets::regions::go_to;
use crate::model::{Orientation, Source};
use eframe::egui::{Context, Theme};
use std::time::Duration;

/// Speed is measured no more often than every so many milliseconds.
const SPEED_PACE: Duration = Duration::from_millis(300);

/// Masks are compared no more often than every so many milliseconds.
const MASKS_PACE: Duration = Duration::from_millis(100);

impl Explorer {
    /// Does what a panel asks for.
    pub(in crate::app) fn perform(&mut self, ctx: &Context, command: Command) {
        let state = &mut self.state;
        let loader = &mut state.computed.loader;
        match command {
            // Asked for in every frame: these ask for no other one.
            Command::CompareMasks(first, second, factor) => {
                let key = CompareMasks { first, second, factor };
                return state.computed.masks.want_slowly(ctx, key, MASKS_PACE, Clone::clone);
            }
            Command::MeasureSpeed(request) => {
                if let Ok(key) = state.speed_task(request) {
                    state.computed.speed.want_slowly(ctx, key, SPEED_PACE, Clone::clone);
                }
                return;
            }
            Command::Language(LanguageCommand::Generate(request)) => {
                return state.language.want_texts(ctx, &request, state.preferences.threads);
            }
            Command::Vision(VisionCommand::ShowImages(places)) => {
                return state.vision.want_samples(ctx, places);
            }
            Command::Act(action) => self.act(ctx, action),
            Command::Try(action) => self.try_to(ctx, action),
            Command::GoToPanel(pane) => {
                self.show(pane);
                go_to(ctx, &pane.region());
            }
            Command::FocusSetting(setting) => {
                let label = control_label(setting, &state.preferences.settings);
                self.show(Pane::Settings);
                focus_on(ctx, label);
            }

            Command::Open(source) => loader.open(source, None),
            Command::Follow(link) => self.follow(ctx, *link),
            Command::BrowseFile => loader.pick(Pick::File),
            Command::BrowseFolder => loader.pick(Pick::Folder),
            Command::OpenLayer(name, orientation) => self.open_layer(name, orientation),
            Command::OpenFactors(stem) => self.open_factors(stem),
            Command::SetOrientation(orientation) => state.document.orientation = orientation,
            Command::ReadInputs(source, role) => self.read_inputs(source, role),
            Command::BrowseInputs(role) => loader.pick_inputs(role),
            Command::RemoveInputs(role) => {
                state.document.inputs.remove(role);
                self.restart(ctx);
            }
            Command::MeasureNorms => {
                if let Some(checkpoint) = &state.document.checkpoint {
                    state.computed.norms.start(ctx, checkpoint);
                }
            }
            Command::StopNorms => state.computed.norms.stop(),

            Command::SetSettings(settings) => self.set_settings(ctx, *settings),
            Command::FindSplit => {
                if let Some(problem) = state.document.problem() {
                    state.computed.split.start(problem, state.preferences.settings.clone());
                }
            }
            Command::CancelSplit => state.computed.split.cancel(),
            Command::SetBackend(backend) => {
                state.preferences.backend = backend;
                self.restart(ctx);
            }
            Command::FindAdapter => state.computed.adapter.look(ctx),
            Command::SetColorRange(share) => state.preferences.looks.percentile = share,
            Command::SetQuantity(quantity) => state.preferences.quantity = quantity,

            Command::SelectRun(at) => state.runs.select(Some(at)),
            Command::DeleteRun(at) => self.delete_run(ctx, at),
            Command::StarRun(at) => state.runs.get_mut(at).into_iter().for_each(|run| run.starred ^= true),
            Command::RenameRun(at, name) => {
                if let Some(run) = state.runs.get_mut(at) {
                    // What has a name is no longer something that a slider left behind.
                    (run.name, run.live) = (name, false);
                }
            }
            Command::TakeSettings(at) => {
                if let Some(settings) = state.runs.get_mut(at).and_then(|run| run.spec.settings.clone()) {
                    self.set_settings(ctx, settings);
                }
            }
            Command::GoTo(step) => state.runs.go_to(step),

            Command::ComputeSvd => {
                if let Some(layer) = state.layer_on_screen().map(|seen| seen.layer.clone()) {
                    state.computed.baselines.ask_svd(&layer.weight);
                }
            }
            Command::Compare(command) => self.perform_compare(ctx, command),
            Command::Sweep(command) => self.perform_sweep(command),
            Command::Language(command) => self.perform_language(ctx, command),
            Command::Vision(command) => self.perform_vision(ctx, command),

            Command::Export(kind) => self.shell.dialogs.export.start(kind),
            Command::BrowseTarget(name) => loader.pick_target(name),
            Command::Write(request) => {
                let data = self.export_data(&request, ctx.theme() == Theme::Dark);
                self.state.computed.loader.write(WriteExport { data, request });
            }
            Command::CopyLink(link) => {
                ctx.copy_text(link);
                state.messages.done(ctx, "The link is in the clipboard");
            }
            Command::GoToCard(card) => {
                state.runs.clear_queue();
                self.shell.tour.go_to(card);
            }
        }
        ctx.request_repaint();
    }

    /// Shows a panel that may be behind another.
    pub(in crate::app) fn show(&mut self, pane: Pane) {
        self.shell.workspace.show(pane);
    }

    pub(in crate::app) fn open_layer(&mut self, name: String, orientation: Orientation) {
        if let Some(checkpoint) = &self.state.document.checkpoint {
            self.state.computed.loader.layer(checkpoint, name, orientation);
        }
    }

    pub(in crate::app) fn open_factors(&mut self, stem: String) {
        let document = &self.state.document;
        if let Some(checkpoint) = &document.checkpoint {
            self.state.computed.loader.factors(checkpoint, stem, document.layer.clone());
        }
    }

    pub(in crate::app) fn read_inputs(&mut self, source: Source, role: InputsRole) {
        let ctx = self.state.computed.loader.ctx().clone();
        let state = &mut self.state;
        match &state.document.layer {
            Some(open) => state.computed.loader.inputs(source, &open.layer, role),
            None => state.messages.problem(&ctx, "Open a layer first: inputs belong to one"),
        }
    }

    /// Deletes a run; it can be brought back.
    pub(in crate::app) fn delete_run(&mut self, ctx: &Context, at: usize) {
        let name = self.state.runs.delete(at);
        self.state.messages.done(ctx, format!("{name} is deleted; Shift+Delete brings it back"));
    }
}
