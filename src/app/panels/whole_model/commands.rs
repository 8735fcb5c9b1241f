//! What is done with the layers of a model: by which method, which of them, how far it is.

use super::method::method_ui;
use crate::app::state::model_command::ModelCommand;
use crate::app::tasks::whole_model::model::WholeModel;
use crate::app::tasks::whole_model::model_state::ModelState;
use crate::app::tasks::whole_model::tuning::tune::KeyOf;
use crate::app::widgets::marks::mark;
use crate::app::widgets::text::duration;
use eframe::egui::{Button, ProgressBar, Role, Ui, WidgetInfo};
use std::collections::BTreeSet;

/// Why no layer of a model that is compressed already can be compressed.
pub const KEEPS_FACTORS: &str = "This model keeps its factors: open the one that they were made from";

/// What is said of compressing the layers of a model, in its own words.
pub struct AboutCompressing<'a> {
    /// What the buttons do.
    pub hint: &'a str,
    /// Mark of the button that compresses all layers, for the tour.
    pub mark: &'static str,
    /// Why methods that need the layers' inputs cannot be chosen.
    pub no_inputs: Option<&'a str>,
    /// Why no layer can be compressed at all.
    pub no_layer: Option<&'a str>,
    /// Why not all of them can be compressed together.
    pub not_all: Option<&'a str>,
}

/// The method and the buttons; `ticked` are the layers that a person has ticked.
pub fn commands_ui<S: WholeModel>(
    ui: &mut Ui,
    model: &ModelState<S>,
    about: &AboutCompressing<'_>,
    ticked: &BTreeSet<KeyOf<S>>,
) -> Option<ModelCommand<KeyOf<S>>> {
    let busy = model.why_busy();
    let mut command = method_ui(ui, model.budget.method, about.no_inputs).map(ModelCommand::SetMethod);
    let why_not = about.no_layer.or(busy);
    let button = |ui: &mut Ui, label: &str, why_not: Option<&str>, hint: &str| {
        let button = ui.add_enabled(why_not.is_none(), Button::new(label));
        button.on_hover_text(hint).on_disabled_hover_text(why_not.unwrap_or_default())
    };
    let all = button(ui, "Compress all", why_not.or(about.not_all), about.hint);
    mark(ui, about.mark, all.rect);
    if all.clicked() {
        command = model.info().map(|info| ModelCommand::Compress(S::keys(info).into_iter().collect()));
    }
    let none_ticked = ticked.is_empty().then_some("No layer is ticked");
    if button(ui, "Compress ticked", why_not.or(none_ticked), about.hint).clicked() {
        command = Some(ModelCommand::Compress(ticked.clone()));
    }
    if let Some(work) = model.compression() {
        let cancel = ui.add_enabled(!work.is_cancelled(), Button::new("Cancel compressing"));
        if cancel.on_hover_text("Finished layers stay").clicked() {
            command = Some(ModelCommand::CancelCompression);
        }
    }
    let none = model.layers().is_empty().then_some("No layer is compressed");
    if button(ui, "Back to dense", busy.or(none), "The ticked layers, or all if none is ticked").clicked() {
        let ids = if ticked.is_empty() { model.layers().ids().collect() } else { ticked.clone() };
        command = Some(ModelCommand::Restore(ids));
    }
    command
}

/// The progress of the compression with the layer in work, which `label` names, and the last problem.
pub fn progress_ui<S: WholeModel>(ui: &mut Ui, model: &ModelState<S>, label: impl Fn(&S::Info, KeyOf<S>) -> String) {
    if let (Some(work), Some(info)) = (model.compression(), model.info()) {
        let (done, left) = work.progress();
        let about = match work.current() {
            Some((key, _, Some(stage))) => format!("{}, {}", label(info, key), stage.title()),
            Some((key, _, None)) if !work.is_waiting(key) => format!("tuning the block after {}", label(info, key)),
            Some((key, _, None)) => label(info, key),
            None => "collecting inputs".into(),
        };
        let left = left.map_or(String::new(), |left| format!(", {} left", duration(left)));
        let text = format!("{about}{left}");
        let bar = ui.add(ProgressBar::new(done as f32).text(&text));
        bar.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, &text));
    }
    if let Some(why) = model.problem() {
        ui.colored_label(ui.visuals().error_fg_color, why);
    }
}

/// Another model was opened, and layers of this one would be lost; `stay` is what its button says.
pub fn pending_ui<S: WholeModel>(ui: &mut Ui, model: &ModelState<S>, stay: &str) -> Option<ModelCommand<KeyOf<S>>> {
    let name = model.pending()?;
    let row = ui.horizontal_wrapped(|ui| {
        ui.strong(format!("{name} is open too. The compressed layers here are not saved."));
        let discard = ui.button("Discard and open").clicked().then_some(ModelCommand::DiscardAndOpen);
        ui.button(stay).clicked().then_some(ModelCommand::Stay).or(discard)
    });
    row.inner
}
