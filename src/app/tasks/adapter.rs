//! The graphics adapter that runs are computed on, looked for where runs are done.

use crate::app::state::error::Error;
use crate::hint::Failure;
use crate::job;
use crate::tasks::{self, Actor, ActorHandle, Flow, Queue};
use eframe::egui::Context;
use serde::{Deserialize, Serialize};
use std::sync::mpsc::{Receiver, channel};
use std::task::Poll;

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

    fn step(_: &mut (), progress: &mut dyn FnMut(Self::Event)) -> Flow {
        let Poll::Ready(found) = job::adapter() else { return Flow::Pending };
        progress(found.map_err(Failure::from));
        Flow::Done
    }

    fn crashed() -> Self::Event {
        Err(Error::SearchCrashed.into())
    }
}

/// The adapter's name, or why there is none.
pub type Found = Result<String, Failure>;

/// Result of the search for an adapter, once it was asked for.
#[derive(Default)]
pub struct AdapterSearch {
    found: Option<Found>,
    looking: Option<(ActorHandle<FindAdapter>, Receiver<Found>)>,
}

impl AdapterSearch {
    /// The adapter's name, or why there is none; `None` while nobody has looked.
    pub fn adapter(&self) -> Option<&Found> {
        self.found.as_ref()
    }

    /// Whether somebody wanted to know.
    pub fn is_asked(&self) -> bool {
        self.looking.is_some()
    }

    /// Looks for it, or takes in what was found.
    pub fn look(&mut self, ctx: &Context) {
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
}
