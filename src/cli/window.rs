//! The window, or the example in the terminal where there is no display.

use super::{Failure, demo, output};
use std::path::PathBuf;

/// Opens the window; without a display runs the example in the terminal.
pub fn run(file: Option<PathBuf>, tensor: Option<String>, threads: Option<usize>) -> Result<(), Failure> {
    let why = match open(&file, tensor, threads) {
        Ok(()) => return Ok(()),
        Err(why) => why,
    };
    if let Some(file) = file {
        let hint = format!("try dsf-explorer inspect {0} or dsf-explorer factorize {0}", file.display());
        return Err(Failure::new(format!("the window cannot be opened, {why}"), hint));
    }
    demo::run(threads)?;
    output::print(&format!("This ran in the terminal because {why}. For the window: {}", how_to_get_it()))
}

#[cfg(not(feature = "gui"))]
fn open(_: &Option<PathBuf>, _: Option<String>, _: Option<usize>) -> Result<(), Failure> {
    Err(Failure::unexplained("the program was built without it"))
}

#[cfg(not(feature = "gui"))]
fn how_to_get_it() -> &'static str {
    "build with the default features (cargo run --release)."
}

#[cfg(feature = "gui")]
fn how_to_get_it() -> &'static str {
    "start it in a desktop session, or over SSH with ssh -X (DISPLAY or WAYLAND_DISPLAY must be set)."
}

#[cfg(feature = "gui")]
fn open(file: &Option<PathBuf>, tensor: Option<String>, threads: Option<usize>) -> Result<(), Failure> {
    use crate::app::{Explorer, LaunchOptions};
    use crate::model::Source;
    let opening = LaunchOptions { source: file.clone().map(Source::from), tensor, threads, ..LaunchOptions::default() };
    show(true, move |cc| Box::new(Explorer::new(cc, opening)))
}

/// Opens a window and returns when it is closed; with `kept`, its size and settings are restored and saved.
#[cfg(feature = "gui")]
pub fn show(
    kept: bool,
    make: impl FnOnce(&eframe::CreationContext<'_>) -> Box<dyn eframe::App> + 'static,
) -> Result<(), Failure> {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let unix_without_display = cfg!(all(unix, not(target_os = "macos"))) && !set("DISPLAY") && !set("WAYLAND_DISPLAY");
    if unix_without_display {
        return Err(Failure::unexplained("there is no display"));
    }
    let options = eframe::NativeOptions {
        viewport: eframe::egui::ViewportBuilder::default()
            .with_title("DSF Explorer")
            .with_app_id(APP)
            .with_inner_size([1280.0, 800.0])
            .with_min_inner_size([760.0, 480.0])
            .with_drag_and_drop(true),
        persist_window: kept,
        // `widgets/fonts.rs` has its own.
        system_font_fallback: false,
        ..Default::default()
    };
    let name = if kept { APP } else { "dsf-explorer-bench" };
    let started = Arc::new(AtomicBool::new(false));
    let shown = started.clone();
    let create = Box::new(move |cc: &eframe::CreationContext<'_>| {
        shown.store(true, Ordering::Relaxed);
        Ok(make(cc))
    });
    // A desktop that lacks a library (libxkbcommon, say) makes the window system panic instead of returning an error.
    let opened = catch_unwind(AssertUnwindSafe(|| eframe::run_native(name, options, create)));
    match opened {
        // The last of the nested errors is what a person can act on.
        Ok(done) => done.map_err(|error| {
            Failure::unexplained(output::one_line(error.to_string().rsplit(": ").next().unwrap_or_default()))
        }),
        Err(panic) if started.load(Ordering::Relaxed) => resume_unwind(panic),
        Err(_) => Err(Failure::unexplained("the window system could not be started (is a library missing?)")),
    }
}

/// Name of the program for the desktop and the saved settings.
#[cfg(feature = "gui")]
const APP: &str = "dsf-explorer";
