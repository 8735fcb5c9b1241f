//! The window in a page, how JavaScript speaks with it, and what its Workers can do.

use crate::app::explorer::{Explorer, LaunchOptions};
use crate::app::platform;
pub use crate::app::platform::example_error::ExampleError;
use crate::app::shell::labels::Labels;
use crate::app::state::hints::sentence_of;
use crate::app::state::link::Link;
use crate::app::state::persistence::KEY;
use crate::app::tasks::registry::registry;
use crate::model::{ChosenFile, Source};
use crate::tasks;
use eframe::egui::Context;
use serde_json::{Value, json};
use std::cell::RefCell;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

thread_local! {
    /// Told when the program breaks off.
    static BROKEN: RefCell<Option<js_sys::Function>> = const { RefCell::new(None) };
    static WINDOW: RefCell<Option<(eframe::WebRunner, Context)>> = const { RefCell::new(None) };
}

/// Runs the program of a Worker: it serves the page.
pub fn serve() -> Result<(), JsValue> {
    tasks::serve(registry())
}

/// Reads what the page's address asks for, `?load=<address>&tensor=<name>` or a link, with the problem of a link that
/// cannot be read.
fn opening(address: &str) -> (LaunchOptions, Option<String>) {
    let (link, problem) = match Link::read(address) {
        Some(Ok(link)) => (Some(link), None),
        Some(Err(why)) => (None, Some(sentence_of(why))),
        None => (None, None),
    };
    let query = web_sys::Url::new(address).ok().map(|url| url.search_params());
    let get = |key: &str| query.as_ref().and_then(|query| query.get(key)).filter(|value| !value.is_empty());
    let from_link = |value: fn(&Link) -> &Option<String>| link.as_ref().and_then(|link| value(link).clone());
    let source = get("load").or(from_link(|link| &link.load)).map(|address| platform::typed(&address));
    let tensor = get("tensor").or(from_link(|link| &link.tensor));
    (LaunchOptions { source, tensor, link, ..LaunchOptions::default() }, problem)
}

/// Runs the program of the page: the window on a canvas. `example` are the bytes of the built-in checkpoint, or why
/// they could not be fetched; `broken` is told when the program breaks off.
pub async fn start(
    canvas: web_sys::HtmlCanvasElement,
    example: Result<Vec<u8>, ExampleError>,
    broken: js_sys::Function,
) -> Result<(), JsValue> {
    platform::example_fetched(example);
    let mut options = eframe::WebOptions::default();
    // WebGL is everywhere; computing on WebGPU does not need to draw with it.
    if let eframe::egui_wgpu::WgpuSetup::CreateNew(setup) = &mut options.wgpu_options.wgpu_setup {
        setup.instance_descriptor.backends = eframe::wgpu::Backends::GL;
    }
    let address = web_sys::window().and_then(|window| window.location().href().ok()).unwrap_or_default();
    let runner = eframe::WebRunner::new();
    // After eframe's own, which ends the window.
    let before = std::panic::take_hook();
    BROKEN.set(Some(broken));
    std::panic::set_hook(Box::new(move |panic| {
        before(panic);
        if let Some(broken) = BROKEN.take() {
            // There is nobody left to tell that this fails.
            let _ = broken.call1(&JsValue::NULL, &panic.to_string().into());
        }
    }));
    let kept = runner.clone();
    let create: eframe::AppCreator<'static> = Box::new(move |cc| {
        WINDOW.set(Some((kept, cc.egui_ctx.clone())));
        let (opening, problem) = opening(&address);
        let mut explorer = Explorer::new(cc, opening);
        if let Some(why) = problem {
            explorer.state.messages.problem(&cc.egui_ctx, why);
        }
        Ok(Box::new(explorer))
    });
    ask_before_leaving()?;
    runner.start(canvas, options, create).await
}

/// A page with something to lose is not left without a question, as the window is not closed.
fn ask_before_leaving() -> Result<(), JsValue> {
    let Some(window) = web_sys::window() else { return Ok(()) };
    let on_leave = Closure::<dyn FnMut(web_sys::Event)>::new(|event: web_sys::Event| {
        with_window(|explorer, _| {
            // eframe saves now and then: what was changed a moment ago would be lost.
            let storage = web_sys::window().and_then(|window| window.local_storage().ok().flatten());
            storage.map(|storage| storage.set_item(KEY, &explorer.to_save()));
            if explorer.is_unsaved() {
                event.prevent_default();
            }
        });
    });
    window.add_event_listener_with_callback("beforeunload", on_leave.as_ref().unchecked_ref())?;
    on_leave.forget();
    Ok(())
}

fn with_window<R>(look: impl FnOnce(&mut Explorer, &Context) -> R) -> Option<R> {
    WINDOW.with_borrow(|window| {
        let (runner, ctx) = window.as_ref()?;
        let mut explorer = runner.app_mut::<Explorer>()?;
        Some(look(&mut explorer, ctx))
    })
}

/// See [`Explorer::state`]; as JSON.
pub fn state() -> String {
    with_window(|explorer, _| explorer.state()).unwrap_or(Value::Null).to_string()
}

/// See [`Explorer::order`]; both as JSON.
pub fn order(order: &str) -> String {
    let order: Value = match serde_json::from_str(order) {
        Ok(order) => order,
        Err(error) => return json!({ "error": error.to_string() }).to_string(),
    };
    match with_window(|explorer, ctx| explorer.order(ctx, &order)) {
        Some(Ok(())) => json!({ "error": null }),
        Some(Err(why)) => json!({ "error": why.sentence() }),
        None => json!({ "error": "the window is not there" }),
    }
    .to_string()
}

/// Positions of labels on screen, see [`Labels::json`].
pub fn find(part: &str) -> String {
    let found = WINDOW.with_borrow(|window| {
        let (_, ctx) = window.as_ref()?;
        ctx.request_repaint();
        let found = ctx.with_plugin::<Labels, Value>(|labels| labels.json(part));
        if found.is_none() {
            // Labels cost time in every frame: they are gathered from the first question on.
            ctx.add_plugin(Labels::default());
        }
        found
    });
    found.unwrap_or(json!([])).to_string()
}

/// Opens files of the browser's, all of them together.
pub fn open(list: &js_sys::Array) {
    let files: Vec<ChosenFile> = list
        .iter()
        .filter_map(|file| file.dyn_into::<web_sys::File>().ok())
        .map(|file| ChosenFile::new(&file))
        .collect();
    with_window(|explorer, _| explorer.state.computed.loader.open(Source::Files(files), None));
}
