//! What runs are computed on: the selector in the status bar.

use super::state::State;
use crate::Named;
use crate::app::state::command::Command;
use crate::app::state::hints::sentence;
use crate::job::Backend;
use eframe::egui::{ComboBox, Role, TextWrapMode, Ui, WidgetInfo};

/// Note on the computations for which the choice does not count.
const COMPARED: &str = if cfg!(target_arch = "wasm32") {
    "All but single runs stays on the processor."
} else {
    "Comparisons, sweeps and a model's table stay on the processor, where all methods are."
};

/// Points that the name of an adapter may need.
const WIDEST: f32 = 420.0;

/// The selector of what runs are computed on; `hint` says what draws the window.
pub fn device_ui(ui: &mut Ui, state: &State, hint: &str) -> Option<Command> {
    let search = &state.computed.adapter;
    let threads = state.preferences.thread_count();
    let before = state.preferences.backend;
    let (mut backend, mut command) = (before, None);
    let plural = if threads == 1 { "" } else { "s" };
    let adapter = match search.adapter() {
        Some(Ok(name)) => name.clone(),
        Some(Err(_)) => "none".into(),
        None => "…".into(),
    };
    let named = |backend: Backend| match backend {
        Backend::Cpu => format!("CPU, {threads} thread{plural}"),
        Backend::Gpu => format!("GPU: {adapter}"),
        Backend::Auto => "the faster one".into(),
    };
    let combo = ComboBox::from_id_salt("backend").selected_text(named(backend)).width(0.0);
    let room = ui.ctx().content_rect().width() - 40.0;
    let shown = combo.show_ui(ui, |ui| {
        if room < WIDEST {
            // On a phone a long name takes two lines.
            ui.set_width(room);
            ui.style_mut().wrap_mode = Some(TextWrapMode::Wrap);
        }
        if !search.is_asked() {
            command = Some(Command::FindAdapter);
        }
        for &one in Backend::ALL {
            let about = match one {
                Backend::Cpu => "The processor, all its threads",
                Backend::Gpu => "The graphics adapter, through compute shaders; one in software is slow",
                Backend::Auto => "Measured for a moment before each run; an adapter in software is never taken",
            };
            let problem = search.adapter().and_then(|found| found.as_ref().err()).filter(|_| one == Backend::Gpu);
            let about = problem.map_or(about.into(), sentence);
            ui.selectable_value(&mut backend, one, named(one)).on_hover_text(about);
        }
    });
    let says = format!("Computed on: {}", named(backend));
    shown.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, &says));
    shown.response.on_hover_text(format!("What runs are computed on. {COMPARED} {hint}"));
    if backend != before {
        command = Some(Command::SetBackend(backend));
    }
    command
}
