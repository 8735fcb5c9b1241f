//! The model's layers, what is done with them, and what becomes of its perplexity.

use crate::app::panels::language::LanguageModelState;
use crate::app::panels::language::compressing::without_layers;
use crate::app::platform::{HAS_FOLDERS, TYPED, typed};
use crate::app::state::command::Command;
use crate::app::tasks::language::eval_set::ModelInfo;
use crate::app::widgets::colors;
use crate::app::widgets::text::duration;
use crate::compress::distribute;
use crate::factorize::Settings;
use crate::job::ComputeConfig;
use crate::language::{LayerId, Linear};
use crate::methods::Method;
use crate::model::Orientation;
use eframe::egui::{
    Button, CollapsingHeader, Color32, ComboBox, DragValue, Grid, ProgressBar, RichText, Role, ScrollArea, TextEdit,
    Ui, WidgetInfo,
};
use egui_plot::{Corner, HLine, Legend, Line, Plot, PlotPoints, Points};
use std::collections::BTreeSet;

const HEADINGS: [&str; 8] = ["", "Layer", "Shape", "Density", "Before", "Error", "Sensitivity", "State"];

impl LanguageModelState {
    /// The panel. `settings` are those of the next runs, `open` is the layer on screen.
    pub fn model_ui(
        &mut self,
        ui: &mut Ui,
        settings: &Settings,
        open: Option<LayerId>,
        compute: ComputeConfig,
    ) -> Option<Command> {
        let facts = &self.facts_ui(ui)?;
        self.pending_ui(ui);
        // In a small panel what it is about scrolls away, so that the layers can be seen.
        let scroll = ScrollArea::both().id_salt("model").auto_shrink(false);
        scroll
            .show(ui, |ui| {
                self.perplexity_ui(ui, facts);
                ui.horizontal_wrapped(|ui| {
                    self.commands_ui(ui, facts, settings, compute);
                    self.budget_ui(ui, facts);
                });
                self.work_ui(ui);
                self.kinds_ui(ui);
                let text = CollapsingHeader::new("Text to measure on").default_open(facts.text.is_none());
                let mut browse = false;
                text.show(ui, |ui| {
                    ui.horizontal_wrapped(|ui| {
                        browse = ui.button("Browse…").on_hover_text("Choose a text with a dialog").clicked();
                        self.text_ui(ui);
                        let own = facts.own_text || facts.text_problem.is_some();
                        if own
                            && self.source.as_ref().is_some_and(|source| source.from.is_none())
                            && ui.button("Back to the model's own stories").clicked()
                        {
                            self.read_text(None);
                        }
                    });
                });
                let act = self.save_ui(ui, settings).or(browse.then_some(Command::BrowseText));
                self.trail_ui(ui);
                self.layers_ui(ui, facts, open).or(act)
            })
            .inner
    }

    /// What the panels need of the model; says why there is none.
    pub(super) fn facts_ui(&self, ui: &mut Ui) -> Option<ModelInfo> {
        const WHICH: &str =
            "A Hugging Face folder of the Llama family is one: config.json, tokenizer.json and its weights";
        let facts = self.facts.of(&self.number).map(|facts| facts.as_ref().clone());
        match facts {
            Some(Ok(facts)) => return Some(facts),
            Some(Err(why)) => {
                ui.weak("What is open is not used as a language model").on_hover_text(WHICH);
                ui.label(why);
            }
            None if self.source.is_some() => _ = ui.weak("Reading the model…"),
            None => {
                ui.label("No language model is open");
                ui.weak(WHICH);
            }
        }
        None
    }

    /// Dense, floor, compressed, and with the tuned layer alone.
    fn perplexity_ui(&mut self, ui: &mut Ui, facts: &ModelInfo) {
        ui.horizontal_wrapped(|ui| {
            let Some([predicted, windows, context]) = facts.text else {
                ui.label("Perplexity: give a text to measure the model on");
                if let Some(why) = &facts.text_problem {
                    ui.colored_label(ui.visuals().error_fg_color, why);
                }
                return;
            };
            let hint = format!("exp of the mean loss on {predicted} tokens, in {windows} windows of {context}");
            ui.strong("Perplexity").on_hover_text(hint);
            match (self.dense(), self.dense.of(&self.number).map(|dense| dense.as_ref())) {
                (Some(dense), _) => _ = ui.label(format!("dense {dense:.3}")),
                (None, Some(Err(why))) => _ = ui.colored_label(ui.visuals().error_fg_color, why),
                _ if !self.is_live(facts) && !self.asked => {
                    let hint = "This model is large: it takes minutes, and the memory of its activations";
                    if ui.button("Measure").on_hover_text(hint).clicked() {
                        self.asked = true;
                    }
                }
                _ => _ = ui.weak("measuring…"),
            }
            if let Some(floor) = facts.floor {
                let hint = "The language's own, over whole stories: no model can be better";
                ui.label(format!("floor {floor:.3}")).on_hover_text(hint);
            }
            if let Some(why) = &facts.text_problem {
                ui.colored_label(ui.visuals().error_fg_color, why);
            }
            if !self.layers.is_empty() {
                let of = format!("{} of {} layers", self.layers.len(), facts.config.layers().count());
                match (self.compressed(), self.together.entry()) {
                    (Some((perplexity, true)), _) => _ = ui.strong(format!("now {perplexity:.3}")).on_hover_text(of),
                    (Some((perplexity, false)), _) => _ = ui.weak(format!("now {perplexity:.3}…")).on_hover_text(of),
                    (None, Some((key, loss))) if key.study == self.number => {
                        let why = loss.as_ref().as_ref().err().cloned().unwrap_or_default();
                        ui.colored_label(ui.visuals().error_fg_color, why);
                    }
                    _ if self.dense().is_none() => {}
                    _ => _ = ui.weak("now …"),
                }
                if let (Some(proxy), Some(_)) = (self.proxy(), self.dense()) {
                    let errors = self.layers.values().filter_map(|layer| Some((layer.id, layer.report.layer_error?)));
                    let rise = proxy.loss(errors) - proxy.dense;
                    let predicted = self.dense().unwrap_or(1.0) * rise.exp();
                    let hint = "Dense, times exp of each layer's error times what it costs";
                    ui.label(format!("predicted {predicted:.3}")).on_hover_text(hint);
                }
            }
        });
    }

    /// Another model was opened, and layers of this one would be lost.
    fn pending_ui(&mut self, ui: &mut Ui) {
        let Some(source) = &self.pending else { return };
        let text = format!("{} is open too. The compressed layers here are not saved.", source.checkpoint.name());
        ui.horizontal_wrapped(|ui| {
            ui.strong(text);
            if ui.button("Discard and open").clicked() {
                self.layers.clear();
                self.work = None;
                if let Some(source) = self.pending.take() {
                    self.open(source);
                }
            }
            if ui.button("Stay with this model").clicked() {
                self.pending = None;
            }
        });
    }

    /// Where a text can be given.
    fn text_ui(&mut self, ui: &mut Ui) {
        let why = "Its first part measures the model, windows from all over the rest give the layers' inputs";
        let name = ui.weak("Text file").on_hover_text(why);
        let field = TextEdit::singleline(&mut self.text_path).hint_text(TYPED).desired_width(140.0);
        let field = ui.add(field).labelled_by(name.id);
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(eframe::egui::Key::Enter));
        let pressed = ui.button("Use this text").on_hover_text(why).clicked();
        if (entered || pressed) && !self.text_path.trim().is_empty() {
            self.read_text(Some(typed(&self.text_path)));
        }
    }

    fn commands_ui(&mut self, ui: &mut Ui, facts: &ModelInfo, settings: &Settings, compute: ComputeConfig) {
        let busy = self.work.is_some();
        let mut wanted: Option<BTreeSet<LayerId>> = None;
        let hint = "With the settings of the settings panel and the budget below, in the order in which the model computes them";
        let why_not = if busy { "Layers are being compressed" } else { "No layer is ticked" };
        self.method_ui(ui, facts);
        // All factors of a large model do not fit into memory.
        let fits = facts.config.layer_weights() <= 10 * crate::app::panels::language::LIVE_WEIGHTS;
        let all = ui.add_enabled(!busy && fits, Button::new("Compress all"));
        let large = "All layers of this large model do not fit into memory: dsf-explorer compress does it in a folder";
        if all.on_hover_text(hint).on_disabled_hover_text(if fits { why_not } else { large }).clicked() {
            wanted = Some(facts.config.layers().collect());
        }
        let some = ui.add_enabled(!busy && !self.ticked.is_empty(), Button::new("Compress ticked"));
        if some.on_hover_text(hint).on_disabled_hover_text(why_not).clicked() {
            wanted = Some(self.ticked.clone());
        }
        if let Some(layers) = wanted {
            self.compress(ui.ctx(), settings, layers, compute);
        }
        if let Some(work) = &mut self.work {
            let cancel = ui.add_enabled(!work.is_cancelled(), Button::new("Cancel compressing"));
            if cancel.on_hover_text("Finished layers stay").clicked() {
                work.cancel();
            }
        }
        let dense = ui.add_enabled(!busy && !self.layers.is_empty(), Button::new("Back to dense"));
        let why_not = if busy { "Layers are being compressed" } else { "No layer is compressed" };
        if dense.on_hover_text("The ticked layers, or all if none is ticked").on_disabled_hover_text(why_not).clicked()
        {
            let ids: Vec<LayerId> = match self.ticked.is_empty() {
                true => self.layers.keys().copied().collect(),
                false => self.ticked.iter().copied().collect(),
            };
            self.restore(&ids);
        }
    }

    /// How layers are replaced.
    fn method_ui(&mut self, ui: &mut Ui, facts: &ModelInfo) {
        let label = ui.label("Method");
        ComboBox::from_id_salt("method of layers")
            .selected_text(self.method.title())
            .show_ui(ui, |ui| {
                for method in Method::ALL {
                    let possible = facts.calibrates || !method.needs_inputs();
                    let choice = ui.add_enabled(possible, Button::selectable(self.method == method, method.title()));
                    let why = "It needs the layers' inputs: give a text first";
                    if choice.on_hover_text(method.about()).on_disabled_hover_text(why).clicked() {
                        self.method = method;
                    }
                }
            })
            .response
            .labelled_by(label.id)
            .on_hover_text("How layers are replaced; the settings of the settings panel are for DSF");
    }

    fn work_ui(&mut self, ui: &mut Ui) {
        if let Some(work) = &self.work {
            let (done, left) = work.progress();
            let about = match &work.current {
                Some((id, _, Some(stage))) => format!("{}, {}", short(*id), stage.name()),
                Some((id, _, None)) => short(*id),
                None => "collecting inputs".into(),
            };
            let left = left.map_or(String::new(), |left| format!(", {} left", duration(left)));
            let text = format!("{about}{left}");
            let bar = ui.add(ProgressBar::new(done as f32).text(&text));
            bar.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, &text));
        }
        if let Some(why) = &self.problem {
            ui.colored_label(ui.visuals().error_fg_color, why);
        }
    }

    /// The density of all layers together, alike or as the proxy distributes it.
    fn budget_ui(&mut self, ui: &mut Ui, facts: &ModelInfo) {
        ui.separator();
        let label = ui.label("Budget");
        let why = "Kept nonzeros of the layers together, as a share of their weights";
        let before = self.densities.all;
        percent(ui, &mut self.densities.all).labelled_by(label.id).on_hover_text(why);
        if before != self.densities.all {
            self.densities = without_layers(&self.densities);
        }
        self.distribute_ui(ui, facts);
    }

    /// The density of each kind of layer.
    fn kinds_ui(&mut self, ui: &mut Ui) {
        ui.collapsing("Budget of each kind of layer", |ui| {
            ui.horizontal_wrapped(|ui| {
                for kind in Linear::ALL {
                    let mut density = *self.densities.by_kind.get(&kind).unwrap_or(&self.densities.all);
                    let label = ui.label(kind.short_name());
                    let why = "This kind of layer in every block; the others keep the budget above";
                    if percent(ui, &mut density).labelled_by(label.id).on_hover_text(why).changed() {
                        self.densities = without_layers(&self.densities);
                        self.densities.by_kind.insert(kind, density);
                    }
                }
                let any = !self.densities.by_kind.is_empty();
                if ui.add_enabled(any, Button::new("All alike")).on_disabled_hover_text("They are").clicked() {
                    self.densities.by_kind.clear();
                }
            });
        });
    }

    fn distribute_ui(&mut self, ui: &mut Ui, facts: &ModelInfo) {
        let hint = "Measures once what each layer's error costs the model, then gives every layer its share so that the loss predicted is the lowest";
        let proxy = self.proxy.of(&self.number).cloned();
        match proxy.as_ref().map(|proxy| proxy.as_ref()) {
            None if self.proxy_wanted => {
                let all = facts.config.layers().count();
                let done = self.proxy.news().copied().unwrap_or(0);
                ui.weak(format!("measuring layer {} of {all}", done + 1));
                if ui.button("Stop measuring").clicked() {
                    (self.proxy_wanted, self.proxy) = Default::default();
                }
            }
            None => {
                let button = ui.add_enabled(facts.calibrates, Button::new("Measure sensitivity"));
                if button.on_hover_text(hint).on_disabled_hover_text("Give a text first").clicked() {
                    self.proxy_wanted = true;
                }
            }
            Some(Err(why)) => {
                ui.colored_label(ui.visuals().error_fg_color, why);
                if ui.button("Try again").clicked() {
                    self.proxy = Default::default();
                }
            }
            Some(Ok(proxy)) => {
                if self.densities.by_layer.is_empty() {
                    if ui.button("Distribute").on_hover_text(hint).clicked() {
                        self.densities.by_kind.clear();
                        self.densities.by_layer = distribute(&facts.config, proxy, self.densities.all);
                    }
                } else if ui.button("All alike").on_hover_text("The same density for every layer").clicked() {
                    self.densities.by_layer.clear();
                }
                if let Some(dense) = self.dense() {
                    let each = facts.config.layers().map(|id| (id, self.densities.of(id)));
                    let predicted = dense * (proxy.loss_at(each) - proxy.dense).exp();
                    ui.weak(format!("predicted {predicted:.3}"))
                        .on_hover_text("The perplexity, from short runs of each layer alone");
                }
            }
        }
    }

    fn save_ui(&mut self, ui: &mut Ui, settings: &Settings) -> Option<Command> {
        let mut act = None;
        ui.collapsing("Save the model", |ui| {
            ui.horizontal_wrapped(|ui| {
                let mut possible = !self.layers.is_empty() && self.work.is_none();
                // A page hands over files, and browsers know where to.
                if HAS_FOLDERS {
                    let label = ui.label("New folder");
                    let field = TextEdit::singleline(&mut self.save_to).hint_text("path").desired_width(180.0);
                    ui.add(field).labelled_by(label.id);
                    let why = "A model that was saved there before";
                    ui.checkbox(&mut self.replace_saved, "Replace").on_hover_text(why);
                    possible &= !self.save_to.trim().is_empty();
                }
                let button = ui.add_enabled(possible, Button::new("Write"));
                let hint = "A folder that transformers loads, with the factors beside the model";
                let why_not = "Compress layers first, and name a folder";
                if button.on_hover_text(hint).on_disabled_hover_text(why_not).clicked() {
                    let saving = self.saving(settings);
                    act = saving.map(|_| Command::SaveModel);
                }
            });
        });
        act
    }

    /// The perplexity as layer after layer is replaced, between floor and dense.
    fn trail_ui(&self, ui: &mut Ui) {
        let Some(dense) = self.dense().filter(|_| !self.trail.is_empty()) else { return };
        let points: Vec<[f64; 2]> =
            std::iter::once([0.0, dense]).chain(self.trail.iter().map(|&(count, x)| [count as f64, x])).collect();
        let plot = Plot::new("perplexity of the model")
            .height(110.0)
            .allow_scroll(false)
            .legend(Legend::default().position(Corner::LeftTop))
            .x_axis_label("layers replaced")
            .y_axis_label("perplexity");
        plot.show(ui, |plot| {
            plot.hline(HLine::new("dense", dense).color(Color32::GRAY));
            if let Some(floor) = self.floor() {
                plot.hline(HLine::new("floor", floor).color(Color32::DARK_GREEN));
            }
            plot.line(Line::new("compressed", PlotPoints::from(points.clone())).color(colors::DSF));
            plot.points(Points::new("compressed", PlotPoints::from(points)).radius(2.0).color(colors::DSF));
        });
    }

    fn layers_ui(&mut self, ui: &mut Ui, facts: &ModelInfo, open: Option<LayerId>) -> Option<Command> {
        let mut act = None;
        let ids: Vec<LayerId> = facts.config.layers().collect();
        Grid::new("model layers").num_columns(HEADINGS.len()).striped(true).show(ui, |ui| {
            let mut every = self.ticked.len() == ids.len();
            if ui.checkbox(&mut every, "").on_hover_text("Tick all layers").changed() {
                self.ticked = if every { ids.iter().copied().collect() } else { BTreeSet::new() };
            }
            for (heading, why) in HEADINGS.into_iter().skip(1).zip([
                "In the order in which the model computes them",
                "Outputs × inputs",
                "Kept nonzeros: what is there, else the budget",
                "The layer-wise error before the values were finalized",
                "The layer-wise error of what replaces it",
                "Rise of ln perplexity per layer-wise error, where it was measured",
                "What replaces it",
            ]) {
                ui.weak(heading).on_hover_text(why);
            }
            ui.end_row();
            for &id in &ids {
                act = self.layer_ui(ui, facts, id, open == Some(id)).or(act.take());
                ui.end_row();
            }
        });
        act
    }

    fn layer_ui(&mut self, ui: &mut Ui, facts: &ModelInfo, id: LayerId, open: bool) -> Option<Command> {
        let mut act = None;
        let mut ticked = self.ticked.contains(&id);
        let tick = ui.checkbox(&mut ticked, "");
        let text = format!("Tick {}", short(id));
        tick.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, ticked, &text));
        if tick.changed() {
            if ticked { _ = self.ticked.insert(id) } else { _ = self.ticked.remove(&id) }
        }
        let name = ui.selectable_label(open, short(id)).on_hover_text("Open it; right-click for more");
        if name.clicked() {
            act = Some(Command::OpenLayer(id.tensor(), Orientation::AsStored));
        }
        name.context_menu(|ui| {
            let button = Button::new("Calibrate runs with its inputs in the model");
            let possible = open && facts.calibrates;
            let why_not = if open { "Give a text first" } else { "Open the layer first" };
            if ui.add_enabled(possible, button).on_disabled_hover_text(why_not).clicked() {
                act = Some(Command::TakeModelInputs(id));
                ui.close();
            }
        });
        let (rows, cols) = facts.config.shape(id);
        ui.label(format!("{rows}×{cols}"));
        let layer = self.layers.get(&id);
        match layer {
            Some(layer) => _ = ui.label(share(layer.report.nnz as f64 / (rows * cols) as f64)),
            None => _ = ui.weak(share(self.densities.of(id))),
        }
        let report = layer.map(|layer| &layer.report);
        let number = |error: Option<f64>| error.map_or("–".into(), |error| format!("{error:.5}"));
        ui.label(number(report.and_then(|report| report.layer_error_before_finalize)));
        ui.label(number(report.and_then(|report| report.layer_error)));
        ui.label(
            self.proxy().and_then(|proxy| proxy.alphas.get(&id)).map_or("–".into(), |alpha| format!("{alpha:.2}")),
        );
        let current = self.work.as_ref().and_then(|work| work.current.as_ref()).filter(|current| current.0 == id);
        match (current, layer) {
            (Some((_, done, _)), _) => _ = ui.strong(format!("{:.0} %", 100.0 * done)),
            (None, _) if self.work.as_ref().is_some_and(|work| work.waiting.contains(&id)) => _ = ui.label("waiting"),
            (None, Some(_)) => _ = ui.label(RichText::new("A·B").color(colors::DSF)),
            (None, None) => _ = ui.weak("dense"),
        }
        act
    }
}

/// A density, in percent.
fn percent(ui: &mut Ui, density: &mut f64) -> eframe::egui::Response {
    ui.add(
        DragValue::new(density)
            .range(0.02..=1.0)
            .speed(0.002)
            .custom_formatter(|share, _| format!("{:.1}", 100.0 * share))
            .custom_parser(|text| text.trim_end_matches('%').trim().parse().ok().map(|x: f64| x / 100.0))
            .suffix(" %"),
    )
}

fn share(density: f64) -> String {
    format!("{:.1} %", 100.0 * density)
}

/// `1.q_proj`: a block and a kind.
fn short(id: LayerId) -> String {
    format!("{}.{}", id.block, id.linear.short_name())
}
