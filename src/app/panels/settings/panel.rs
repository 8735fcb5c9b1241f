//! The settings of the next run.

use crate::Named;
use crate::app::panels::settings::accuracy::accuracy_ui;
use crate::app::panels::settings::controls::controls_ui;
use crate::app::panels::settings::inputs::InputsPanel;
use crate::app::panels::settings::on_screen::on_screen_ui;
use crate::app::panels::settings::perplexity::perplexity_ui;
use crate::app::panels::settings::setting::{LayerFacts, SECTIONS, setting_ui};
use crate::app::panels::settings::split::split_ui;
use crate::app::panels::state::State;
use crate::app::state::command::Command;
use crate::app::state::hints::sentence_of;
use crate::app::state::setting_words::differing;
use crate::app::widgets::fields::{labelled, slider};
use crate::app::widgets::regions::scroll_ui;
use crate::factorize::{Budget, Preset, Setting, Settings};
use crate::measure::Storage;
use crate::methods::Method;
use eframe::egui::{self, ComboBox, Slider, Ui};

/// Height of a panel, in points, below which nothing in it stays in place.
const LOW: f32 = 480.0;

/// The panel's own state.
#[derive(Default)]
pub struct SettingsPanel {
    inputs: InputsPanel,
}

impl SettingsPanel {
    /// The run's controls, what is known of the layer's inputs, and all settings.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Option<Command> {
        // In a low panel, as on a phone, all of it scrolls, so that some settings are seen.
        let low = ui.available_height() < LOW;
        let mut command = if low { None } else { run_ui(ui, state) };
        let shape = state.document.shape();
        let layerwise = state.document.inputs.calibration().is_some();
        let mut settings = state.preferences.settings.clone();
        scroll_ui(ui, egui::ScrollArea::vertical(), |ui| {
            if low {
                command = run_ui(ui, state);
            }
            let asked = self.inputs.ui(ui, state);
            ui.separator();
            let mut search = None;
            let find = |ui: &mut Ui, settings: &Settings| search = split_ui(ui, state, settings);
            let changed = all_ui(ui, &mut settings, shape, layerwise, find);
            let changed = changed.then(|| Command::SetSettings(Box::new(settings)));
            command = asked.or(changed).or(search).or(command.take());
        });
        command
    }
}

/// The buttons that steer runs, the run on screen, and the heading of the next run's settings.
fn run_ui(ui: &mut Ui, state: &State) -> Option<Command> {
    // It comes and goes: by itself, so that a slider below keeps its identity while it is dragged.
    let above = ui.scope(|ui| {
        let controls = controls_ui(ui, state);
        let asked = on_screen_ui(ui, state).or(controls);
        perplexity_ui(ui, state);
        accuracy_ui(ui, state);
        asked
    });
    ui.separator();
    next_run_ui(ui, state);
    above.inner
}

/// The heading of what follows: the settings are the next run's.
fn next_run_ui(ui: &mut Ui, state: &State) {
    ui.horizontal_wrapped(|ui| {
        ui.strong("Next run");
        let shown = state.runs.shown().filter(|run| run.spec.method == Method::Dsf);
        let Some((run, settings)) = shown.and_then(|run| Some((run, run.spec.settings.as_ref()?))) else { return };
        let differs = differing(settings, &state.preferences.settings);
        if !differs.is_empty() {
            ui.label(format!("unlike {}: {differs}", run.name));
        }
    });
}

/// The settings for a W of this shape, `layerwise` when its inputs are known; true when one was changed. `search` stands
/// beside the split.
fn all_ui(
    ui: &mut Ui,
    settings: &mut Settings,
    shape: Option<(usize, usize)>,
    layerwise: bool,
    search: impl FnOnce(&mut Ui, &Settings),
) -> bool {
    let before = settings.clone();
    let layer = LayerFacts { shape: shape.unwrap_or((1, 1)), layerwise };
    let section_ui = |ui: &mut Ui, settings: &mut Settings, section: &[Setting]| {
        ui.separator();
        section.iter().for_each(|&setting| setting_ui(ui, setting, settings, layer));
    };
    let [budget, others @ ..] = SECTIONS;
    preset_ui(ui, settings);
    let (preset, density) = (settings.preset(), settings.density);
    section_ui(ui, settings, budget);
    shape.into_iter().for_each(|shape| budget_ui(ui, settings, shape));
    search(ui, settings);
    // A preset may have more to say at another density.
    if let Some(preset) = preset.filter(|_| settings.density != density) {
        *settings = settings.with_preset(preset);
    }
    others.into_iter().for_each(|section| section_ui(ui, settings, section));
    *settings != before
}

/// Function that makes a change to the published settings.
type Change = fn(&mut Settings);

/// The paper's experiments, each the published settings but for one thing.
const PAPER: [(&str, &str, Change); 4] = [
    ("paper: language models", "A is finalized on the layer's inputs, where they are known", |_| {}),
    ("paper: vision", "Both factors are finalized, where the layer's inputs are known", |settings| {
        settings.finalize_both = true
    }),
    ("paper: no finalisation", "The values stay as the alternation leaves them", |settings| settings.finalize = false),
    ("paper: one mask fixed", "The first factor's mask is random and shared", |settings| settings.fixed_mask = true),
];

fn preset_ui(ui: &mut Ui, settings: &mut Settings) {
    let current = settings.preset();
    let mut scene = None;
    let mut chosen = None;
    labelled(ui, "Preset", "All settings but density, own split and seed at once", |ui| {
        ComboBox::from_id_salt("preset")
            .selected_text(current.map_or("custom", Preset::name))
            .show_ui(ui, |ui| {
                for &preset in Preset::ALL {
                    let label = ui.selectable_label(current == Some(preset), preset.name());
                    if label.on_hover_text(preset.about()).clicked() {
                        chosen = Some(preset);
                    }
                }
                ui.separator();
                for (name, about, change) in PAPER {
                    if ui.selectable_label(false, name).on_hover_text(about).clicked() {
                        scene = Some(change);
                    }
                }
            })
            .response
    });
    if let Some(preset) = chosen {
        *settings = settings.with_preset(preset);
    }
    if let Some(change) = scene {
        *settings = settings.with_preset(Preset::Published);
        change(settings);
    }
    let mut effort = settings.effort();
    // Only some settings lie on the line from the one preset to the other.
    let on_it = settings.with_effort(effort) == *settings;
    let why = "From the preset fast to the preset best: more outer iterations, a lower error at the same nonzeros";
    slider(ui, "Effort, fast to best", why, |ui| {
        let slider = Slider::new(&mut effort, 0.0..=1.0)
            .custom_formatter(|effort, _| if on_it { format!("{:.0}", 100.0 * effort) } else { "–".into() })
            .custom_parser(|text| text.trim_end_matches('%').trim().parse().ok().map(|percent: f64| percent / 100.0))
            .suffix(" %");
        let response = ui.add(slider);
        if response.changed() {
            *settings = settings.with_effort(effort);
        }
        response
    });
}

/// Shows the budget in nonzeros and bytes.
fn budget_ui(ui: &mut Ui, settings: &Settings, (rows, cols): (usize, usize)) {
    match Budget::new(rows, cols, settings) {
        Ok(budget) => {
            let cut = if budget.split_was_cut(rows, cols, settings) { " (cut to half)" } else { "" };
            ui.weak(format!("z = {}: {}{cut} + {}", budget.total(), budget.first, budget.second))
                .on_hover_text("Nonzeros in all: of the first factor (z_a) and of the second (z_b)");
            let k = settings.inner_dim(rows, cols);
            let storage = Storage::of_factors(rows, cols, k, budget.first, budget.second);
            let share = |bytes: u64| 100.0 * bytes as f64 / storage.dense as f64;
            ui.weak(format!("bytes: {:.0} % with masks, {:.0} % CSR", share(storage.bitmask), share(storage.csr)))
                .on_hover_text("Against W with 16-bit values: the factors with 16-bit values and a bit for each position, or as CSR");
        }
        Err(error) => {
            ui.colored_label(ui.visuals().warn_fg_color, sentence_of(error));
        }
    }
}
