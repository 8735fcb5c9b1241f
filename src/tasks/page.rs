//! The implementation in a page: tasks and actors run in Workers.
//!
//! A Worker has the same library and a memory of its own. One that crashes is replaced, and the person is told.

use super::error::Error;
use super::message::{Request, Response, WorkerMessage, pack_message, protocol};
use super::shared::SentCache;
use super::wire::{pack, pack_whole, unpack_whole};
use super::{Actor, Message, Queue, Task};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, Worker};

/// The Workers' program beside the page, as Trunk names it.
const SCRIPT: &str = "worker_loader.js";

/// A Worker's reply to a listener, not yet deserialized.
enum Reply<'a> {
    Progress(&'a WorkerMessage),
    Done(&'a WorkerMessage),
    Crashed,
}

type Listener = Rc<RefCell<dyn FnMut(Reply<'_>)>>;

struct WorkerLink {
    worker: Worker,
    ready: bool,
    /// Messages to post when the Worker is ready: earlier ones would be lost.
    waiting: Vec<(JsValue, JsValue)>,
    sent: SentCache,
    listeners: BTreeMap<u32, Listener>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(JsValue)>,
}

#[derive(Default)]
struct WorkerPool {
    links: BTreeMap<&'static str, WorkerLink>,
    next: u32,
    notices: Vec<String>,
    /// Workers that are closed: a closure must not be dropped while it is called.
    ended: Vec<WorkerLink>,
}

thread_local! {
    static WORKERS: RefCell<WorkerPool> = RefCell::default();
}

impl Queue {
    /// The Workers of this queue, by name. A cancelled run may still be in the middle of a step: the next does not wait
    /// for it.
    fn slots(self) -> &'static [&'static str] {
        match self {
            Self::Run => &["run", "second run", "third run"],
            Self::Views => &["pictures"],
            Self::Files => &["files"],
            Self::Language => &["language"],
            Self::Vision => &["vision"],
            Self::Slow => &["slow tasks"],
            Self::Compressing => &["compressing"],
            Self::Measuring => &["measuring"],
            Self::Comparing => &["comparing", "second comparison", "third comparison"],
        }
    }
}

/// Takes the messages for the person about Workers that failed.
pub fn notices() -> Vec<String> {
    WORKERS.with_borrow_mut(|workers| std::mem::take(&mut workers.notices))
}

/// Why runs use the processor when a GPU could be expected; `None` with WebGPU.
pub fn why_no_gpu() -> Option<&'static str> {
    let navigator = js_sys::Reflect::get(&js_sys::global(), &"navigator".into()).unwrap_or(JsValue::UNDEFINED);
    let has = js_sys::Reflect::get(&navigator, &"gpu".into()).is_ok_and(|gpu| gpu.is_object());
    (!has).then_some("this browser has no WebGPU")
}

/// Threads a run may use: a Worker has one.
pub fn processors() -> usize {
    1
}

/// Largest number of [`Queue::Comparing`] tasks that run at once. One processor is left to the page.
pub fn parallel_tasks() -> usize {
    let navigator = js_sys::Reflect::get(&js_sys::global(), &"navigator".into()).unwrap_or(JsValue::UNDEFINED);
    let processors = js_sys::Reflect::get(&navigator, &"hardwareConcurrency".into()).ok().and_then(|n| n.as_f64());
    (processors.unwrap_or(2.0) as usize).saturating_sub(1).clamp(1, Queue::Comparing.slots().len())
}

/// Drops the value now: a page has no other thread that could.
pub fn drop_in_background(value: impl Send + 'static) {
    drop(value);
}

impl WorkerPool {
    /// An idle Worker of the queue, else its last one.
    fn slot(&self, queue: Queue) -> &'static str {
        let idle = |slot: &&str| self.links.get(*slot).is_none_or(|link| link.listeners.is_empty());
        let slots = queue.slots();
        slots.iter().copied().find(|slot| idle(slot)).unwrap_or(slots[slots.len() - 1])
    }

    fn link(&mut self, slot: &'static str) -> Result<&mut WorkerLink, Error> {
        if !self.links.contains_key(slot) {
            let link = WorkerLink::new(slot).map_err(|why| Error::NoWorker { reason: format!("{why:?}") })?;
            self.links.insert(slot, link);
        }
        Ok(self.links.get_mut(slot).expect("it was made just now"))
    }

    fn post(
        &mut self,
        slot: &'static str,
        header: impl FnOnce(&mut SentCache) -> Request,
        body: impl FnOnce(&mut SentCache) -> Vec<u8>,
    ) {
        let Some(link) = self.links.get_mut(slot) else { return };
        let header = header(&mut link.sent);
        let sent = &mut link.sent;
        let (message, transfer) = pack_message(&header, || body(sent));
        if link.ready {
            // It can only fail for what cannot be sent, and nothing can.
            let _ = link.worker.post_message_with_transfer(&message, &transfer);
        } else {
            link.waiting.push((message, transfer));
        }
    }

    /// Starts a task on a Worker of its queue. `Err` when no Worker can be started.
    fn start(&mut self, queue: Queue, name: &str, task: &impl Serialize, listener: Listener) -> Result<TaskId, Error> {
        self.ended.clear();
        self.next += 1;
        let (slot, id) = (self.slot(queue), self.next);
        self.link(slot)?.listeners.insert(id, listener);
        let header = |sent: &mut SentCache| Request::Start { id, name: name.to_owned(), forgotten: sent.forgotten() };
        self.post(slot, header, |sent| pack(task, sent));
        Ok(TaskId { slot, id })
    }

    fn listens(&self, task_id: TaskId) -> bool {
        self.links.get(task_id.slot).is_some_and(|link| link.listeners.contains_key(&task_id.id))
    }
}

/// Identifies a task: its Worker and its number.
#[derive(Clone, Copy)]
struct TaskId {
    slot: &'static str,
    id: u32,
}

/// Starts a task; on failure the listener hears of a crash.
fn start(queue: Queue, name: &str, task: &impl Serialize, listener: Listener) -> TaskId {
    let started = WORKERS.with_borrow_mut(|workers| workers.start(queue, name, task, listener.clone()));
    started.unwrap_or_else(|why| {
        notice(why.to_string());
        listener.borrow_mut()(Reply::Crashed);
        TaskId { slot: queue.slots()[0], id: 0 }
    })
}

impl WorkerLink {
    fn new(slot: &'static str) -> Result<Self, JsValue> {
        let worker = Worker::new(SCRIPT)?;
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(message) = WorkerMessage::new(event.data()) {
                on_message_from(slot, &message);
            }
        });
        let on_error = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
            let text = js_sys::Reflect::get(&event, &"message".into()).ok().and_then(|text| text.as_string());
            on_worker_lost(slot, &text.unwrap_or_else(|| "it could not be loaded".into()));
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self {
            worker,
            ready: false,
            waiting: Vec::new(),
            sent: SentCache::default(),
            listeners: BTreeMap::new(),
            _on_message: on_message,
            _on_error: on_error,
        })
    }
}

fn on_message_from(slot: &'static str, message: &WorkerMessage) {
    let listener = |id: u32| WORKERS.with_borrow(|workers| workers.links.get(slot)?.listeners.get(&id).cloned());
    match message.header() {
        Ok(Response::Ready(version)) if version == protocol() => WORKERS.with_borrow_mut(|workers| {
            let Some(link) = workers.links.get_mut(slot) else { return };
            link.ready = true;
            for (message, transfer) in std::mem::take(&mut link.waiting) {
                let _ = link.worker.post_message_with_transfer(&message, &transfer);
            }
        }),
        Ok(Response::Ready(version)) => {
            let own = protocol();
            let why = format!("it is of another version ({version}) than the page ({own}): reload without the cache");
            on_worker_lost(slot, &why);
        }
        Ok(Response::Progress { id }) => {
            if let Some(listener) = listener(id) {
                listener.borrow_mut()(Reply::Progress(message));
            }
        }
        Ok(Response::Done { id }) => {
            if let Some(listener) = listener(id) {
                forget(TaskId { slot, id });
                listener.borrow_mut()(Reply::Done(message));
            }
        }
        Ok(Response::Failed { id, why }) => {
            notice(format!("The Worker for {} did not understand: {why}", slot));
            if let Some(listener) = listener(id) {
                forget(TaskId { slot, id });
                listener.borrow_mut()(Reply::Crashed);
            }
        }
        Err(why) => notice(format!("The Worker for {} was not understood: {why}", slot)),
    }
}

fn notice(text: String) {
    WORKERS.with_borrow_mut(|workers| workers.notices.push(text));
}

fn forget(task_id: TaskId) {
    WORKERS.with_borrow_mut(|workers| {
        workers.links.get_mut(task_id.slot).and_then(|link| link.listeners.remove(&task_id.id))
    });
}

/// Terminates a Worker and returns its listeners. The next task of its queue gets a new one.
fn end(slot: &str) -> Vec<Listener> {
    WORKERS.with_borrow_mut(|workers| {
        let Some(mut link) = workers.links.remove(slot) else { return Vec::new() };
        link.worker.set_onmessage(None);
        link.worker.set_onerror(None);
        link.worker.terminate();
        let listeners = std::mem::take(&mut link.listeners).into_values().collect();
        workers.ended.push(link);
        listeners
    })
}

fn on_worker_lost(slot: &'static str, why: &str) {
    notice(format!(
        "The Worker for {} was lost ({why}): what it did is broken off, the next task gets a new one",
        slot
    ));
    end(slot).into_iter().for_each(|listener| listener.borrow_mut()(Reply::Crashed));
}

/// Calls `take` for each event in the body: a count, then the events one after another.
fn for_each_event<N: DeserializeOwned>(message: &WorkerMessage, mut take: impl FnMut(N)) -> Result<(), Error> {
    message.body(|bytes| {
        let (count, mut rest) = postcard::take_from_bytes::<u32>(bytes)?;
        for _ in 0..count {
            let (event, after) = postcard::take_from_bytes::<N>(rest)?;
            take(event);
            rest = after;
        }
        Ok(())
    })
}

/// Handle of a running task. Dropping it cancels the task.
pub struct TaskHandle {
    queue: Queue,
    task_id: TaskId,
}

impl TaskHandle {
    /// Lets the task run to its end without a handle.
    pub fn detach(self) {
        std::mem::forget(self);
    }
}

impl Drop for TaskHandle {
    fn drop(&mut self) {
        let open = WORKERS.with_borrow(|workers| workers.listens(self.task_id));
        forget(self.task_id);
        let alone = || {
            WORKERS.with_borrow(|workers| {
                workers.links.get(self.task_id.slot).is_some_and(|link| link.listeners.is_empty())
            })
        };
        if open && self.queue.cancels_by_terminating() && alone() {
            end(self.task_id.slot);
        }
    }
}

/// Starts a task. `on_event` is called with its messages between two frames.
pub fn spawn<T: Task>(task: T, mut on_event: impl FnMut(Message<T>) + Send + 'static) -> TaskHandle {
    let listener = move |reply: Reply<'_>| match reply {
        Reply::Progress(message) => {
            let taken = for_each_event(message, |event| on_event(Message::Progress(event)));
            taken.unwrap_or_else(|why| notice(format!("{} was not understood: {why}", T::NAME)));
        }
        Reply::Done(message) => match message.body(unpack_whole) {
            Ok(output) => on_event(Message::Done(output)),
            Err(why) => {
                notice(format!("{} was not understood: {why}", T::NAME));
                on_event(Message::Crashed);
            }
        },
        Reply::Crashed => on_event(Message::Crashed),
    };
    let task_id = start(T::QUEUE, T::NAME, &task, Rc::new(RefCell::new(listener)));
    TaskHandle { queue: T::QUEUE, task_id }
}

/// Handle of a running actor. Dropping it stops the actor after the current step.
pub struct ActorHandle<A: Actor> {
    task_id: TaskId,
    _actor: PhantomData<A>,
}

impl<A: Actor> ActorHandle<A> {
    /// Sends a command, handled before the next step.
    pub fn send(&self, command: A::Command) {
        let TaskId { slot, id } = self.task_id;
        WORKERS.with_borrow_mut(|workers| workers.post(slot, |_| Request::Command { id }, |_| pack_whole(&command)));
    }

    /// Stops the actor in the middle of a step by terminating its Worker; returns whether that is possible here.
    pub fn terminate(&self) -> bool {
        forget(self.task_id);
        end(self.task_id.slot).into_iter().for_each(|listener| listener.borrow_mut()(Reply::Crashed));
        true
    }
}

impl<A: Actor> Drop for ActorHandle<A> {
    fn drop(&mut self) {
        if WORKERS.with_borrow(|workers| workers.listens(self.task_id)) {
            forget(self.task_id);
            let TaskId { slot, id } = self.task_id;
            WORKERS.with_borrow_mut(|workers| workers.post(slot, |_| Request::End { id }, |_| Vec::new()));
        }
    }
}

/// Starts an actor. `on_event` is called with its events between two frames.
pub fn spawn_actor<A: Actor>(actor: A, mut on_event: impl FnMut(A::Event) + Send + 'static) -> ActorHandle<A> {
    let listener = move |reply: Reply<'_>| match reply {
        Reply::Progress(message) => {
            let taken = for_each_event(message, &mut on_event);
            if let Err(why) = taken {
                notice(format!("{} was not understood: {why}", A::NAME));
                on_event(A::crashed());
            }
        }
        Reply::Done(_) => {}
        Reply::Crashed => on_event(A::crashed()),
    };
    let task_id = start(A::QUEUE, A::NAME, &actor, Rc::new(RefCell::new(listener)));
    ActorHandle { task_id, _actor: PhantomData }
}
