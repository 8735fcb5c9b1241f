//! The settings of the next run.

use crate::Named;
use crate::app::panels::settings::annealing::annealing_ui;
use crate::app::panels::settings::controls::controls_ui;
use crate::app::panels::settings::inputs::InputsPanel;
use crate::app::panels::settings::perplexity::perplexity_ui;
use crate::app::panels::settings::split::split_ui;
use crate::app::panels::state::State;
use crate::app::state::command::Command;
use crate::app::widgets::fields::{choice, labelled, percent, slider, tick};
use crate::factorize::{Budget, Orientation, Preset, Settings, Split, Start};
use crate::measure::Storage;
use eframe::egui::{self, ComboBox, DragValue, Slider, Ui};

/// The panel's own state.
#[derive(Default)]
pub struct SettingsPanel {
    inputs: InputsPanel,
}

impl SettingsPanel {
    /// The run's controls, what is known of the layer's inputs, and all settings.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Option<Command> {
        let mut command = controls_ui(ui, state);
        perplexity_ui(ui, state);
        ui.separator();
        let shape = state.document.shape().unwrap_or((1, 1));
        let layerwise = state.document.inputs.calibration().is_some();
        let mut settings = state.preferences.settings.clone();
        egui::ScrollArea::vertical().show(ui, |ui| {
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

/// The settings for a W `rows`×`cols`, `layerwise` when its inputs are known; true when one was changed. `search` stands
/// beside the split.
fn all_ui(
    ui: &mut Ui,
    settings: &mut Settings,
    (rows, cols): (usize, usize),
    layerwise: bool,
    search: impl FnOnce(&mut Ui, &Settings),
) -> bool {
    let before = settings.clone();
    preset_ui(ui, settings);
    ui.separator();
    let (preset, density) = (settings.preset(), settings.density);
    budget_ui(ui, settings, rows, cols);
    search(ui, settings);
    // A preset may have more to say at another density.
    if let Some(preset) = preset.filter(|_| settings.density != density) {
        *settings = settings.with_preset(preset);
    }
    ui.separator();
    iterations_ui(ui, settings);
    ui.separator();
    annealing_ui(ui, settings);
    ui.separator();
    start_ui(ui, settings);
    ui.separator();
    values_ui(ui, settings, layerwise);
    *settings != before
}

/// What is set beside the published settings.
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

fn budget_ui(ui: &mut Ui, settings: &mut Settings, rows: usize, cols: usize) {
    slider(ui, "Density", "Kept nonzeros of A and B together, as a share of W's entries", |ui| {
        ui.add(percent(&mut settings.density))
    });
    let why = "The inner dimension k, the columns of A and rows of B, in units of W's smaller side n. A larger k gives a \
               lower error for the same nonzeros, and needs more bits to say where they are";
    slider(ui, "Expansion k/n", why, |ui| ui.add(Slider::new(&mut settings.expansion, 0.5..=4.0)));
    let automatic = Budget::new(rows, cols, &Settings { factor_density: None, ..settings.clone() });
    let square = (rows.min(cols) * rows.min(cols)) as f64;
    let mut own = settings.factor_density.is_some();
    let why = "Say how many of the nonzeros go to the first factor, as a share of n²";
    tick(ui, &mut own, "Own split", why);
    if own != settings.factor_density.is_some() {
        let share = automatic.as_ref().map_or(0.16, |budget| budget.first as f64 / square);
        settings.factor_density = own.then_some(share);
    }
    match &mut settings.factor_density {
        Some(share) => slider(ui, "First factor's density", why, |ui| ui.add(percent(share))),
        None => {
            let why = "How the nonzeros are divided. paper: 16 % of n² to the first factor for a square W, 25 % for \
                       others, at most half. balanced: half each, less for the first the longer W is. auto: the best \
                       of a few short runs";
            choice(ui, "Split", why, &mut settings.split, Split::ALL, Split::name);
        }
    }
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
            ui.colored_label(ui.visuals().warn_fg_color, error.to_string());
        }
    }
}

fn iterations_ui(ui: &mut Ui, settings: &mut Settings) {
    slider(ui, "Outer iterations", "Each solves for one factor, then for the other", |ui| {
        ui.add(Slider::new(&mut settings.outer, 1..=400).logarithmic(true))
    });
    slider(ui, "Inner iterations", "ADMM iterations of each half-step", |ui| {
        ui.add(Slider::new(&mut settings.inner, 1..=20))
    });
    slider(ui, "Mask iterations", "Inner iterations that choose the mask anew; the others keep it", |ui| {
        ui.add(Slider::new(&mut settings.mask_iterations, 1..=20))
    });
    tick(
        ui,
        &mut settings.warm_start,
        "Warm start",
        "Each half-step starts from the last factor and its dual variables, not from nothing",
    );
}

fn start_ui(ui: &mut Ui, settings: &mut Settings) {
    choice(ui, "Start", "The factors before the first half-step", &mut settings.start, Start::ALL, Start::name);
    let why = "Which of W and its transpose is factorized; its rows are the side of the first factor. auto: the better \
               one, as two short runs show it";
    choice(ui, "Orientation", why, &mut settings.orientation, Orientation::ALL, Orientation::name);
    tick(
        ui,
        &mut settings.fixed_mask,
        "One mask fixed",
        "The first factor keeps a mask drawn from the seed, which layers of one shape can share",
    );
    if settings.start == Start::Random || settings.fixed_mask {
        labelled(ui, "Seed", "The same seed gives the same run", |ui| ui.add(DragValue::new(&mut settings.seed)));
    }
}

/// What happens when the masks are final.
fn values_ui(ui: &mut Ui, settings: &mut Settings, layerwise: bool) {
    tick(ui, &mut settings.exact, "Exact values", "Solve for the values on the final masks exactly, not only by ADMM");
    tick(
        ui,
        &mut settings.fallback,
        "Magnitude pruning if better",
        "Where W is nearly sparse, an identity times its largest entries can beat any product",
    );
    if !layerwise {
        return;
    }
    tick(
        ui,
        &mut settings.finalize,
        "Finalize",
        "Solve for A's values again on its final mask, so that the layer's outputs come out right",
    );
    ui.add_enabled_ui(settings.finalize, |ui| {
        tick(ui, &mut settings.finalize_both, "Both factors", "Finalize B too");
        slider(ui, "Rounds", "How often the factors are finalized, in turn", |ui| {
            ui.add(Slider::new(&mut settings.rounds, 1..=20))
        });
        let why = "How much of its diagonal is added to XᵀX, so that the values do not learn the samples by heart";
        slider(ui, "Shrinkage", why, |ui| ui.add(Slider::new(&mut settings.shrinkage, 0.0..=1.0)));
    })
    .response
    .on_hover_text(if settings.finalize { "" } else { "Only with Finalize" });
}
