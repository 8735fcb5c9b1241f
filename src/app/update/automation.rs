//! The window told and asked by a program: what tests drive it by, and pages that embed it.
//!
//! What is there is one JSON object ([`Explorer::state`]), what can be asked for is another ([`Explorer::order`]), and
//! [`Labels`] says where on screen what a person reads is.

use crate::app::explorer::Explorer;
use crate::app::panels::dialogs::export::What;
use crate::app::platform::Place;
use crate::app::state::action::Action;
use crate::app::state::run::{Run, RunState};
use crate::app::state::workspace::Pane;
use crate::export::Layout;
use crate::factorize::{Preset, Settings};
use crate::job::{Backend, bench};
use crate::model::{Dtype, Orientation};
use crate::tasks::{Queue, SilentTask};
use eframe::egui::accesskit::{Node, NodeId, Role};
use eframe::egui::{Context, FullOutput, Plugin, Rect, pos2};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How fast runs are where they are done: a random matrix of this side, with the published settings.
#[derive(Clone, Serialize, Deserialize)]
pub struct Bench(usize);

impl SilentTask for Bench {
    const NAME: &'static str = "bench";
    const QUEUE: Queue = Queue::Slow;
    /// What `dsf-explorer bench solver` tells.
    type Output = Result<String, String>;

    fn make(self) -> Self::Output {
        let Self(side) = self;
        let measured = bench::measure(side, side, &Settings::default(), crate::tasks::processors());
        measured.map(|measured| json!(measured).to_string()).map_err(|error| error.to_string())
    }
}

impl Explorer {
    /// Sees that what was asked for is measured.
    pub(in crate::app) fn want_bench(&mut self, ctx: &Context) {
        if let Some((side, made)) = &mut self.bench {
            made.want(ctx, *side, |side| Bench(*side));
        }
    }
}

/// Where each label of the last frame is, as a screen reader is told.
#[derive(Default)]
pub struct Labels(Vec<(NodeId, Node)>);

impl Plugin for Labels {
    fn debug_name(&self) -> &'static str {
        "labels"
    }

    fn setup(&mut self, ctx: &Context) {
        ctx.enable_accesskit();
    }

    fn output_hook(&mut self, _: &Context, output: &mut FullOutput) {
        if let Some(update) = &output.platform_output.accesskit_update {
            self.0.clone_from(&update.nodes);
        }
    }
}

impl Labels {
    /// Everything with a label or a value: its role, what it says, and its place in points.
    pub fn all(&self) -> impl Iterator<Item = (Role, &str, Rect)> {
        self.0.iter().filter_map(|(_, node)| {
            let says = node.label().or(node.value())?;
            let bounds = node.bounds()?;
            let corner = |x: f64, y: f64| pos2(x as f32, y as f32);
            let rect = Rect::from_min_max(corner(bounds.x0, bounds.y0), corner(bounds.x1, bounds.y1));
            Some((node.role(), says, rect))
        })
    }

    /// As JSON: `[{role, label, x, y, width, height}]`, those whose label holds `part`.
    pub fn json(&self, part: &str) -> Value {
        let found = self.all().filter(|(_, says, _)| says.contains(part));
        found
            .map(|(role, says, rect)| {
                let (at, size) = (rect.min, rect.size());
                json!({ "role": format!("{role:?}"), "label": says, "x": at.x, "y": at.y, "width": size.x, "height": size.y })
            })
            .collect()
    }
}

impl Explorer {
    /// What is there.
    pub fn state(&self) -> Value {
        let layer = self.subject.as_ref().map(|subject| {
            let (rows, cols) = subject.layer.weight.shape();
            json!({ "name": subject.layer.name, "file": subject.layer.file, "rows": rows, "cols": cols })
        });
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "checkpoint": self.checkpoint.as_ref().map(|checkpoint| checkpoint.name()),
            "layer": layer,
            "settings": self.settings,
            "preset": self.settings.preset().map(Preset::name),
            "runs": self.runs.iter().map(run).collect::<Vec<_>>(),
            "selected": self.shown().map(|run| run.number),
            "step": self.shown().and_then(|run| self.timeline.step(run)),
            "pictures": self.is_up_to_date(),
            "baselines": { "magnitude": self.baselines.magnitude, "svd": self.baselines.svd },
            "busy": self.loader.busy,
            "threads": self.thread_count(),
            "backend": self.saved.backend.name(),
            "adapter": self.device.adapter().and_then(|found| found.as_ref().ok()),
            "instead_of_gpu": crate::tasks::why_no_gpu(),
            "drawn_by": self.adapter,
            "language": self.language.state(),
            "comparison": self.comparison_state(),
            "sweep": self.sweep_state(),
            "tour": self.tour.card().map(|(card, cards)| json!({ "card": card, "cards": cards })),
            "bench": self.bench.as_ref().and_then(|(side, made)| made.of(side)).map(|made| json!(**made)),
            "link": self.link(Vec::new()).write(),
            "messages": self.messages.texts().collect::<Vec<_>>(),
        })
    }

    /// Does one thing: `{"act": "Pause or resume"}`, `{"settings": {"density": 0.3}}`, `{"preset": "published"}`, `{"backend": "gpu"}`,
    /// `{"layer": name}`, `{"factors": name}`, `{"run": number}`, `{"go_to": half_step}`, `{"show": "Curves"}`,
    /// `{"load": address}`, `{"example": true}`, `{"calibrate": true}` (with the inputs in the model), `{"tour": card}`, `{"bench": side}`, `{"panic": text}`, `{"export": {"what", "layout", "dtype", "name"}}`,
    /// `{"language": {"compress": density} or "cancel", "save", "table", "pause table"}`,
    /// `{"compare": [method, …] or "cancel" or {"show": method}}`,
    /// `{"sweep": figure or "pause" or "go on"}`.
    /// Otherwise says in a sentence why not.
    pub fn order(&mut self, ctx: &Context, order: &Value) -> Result<(), String> {
        ctx.request_repaint();
        let Some((what, value)) = order.as_object().and_then(|order| order.iter().next()) else {
            return Err("an order is an object with one key".into());
        };
        let text = || value.as_str().ok_or_else(|| format!("{what} takes a text"));
        let number = || value.as_u64().map(|n| n as usize).ok_or_else(|| format!("{what} takes a whole number"));
        match what.as_str() {
            "act" => {
                let name = text()?;
                let action = Action::ALL.into_iter().find(|action| action.name() == name);
                let action = action.ok_or_else(|| format!("there is no action called {name}"))?;
                match self.why_not(action) {
                    Some(why) => return Err(why),
                    None => self.perform(ctx, action),
                }
            }
            "backend" => {
                let name = text()?;
                let backend = Backend::ALL.into_iter().find(|backend| backend.name() == name);
                self.saved.backend = backend.ok_or_else(|| format!("there is no backend {name}"))?;
                self.restart(ctx);
            }
            "settings" => self.change_settings(ctx, value)?,
            "preset" => {
                let name = text()?;
                let preset = Preset::ALL.into_iter().find(|preset| preset.name() == name);
                self.settings = self.settings.with_preset(preset.ok_or_else(|| format!("there is no preset {name}"))?);
                self.restart(ctx);
            }
            "layer" => {
                let checkpoint = self.checkpoint.clone().ok_or("nothing is open")?;
                self.loader.layer(&checkpoint, text()?.to_owned(), Orientation::AsStored);
            }
            "factors" => {
                let checkpoint = self.checkpoint.clone().ok_or("nothing is open")?;
                self.loader.factors(&checkpoint, text()?.to_owned(), self.subject.clone());
            }
            "run" => {
                let number = number()?;
                let at = self.runs.iter().position(|run| run.number == number);
                self.select(Some(at.ok_or_else(|| format!("there is no run {number}"))?));
            }
            "go_to" => {
                let step = number()?;
                let run = self.selected.and_then(|at| self.runs.get(at)).ok_or("no run is on screen")?;
                self.timeline.go_to(step, run);
            }
            "show" => {
                let name = text()?;
                let pane = Pane::ALL.into_iter().find(|pane| pane.name() == name);
                self.show(pane.ok_or_else(|| format!("there is no panel called {name}"))?);
            }
            "calibrate" => {
                let id = self.layer_on_screen().ok_or("no layer of a language model is on screen")?;
                self.language.collecting(id).ok_or("the model's text has not been read yet, or there is none")?;
                self.inputs_from_model(id);
            }
            "load" => self.loader.open(crate::app::platform::typed(text()?), None),
            "example" => self.perform(ctx, Action::Example),
            // What a person then sees is worth a test too.
            "panic" => panic!("{}", text()?),
            "bench" => self.bench = Some((number()?, Default::default())),
            "tour" => self.tour.go_to(number()?),
            "export" => self.write_now(ctx, value)?,
            "language" => self.language_order(ctx, value)?,
            "compare" => self.compare_order(value)?,
            "sweep" => self.sweep_order(value)?,
            other => return Err(format!("there is no order called {other}")),
        }
        Ok(())
    }

    fn change_settings(&mut self, ctx: &Context, change: &Value) -> Result<(), String> {
        let mut settings = json!(self.settings);
        let (Some(all), Some(change)) = (settings.as_object_mut(), change.as_object()) else {
            return Err("settings are an object".into());
        };
        for (key, value) in change {
            let place = all.get_mut(key).ok_or_else(|| format!("there is no setting {key}"))?;
            *place = value.clone();
        }
        let settings: Settings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
        settings.check().map_err(|error| error.to_string())?;
        self.settings = settings;
        self.restart(ctx);
        Ok(())
    }

    fn write_now(&mut self, ctx: &Context, wanted: &Value) -> Result<(), String> {
        let get = |key: &str| wanted.get(key).and_then(Value::as_str);
        let what = get("what").unwrap_or("Factors (safetensors)");
        let what = What::ALL.into_iter().find(|known| known.name() == what).ok_or("there is no such export")?;
        if let Some(why) = self.no_run_to_write().filter(|_| what.needs_run()) {
            return Err(why.into());
        }
        let known = |name| Layout::ALL.into_iter().find(|known| known.name() == name).ok_or("there is no such layout");
        let layout = get("layout").map(known).transpose()?;
        let dtypes = [Dtype::F32, Dtype::F16, Dtype::BF16];
        let dtype = get("dtype").and_then(|name| dtypes.into_iter().find(|dtype| dtype.name() == name));
        let stem = self.seen().map_or_else(|| "dsf".to_owned(), |seen| seen.layer.stem().to_owned());
        let method = self.method_on_screen();
        let name = get("name").map_or_else(|| what.file_name(&stem, method), str::to_owned);
        let wanted = crate::app::panels::dialogs::export::Wanted::new(what, layout, dtype, Place::new(&name, false));
        let request = self.request(what, ctx.theme() == eframe::egui::Theme::Dark);
        self.loader.write(crate::app::panels::dialogs::export::Write { request, wanted });
        Ok(())
    }

    fn language_order(&mut self, ctx: &Context, order: &Value) -> Result<(), String> {
        if let Some(density) = order.get("compress").and_then(Value::as_f64) {
            return self.language.compress_all(ctx, &self.settings, density, self.compute_config());
        }
        match order.as_str() {
            Some("cancel") => self.language.cancel(),
            Some("table") => self.language.measure_table()?,
            Some("pause table") => self.language.pause_table(),
            Some("save") => match self.language.saving_now(&self.settings) {
                Some((version, task)) => self.loader.save_model(version, task),
                None => return Err("no layer is compressed".into()),
            },
            _ => {
                let words = "{\"compress\": density}, \"cancel\", \"save\", \"table\" or \"pause table\"";
                return Err(format!("the model can be told {words}"));
            }
        }
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
        "title": run.title,
        "method": run.method.name(),
        "state": state,
        "why": why,
        "live": run.live,
        "step": progress.map(|progress| progress.step),
        "steps": progress.map(|progress| progress.steps),
        "error": run.error(),
        "layer_error": run.ended.as_ref().and_then(|ended| ended.outcome.layer.map(|layer| layer.calibration)),
        "nnz": run.nnz(),
        "seconds": run.ended.as_ref().map(|ended| ended.outcome.seconds).or(progress.map(|progress| progress.seconds)),
        "kept_iterations": run.snapshots.all().len(),
        "exported": run.exported,
    })
}
