//! The other side: a Worker that does what it is sent.

use super::message::{Request, Response, WorkerMessage, message, protocol};
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

/// Processes tell no more often than this: what comes faster goes in one message.
const PAUSE: Duration = Duration::from_millis(50);

/// All that a Worker can do, by name.
#[derive(Default)]
pub struct Registry {
    known: BTreeMap<&'static str, Starter>,
}

type Starter = fn(&[u8], &mut ReceivedCache, u32) -> Result<Option<Box<dyn Running>>, String>;

impl Registry {
    /// And this task.
    pub fn task<T: Task>(mut self) -> Self {
        self.known.insert(T::NAME, |bytes, received, id| {
            let task: T = unpack(bytes, received)?;
            let output = task.run(&|news| {
                // The page ends this Worker when it no longer wants a long task.
                post(&Response::News { id }, || pack_whole(&(1u32, news)));
                true
            });
            post(&Response::Done { id }, || pack_whole(&output));
            Ok(None)
        });
        self
    }

    /// And this actor.
    pub fn actor<P: Actor>(mut self) -> Self {
        self.known.insert(P::NAME, |bytes, received, id| {
            let process: P = unpack(bytes, received)?;
            let (count, bytes, told) = (0, Vec::new(), Instant::now());
            Ok(Some(Box::new(Held::<P> { state: process.begin(), id, count, bytes, told })))
        });
        self
    }
}

/// A running actor.
trait Running {
    fn command(&mut self, bytes: &[u8], received: &mut ReceivedCache) -> Result<(), String>;
    fn step(&mut self) -> Flow;
}

struct Held<P: Actor> {
    state: P::State,
    id: u32,
    /// News that wait: how many, and as bytes.
    count: u32,
    bytes: Vec<u8>,
    told: Instant,
}

impl<P: Actor> Running for Held<P> {
    fn command(&mut self, bytes: &[u8], received: &mut ReceivedCache) -> Result<(), String> {
        P::command(&mut self.state, unpack(bytes, received)?);
        Ok(())
    }

    fn step(&mut self) -> Flow {
        let (count, bytes) = (&mut self.count, &mut self.bytes);
        let flow = P::step(&mut self.state, &mut |news| {
            *count += 1;
            bytes.extend(pack_whole(&news));
        });
        let stays = matches!(flow, Flow::Wait | Flow::Over);
        if self.count > 0 && (stays || self.told.elapsed() >= PAUSE) {
            let (count, bytes) = (std::mem::take(&mut self.count), std::mem::take(&mut self.bytes));
            self.told = Instant::now();
            post(&Response::News { id: self.id }, || [pack_whole(&count), bytes].concat());
        }
        flow
    }
}

struct Room {
    registry: Registry,
    received: ReceivedCache,
    running: BTreeMap<u32, Box<dyn Running>>,
    /// Of them those whose next step is due.
    due: Vec<u32>,
    /// And those that wait for something outside.
    later: Vec<u32>,
}

thread_local! {
    /// A message to itself lets others in between two steps.
    static DOOR: RefCell<Option<MessagePort>> = const { RefCell::new(None) };
    static WOKEN: Cell<bool> = const { Cell::new(false) };
}

fn knock() {
    // It can only fail for what cannot be sent, and nothing can.
    DOOR.with_borrow(|door| door.as_ref().map(|door| door.post_message(&JsValue::NULL)));
}

/// Something has come that processes may wait for, see [`Flow::Later`].
pub fn wake() {
    WOKEN.set(true);
    knock();
}

/// Does what the page sends, for as long as there is one.
pub fn serve(registry: Registry) -> Result<(), JsValue> {
    let channel = MessageChannel::new()?;
    DOOR.set(Some(channel.port1()));
    let (received, running, due, later) = Default::default();
    let room = Room { registry, received, running, due, later };
    let room = Rc::new(RefCell::new(room));

    let stepping = room.clone();
    let on_knock = Closure::<dyn FnMut()>::new(move || stepping.borrow_mut().step());
    channel.port2().set_onmessage(Some(on_knock.as_ref().unchecked_ref()));
    on_knock.forget();

    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(message) = WorkerMessage::new(event.data()) {
            room.borrow_mut().take(&message);
        }
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    post(&Response::Ready(protocol()), Vec::new);
    Ok(())
}

impl Room {
    fn take(&mut self, message: &WorkerMessage) {
        let (id, done) = match message.header() {
            Ok(Request::Start { id, name, forgotten }) => {
                self.received.forget(&forgotten);
                (id, self.start(id, &name, message))
            }
            Ok(Request::Command { id }) => {
                let Some(running) = self.running.get_mut(&id) else { return };
                let received = &mut self.received;
                (id, message.body(|bytes| running.command(bytes, received)).map(|()| self.soon(id)))
            }
            Ok(Request::End { id }) => {
                self.running.remove(&id);
                return;
            }
            Err(why) => (0, Err(why)),
        };
        if let Err(why) = done {
            post(&Response::Lost { id, why }, Vec::new);
        }
    }

    fn start(&mut self, id: u32, name: &str, message: &WorkerMessage) -> Result<(), String> {
        let starter = self.registry.known.get(name).ok_or_else(|| format!("there is no task called {name}"))?;
        let received = &mut self.received;
        if let Some(running) = message.body(|bytes| starter(bytes, received, id))? {
            self.running.insert(id, running);
            self.soon(id);
        }
        Ok(())
    }

    fn soon(&mut self, id: u32) {
        self.later.retain(|other| *other != id);
        if !self.due.contains(&id) {
            self.due.push(id);
        }
        knock();
    }

    fn step(&mut self) {
        if WOKEN.take() {
            std::mem::take(&mut self.later).into_iter().for_each(|id| self.soon(id));
        }
        let Some(id) = self.due.first().copied() else { return };
        self.due.remove(0);
        match self.running.get_mut(&id).map(|running| running.step()) {
            Some(Flow::On) => self.soon(id),
            Some(Flow::Later) => self.later.push(id),
            Some(Flow::Wait) | None => {}
            Some(Flow::Over) => {
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
