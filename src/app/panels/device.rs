//! What runs are computed on: the selector in the status bar.

use crate::job::{self, Backend};
use crate::tasks::{self, Actor, ActorHandle, Flow, Queue};
use eframe::egui::{ComboBox, Context, Role, Ui, WidgetInfo};
use serde::{Deserialize, Serialize};
use std::sync::mpsc::{Receiver, channel};
use std::task::Poll;

/// Where the choice does not count.
const COMPARED: &str = if cfg!(target_arch = "wasm32") {
    "All but single runs stays on the processor."
} else {
    "Comparisons, sweeps and a model's table stay on the processor, where all methods are."
};

/// Looks for a graphics adapter, where runs are done.
#[derive(Serialize, Deserialize)]
pub struct FindAdapter;

impl Actor for FindAdapter {
    const NAME: &'static str = "find adapter";
    const QUEUE: Queue = Queue::Run;
    type Command = ();
    type Event = Found;
    type State = ();

    fn begin(self) {}

    fn command(_: &mut (), _: ()) {}

    fn step(_: &mut (), tell: &mut dyn FnMut(Self::Event)) -> Flow {
        let Poll::Ready(found) = job::adapter() else { return Flow::Pending };
        tell(found);
        Flow::Done
    }

    fn crashed() -> Self::Event {
        Err("looking for a graphics adapter broke off: use the processor".into())
    }
}

/// The adapter's name, or why there is none.
pub type Found = Result<String, String>;

/// What was found, once somebody wanted to know.
#[derive(Default)]
pub struct DevicePanel {
    found: Option<Found>,
    looking: Option<(ActorHandle<FindAdapter>, Receiver<Found>)>,
}

impl DevicePanel {
    /// The adapter's name, or why there is none; `None` while nobody has looked.
    pub fn adapter(&self) -> Option<&Found> {
        self.found.as_ref()
    }

    fn look(&mut self, ctx: &Context) {
        if let Some((_, news)) = &self.looking {
            self.found = news.try_recv().ok().or(self.found.take());
            return;
        }
        let (sender, news) = channel();
        let ctx = ctx.clone();
        let line = tasks::spawn_actor(FindAdapter, move |found| {
            // A window that has been closed needs nothing.
            if sender.send(found).is_ok() {
                ctx.request_repaint();
            }
        });
        self.looking = Some((line, news));
    }

    /// The selector; true when another one was chosen. On the processor runs have `threads` threads.
    pub fn ui(&mut self, ui: &mut Ui, backend: &mut Backend, threads: usize, hint: &str) -> bool {
        if self.looking.is_some() || *backend != Backend::Cpu {
            self.look(ui.ctx());
        }
        let plural = if threads == 1 { "" } else { "s" };
        let adapter = match self.adapter() {
            Some(Ok(name)) => name.clone(),
            Some(Err(_)) => "none".into(),
            None => "…".into(),
        };
        let named = |backend: Backend| match backend {
            Backend::Cpu => format!("CPU, {threads} thread{plural}"),
            Backend::Gpu => format!("GPU: {adapter}"),
            Backend::Auto => "the faster one".into(),
        };
        let before = *backend;
        let combo = ComboBox::from_id_salt("backend").selected_text(named(*backend)).width(0.0);
        let shown = combo.show_ui(ui, |ui| {
            if self.looking.is_none() {
                self.look(ui.ctx());
            }
            for one in Backend::ALL {
                let about = match one {
                    Backend::Cpu => "The processor, all its threads",
                    Backend::Gpu => "The graphics adapter, through compute shaders; one in software is slow",
                    Backend::Auto => "Measured for a moment before each run; an adapter in software is never taken",
                };
                let problem = self.adapter().and_then(|found| found.as_ref().err()).filter(|_| one == Backend::Gpu);
                let about = problem.map_or(about, String::as_str);
                ui.selectable_value(backend, one, named(one)).on_hover_text(about);
            }
        });
        let says = format!("Computed on: {}", named(*backend));
        shown.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, &says));
        shown.response.on_hover_text(format!("What runs are computed on. {COMPARED} {hint}"));
        *backend != before
    }
}
