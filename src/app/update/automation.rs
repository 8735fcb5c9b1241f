//! The window told and asked by a program: what tests drive it by, and pages that embed it.
//!
//! What is there is one JSON object ([`Explorer::state`]), what can be asked for is another ([`Explorer::order`]).

use crate::Named;
use crate::app::explorer::Explorer;
use crate::app::platform::typed;
use crate::app::state::action::Action;
use crate::app::state::command::Command;
use crate::app::state::order_error::OrderError;
use crate::app::state::pane::Pane;
use crate::app::state::run::{Run, RunState};
use crate::factorize::{Preset, Settings};
use crate::job::Backend;
use crate::model::Orientation;
use eframe::egui::Context;
use serde_json::{Value, json};

impl Explorer {
    /// The window's state as one JSON object.
    pub fn state(&self) -> Value {
        let state = &self.state;
        let layer = state.document.layer.as_ref().map(|open| {
            let (rows, cols) = open.shape();
            json!({ "name": open.layer.name, "file": open.layer.file, "rows": rows, "cols": cols })
        });
        let baselines = state.computed.baselines.latest();
        let settings = &state.preferences.settings;
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "checkpoint": state.document.checkpoint.as_ref().map(|checkpoint| checkpoint.name()),
            "layer": layer,
            "settings": settings,
            "preset": settings.preset().map(Preset::name),
            "runs": state.runs.all().iter().map(run).collect::<Vec<_>>(),
            "selected": state.runs.shown().map(|run| run.number),
            "step": state.runs.step(),
            "pictures": state.is_up_to_date(),
            "baselines": { "magnitude": baselines.magnitude, "wanda": baselines.wanda, "svd": baselines.svd },
            "busy": state.computed.loader.busy,
            "threads": state.preferences.thread_count(),
            "backend": state.preferences.backend.name(),
            "adapter": state.computed.adapter.adapter().and_then(|found| found.as_ref().ok()),
            "instead_of_gpu": crate::tasks::why_no_gpu(),
            "drawn_by": self.shell.drawn_by,
            "speed": state.computed.speed.latest().and_then(|made| json!(made.as_ref().as_ref().ok()?.as_ref()?).into()),
            "language": state.language.state(),
            "vision": state.vision.state(),
            "comparison": self.comparison_state(),
            "sweep": self.sweep_state(),
            "tour": self.shell.tour.card().map(|(card, cards)| {
                json!({ "card": card, "cards": cards, "is_set": self.shell.tour.to_set().is_none() })
            }),
            "bench": state.computed.bench.as_ref().and_then(|(side, made)| made.of(side)).map(|made| json!(**made)),
            "link": self.link(Vec::new()).write(),
            "messages": state.messages.texts().collect::<Vec<_>>(),
        })
    }

    /// Does one thing: `{"act": "Pause or resume"}`, `{"settings": {"density": 0.3}}`, `{"preset": "published"}`, `{"backend": "gpu"}`,
    /// `{"layer": name}`, `{"factors": name}`, `{"run": number}`, `{"go_to": half_step}`, `{"show": "Curves"}`,
    /// `{"load": address}`, `{"example": true}`, `{"calibrate": true}` (with the inputs in the model), `{"tour": card}`, `{"bench": side}`, `{"panic": text}`, `{"export": {"what", "layout", "dtype", "name"}}`,
    /// `{"language": {"compress": density, "blockwise": false} or {"tune": settings} or "cancel", "pause tuning", "resume tuning", "cancel tuning",
    /// "undo tuning", "save", "table", "pause table"}`,
    /// `{"vision": "example" or {"images": path or address} or {"compress": density} or {"tune": settings} or "cancel", "pause tuning",
    /// "resume tuning", "cancel tuning", "undo tuning", "save"}`,
    /// `{"compare": [method, …] or "cancel" or {"show": method}}`,
    /// `{"sweep": figure or "pause" or "go on"}`.
    pub fn order(&mut self, ctx: &Context, order: &Value) -> Result<(), OrderError> {
        ctx.request_repaint();
        let Some((what, value)) = order.as_object().and_then(|order| order.iter().next()) else {
            return Err(OrderError::NotAnOrder);
        };
        let text = || value.as_str().ok_or_else(|| OrderError::takes(what, "a text"));
        let number = || value.as_u64().map(|n| n as usize).ok_or_else(|| OrderError::takes(what, "a whole number"));
        match what.as_str() {
            "act" => {
                let name = text()?;
                let action = Action::ALL.iter().copied().find(|action| action.title() == name);
                let action = action.ok_or_else(|| OrderError::unknown("action called", name))?;
                match self.state.why_not(action) {
                    Some(why) => return Err(OrderError::not_now(why)),
                    None => self.act(ctx, action),
                }
            }
            "backend" => {
                let name = text()?;
                let backend = Backend::named(name);
                let backend = backend.ok_or_else(|| OrderError::unknown("backend", name))?;
                self.perform(ctx, Command::SetBackend(backend));
            }
            "settings" => self.change_settings(ctx, value)?,
            "preset" => {
                let name = text()?;
                let preset = Preset::named(name);
                let preset = preset.ok_or_else(|| OrderError::unknown("preset", name))?;
                self.set_settings(ctx, self.settings().with_preset(preset));
            }
            "layer" => {
                self.state.document.checkpoint.as_ref().ok_or_else(|| OrderError::not_now("nothing is open"))?;
                self.open_layer(text()?.to_owned(), Orientation::AsStored);
            }
            "factors" => {
                self.state.document.checkpoint.as_ref().ok_or_else(|| OrderError::not_now("nothing is open"))?;
                self.open_factors(text()?.to_owned());
            }
            "run" => {
                let number = number()?;
                let at = self.state.runs.position(number).ok_or_else(|| OrderError::unknown("run", number))?;
                self.perform(ctx, Command::SelectRun(at));
            }
            "go_to" => {
                let step = number()?;
                self.shown().ok_or_else(|| OrderError::not_now("no run is on screen"))?;
                self.perform(ctx, Command::GoTo(step));
            }
            "show" => {
                let name = text()?;
                let pane = Pane::ALL.iter().copied().find(|pane| pane.title() == name);
                self.show(pane.ok_or_else(|| OrderError::unknown("panel called", name))?);
            }
            "calibrate" => {
                if let Some(layer) = self.state.network_layer_on_screen() {
                    let no_images =
                        || OrderError::not_now("the network's images have not been read yet, or there are none");
                    self.state.vision.collecting(layer).ok_or_else(no_images)?;
                    self.inputs_from_network(layer);
                    return Ok(());
                }
                let no_layer = || OrderError::not_now("no layer of a model is on screen");
                let no_text = || OrderError::not_now("the model's text has not been read yet, or there is none");
                let id = self.state.model_layer_on_screen().ok_or_else(no_layer)?;
                self.state.language.collecting(id).ok_or_else(no_text)?;
                self.inputs_from_model(id);
            }
            "load" => self.perform(ctx, Command::Open(typed(text()?))),
            "example" => self.act(ctx, Action::Example),
            // What a person then sees is worth a test too.
            "panic" => panic!("{}", text()?),
            "bench" => self.state.computed.bench = Some((number()?, Default::default())),
            "tour" => self.shell.tour.go_to(number()?),
            "export" => self.write_now(ctx, value)?,
            "language" => self.language_order(ctx, value)?,
            "vision" => self.vision_order(ctx, value)?,
            "compare" => self.compare_order(value)?,
            "sweep" => self.sweep_order(value)?,
            other => return Err(OrderError::unknown("order called", other)),
        }
        Ok(())
    }

    fn change_settings(&mut self, ctx: &Context, change: &Value) -> Result<(), OrderError> {
        let mut settings = json!(self.settings());
        let (Some(all), Some(change)) = (settings.as_object_mut(), change.as_object()) else {
            return Err(OrderError::takes("settings", "an object"));
        };
        for (key, value) in change {
            let place = all.get_mut(key).ok_or_else(|| OrderError::unknown("setting", key))?;
            *place = value.clone();
        }
        let settings: Settings = serde_json::from_value(settings)?;
        settings.check()?;
        self.set_settings(ctx, settings);
        Ok(())
    }
}

fn run(run: &Run) -> Value {
    let state = match &run.state {
        RunState::Running => "running",
        RunState::Paused => "paused",
        RunState::Finished => "finished",
        RunState::Cancelled => "cancelled",
        RunState::Failed(_) => "failed",
        RunState::Opened => "opened",
    };
    let why = if let RunState::Failed(why) = &run.state { Some(why) } else { None };
    let progress = run.progress.as_ref();
    json!({
        "number": run.number,
        "name": run.name,
        "title": run.spec.layer_name,
        "model": run.spec.model,
        "method": run.spec.method.name(),
        "state": state,
        "why": why,
        "live": run.live,
        "step": progress.map(|progress| progress.step),
        "steps": progress.map(|progress| progress.steps),
        "error": run.error(),
        "layer_error": run.outcome.as_ref().and_then(|ended| ended.layer.map(|layer| layer.calibration)),
        "nnz": run.nnz(),
        "seconds": run.outcome.as_ref().map(|ended| ended.seconds).or(progress.map(|progress| progress.seconds)),
        "kept_iterations": run.snapshots.all().len(),
        "exported": run.exported,
    })
}
