//! What was read, written or chosen comes into the state.

use crate::app::explorer::Explorer;
use crate::app::platform;
use crate::app::platform::pick::Pick;
use crate::app::state::inputs::InputsRole;
use crate::app::state::loaded_layer::LoadedLayer;
use crate::app::state::pane::Pane;
use crate::app::state::run::Run;
use crate::app::tasks::language::eval_set::LanguageSource;
use crate::app::tasks::loaded::Loaded;
use crate::app::tasks::vision::network_set::VisionSource;
use crate::language::{LanguageModel, is_in_block};
use crate::matrix::Calibration;
use crate::model::{Checkpoint, Orientation, Source, TensorInfo};
use crate::vision::is_residual_network;
use eframe::egui::Context;
use std::sync::Arc;

/// A layer of at most so many entries is opened with its file, where there is one.
const QUICK_ENTRIES: usize = 1 << 26;

impl Explorer {
    /// Takes one thing that was read, written or chosen.
    pub(super) fn take(&mut self, ctx: &Context, loaded: Loaded) {
        let state = &mut self.state;
        match loaded {
            Loaded::Checkpoint(checkpoint, source, tensor) => self.take_checkpoint(ctx, checkpoint, source, tensor),
            Loaded::Layer(layer) => self.take_layer(ctx, layer),
            Loaded::Factors(spec, report, outcome) => {
                let run = Run::opened(state.runs.next_number(), *spec, report, outcome);
                state.runs.add(run);
            }
            Loaded::Compared(number, subject, error) => {
                if let Some(run) = state.runs.numbered(number) {
                    run.spec.layer = Some(subject);
                    run.outcome.iter_mut().for_each(|ended| ended.relative_error = error);
                }
            }
            Loaded::Picked(source) => state.computed.loader.open(source, None),
            Loaded::PickedInputs(source, role) => self.read_inputs(source, role),
            Loaded::PickedText(source) => state.language.read_data(Some(source)),
            Loaded::PickedImages(source) => state.vision.read_data(Some(source)),
            Loaded::Inputs(name, statistics, role) => self.take_inputs(ctx, name, statistics, role),
            Loaded::ModelInputs(tensor, statistics, data) => self.take_model_inputs(ctx, tensor, statistics, data),
            Loaded::ModelSaved(saved, written) => {
                state.language.saved(saved);
                platform::hand_over(written.files);
                state.messages.done(ctx, written.said);
            }
            Loaded::NetworkSaved(saved, written) => {
                state.vision.saved(saved);
                platform::hand_over(written.files);
                state.messages.done(ctx, written.said);
            }
            Loaded::Target(path) => self.shell.dialogs.export.chosen(&path),
            Loaded::Nothing => {}
            Loaded::NoDialog(what) => {
                let opens = matches!(what, Some(Pick::File | Pick::Folder));
                if opens && self.shell.dialogs.open.list_files() {
                    return;
                }
                let text = "This system has no file dialog (no desktop portal): type the path into the field beside it";
                state.messages.problem(ctx, text);
            }
            Loaded::Saved(number, written) => {
                self.shell.dialogs.export.written();
                platform::hand_over(written.files);
                number.and_then(|number| state.runs.numbered(number)).into_iter().for_each(|run| run.exported = true);
                state.messages.done(ctx, written.said);
            }
            Loaded::Problem(text) => state.messages.problem(ctx, text),
        }
    }

    fn take_inputs(&mut self, ctx: &Context, name: String, statistics: Arc<Calibration>, role: InputsRole) {
        let inputs = self.state.document.shape().map(|(_, cols)| cols);
        if inputs != Some(statistics.inputs()) {
            let text = format!("{name} is of another layer than the one that is open now: open it again");
            return self.state.messages.problem(ctx, text);
        }
        self.state.document.inputs.take(name, statistics, role);
        self.restart(ctx);
    }

    fn take_model_inputs(&mut self, ctx: &Context, tensor: String, statistics: Arc<Calibration>, data: &str) {
        let document = &mut self.state.document;
        if document.layer.as_ref().is_none_or(|open| open.layer.name != tensor) {
            let text = format!("Another layer than {tensor} is open by now: its inputs are not used");
            return self.state.messages.problem(ctx, text);
        }
        document.inputs.take_for(format!("{data}, for {tensor}"), statistics, tensor);
        self.restart(ctx);
    }

    fn take_layer(&mut self, ctx: &Context, layer: LoadedLayer) {
        let (document, messages) = (&mut self.state.document, &mut self.state.messages);
        if document.inputs.fit(layer.shape().1, &layer.layer.name) {
            messages.done(ctx, "The calibration was of another layer and is let go");
        } else if let (Some(old), true) = (&document.layer, document.inputs.calibration().is_some())
            && !old.is(&layer)
        {
            messages.done(ctx, format!("The calibration is still the one that was given for {}", old.layer.name));
            document.inputs.carry_over(&old.layer.name, &layer.layer.name);
        }
        self.compare_opened(&layer);
        let small = layer.is_small();
        self.state.document.layer = Some(layer);
        let runs = &mut self.state.runs;
        runs.clear_queue();
        runs.select(None);
        self.panels.views.fit();
        self.panels.views.unpin();
        // Looking at another layer must not end a run that was asked for.
        if small && self.state.runs.working().is_none() {
            self.start_run(ctx, true);
        }
    }

    /// Factors that were opened before their W are compared with it now.
    fn compare_opened(&mut self, layer: &LoadedLayer) {
        for run in self.state.runs.all().iter().filter(|run| run.spec.layer.is_none()) {
            let Some(ended) = &run.outcome else { continue };
            let same = run.spec.is_opened() && run.spec.layer_name == layer.layer.stem();
            if same && ended.replacement.shape() == layer.shape() {
                self.state.computed.loader.compare(run.number, ended.replacement.clone(), layer.clone());
            }
        }
    }

    /// A file was read: it replaces the last one only now that it is known to be good.
    fn take_checkpoint(
        &mut self,
        ctx: &Context,
        checkpoint: Arc<Checkpoint>,
        from: Option<Source>,
        tensor: Option<String>,
    ) {
        checkpoint.notes().iter().for_each(|note| self.state.messages.problem(ctx, note));
        let first = first_layer(&checkpoint).map(|tensor| tensor.name.clone());
        let stems = checkpoint.factorizations();
        let is_sparse = checkpoint.tensors().iter().any(|tensor| Checkpoint::is_part_of_sparse(&tensor.name));
        // Factors alone have no norms.
        let has_norms = || checkpoint.tensors().iter().any(|tensor| tensor.name.ends_with(".running_var"));
        let is_network = is_residual_network(&checkpoint) && (!is_sparse || has_norms());
        self.shell.dialogs.open.open = false;
        let state = &mut self.state;
        let loader = &mut state.computed.loader;
        match (tensor, stems.first(), first) {
            (Some(name), _, _) => loader.layer(&checkpoint, name, Orientation::AsStored),
            (None, Some(stem), _) => loader.factors(&checkpoint, stem.clone(), state.document.layer.clone()),
            (None, None, Some(name)) => loader.layer(&checkpoint, name, Orientation::AsStored),
            // Each of its layers is one sparse matrix: there is only its page to look at.
            (None, None, None) if is_network && is_sparse => self.shell.workspace.show(Pane::Vision),
            (None, None, None) => {
                let name = checkpoint.name();
                let text = format!("{name} holds no layer: only 2-D and 4-D tensors of floats can be factorized");
                state.messages.problem(ctx, text);
                // What it does hold is listed; a file without any tensor has nothing to show.
                if !checkpoint.tensors().is_empty() {
                    state.document.checkpoint = Some(checkpoint);
                }
                return;
            }
        }
        state.document.address = from.as_ref().and_then(platform::address);
        if let Some(path) = from.as_ref().and_then(platform::remembered) {
            state.preferences.remember(path);
        }
        // A matrix, or factors to look at, take nothing from the model that is open.
        let dense = checkpoint.tensors().iter().any(|tensor| is_in_block(&tensor.name));
        if is_network {
            state.vision.open(VisionSource { checkpoint: checkpoint.clone(), from, images: None });
        } else if (dense && stems.is_empty()) || LanguageModel::keeps_factors(&checkpoint) {
            state.language.open(LanguageSource { checkpoint: checkpoint.clone(), from, text: None });
        }
        state.document.checkpoint = Some(checkpoint);
    }
}

/// The layer that a file is opened with: the first linear layer of a block, which is what people prune; where there are
/// no blocks the first that is read in a moment.
fn first_layer(checkpoint: &Checkpoint) -> Option<&TensorInfo> {
    let quick = |tensor: &&TensorInfo| tensor.len() <= QUICK_ENTRIES;
    let numbered = |tensor: &TensorInfo| tensor.name.split('.').any(|part| part.parse::<usize>().is_ok());
    let in_block = |tensor: &TensorInfo| is_in_block(&tensor.name);
    let layers = || checkpoint.layers().filter(quick);
    let block = layers().find(|tensor| in_block(tensor)).or_else(|| layers().find(|tensor| numbered(tensor)));
    block.or_else(|| layers().next()).or(checkpoint.layers().next())
}
