//! The page: what threads are on the desktop, Workers are here.
//!
//! A Worker has the same library in it, and a memory of its own. One that breaks off is replaced, and the person told.

use super::message::{Request, Response, WorkerMessage, message, protocol};
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

/// What Trunk calls the Workers' program, beside the page.
const SCRIPT: &str = "worker_loader.js";

/// What comes back, before it is known of what kind it is.
enum Raw<'a> {
    News(&'a WorkerMessage),
    Done(&'a WorkerMessage),
    Broken,
}

type Listener = Rc<RefCell<dyn FnMut(Raw<'_>)>>;

struct Link {
    worker: Worker,
    ready: bool,
    /// Sent when it is ready: earlier messages would be lost.
    waiting: Vec<(JsValue, JsValue)>,
    sent: SentCache,
    listeners: BTreeMap<u32, Listener>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(JsValue)>,
}

#[derive(Default)]
struct Links {
    links: BTreeMap<&'static str, Link>,
    next: u32,
    notices: Vec<String>,
    /// Ended ones: what is dropped while it is called would not come back from that.
    ended: Vec<Link>,
}

thread_local! {
    static LINKS: RefCell<Links> = RefCell::default();
}

impl Queue {
    /// Its Workers. A run that is cancelled may still be in the middle of a step: the next one does not wait for it.
    fn slots(self) -> &'static [&'static str] {
        match self {
            Self::Run => &["run", "second run", "third run"],
            Self::Views => &["pictures"],
            Self::Aside => &["files"],
            Self::Language => &["language"],
            Self::Slow => &["slow tasks"],
            Self::Compressing => &["compressing"],
            Self::Measuring => &["measuring"],
            Self::Comparing => &["comparing", "second comparison", "third comparison"],
        }
    }
}

/// What the person should know of the Workers, once.
pub fn notices() -> Vec<String> {
    LINKS.with_borrow_mut(|links| std::mem::take(&mut links.notices))
}

/// Why runs work on the processor, where one would expect more.
pub fn why_no_gpu() -> Option<&'static str> {
    let navigator = js_sys::Reflect::get(&js_sys::global(), &"navigator".into()).unwrap_or(JsValue::UNDEFINED);
    let has = js_sys::Reflect::get(&navigator, &"gpu".into()).is_ok_and(|gpu| gpu.is_object());
    (!has).then_some("this browser has no WebGPU")
}

/// A Worker has one thread.
pub fn processors() -> usize {
    1
}

/// How many tasks of [`Queue::Comparing`] can go on at once: one processor is left to the page.
pub fn parallel_tasks() -> usize {
    let navigator = js_sys::Reflect::get(&js_sys::global(), &"navigator".into()).unwrap_or(JsValue::UNDEFINED);
    let processors = js_sys::Reflect::get(&navigator, &"hardwareConcurrency".into()).ok().and_then(|n| n.as_f64());
    (processors.unwrap_or(2.0) as usize).saturating_sub(1).clamp(1, Queue::Comparing.slots().len())
}

/// Gives it back now: a page has no other thread that could.
pub fn drop_later(value: impl Send + 'static) {
    drop(value);
}

impl Links {
    /// The Worker of a queue that has nothing to do, else its last one.
    fn slot(&self, queue: Queue) -> &'static str {
        let idle = |slot: &&str| self.links.get(*slot).is_none_or(|link| link.listeners.is_empty());
        let slots = queue.slots();
        slots.iter().copied().find(|slot| idle(slot)).unwrap_or(slots[slots.len() - 1])
    }

    fn link(&mut self, slot: &'static str) -> Result<&mut Link, String> {
        if !self.links.contains_key(slot) {
            let link = Link::new(slot).map_err(|error| format!("This page cannot start a Worker: {error:?}"))?;
            self.links.insert(slot, link);
        }
        Ok(self.links.get_mut(slot).expect("it was made just now"))
    }

    fn order(
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

    /// Where it is done, and its number there; `Err` when there is no Worker for it.
    fn start(&mut self, queue: Queue, name: &str, task: &impl Serialize, listener: Listener) -> Result<Place, String> {
        self.ended.clear();
        self.next += 1;
        let (slot, id) = (self.slot(queue), self.next);
        self.link(slot)?.listeners.insert(id, listener);
        let header = |sent: &mut SentCache| Request::Start { id, name: name.to_owned(), forgotten: sent.forgotten() };
        self.order(slot, header, |sent| pack(task, sent));
        Ok(Place { slot, id })
    }

    fn listens(&self, place: Place) -> bool {
        self.links.get(place.slot).is_some_and(|link| link.listeners.contains_key(&place.id))
    }
}

/// Where something is done.
#[derive(Clone, Copy)]
struct Place {
    slot: &'static str,
    id: u32,
}

/// Starts it; who cannot be served is told so.
fn begin(queue: Queue, name: &str, task: &impl Serialize, listener: Listener) -> Place {
    let begun = LINKS.with_borrow_mut(|links| links.start(queue, name, task, listener.clone()));
    begun.unwrap_or_else(|why| {
        notice(why);
        listener.borrow_mut()(Raw::Broken);
        Place { slot: queue.slots()[0], id: 0 }
    })
}

impl Link {
    fn new(slot: &'static str) -> Result<Self, JsValue> {
        let worker = Worker::new(SCRIPT)?;
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(message) = WorkerMessage::new(event.data()) {
                answered(slot, &message);
            }
        });
        let on_error = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
            let said = js_sys::Reflect::get(&event, &"message".into()).ok().and_then(|said| said.as_string());
            lost(slot, &said.unwrap_or_else(|| "it could not be loaded".into()));
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

fn answered(slot: &'static str, message: &WorkerMessage) {
    let listener = |id: u32| LINKS.with_borrow(|links| links.links.get(slot)?.listeners.get(&id).cloned());
    match message.header() {
        Ok(Response::Ready(spoken)) if spoken == protocol() => LINKS.with_borrow_mut(|links| {
            let Some(link) = links.links.get_mut(slot) else { return };
            link.ready = true;
            for (message, transfer) in std::mem::take(&mut link.waiting) {
                let _ = link.worker.post_message_with_transfer(&message, &transfer);
            }
        }),
        Ok(Response::Ready(spoken)) => {
            let own = protocol();
            let why = format!("it is of another version ({spoken}) than the page ({own}): reload without the cache");
            lost(slot, &why);
        }
        Ok(Response::News { id }) => {
            if let Some(listener) = listener(id) {
                listener.borrow_mut()(Raw::News(message));
            }
        }
        Ok(Response::Done { id }) => {
            if let Some(listener) = listener(id) {
                forget(Place { slot, id });
                listener.borrow_mut()(Raw::Done(message));
            }
        }
        Ok(Response::Lost { id, why }) => {
            notice(format!("The Worker for {} did not understand: {why}", slot));
            if let Some(listener) = listener(id) {
                forget(Place { slot, id });
                listener.borrow_mut()(Raw::Broken);
            }
        }
        Err(why) => notice(format!("The Worker for {} was not understood: {why}", slot)),
    }
}

fn notice(text: String) {
    LINKS.with_borrow_mut(|links| links.notices.push(text));
}

fn forget(place: Place) {
    LINKS.with_borrow_mut(|links| links.links.get_mut(place.slot).and_then(|link| link.listeners.remove(&place.id)));
}

/// Ends a Worker; the next task of its queue gets a new one. Who listens to it.
fn end(slot: &str) -> Vec<Listener> {
    LINKS.with_borrow_mut(|links| {
        let Some(mut link) = links.links.remove(slot) else { return Vec::new() };
        link.worker.set_onmessage(None);
        link.worker.set_onerror(None);
        link.worker.terminate();
        let listeners = std::mem::take(&mut link.listeners).into_values().collect();
        links.ended.push(link);
        listeners
    })
}

fn lost(slot: &'static str, why: &str) {
    notice(format!(
        "The Worker for {} was lost ({why}): what it did is broken off, the next task gets a new one",
        slot
    ));
    end(slot).into_iter().for_each(|listener| listener.borrow_mut()(Raw::Broken));
}

/// Several pieces of news in one message.
fn each_news<N: DeserializeOwned>(message: &WorkerMessage, mut take: impl FnMut(N)) -> Result<(), String> {
    message.body(|bytes| {
        let told = |error: postcard::Error| error.to_string();
        let (count, mut rest) = postcard::take_from_bytes::<u32>(bytes).map_err(told)?;
        for _ in 0..count {
            let (news, after) = postcard::take_from_bytes::<N>(rest).map_err(told)?;
            take(news);
            rest = after;
        }
        Ok(())
    })
}

/// A task under way. Dropping it tells that nobody waits any more.
pub struct TaskHandle {
    queue: Queue,
    place: Place,
}

impl TaskHandle {
    /// The task is wanted, whoever waits.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for TaskHandle {
    fn drop(&mut self) {
        let open = LINKS.with_borrow(|links| links.listens(self.place));
        forget(self.place);
        let alone = || {
            LINKS.with_borrow(|links| links.links.get(self.place.slot).is_some_and(|link| link.listeners.is_empty()))
        };
        if open && self.queue.ends_with_its_task() && alone() {
            end(self.place.slot);
        }
    }
}

/// Starts a task. `on` is called between two frames.
pub fn spawn<T: Task>(task: T, mut on: impl FnMut(Message<T>) + Send + 'static) -> TaskHandle {
    let listener = move |raw: Raw<'_>| match raw {
        Raw::News(message) => {
            let taken = each_news(message, |news| on(Message::Progress(news)));
            taken.unwrap_or_else(|why| notice(format!("{} was not understood: {why}", T::NAME)));
        }
        Raw::Done(message) => match message.body(unpack_whole) {
            Ok(output) => on(Message::Done(output)),
            Err(why) => {
                notice(format!("{} was not understood: {why}", T::NAME));
                on(Message::Broken);
            }
        },
        Raw::Broken => on(Message::Broken),
    };
    let place = begin(T::QUEUE, T::NAME, &task, Rc::new(RefCell::new(listener)));
    TaskHandle { queue: T::QUEUE, place }
}

/// A process under way. Dropping it ends the process after the step in work.
pub struct ActorHandle<P: Actor> {
    place: Place,
    _process: PhantomData<P>,
}

impl<P: Actor> ActorHandle<P> {
    /// Is taken before the next step.
    pub fn send(&self, command: P::Command) {
        let Place { slot, id } = self.place;
        LINKS.with_borrow_mut(|links| links.order(slot, |_| Request::Command { id }, |_| pack_whole(&command)));
    }

    /// Ends it in the middle of a step, with its Worker; whether that can be done.
    pub fn end_now(&self) -> bool {
        forget(self.place);
        end(self.place.slot).into_iter().for_each(|listener| listener.borrow_mut()(Raw::Broken));
        true
    }
}

impl<P: Actor> Drop for ActorHandle<P> {
    fn drop(&mut self) {
        if LINKS.with_borrow(|links| links.listens(self.place)) {
            forget(self.place);
            let Place { slot, id } = self.place;
            LINKS.with_borrow_mut(|links| links.order(slot, |_| Request::End { id }, |_| Vec::new()));
        }
    }
}

/// Starts a process. `on` is called between two frames.
pub fn spawn_actor<P: Actor>(process: P, mut on: impl FnMut(P::Event) + Send + 'static) -> ActorHandle<P> {
    let listener = move |raw: Raw<'_>| match raw {
        Raw::News(message) => {
            let taken = each_news(message, &mut on);
            if let Err(why) = taken {
                notice(format!("{} was not understood: {why}", P::NAME));
                on(P::broken());
            }
        }
        Raw::Done(_) => {}
        Raw::Broken => on(P::broken()),
    };
    let place = begin(P::QUEUE, P::NAME, &process, Rc::new(RefCell::new(listener)));
    ActorHandle { place, _process: PhantomData }
}
