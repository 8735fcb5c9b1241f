//! The Worker's side: runs the tasks and actors that the page sends.

use super::error::Error;
use super::message::{Request, Response, WorkerMessage, pack_message, protocol};
use super::shared::ReceivedCache;
use super::wire::{pack_whole, unpack};
use super::{Actor, Flow, Task};
use serde::Serialize;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageChannel, MessageEvent, MessagePort};
use web_time::Instant;

/// Shortest time between two messages of an actor; events in between go together.
const EVENT_INTERVAL: Duration = Duration::from_millis(50);

/// The tasks and actors that a Worker can run, by name.
#[derive(Default)]
pub struct Registry {
    starters: BTreeMap<&'static str, StartFn>,
}

type StartFn = fn(&[u8], &mut ReceivedCache, u32) -> Result<Option<Box<dyn RunningActor>>, Error>;

impl Registry {
    /// Adds a task type, by its name.
    pub fn task<T: Task>(mut self) -> Self {
        self.starters.insert(T::NAME, |bytes, received, id| {
            let task: T = unpack(bytes, received)?;
            let output = task.run(&|event| {
                // The page ends this Worker when it no longer wants a long task.
                post(&Response::Progress { id }, || pack_whole(&(1u32, event)));
                true
            });
            post(&Response::Done { id }, || pack_whole(&output));
            Ok(None)
        });
        self
    }

    /// Adds an actor type, by its name.
    pub fn actor<A: Actor>(mut self) -> Self {
        self.starters.insert(A::NAME, |bytes, received, id| {
            let actor: A = unpack(bytes, received)?;
            let (count, bytes, posted) = (0, Vec::new(), Instant::now());
            Ok(Some(Box::new(ActorTask::<A> { state: actor.begin(), id, count, bytes, posted })))
        });
        self
    }
}

/// A running actor, whatever its type.
trait RunningActor {
    fn command(&mut self, bytes: &[u8], received: &mut ReceivedCache) -> Result<(), Error>;
    fn step(&mut self) -> Flow;
}

struct ActorTask<A: Actor> {
    state: A::State,
    id: u32,
    /// Events not posted yet: their number, and their bytes one after another.
    count: u32,
    bytes: Vec<u8>,
    posted: Instant,
}

impl<A: Actor> RunningActor for ActorTask<A> {
    fn command(&mut self, bytes: &[u8], received: &mut ReceivedCache) -> Result<(), Error> {
        A::command(&mut self.state, unpack(bytes, received)?);
        Ok(())
    }

    fn step(&mut self) -> Flow {
        let (count, bytes) = (&mut self.count, &mut self.bytes);
        let flow = A::step(&mut self.state, &mut |event| {
            *count += 1;
            bytes.extend(pack_whole(&event));
        });
        let stays = matches!(flow, Flow::Idle | Flow::Done);
        if self.count > 0 && (stays || self.posted.elapsed() >= EVENT_INTERVAL) {
            let (count, bytes) = (std::mem::take(&mut self.count), std::mem::take(&mut self.bytes));
            self.posted = Instant::now();
            post(&Response::Progress { id: self.id }, || [pack_whole(&count), bytes].concat());
        }
        flow
    }
}

struct WorkerState {
    registry: Registry,
    received: ReceivedCache,
    running: BTreeMap<u32, Box<dyn RunningActor>>,
    /// Actors whose next step is due, in order.
    due: Vec<u32>,
    /// Actors that wait for [`wake`].
    pending: Vec<u32>,
}

thread_local! {
    /// Port of a channel to itself: a message through it lets others in between two steps.
    static SELF_PORT: RefCell<Option<MessagePort>> = const { RefCell::new(None) };
    static WOKEN: Cell<bool> = const { Cell::new(false) };
}

fn schedule_step() {
    // It can only fail for what cannot be sent, and nothing can.
    SELF_PORT.with_borrow(|port| port.as_ref().map(|port| port.post_message(&JsValue::NULL)));
}

/// Reports that an external event has arrived, see [`Flow::Pending`].
pub fn wake() {
    WOKEN.set(true);
    schedule_step();
}

/// Runs what the page sends, for as long as the Worker lives.
pub fn serve(registry: Registry) -> Result<(), JsValue> {
    let channel = MessageChannel::new()?;
    SELF_PORT.set(Some(channel.port1()));
    let (received, running, due, pending) = Default::default();
    let state = WorkerState { registry, received, running, due, pending };
    let state = Rc::new(RefCell::new(state));

    let stepping = state.clone();
    let on_step = Closure::<dyn FnMut()>::new(move || stepping.borrow_mut().step());
    channel.port2().set_onmessage(Some(on_step.as_ref().unchecked_ref()));
    on_step.forget();

    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(message) = WorkerMessage::new(event.data()) {
            state.borrow_mut().take(&message);
        }
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    post(&Response::Ready(protocol()), Vec::new);
    Ok(())
}

impl WorkerState {
    fn take(&mut self, message: &WorkerMessage) {
        let (id, done) = match message.header() {
            Ok(Request::Start { id, name, forgotten }) => {
                self.received.forget(&forgotten);
                (id, self.start(id, &name, message))
            }
            Ok(Request::Command { id }) => {
                let Some(running) = self.running.get_mut(&id) else { return };
                let received = &mut self.received;
                (id, message.body(|bytes| running.command(bytes, received)).map(|()| self.schedule(id)))
            }
            Ok(Request::End { id }) => {
                self.running.remove(&id);
                return;
            }
            Err(why) => (0, Err(why)),
        };
        if let Err(why) = done {
            post(&Response::Failed { id, why: why.to_string() }, Vec::new);
        }
    }

    fn start(&mut self, id: u32, name: &str, message: &WorkerMessage) -> Result<(), Error> {
        let unknown = || Error::UnknownTask { name: name.to_owned() };
        let starter = self.registry.starters.get(name).ok_or_else(unknown)?;
        let received = &mut self.received;
        if let Some(running) = message.body(|bytes| starter(bytes, received, id))? {
            self.running.insert(id, running);
            self.schedule(id);
        }
        Ok(())
    }

    fn schedule(&mut self, id: u32) {
        self.pending.retain(|other| *other != id);
        if !self.due.contains(&id) {
            self.due.push(id);
        }
        schedule_step();
    }

    fn step(&mut self) {
        if WOKEN.take() {
            std::mem::take(&mut self.pending).into_iter().for_each(|id| self.schedule(id));
        }
        let Some(id) = self.due.first().copied() else { return };
        self.due.remove(0);
        match self.running.get_mut(&id).map(|running| running.step()) {
            Some(Flow::Continue) => self.schedule(id),
            Some(Flow::Pending) => self.pending.push(id),
            Some(Flow::Idle) | None => {}
            Some(Flow::Done) => {
                self.running.remove(&id);
                post(&Response::Done { id }, Vec::new);
            }
        }
    }
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

fn post(header: &impl Serialize, body: impl FnOnce() -> Vec<u8>) {
    let (message, transfer) = pack_message(header, body);
    // It can only fail for what cannot be sent, and nothing can.
    let _ = scope().post_message_with_transfer(&message, &transfer);
}
